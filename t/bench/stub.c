/* SPDX-License-Identifier: ISC */
/*
 * A broker of the cheapest kind, for loads behind a proxy: it says yes to
 * every CONNECT, swallows what it is sent, sends back what is published to
 * e/..., and on p/... sends the messages asked for. Plaintext, one thread. It
 * checks nothing and keeps nothing: it must never be what is measured.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "args.h"

#define CHUNK 262144

struct client {
	int fd;
	uint32_t skip; /* bytes of the present packet to swallow */
	uint32_t have; /* bytes of an incomplete one */
	uint32_t push; /* messages still to send */
	uint32_t push_size;
	uint32_t push_sent; /* of the present one */
	uint8_t *kept; /* owned; the incomplete packet */
};

struct stub {
	int epoll;
	int listener;
	uint8_t chunk[2 * CHUNK];
	uint8_t message[65536];
};

static void
end_client(struct client *c)
{
	close(c->fd);
	free(c->kept);
	free(c);
}

/* Answers are small; a socket that will not take them is in trouble. */
static bool
answer(struct client *c, const uint8_t *data, size_t len)
{
	return send(c->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Sends on what was asked for; false when the client is gone. */
static bool
push(struct stub *s, struct client *c)
{
	ssize_t n;

	while (c->push > 0) {
		n = send(c->fd, s->message + c->push_sent,
		    c->push_size - c->push_sent, MSG_NOSIGNAL);
		if (n == -1)
			return errno == EAGAIN;
		c->push_sent += (uint32_t)n;
		if (c->push_sent < c->push_size)
			continue;
		c->push_sent = 0;
		c->push--;
	}
	return true;
}

/* A PUBLISH of `size' bytes, header included, into s->message. */
static void
make_message(struct stub *s, uint32_t size)
{
	uint32_t head = size < 130 ? 2 : size < 16387 ? 3 : 4;
	uint32_t left = size - head;
	uint8_t *p = s->message;

	memset(p, 'y', size);
	*p++ = 0x30;
	do {
		*p = left & 0x7f;
		left >>= 7;
		*p++ |= left > 0 ? 0x80 : 0;
	} while (left > 0);
	memcpy(p, "\0\1p", 3);
}

static bool
start_push(struct stub *s, struct client *c, const uint8_t *body)
{
	c->push = get_u32(body);
	c->push_size = get_u32(body + 4);
	if (c->push_size < 16 || c->push_size > sizeof(s->message))
		return false;
	make_message(s, c->push_size);
	return push(s, c);
}

/* A whole packet; `body' follows its fixed header. */
static bool
take_packet(struct stub *s, struct client *c, const uint8_t *packet,
    const uint8_t *body, size_t len)
{
	static const uint8_t connack[] = { 0x20, 2, 0, 0 };
	static const uint8_t pong[] = { 0xd0, 0 };
	uint8_t suback[] = { 0x90, 3, 0, 0, 0 };

	switch (packet[0] >> 4) {
	case 1:
		return answer(c, connack, sizeof(connack));
	case 3:
		if (body[2] == 'e')
			return answer(c, packet, len);
		return body[2] != 'p' || start_push(s, c, body + 11);
	case 8:
		suback[2] = body[0];
		suback[3] = body[1];
		return answer(c, suback, sizeof(suback));
	case 12:
		return answer(c, pong, sizeof(pong));
	default:
		return packet[0] >> 4 != 14;
	}
}

/* Bytes of the packet's header, or 0 when they are not all there. */
static size_t
read_header(const uint8_t *p, size_t len, uint32_t *left)
{
	size_t n = 1;

	*left = 0;
	do {
		if (n >= len)
			return 0;
		*left |= (uint32_t)(p[n] & 0x7f) << (7 * (n - 1));
	} while ((p[n++] & 0x80) != 0 && n < 5);
	return n;
}

/* Goes through `len' bytes; what is left over is kept. */
static bool
take_bytes(struct stub *s, struct client *c, const uint8_t *p, size_t len)
{
	uint32_t left;
	size_t head;

	while (len > 0) {
		if (c->skip > 0) {
			head = c->skip < len ? c->skip : len;
			c->skip -= (uint32_t)head;
			p += head;
			len -= head;
			continue;
		}
		head = read_header(p, len, &left);
		if (head == 0)
			break;
		if (p[0] >> 4 == 3 && len >= head + 3 && p[head + 2] == 's') {
			c->skip = (uint32_t)head + left;
			continue;
		}
		if (len < head + left)
			break;
		if (!take_packet(s, c, p, p + head, head + left))
			return false;
		p += head + left;
		len -= head + left;
	}
	if (len > CHUNK)
		return false;
	free(c->kept);
	c->kept = len > 0 ? malloc(len) : NULL;
	c->have = (uint32_t)len;
	if (len > 0)
		memcpy(c->kept, p, len);
	return len == 0 || c->kept != NULL;
}

/* Everything there is to read; false when the client is gone. */
static bool
read_client(struct stub *s, struct client *c)
{
	ssize_t n;

	if (c->have > 0)
		memcpy(s->chunk, c->kept, c->have);
	n = recv(c->fd, s->chunk + c->have, CHUNK, 0);
	if (n == -1)
		return errno == EAGAIN;
	return n > 0 && take_bytes(s, c, s->chunk, c->have + (size_t)n);
}

static void
accept_client(struct stub *s)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct client *c = calloc(1, sizeof(*c));
	int one = 1;

	if (c == NULL)
		return;
	c->fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd == -1) {
		free(c);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	event.data.ptr = c;
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void
serve_client(struct stub *s, struct client *c, uint32_t what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	bool pushing = c->push > 0;

	if (((what & ~(uint32_t)EPOLLOUT) != 0 && !read_client(s, c)) ||
	    ((what & EPOLLOUT) != 0 && !push(s, c))) {
		end_client(c);
		return;
	}
	if (pushing == (c->push > 0))
		return;
	if (c->push > 0)
		event.events |= EPOLLOUT;
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(fd, 4096) == -1) {
		perror("stub");
		exit(1);
	}
	return fd;
}

int
main(int argc, char **argv)
{
	static struct stub s;
	struct epoll_event events[256];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	int n, i;

	if (argc != 2) {
		fprintf(stderr, "usage: stub PORT\n");
		return 2;
	}
	args_raise_files();
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	s.listener = listen_on((uint16_t)atoi(argv[1]));
	epoll_ctl(s.epoll, EPOLL_CTL_ADD, s.listener, &event);
	for (;;) {
		n = epoll_wait(s.epoll, events, 256, -1);
		for (i = 0; i < n; i++)
			if (events[i].data.ptr == NULL)
				accept_client(&s);
			else
				serve_client(&s, events[i].data.ptr,
				    events[i].events);
	}
}
