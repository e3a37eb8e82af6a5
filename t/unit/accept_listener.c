/* SPDX-License-Identifier: ISC */
/*
 * Listening and accepting with real sockets: shared ports, back-pressure, and
 * what happens when descriptors run out.
 */
#include "accept/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "net_kit.h"
#include "tap.h"

#define MANY 40

static struct listener_counts counts; /* of all tests */
static const struct listener_options plain = { .counts = &counts,
	.socket = {
	    .keepalive_idle_s = 1,
	    .keepalive_interval_s = 1,
	    .keepalive_count = 3,
	    .user_timeout_ms = 4321,
	} };

/* What the callbacks saw. */
struct seen {
	struct loop *loop;
	int count;
	int stop_at; /* ends the loop at this count */
	int fds[MANY];
	char peer[ADDRESS_TEXT_MAX]; /* of the last one */
	struct listener *close; /* to be closed in the callback */
};

static void
on_accept(struct listener *l, int fd, const struct sockaddr_storage *peer,
    void *arg)
{
	struct seen *s = arg;

	(void)l;
	s->fds[s->count++] = fd;
	address_text_port(s->peer, peer);
	if (s->close != NULL)
		listener_close(s->close);
	if (s->count == s->stop_at)
		loop_stop(s->loop);
}

static void
forget(struct seen *s)
{
	while (s->count > 0)
		close(s->fds[--s->count]);
}

static struct sockaddr_storage
any_port(const char *text)
{
	struct sockaddr_storage at;

	if (address_parse(&at, text) != OK)
		abort();
	return at;
}

static struct sockaddr_storage
where(int fd)
{
	struct sockaddr_storage at;

	if (listener_bound(fd, &at) != OK)
		abort();
	return at;
}

static void
test_bind(void)
{
	struct sockaddr_storage at = any_port("127.0.0.1:0");
	struct sockaddr_storage first, second;
	int fds[3], more[1];

	ok(listener_bind(fds, 3, &at, &plain) == OK, "three on a free port");
	first = where(fds[0]);
	second = where(fds[2]);
	ok(address_port(&first) != 0, "the kernel chose it");
	ok(address_equal(&first, &second), "it is the same for all");
	errno = 0;
	ok(listener_bind(more, 1, &first, &plain) == ERR_SYSTEM &&
		errno == EADDRINUSE,
	    "another set on the same port is refused");
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
	ok(listener_bind(more, 1, &first, &plain) == OK,
	    "and is fine once the first is closed");
	close(more[0]);
	at = any_port("192.0.2.1:0");
	errno = 0;
	ok(listener_bind(fds, 1, &at, &plain) == ERR_SYSTEM &&
		errno == EADDRNOTAVAIL,
	    "an address of another machine is refused");
}

/* A child process of test_race(): binds when `go' is closed, tells the result,
 * and holds the port until `hold' is closed. */
static void
race(const struct sockaddr_storage *at, int go, int hold, int result)
{
	int fds[2];
	char byte;

	(void)!read(go, &byte, 1);
	byte = listener_bind(fds, 2, at, &plain) == OK ? 'w' : 'l';
	(void)!write(result, &byte, 1);
	(void)!read(hold, &byte, 1);
	_exit(0);
}

/* Several processes bind one port at the same moment: one gets it. */
static void
test_race(void)
{
	struct sockaddr_storage at;
	int fds[1], go[2], hold[2], result[2], round, i, won, wrong = 0;
	char byte;

	for (round = 0; round < 50; round++) {
		at = any_port("127.0.0.1:0");
		if (listener_bind(fds, 1, &at, &plain) != OK ||
		    pipe(go) == -1 || pipe(hold) == -1 || pipe(result) == -1)
			abort();
		at = where(fds[0]);
		close(fds[0]);
		for (i = 0; i < 4; i++) {
			if (fork() != 0)
				continue;
			close(go[1]);
			close(hold[1]);
			race(&at, go[0], hold[0], result[1]);
		}
		close(go[0]);
		close(go[1]);
		for (i = 0, won = 0; i < 4; i++)
			won += read(result[0], &byte, 1) == 1 && byte == 'w';
		close(hold[0]);
		close(hold[1]);
		close(result[0]);
		close(result[1]);
		while (wait(NULL) > 0)
			continue;
		wrong += won != 1;
	}
	is_int(wrong, 0, "of several at once, one gets the port");
}

/* The port of a program that has bound it and does not listen yet. */
static void
test_bound(void)
{
	struct sockaddr_storage at = any_port("127.0.0.1:0");
	static const int on = 1;
	int fds[2], other = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(other, (struct sockaddr *)&at, address_len(&at)) == -1)
		abort();
	at = where(other);
	ok(listener_bind(fds, 2, &at, &plain) == OK,
	    "a port that another has bound, and does not listen at");
	errno = 0;
	ok(listen(other, 1) == -1 && errno == EADDRINUSE,
	    "then the other cannot listen any more");
	close(other);
	close(fds[0]);
	close(fds[1]);
}

static void
test_v6(void)
{
	struct sockaddr_storage at = any_port("[::]:0");
	struct sockaddr_storage four = any_port("0.0.0.0:0");
	int six_fd[1], four_fd[1];

	if (listener_bind(six_fd, 1, &at, &plain) != OK) {
		ok(errno == EAFNOSUPPORT, "no IPv6 on this machine");
		return;
	}
	at = where(six_fd[0]);
	address_set_port(&four, address_port(&at));
	ok(listener_bind(four_fd, 1, &four, &plain) == OK,
	    "IPv6 leaves the same port of IPv4 alone");
	close(four_fd[0]);
	close(six_fd[0]);
}

static int
option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	getsockopt(fd, level, name, &value, &len);
	return value;
}

static void
check_options(int fd)
{
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "accepted non-blocking");
	ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "and close-on-exec");
	is_int(option(fd, IPPROTO_TCP, TCP_NODELAY), 1, "TCP_NODELAY");
	is_int(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1, "SO_KEEPALIVE");
	is_int(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 1, "TCP_KEEPIDLE");
	is_int(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 1, "TCP_KEEPINTVL");
	is_int(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3, "TCP_KEEPCNT");
	is_int(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 4321,
	    "TCP_USER_TIMEOUT");
}

/* Starts a listener on a free port of `host'. */
static struct listener *
start(struct loop *loop, struct seen *s, struct sockaddr_storage *at,
    const char *host)
{
	struct listener *l;
	int fd[1];

	*at = any_port(host);
	if (listener_bind(fd, 1, at, &plain) != OK ||
	    listener_new(&l, loop, fd[0], &plain, on_accept, s) != OK)
		abort();
	*at = where(fd[0]);
	s->loop = loop;
	return l;
}

static void
test_accept(struct loop *loop)
{
	struct seen s = { 0 };
	struct sockaddr_storage at, own;
	struct listener *l = start(loop, &s, &at, "127.0.0.1:0");
	char text[ADDRESS_TEXT_MAX];
	int clients[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		clients[i] = net_kit_connect(&at);
	s.stop_at = MANY;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "all are accepted");
	own = where(clients[MANY - 1]);
	address_text_port(text, &own);
	is_str(s.peer, text, "the last peer is the last client");
	check_options(s.fds[0]);
	for (i = 0; i < MANY; i++)
		close(clients[i]);
	forget(&s);
	/* The queue has been empty: the next ones inherit their options. */
	net_kit_turns(loop);
	for (i = 0; i < MANY; i++)
		clients[i] = net_kit_connect(&at);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "more of them are accepted");
	check_options(s.fds[0]);
	check_options(s.fds[MANY - 1]);
	for (i = 0; i < MANY; i++)
		close(clients[i]);
	forget(&s);
	listener_close(l);
	listener_close(l);
	net_kit_turns(loop);
	errno = 0;
	ok(net_kit_connect(&at) == -1 && errno == ECONNREFUSED,
	    "closed, twice, and no socket listens");
}

static void
test_mapped(struct loop *loop)
{
	struct seen s = { .stop_at = 1 };
	struct sockaddr_storage at = any_port("[::]:0");
	struct sockaddr_storage four = any_port("127.0.0.1:0");
	struct listener_options adopted = {
		.shared = true,
		.counts = &counts,
	};
	int fds[1] = { socket(AF_INET6, SOCK_STREAM, 0) };
	struct listener *l = NULL;
	int client;

	if (fds[0] == -1 ||
	    bind(fds[0], (struct sockaddr *)&at, address_len(&at)) == -1) {
		ok(true, "no IPv6 on this machine");
		return;
	}
	listen(fds[0], 5);
	ok(listener_adopt(fds, 1, fds[0]) == OK &&
		listener_new(&l, loop, fds[0], &adopted, on_accept, &s) == OK,
	    "a socket for both families is adopted");
	s.loop = loop;
	at = where(fds[0]);
	address_set_port(&four, address_port(&at));
	client = net_kit_connect(&four);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "an IPv4 client comes");
	ok(strncmp(s.peer, "127.0.0.1:", 10) == 0, "with an IPv4 address");
	close(client);
	forget(&s);
	listener_close(l);
	net_kit_turns(loop);
}

static void
test_close_inside(struct loop *loop)
{
	struct seen s = { .stop_at = 1 };
	struct sockaddr_storage at;
	struct listener *l = start(loop, &s, &at, "127.0.0.1:0");
	int a = net_kit_connect(&at);
	int b = net_kit_connect(&at);

	s.close = l;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "closed in its callback");
	net_kit_turns(loop);
	is_int(s.count, 1, "no further one comes");
	close(a);
	close(b);
	forget(&s);
}

/* A socket that another process holds, too, stays readable for ever. */
static void
test_adopt(struct loop *loop)
{
	struct listener_options o = { .shared = true, .counts = &counts };
	struct seen s = { .loop = loop, .stop_at = 3 };
	struct sockaddr_storage at;
	struct listener *l[2];
	int held = net_kit_listen(&at, 5);
	int fds[2], clients[4];
	double before;
	int i;

	ok(listener_adopt(fds, 2, dup(held)) == OK, "adopted for two workers");
	ok((fcntl(fds[1], F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
	for (i = 0; i < 2; i++)
		if (listener_new(&l[i], loop, fds[i], &o, on_accept, &s) != OK)
			abort();
	for (i = 0; i < 3; i++)
		clients[i] = net_kit_connect(&at);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "both share the clients");
	listener_close(l[0]);
	listener_close(l[1]);
	net_kit_turns(loop);
	clients[3] = net_kit_connect(&at);
	before = net_kit_cpu_ms();
	ok(!net_kit_run(loop, 100), "closed: a new client wakes no listener");
	is_int(s.count, 3, "nor is it taken");
	ok(net_kit_cpu_ms() - before < 10, "and the loop does not spin");
	for (i = 0; i < 4; i++)
		close(clients[i]);
	forget(&s);
	close(held);
}

static void
test_adopt_other(void)
{
	int fds[1];
	int pair[2];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ok(listener_adopt(fds, 1, fd) == ERR_SYSTEM, "no listener: refused");
	close(fd);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		abort();
	ok(listener_adopt(fds, 1, pair[0]) == ERR_SYSTEM, "no TCP: refused");
	close(pair[0]);
	close(pair[1]);
	ok(listener_adopt(fds, 1, -1) == ERR_SYSTEM, "no socket: refused");
}

/* Leaves room for `spare' more descriptors; returns the old limit. */
static struct rlimit
limit_fds(int spare)
{
	struct rlimit old, tight;
	int probe = dup(0);

	close(probe);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)(probe + spare);
	setrlimit(RLIMIT_NOFILE, &tight);
	return old;
}

static void
test_exhausted(struct loop *loop)
{
	struct seen s = { .stop_at = 2 };
	struct sockaddr_storage at;
	struct listener *l = start(loop, &s, &at, "127.0.0.1:0");
	int clients[3];
	struct rlimit old;
	uint64_t rests;
	double before;
	int i;

	for (i = 0; i < 3; i++)
		clients[i] = net_kit_connect(&at);
	old = limit_fds(2);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "two fit");
	before = net_kit_cpu_ms();
	s.stop_at = 3;
	ok(!net_kit_run(loop, 250), "the third does not");
	ok(net_kit_cpu_ms() - before < 100, "the loop does not spin");
	rests = counter_get(&counts.exhausted);
	ok(rests >= 2 && rests <= 5, "it rests in between: %d times",
	    (int)rests);
	is_int((long long)counter_get(&counts.shed), 0,
	    "no client is shed so soon");
	close(s.fds[0]);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "one goes, it is taken");
	s.fds[0] = s.fds[--s.count];
	setrlimit(RLIMIT_NOFILE, &old);
	for (i = 0; i < 3; i++)
		close(clients[i]);
	forget(&s);
	listener_close(l);
}

static void
test_shed(struct loop *loop)
{
	struct seen s = { .stop_at = 1 };
	struct sockaddr_storage at;
	struct listener *l = start(loop, &s, &at, "127.0.0.1:0");
	int clients[4];
	struct rlimit old;
	char byte;
	int i;

	for (i = 0; i < 4; i++)
		clients[i] = net_kit_connect(&at);
	old = limit_fds(0);
	ok(!net_kit_run(loop, 1300), "a lasting want");
	setrlimit(RLIMIT_NOFILE, &old);
	is_int((long long)counter_get(&counts.shed), 4, "all waiting are shed");
	ok(recv(clients[0], &byte, 1, 0) <= 0, "the clients hear it");
	for (i = 0; i < 4; i++)
		close(clients[i]);
	clients[0] = net_kit_connect(&at);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "then it goes on");
	close(clients[0]);
	forget(&s);
	listener_close(l);
}

int
main(void)
{
	struct loop *loop = loop_new();

	test_bind();
	test_race();
	test_bound();
	test_v6();
	test_accept(loop);
	test_mapped(loop);
	test_close_inside(loop);
	test_adopt(loop);
	test_adopt_other();
	test_exhausted(loop);
	test_shed(loop);
	loop_free(loop);
	return done_testing();
}
