/* SPDX-License-Identifier: ISC */
/*
 * The BIO of the TLS library and the buffers under it.
 */
#include "tls/wire.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void
tls_wire_init(struct tls_wire *w, struct loop *loop, int fd, watch_cb *cb,
    void *arg)
{
	memset(w, 0, sizeof(*w));
	watch_init(&w->watch, loop, fd, cb, arg);
}

void
tls_wire_fini(struct tls_wire *w)
{
	watch_fini(&w->watch);
	free(w->saved_in);
	free(w->unsent);
	w->saved_in = NULL;
	w->unsent = NULL;
	w->in = NULL;
	w->in_len = 0;
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
tls_wire_keep(struct tls_wire *w)
{
	if (w->in_len == 0 || w->saved_in != NULL)
		return OK;
	if (save(&w->saved_in, w->in, w->in_len) != OK) {
		w->in_error = ERR_NO_MEMORY;
		return ERR_NO_MEMORY;
	}
	w->in = w->saved_in->bytes;
	return OK;
}

size_t
tls_wire_fill(struct tls_wire *w, size_t len)
{
	uint8_t *scratch = loop_scratch(w->watch.loop, LOOP_SCRATCH_CIPHER_IN);
	ssize_t n;

	if (len > LOOP_SCRATCH_CIPHER_LEN)
		len = LOOP_SCRATCH_CIPHER_LEN;
	n = watch_recv(&w->watch, scratch, len, &w->in_error);
	if (n == STREAM_EOF)
		w->eof = true;
	if (n <= 0)
		return 0;
	w->in = scratch;
	w->in_len = (uint32_t)n;
	return (size_t)n;
}

size_t
tls_wire_drop(struct tls_wire *w, size_t len)
{
	size_t n = tls_wire_fill(w, len);

	w->in_len = 0;
	return n;
}

/* Makes one send of `len' bytes. Returns how many were taken, 0 after an error.
 */
static size_t
send_some(struct tls_wire *w, const uint8_t *data, size_t len)
{
	ssize_t n = watch_send(&w->watch, data, len, &w->out_error);

	return n < 0 ? 0 : (size_t)n;
}

/* Sends, and saves what is not taken. There must be no unsent bytes. */
static void
send_or_save(struct tls_wire *w, const uint8_t *data, size_t len)
{
	size_t n = send_some(w, data, len);

	if (w->ack_now && w->out_error == OK)
		watch_ack_now(&w->watch);
	if (n == len || w->out_error != OK)
		return;
	if (save(&w->unsent, data + n, len - n) != OK ||
	    watch_write(&w->watch) != OK)
		w->out_error = ERR_NO_MEMORY;
}

/* Sends the unsent bytes. Returns true if none are left. */
static bool
send_unsent(struct tls_wire *w)
{
	struct tls_saved *u = w->unsent;

	if (u == NULL)
		return true;
	u->head += send_some(w, u->bytes + u->head, u->len - u->head);
	if (w->out_error != OK)
		return false;
	if (u->head < u->len) {
		if (watch_write(&w->watch) != OK)
			w->out_error = ERR_NO_MEMORY;
		return false;
	}
	free(u);
	w->unsent = NULL;
	return true;
}

void
tls_wire_flush(struct tls_wire *w)
{
	uint8_t *out = loop_scratch(w->watch.loop, LOOP_SCRATCH_CIPHER_OUT);
	size_t len = w->out_len;

	w->out_len = 0;
	if (w->out_error != OK)
		return;
	if (!send_unsent(w)) {
		if (len > 0 && w->out_error == OK &&
		    save(&w->unsent, out, len) != OK)
			w->out_error = ERR_NO_MEMORY;
		return;
	}
	if (len > 0)
		send_or_save(w, out, len);
}

static int
bio_write(BIO *bio, const char *data, int len)
{
	struct tls_wire *w = BIO_get_data(bio);
	uint8_t *out = loop_scratch(w->watch.loop, LOOP_SCRATCH_CIPHER_OUT);
	size_t n = (size_t)len;

	if (w->direct && w->out_len == 0 && w->unsent == NULL &&
	    w->out_error == OK) {
		/* This is the last write, so the copy is not needed. */
		send_or_save(w, (const uint8_t *)data, n);
		return len;
	}
	if (n > LOOP_SCRATCH_CIPHER_LEN - w->out_len)
		tls_wire_flush(w);
	if (n > LOOP_SCRATCH_CIPHER_LEN)
		return -1; /* longer than any record or flight */
	memcpy(out + w->out_len, data, n);
	w->out_len += (uint32_t)n;
	return len;
}

static int
bio_read(BIO *bio, char *data, int len)
{
	struct tls_wire *w = BIO_get_data(bio);
	uint32_t n = (uint32_t)len < w->in_len ? (uint32_t)len : w->in_len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		if (w->eof)
			return 0;
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(data, w->in, n);
	w->in += n;
	w->in_len -= n;
	if (w->in_len == 0 && w->saved_in != NULL) {
		free(w->saved_in);
		w->saved_in = NULL;
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
	method = BIO_meth_new(0, "wire");
	if (method == NULL)
		return;
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *
tls_wire_bio(struct tls_wire *w)
{
	BIO *bio;

	pthread_once(&method_once, make_method);
	bio = method == NULL ? NULL : BIO_new(method);
	if (bio == NULL)
		return NULL;
	BIO_set_data(bio, w);
	BIO_set_init(bio, 1);
	return bio;
}

void *
tls_wire_user(BIO *bio)
{
	struct tls_wire *w = BIO_get_data(bio);

	return w->user;
}
