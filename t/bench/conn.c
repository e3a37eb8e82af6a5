/* SPDX-License-Identifier: ISC */
/*
 * The connection: its phases, and the codecs it needs, which are its own so
 * that an error of the program's cannot hide in both.
 */
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter.h"

static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

static const char upgrade[] = "GET /mqtt HTTP/1.1\r\n"
			      "Host: localhost\r\n"
			      "Upgrade: websocket\r\n"
			      "Connection: Upgrade\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Version: 13\r\n"
			      "Sec-WebSocket-Protocol: mqtt\r\n\r\n";

/* Puts a masked frame's header in front of the `len' bytes at `out'. */
static size_t
frame(uint8_t *out, size_t len, bool websocket)
{
	size_t head = len < 126 ? 6 : 8;
	size_t i;

	if (!websocket)
		return len;
	memmove(out + head, out, len);
	out[0] = 0x82;
	out[1] = (uint8_t)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		out[2] = (uint8_t)(len >> 8);
		out[3] = (uint8_t)len;
	}
	memcpy(out + head - 4, mask, 4);
	for (i = 0; i < len; i++)
		out[head + i] ^= mask[i & 3];
	return head + len;
}

/* Fixed header of a packet with `left' bytes behind it. */
static size_t
put_header(uint8_t *out, uint8_t first, size_t left)
{
	size_t n = 0;

	out[n++] = first;
	do {
		out[n] = left & 0x7f;
		left >>= 7;
		out[n++] |= left > 0 ? 0x80 : 0;
	} while (left > 0);
	return n;
}

static size_t
put_topic(uint8_t *out, char kind, unsigned number)
{
	int n = snprintf((char *)out + 2, 16, "%c/%07u", kind, number);

	out[0] = 0;
	out[1] = (uint8_t)n;
	return 2 + (size_t)n;
}

size_t
conn_publish(uint8_t *out, char kind, unsigned number, size_t len,
    bool websocket)
{
	size_t head = len < 130 ? 2 : len < 16387 ? 3 : 4;
	size_t n = put_header(out, 0x30, len - head);

	n += put_topic(out + n, kind, number);
	while (n < len)
		out[n++] = 'x';
	return frame(out, n, websocket);
}

size_t
conn_ask(uint8_t *out, uint32_t count, uint32_t size, bool websocket)
{
	size_t n = put_header(out, 0x30, 11 + 8);
	int shift;

	n += put_topic(out + n, 'p', 0);
	for (shift = 24; shift >= 0; shift -= 8)
		out[n++] = (uint8_t)(count >> shift);
	for (shift = 24; shift >= 0; shift -= 8)
		out[n++] = (uint8_t)(size >> shift);
	return frame(out, n, websocket);
}

size_t
conn_ping(uint8_t *out, bool websocket)
{
	out[0] = 0xc0;
	out[1] = 0;
	return frame(out, 2, websocket);
}

static void
shut(struct conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

static void
fail(struct conn *c, const char *why)
{
	if (c->phase >= CONN_DONE)
		return;
	c->phase = CONN_FAILED;
	shut(c);
	c->shape->failed(c, why);
}

/* What was taken; 0 = not now, -1 = failed. */
static ssize_t
put_bytes(struct conn *c, const uint8_t *data, size_t len)
{
	ssize_t n;

	if (c->ssl != NULL) {
		ERR_clear_error();
		n = SSL_write(c->ssl, data, (int)len);
		if (n > 0)
			return n;
		return SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_WRITE
		    ? 0
		    : -1;
	}
	n = send(c->fd, data, len, MSG_NOSIGNAL);
	if (n == -1 && errno == EAGAIN)
		return 0;
	return n;
}

static ssize_t
get_bytes(struct conn *c, uint8_t *data, size_t len)
{
	ssize_t n;

	if (c->ssl != NULL) {
		ERR_clear_error();
		n = SSL_read(c->ssl, data, (int)len);
		if (n > 0)
			return n;
		return SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ
		    ? 0
		    : -1;
	}
	n = recv(c->fd, data, len, 0);
	if (n == -1 && errno == EAGAIN)
		return 0;
	return n == 0 ? -1 : n;
}

bool
conn_send(struct conn *c, const uint8_t *message, size_t len)
{
	ssize_t n;

	if (c->unsent == 0)
		c->unsent = (uint32_t)len;
	n = put_bytes(c, message + len - c->unsent, c->unsent);
	if (n < 0) {
		fail(c, "write");
		return false;
	}
	c->unsent -= (uint32_t)n;
	if (c->unsent > 0)
		return false;
	c->sent++;
	return true;
}

/* For what opens a connection: it is small and always fits. */
static void
say(struct conn *c, const uint8_t *data, size_t len)
{
	if (put_bytes(c, data, len) != (ssize_t)len)
		fail(c, "write of the opening");
}

static void
say_connect(struct conn *c)
{
	static const uint8_t head[] = { 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0 };
	uint8_t out[64];
	char id[16];
	size_t n;
	int len = snprintf(id, sizeof(id), "load-%07u", c->number);

	n = put_header(out, 0x10, sizeof(head) + 2 + (size_t)len);
	memcpy(out + n, head, sizeof(head));
	n += sizeof(head);
	out[n++] = 0;
	out[n++] = (uint8_t)len;
	memcpy(out + n, id, (size_t)len);
	n += (size_t)len;
	c->phase = CONN_GREETING;
	say(c, out, frame(out, n, c->shape->websocket));
}

static void
say_subscribe(struct conn *c)
{
	uint8_t out[64];
	uint8_t topic[32];
	size_t len = put_topic(topic, 'e', c->number);
	size_t n = put_header(out, 0x82, 2 + len + 1);

	out[n++] = 0;
	out[n++] = 1;
	memcpy(out + n, topic, len);
	n += len;
	out[n++] = 0;
	c->phase = CONN_SUBSCRIBING;
	say(c, out, frame(out, n, c->shape->websocket));
}

/* To the topic that it has just subscribed to. */
static void
say_first(struct conn *c)
{
	uint8_t out[128];

	if (c->phase == CONN_SUBSCRIBING)
		say(c, out,
		    conn_publish(out, 'e', c->number, 100,
			c->shape->websocket));
}

static void
is_ready(struct conn *c)
{
	c->phase = CONN_READY;
	c->shape->ready(c);
}

static void
take_packet(struct conn *c, unsigned type)
{
	if (c->phase == CONN_GREETING && type == CONN_CONNACK) {
		c->acked = meter_now_ns();
		if (c->shape->subscribe)
			say_subscribe(c);
		else
			is_ready(c);
		if (c->shape->first)
			say_first(c);
	} else if (c->phase == CONN_SUBSCRIBING && type == CONN_SUBACK) {
		if (!c->shape->first)
			is_ready(c);
	} else if (c->phase == CONN_SUBSCRIBING && type == CONN_PUBLISH) {
		is_ready(c);
	} else if (c->phase == CONN_READY) {
		c->received += type == CONN_PUBLISH;
		c->shape->packet(c, type);
	} else {
		fail(c, "an unexpected packet");
	}
}

/* One byte of a fixed header; true when the header is whole. */
static bool
take_header(struct conn_packets *p, uint8_t byte)
{
	if (p->state == 0) {
		p->type = byte >> 4;
		p->left = 0;
		p->shift = 0;
		p->state = 1;
		return false;
	}
	p->left |= (uint32_t)(byte & 0x7f) << p->shift;
	p->shift += 7;
	if ((byte & 0x80) != 0)
		return false;
	p->state = 2;
	return true;
}

static void
take_mqtt(struct conn *c, const uint8_t *data, size_t len)
{
	struct conn_packets *p = &c->packets;
	size_t n;

	while (len > 0 && c->phase < CONN_DONE) {
		if (p->state < 2) {
			take_header(p, *data++);
			len--;
		} else {
			n = p->left < len ? p->left : len;
			p->left -= (uint32_t)n;
			data += n;
			len -= n;
		}
		if (p->state == 2 && p->left == 0) {
			p->state = 0;
			take_packet(c, p->type);
		}
	}
}

/* How long the header is that begins so. */
static size_t
frame_header_len(const struct conn_frames *f)
{
	if (f->have < 2)
		return 2;
	return f->header[1] == 127 ? 10 : f->header[1] == 126 ? 4 : 2;
}

static uint64_t
frame_len(const struct conn_frames *f)
{
	uint64_t len = 0;
	size_t i;

	if (f->header[1] < 126)
		return f->header[1];
	for (i = 2; i < f->have; i++)
		len = len << 8 | f->header[i];
	return len;
}

static void
take_frames(struct conn *c, const uint8_t *data, size_t len)
{
	struct conn_frames *f = &c->frames;
	size_t n;

	while (len > 0 && c->phase < CONN_DONE) {
		if (f->left == 0) {
			f->header[f->have++] = *data++;
			len--;
			if (f->have < frame_header_len(f))
				continue;
			f->left = frame_len(f);
			f->have = 0;
			if (f->header[0] != 0x82 && f->left > 0)
				fail(c, "an odd frame");
			continue;
		}
		n = f->left < len ? (size_t)f->left : len;
		f->left -= n;
		take_mqtt(c, data, n);
		data += n;
		len -= n;
	}
}

/* The answer to the upgrade; it ends with an empty line. */
static void
take_answer(struct conn *c, const uint8_t *data, size_t len)
{
	size_t i;

	if (len < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0) {
		fail(c, "the upgrade was refused");
		return;
	}
	for (i = 4; i <= len; i++)
		if (memcmp(data + i - 4, "\r\n\r\n", 4) == 0)
			break;
	if (i > len) {
		fail(c, "the upgrade's answer came in pieces");
		return;
	}
	say_connect(c);
	take_frames(c, data + i, len - i);
}

static void
take_bytes(struct conn *c, const uint8_t *data, size_t len)
{
	if (c->phase == CONN_UPGRADING)
		take_answer(c, data, len);
	else if (c->shape->websocket)
		take_frames(c, data, len);
	else
		take_mqtt(c, data, len);
}

static void
read_all(struct conn *c)
{
	static uint8_t buffer[65536];
	ssize_t n;

	while (c->phase > CONN_SHAKING && c->phase < CONN_DONE) {
		n = get_bytes(c, buffer, sizeof(buffer));
		if (n == 0)
			return;
		if (n < 0)
			fail(c, "closed by the other side");
		else
			take_bytes(c, buffer, (size_t)n);
	}
}

/* Is it what was to be measured? */
static const char *
misfit(const struct conn *c)
{
	const struct conn_shape *s = c->shape;
	const SSL_CIPHER *cipher = SSL_get_current_cipher(c->ssl);

	if (SSL_version(c->ssl) != s->version)
		return "another TLS version";
	if (s->cipher != NULL &&
	    strcmp(SSL_CIPHER_get_name(cipher), s->cipher) != 0)
		return "another cipher";
	if (c->resuming && !SSL_session_reused(c->ssl))
		return "not resumed";
	return NULL;
}

static void
is_open(struct conn *c)
{
	if (!c->shape->websocket) {
		say_connect(c);
		return;
	}
	c->phase = CONN_UPGRADING;
	say(c, (const uint8_t *)upgrade, sizeof(upgrade) - 1);
}

static void
shake(struct conn *c)
{
	const char *why;
	int ok;

	ERR_clear_error();
	ok = SSL_do_handshake(c->ssl);
	if (ok != 1) {
		if (SSL_get_error(c->ssl, ok) != SSL_ERROR_WANT_READ)
			fail(c, "handshake");
		return;
	}
	why = misfit(c);
	if (why != NULL)
		fail(c, why);
	else
		is_open(c);
}

static void
dialled(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		fail(c, strerror(error));
		return;
	}
	if (c->shape->ctx == NULL) {
		is_open(c);
		return;
	}
	c->ssl = SSL_new(c->shape->ctx);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_connect_state(c->ssl);
	SSL_set_app_data(c->ssl, c);
	/* TLS 1.2 gives the session within the very handshake that makes it. */
	c->resuming = c->shape->session != NULL;
	if (c->resuming)
		SSL_set_session(c->ssl, c->shape->session);
	c->phase = CONN_SHAKING;
}

void
conn_turn(struct conn *c)
{
	if (c->phase == CONN_DIALLING)
		dialled(c);
	if (c->phase == CONN_SHAKING)
		shake(c);
	if (c->phase > CONN_SHAKING)
		read_all(c);
	if (c->phase == CONN_READY)
		c->shape->writable(c);
}

void
conn_open(struct conn *c, const struct conn_shape *shape, unsigned number)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int one = 1;

	memset(c, 0, sizeof(*c));
	c->shape = shape;
	c->number = number;
	c->phase = CONN_DIALLING;
	to.sin_port = htons(shape->port);
	to.sin_addr.s_addr = htonl(shape->address);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1) {
		fail(c, "no socket");
		return;
	}
	if (!shape->nagle)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	event.data.ptr = c;
	c->opened = meter_now_ns();
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1 &&
	    errno != EINPROGRESS)
		fail(c, strerror(errno));
	else if (epoll_ctl(shape->epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
		fail(c, "epoll");
}

void
conn_close(struct conn *c)
{
	uint8_t bye[16] = { 0xe0, 0 };

	if (c->phase >= CONN_DONE)
		return;
	if (c->phase == CONN_READY && c->unsent == 0)
		(void)put_bytes(c, bye, frame(bye, 2, c->shape->websocket));
	if (c->ssl != NULL)
		SSL_shutdown(c->ssl);
	c->phase = CONN_DONE;
	shut(c);
}
