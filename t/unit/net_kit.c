/* SPDX-License-Identifier: ISC */
#include "net_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "io/timer.h"

struct wait {
	struct loop *loop;
	bool late;
};

static void
too_late(void *arg)
{
	struct wait *w = arg;

	w->late = true;
	loop_stop(w->loop);
}

bool
net_kit_run(struct loop *loop, uint64_t ms)
{
	struct wait w = { loop, false };
	struct timer timer;

	timer_init(&timer, loop, too_late, &w);
	timer_start(&timer, ms);
	loop_run(loop);
	timer_stop(&timer);
	return !w.late;
}

void
net_kit_turns(struct loop *loop)
{
	int i;

	for (i = 0; i < 5; i++)
		(void)net_kit_run(loop, 0);
}

double
net_kit_cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int
net_kit_listen(struct sockaddr_storage *at, int backlog)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || address_parse(at, "127.0.0.1:0") != OK ||
	    bind(fd, (struct sockaddr *)at, address_len(at)) == -1 ||
	    listen(fd, backlog) == -1 ||
	    getsockname(fd, (struct sockaddr *)at, &len) == -1)
		abort();
	return fd;
}

struct sockaddr_storage
net_kit_host(const char *text)
{
	struct sockaddr_storage a;

	if (address_parse_host(&a, text) != OK)
		abort();
	return a;
}

int
net_kit_connect(const struct sockaddr_storage *at)
{
	int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd != -1 &&
	    connect(fd, (const struct sockaddr *)at, address_len(at)) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct sockaddr_storage
net_kit_refused(void)
{
	struct sockaddr_storage at;

	close(net_kit_listen(&at, 1));
	return at;
}

int
net_kit_black_hole(struct sockaddr_storage *at, int filler[4])
{
	int fd = net_kit_listen(at, 0);
	int i;

	/* One more than the backlog is taken; further ones never finish. */
	for (i = 0; i < 4; i++) {
		filler[i] = socket(AF_INET,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(filler[i], (struct sockaddr *)at,
			address_len(at)) == -1 &&
		    errno != EINPROGRESS)
			abort();
	}
	return fd;
}

void
net_kit_pair(int fds[2])
{
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 1);

	fds[1] = net_kit_connect(&at);
	fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fds[0] == -1 || fds[1] == -1)
		abort();
	close(listener);
}
