/* SPDX-License-Identifier: ISC */
/*
 * What every TCP socket is given, read back from the kernel.
 */
#include "base/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

#define MANY 400
#define IDLE 48
#define INTERVAL 12

static int
option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	(void)getsockopt(fd, IPPROTO_TCP, name, &value, &len);
	return value;
}

/* The probes of thousands that came together must not go out together. */
static void
test_spread(void)
{
	struct socket_options o = { .keepalive_idle_s = IDLE,
		.keepalive_interval_s = INTERVAL };
	int idle[IDLE * 2] = { 0 };
	int interval[INTERVAL * 2] = { 0 };
	int outside = 0, most_idle = 0, most_interval = 0;
	int fds[MANY];
	int i, v;

	for (i = 0; i < MANY; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		socket_tune(fds[i], &o);
		v = option(fds[i], TCP_KEEPIDLE);
		if (v < IDLE || v > IDLE * 3 / 2)
			outside++;
		else if (++idle[v] > most_idle)
			most_idle = idle[v];
		v = option(fds[i], TCP_KEEPINTVL);
		if (v < INTERVAL || v > INTERVAL * 3 / 2)
			outside++;
		else if (++interval[v] > most_interval)
			most_interval = interval[v];
	}
	is_int(outside, 0, "from the least to half as much more");
	ok(most_idle <= MANY / 20, "first probes: no twentieth together");
	ok(most_interval <= MANY / 4, "their repeats: no quarter together");
	for (i = 0; i < MANY; i++)
		close(fds[i]);
}

static void
test_defaults(void)
{
	struct socket_options none = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int idle = option(fd, TCP_KEEPIDLE);
	int interval = option(fd, TCP_KEEPINTVL);

	socket_tune(fd, &none);
	is_int(option(fd, TCP_KEEPIDLE), idle, "0: the kernel's own idle time");
	is_int(option(fd, TCP_KEEPINTVL), interval, "0: and interval");
	is_int(option(fd, TCP_NODELAY), 1, "TCP_NODELAY in any case");
	close(fd);
}

/* A peer that does not read is alive: its kernel answers. */
static void
test_check(void)
{
	static char zeros[65536];
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int pair[2];
	int i;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&at, len) != 0 ||
	    listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) != 0 ||
	    connect(fd, (struct sockaddr *)&at, len) != 0) {
		ok(false, "a connection");
		return;
	}
	is_int(socket_check(fd, 1000), SOCKET_QUIET, "an idle connection");
	while (send(fd, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
	is_int(socket_check(fd, 60000), SOCKET_BUSY, "a peer does not read");
	/* At first the last bytes are not acknowledged yet. */
	for (i = 0; i < 500 && socket_check(fd, 0) != SOCKET_BUSY; i++)
		poll(NULL, 0, 10);
	is_int(socket_check(fd, 0), SOCKET_BUSY,
	    "which is not held against it");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return;
	is_int(socket_check(pair[0], 1000), SOCKET_QUIET, "a unix socket");
	is_int(socket_check(-1, 1000), SOCKET_QUIET, "no socket");
	close(pair[0]);
	close(pair[1]);
	close(fd);
	close(listener);
}

int
main(void)
{
	test_check();
	test_spread();
	test_defaults();
	return done_testing();
}
