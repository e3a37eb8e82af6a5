/* SPDX-License-Identifier: ISC */
/*
 * What every TCP socket is given, read back from the kernel.
 */
#include "base/socket.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
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
	socklen_t len = sizeof(int);
	int on = -1;

	socket_tune(fd, &none);
	is_int(option(fd, TCP_KEEPIDLE), idle, "0: the kernel's own idle time");
	is_int(option(fd, TCP_KEEPINTVL), interval, "0: and interval");
	is_int(option(fd, TCP_NODELAY), 1, "TCP_NODELAY in any case");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	socket_tune_local(fd, &none);
	is_int(option(fd, TCP_NODELAY), 1, "TCP_NODELAY within the machine");
	is_int(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0,
	    "SO_KEEPALIVE");
	is_int(on, 0, "... is left off");
	close(fd);
}

static char zeros[65536];

/* A connection over loopback. */
struct pair {
	int fd; /* ours */
	int peer;
};

static bool
connect_pair(struct pair *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	p->peer = -1;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&at, len) == 0 &&
	    listen(listener, 1) == 0 &&
	    getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
	    connect(p->fd, (struct sockaddr *)&at, len) == 0)
		p->peer = accept(listener, NULL, NULL);
	close(listener);
	return p->peer != -1;
}

static void
close_pair(struct pair *p)
{
	close(p->fd);
	close(p->peer);
}

/* Fills the buffers of both sides. */
static void
fill(int fd)
{
	while (send(fd, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
}

/* Waits for up to 20 s until the check says so. */
static bool
becomes(int fd, enum socket_health health, uint64_t silent, uint64_t unread)
{
	int i;

	for (i = 0; i < 2000; i++) {
		if (socket_check(fd, silent, unread) == health)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

/* A peer that does not read is alive: its kernel answers. */
static void
test_check(void)
{
	struct pair p;
	int fd;
	int pair[2];
	int i;

	if (!connect_pair(&p)) {
		ok(false, "a connection");
		return;
	}
	fd = p.fd;
	is_int(socket_check(fd, 1000, 0), SOCKET_QUIET, "an idle connection");
	fill(fd);
	is_int(socket_check(fd, 60000, 0), SOCKET_BUSY, "a peer does not read");
	/* At first the last bytes are not acknowledged yet. */
	for (i = 0; i < 500 && socket_check(fd, 0, 0) != SOCKET_BUSY; i++)
		poll(NULL, 0, 10);
	is_int(socket_check(fd, 0, 0), SOCKET_BUSY,
	    "which is not held against it");
	is_int(socket_check(fd, 60000, 60000), SOCKET_BUSY, "not so soon");
	ok(becomes(fd, SOCKET_UNREAD, 60000, 300), "in the end it is told");
	is_int(socket_check(fd, 60000, 0), SOCKET_BUSY, "if it is asked for");
	while (recv(p.peer, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
	ok(becomes(fd, SOCKET_QUIET, 60000, 300), "it reads again");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return;
	is_int(socket_check(pair[0], 1000, 0), SOCKET_QUIET, "a unix socket");
	is_int(socket_check(-1, 1000, 0), SOCKET_QUIET, "no socket");
	close(pair[0]);
	close(pair[1]);
	close_pair(&p);
}

/* Turns loopback on or off; false if that is not permitted. */
static bool
set_loopback(bool on)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool done;

	r.ifr_flags = on ? IFF_UP : 0;
	done = ioctl(fd, SIOCSIFFLAGS, &r) == 0;
	close(fd);
	return done;
}

/* The network loses all packets, in a namespace of our own. */
static void
test_gone(void)
{
	struct pair idle, sent, full;

	if (unshare(CLONE_NEWNET) == -1 || !set_loopback(true)) {
		ok(true, "no network of our own here");
		return;
	}
	if (!connect_pair(&idle) || !connect_pair(&sent) ||
	    !connect_pair(&full)) {
		ok(false, "connections");
		return;
	}
	fill(full.fd);
	ok(becomes(full.fd, SOCKET_UNREAD, 60000, 300), "one does not read");
	if (!set_loopback(false) || send(sent.fd, zeros, 1, 0) != 1) {
		ok(false, "the network is gone");
		return;
	}
	is_int(socket_check(sent.fd, 60000, 300), SOCKET_BUSY,
	    "the network is gone: not dead at once");
	ok(becomes(sent.fd, SOCKET_DEAD, 300, 0), "but after a while");
	ok(becomes(full.fd, SOCKET_DEAD, 300, 300),
	    "and so is one that answers no probe of its window");
	is_int(socket_check(idle.fd, 0, 0), SOCKET_QUIET,
	    "an idle one is left to keepalive probes");
	close_pair(&idle);
	close_pair(&sent);
	close_pair(&full);
}

int
main(void)
{
	test_check();
	test_spread();
	test_defaults();
	test_gone(); /* last: it changes the network */
	return done_testing();
}
