/* SPDX-License-Identifier: ISC */
/*
 * The BIO of the TLS library and the buffers under it.
 */
#include "tls/socket.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void
tls_socket_init(struct tls_socket *s, struct loop *loop, int fd, watch_cb *cb,
    void *arg)
{
	memset(s, 0, sizeof(*s));
	watch_init(&s->watch, loop, fd, cb, arg);
}

void
tls_socket_fini(struct tls_socket *s)
{
	watch_fini(&s->watch);
	free(s->saved_in);
	free(s->unsent);
	s->saved_in = NULL;
	s->unsent = NULL;
	s->in = NULL;
	s->in_len = 0;
}

/* Most bytes that may wait: one scratch buffer of records, and as much again
 * for what the library sends by itself. A client that requests key updates and
 * never reads the answers reaches this limit. */
#define SAVED_MAX (2 * LOOP_SCRATCH_CIPHER_LEN)

/* Appends `len' bytes to *saved. */
static enum err
save(struct tls_saved **saved, const uint8_t *data, size_t len)
{
	size_t have = *saved == NULL ? 0 : (*saved)->len;
	struct tls_saved *more;

	if (len > SAVED_MAX - have)
		return ERR_LIMIT;
	more = realloc(*saved, sizeof(*more) + have + len);
	if (more == NULL)
		return ERR_NO_MEMORY;
	if (*saved == NULL)
		more->head = 0;
	memcpy(more->bytes + have, data, len);
	more->len = have + len;
	*saved = more;
	return OK;
}

enum err
tls_socket_keep(struct tls_socket *s)
{
	if (s->in_len == 0 || s->saved_in != NULL)
		return OK;
	if (save(&s->saved_in, s->in, s->in_len) != OK) {
		s->in_error = ERR_NO_MEMORY;
		return ERR_NO_MEMORY;
	}
	s->in = s->saved_in->bytes;
	return OK;
}

size_t
tls_socket_fill(struct tls_socket *s, size_t len)
{
	uint8_t *scratch = loop_scratch(s->watch.loop, LOOP_SCRATCH_CIPHER_IN);
	ssize_t n;

	if (len > LOOP_SCRATCH_CIPHER_LEN)
		len = LOOP_SCRATCH_CIPHER_LEN;
	n = watch_recv(&s->watch, scratch, len, &s->in_error);
	if (n == STREAM_EOF)
		s->eof = true;
	if (n <= 0)
		return 0;
	s->in = scratch;
	s->in_len = (uint32_t)n;
	return (size_t)n;
}

size_t
tls_socket_drop(struct tls_socket *s, size_t len)
{
	size_t n = tls_socket_fill(s, len);

	s->in_len = 0;
	return n;
}

/* Makes one send of `len' bytes. Returns how many were taken, 0 after an error.
 */
static size_t
send_some(struct tls_socket *s, const uint8_t *data, size_t len)
{
	ssize_t n = watch_send(&s->watch, data, len, &s->out_error);

	return n < 0 ? 0 : (size_t)n;
}

/* Sends, and saves what is not taken. There must be no unsent bytes. */
static void
send_or_save(struct tls_socket *s, const uint8_t *data, size_t len)
{
	size_t n = send_some(s, data, len);

	if (s->ack_now && s->out_error == OK)
		watch_ack_now(&s->watch);
	if (n == len || s->out_error != OK)
		return;
	if (save(&s->unsent, data + n, len - n) != OK ||
	    watch_write(&s->watch) != OK)
		s->out_error = ERR_NO_MEMORY;
}

/* Sends the unsent bytes. Returns true if none are left. */
static bool
send_unsent(struct tls_socket *s)
{
	struct tls_saved *u = s->unsent;

	if (u == NULL)
		return true;
	u->head += send_some(s, u->bytes + u->head, u->len - u->head);
	if (s->out_error != OK)
		return false;
	if (u->head < u->len) {
		if (watch_write(&s->watch) != OK)
			s->out_error = ERR_NO_MEMORY;
		return false;
	}
	free(u);
	s->unsent = NULL;
	return true;
}

void
tls_socket_flush(struct tls_socket *s)
{
	uint8_t *out = loop_scratch(s->watch.loop, LOOP_SCRATCH_CIPHER_OUT);
	size_t len = s->out_len;

	s->out_len = 0;
	if (s->out_error != OK)
		return;
	if (!send_unsent(s)) {
		if (len > 0 && s->out_error == OK &&
		    save(&s->unsent, out, len) != OK)
			s->out_error = ERR_NO_MEMORY;
		return;
	}
	if (len > 0)
		send_or_save(s, out, len);
}

static int
bio_write(BIO *bio, const char *data, int len)
{
	struct tls_socket *s = BIO_get_data(bio);
	uint8_t *out = loop_scratch(s->watch.loop, LOOP_SCRATCH_CIPHER_OUT);
	size_t n = (size_t)len;

	if (s->direct && s->out_len == 0 && s->unsent == NULL &&
	    s->out_error == OK) {
		/* This is the last write, so the copy is not needed. */
		send_or_save(s, (const uint8_t *)data, n);
		return len;
	}
	if (n > LOOP_SCRATCH_CIPHER_LEN - s->out_len)
		tls_socket_flush(s);
	if (n > LOOP_SCRATCH_CIPHER_LEN)
		return -1; /* longer than any record or flight */
	memcpy(out + s->out_len, data, n);
	s->out_len += (uint32_t)n;
	return len;
}

static int
bio_read(BIO *bio, char *data, int len)
{
	struct tls_socket *s = BIO_get_data(bio);
	uint32_t n = (uint32_t)len < s->in_len ? (uint32_t)len : s->in_len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		if (s->eof)
			return 0;
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(data, s->in, n);
	s->in += n;
	s->in_len -= n;
	if (s->in_len == 0 && s->saved_in != NULL) {
		free(s->saved_in);
		s->saved_in = NULL;
	}
	return (int)n;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH; /* the stream flushes once per call */
}

/* The method never changes. It is created once per process. */
static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void
make_method(void)
{
	method = BIO_meth_new(0, "socket");
	if (method == NULL)
		return;
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *
tls_socket_bio(struct tls_socket *s)
{
	BIO *bio;

	pthread_once(&method_once, make_method);
	bio = method == NULL ? NULL : BIO_new(method);
	if (bio == NULL)
		return NULL;
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	return bio;
}

void *
tls_socket_user(BIO *bio)
{
	struct tls_socket *s = BIO_get_data(bio);

	return s->user;
}
