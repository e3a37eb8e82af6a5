/* SPDX-License-Identifier: ISC */
/*
 * The commands that make sockets: open, listen, accept, pending. Loopback,
 * unix sockets, and what a test has made in network namespaces.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* The address of unix=PATH, or host=ADDRESS port=N; returns its length. */
static socklen_t
address_from(const struct args *a, union address *to)
{
	const char *path = arg_str(a, "unix", NULL);
	const char *host = arg_str(a, "host", "127.0.0.1");
	uint16_t port = htons((uint16_t)arg_num(a, "port", 0));

	memset(to, 0, sizeof(*to));
	if (path != NULL) {
		to->un.sun_family = AF_UNIX;
		snprintf(to->un.sun_path, sizeof(to->un.sun_path), "%s", path);
		return sizeof(to->un);
	}
	if (inet_pton(AF_INET6, host, &to->in6.sin6_addr) == 1) {
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_port = port;
		return sizeof(to->in6);
	}
	if (inet_pton(AF_INET, host, &to->in4.sin_addr) != 1)
		return 0;
	to->in4.sin_family = AF_INET;
	to->in4.sin_port = port;
	return sizeof(to->in4);
}

/* Small packets must leave as they are written: tests count on it. */
static void
no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int
fail(struct conn *c, const char *what)
{
	printf("error what=%s_%d\n", what, errno);
	conn_free(c);
	return -1;
}

/* A socket of the address's family, with rcvbuf=N if given. */
static int
make_socket(struct conn *c, const struct args *a, int family)
{
	int size = (int)arg_num(a, "rcvbuf", 0);

	c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return fail(c, "socket");
	if (size > 0 &&
	    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0)
		return fail(c, "rcvbuf");
	return 0;
}

/* from=ADDRESS: a client of another address, IPv4 only. */
static int
bind_from(struct conn *c, const struct args *a)
{
	const char *from = arg_str(a, "from", NULL);
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (from == NULL)
		return 0;
	if (inet_pton(AF_INET, from, &in.sin_addr) != 1 ||
	    bind(c->fd, (struct sockaddr *)&in, sizeof(in)) != 0)
		return fail(c, "from");
	return 0;
}

void
net_open(struct peer *p, struct conn *c, const struct args *a)
{
	union address to;
	socklen_t len = address_from(a, &to);
	socklen_t size = sizeof(errno);
	int error = 0;

	(void)p;
	if (len == 0 || make_socket(c, a, to.any.sa_family) != 0 ||
	    bind_from(c, a) != 0)
		return;
	no_delay(c->fd);
	if (connect(c->fd, &to.any, len) != 0 && errno != EINPROGRESS) {
		(void)fail(c, "connect");
		return;
	}
	if (conn_poll(c, POLLOUT, arg_deadline(a)) != IO_OK) {
		printf("timeout\n");
		conn_free(c);
		return;
	}
	(void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	errno = error;
	if (error != 0)
		(void)fail(c, "connect");
	else
		printf("ok\n");
}

void
net_listen(struct peer *p, struct conn *c, const struct args *a)
{
	union address at;
	socklen_t len = address_from(a, &at);
	socklen_t size = sizeof(at);
	int on = 1;

	(void)p;
	if (len == 0 || make_socket(c, a, at.any.sa_family) != 0)
		return;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(c->fd, &at.any, len) != 0) {
		(void)fail(c, "bind");
		return;
	}
	if (listen(c->fd, (int)arg_num(a, "backlog", 512)) != 0) {
		(void)fail(c, "listen");
		return;
	}
	(void)getsockname(c->fd, &at.any, &size);
	/* sin_port and sin6_port lie at the same place. */
	printf("ok port=%u\n",
	    at.any.sa_family == AF_UNIX ? 0u : ntohs(at.in4.sin_port));
}

void
net_accept(struct peer *p, struct conn *c, const struct args *a)
{
	struct conn *from = peer_find(p, arg_str(a, "from", ""));
	enum io io;

	if (from == NULL) {
		printf("error what=no_listener\n");
		conn_free(c);
		return;
	}
	io = conn_poll(from, POLLIN, arg_deadline(a));
	if (io != IO_OK) {
		say_end(from, io);
		conn_free(c);
		return;
	}
	c->fd = accept4(from->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0) {
		(void)fail(c, "accept");
		return;
	}
	no_delay(c->fd);
	printf("ok\n");
}

void
net_pending(struct peer *p, struct conn *c, const struct args *a)
{
	(void)p;
	(void)a;
	printf("ok pending=%d\n", conn_poll(c, POLLIN, 0) == IO_OK);
}
