/* SPDX-License-Identifier: ISC */
/*
 * Sockets that may carry TLS, read and written without blocking and waited
 * for with a deadline.
 */
#include "peer.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
bytes_add(struct bytes *b, const void *data, size_t len)
{
	if (b->cap - b->len < len) {
		b->cap = (b->len + len) * 2;
		b->data = realloc(b->data, b->cap);
		if (b->data == NULL)
			abort();
	}
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

void
bytes_drop(struct bytes *b, size_t len)
{
	b->len -= len;
	if (b->len > 0)
		memmove(b->data, b->data + len, b->len);
}

void
bytes_free(struct bytes *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

enum io
conn_poll(struct conn *c, short events, int64_t deadline)
{
	struct pollfd pfd = { .fd = c->fd, .events = events };
	int64_t left;
	int n;

	for (;;) {
		left = deadline - now_ms();
		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return IO_OK;
		if (n == 0)
			return IO_TIMEOUT;
		if (errno != EINTR) {
			snprintf(c->error, sizeof(c->error), "poll_%d", errno);
			return IO_ERROR;
		}
	}
}

static enum io
socket_failed(struct conn *c)
{
	if (errno == EAGAIN || errno == EINTR)
		return IO_TIMEOUT;
	if (errno == ECONNRESET || errno == EPIPE) {
		c->how = "reset";
		return IO_EOF;
	}
	snprintf(c->error, sizeof(c->error), "errno_%d", errno);
	return IO_ERROR;
}

/* What the library's error queue and the result of a call amount to. */
static enum io
tls_failed(struct conn *c, int n)
{
	int saved = errno;
	int error = SSL_get_error(c->ssl, n);
	unsigned long why;

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return IO_TIMEOUT;
	if (error == SSL_ERROR_ZERO_RETURN) {
		c->how = "notify";
		return IO_EOF;
	}
	why = ERR_get_error();
	if (why != 0) {
		ERR_error_string_n(why, c->error, sizeof(c->error));
		return IO_ERROR;
	}
	if (n == 0 || saved == 0) {
		c->how = "fin";
		return IO_EOF;
	}
	errno = saved;
	return socket_failed(c);
}

enum io
conn_try_read(struct conn *c)
{
	uint8_t chunk[65536];
	ssize_t n;

	if (c->ssl != NULL) {
		ERR_clear_error();
		errno = 0;
		n = SSL_read(c->ssl, chunk, sizeof(chunk));
		if (n <= 0)
			return tls_failed(c, (int)n);
	} else {
		n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n < 0)
			return socket_failed(c);
		if (n == 0) {
			c->how = "fin";
			return IO_EOF;
		}
	}
	bytes_add(&c->in, chunk, (size_t)n);
	return IO_OK;
}

enum io
conn_try_write(struct conn *c, const uint8_t *data, size_t len, size_t *done)
{
	ssize_t n;

	*done = 0;
	if (c->ssl != NULL) {
		ERR_clear_error();
		errno = 0;
		n = SSL_write(c->ssl, data, len > 1 << 20 ? 1 << 20 : (int)len);
		if (n <= 0)
			return tls_failed(c, (int)n);
	} else {
		n = send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return socket_failed(c);
	}
	*done = (size_t)n;
	return IO_OK;
}

enum io
conn_fill(struct conn *c, int64_t deadline)
{
	enum io io;

	for (;;) {
		io = conn_try_read(c);
		if (io != IO_TIMEOUT)
			return io;
		io = conn_poll(c, POLLIN, deadline);
		if (io != IO_OK)
			return io;
	}
}

enum io
conn_put(struct conn *c, const uint8_t *data, size_t len, int64_t deadline)
{
	size_t done;
	enum io io;

	while (len > 0) {
		io = conn_try_write(c, data, len, &done);
		if (io == IO_OK) {
			data += done;
			len -= done;
			continue;
		}
		if (io != IO_TIMEOUT)
			return io;
		io = conn_poll(c, POLLOUT, deadline);
		if (io != IO_OK)
			return io;
	}
	return IO_OK;
}

void
conn_free(struct conn *c)
{
	SSL_free(c->ssl);
	SSL_SESSION_free(c->session);
	SSL_CTX_free(c->ctx);
	if (c->fd >= 0)
		close(c->fd);
	bytes_free(&c->in);
	bytes_free(&c->data);
	bytes_free(&c->pump.out);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}
