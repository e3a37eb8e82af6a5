/* SPDX-License-Identifier: ISC */
/*
 * The socket as the TLS library sees it: a BIO that reads what one recv has
 * received and collects what one send will send. Both are in the worker's
 * scratch buffers; what must outlive the turn is saved in an allocation.
 *
 *   recv -> CIPHER_IN scratch -> BIO read  -> library
 *   send <- CIPHER_OUT scratch <- BIO write <- library
 *
 * Writing to the BIO never blocks, and errors are noted in out_error only.
 * Therefore a write never has to be repeated to be completed.
 */
#ifndef TLS_SOCKET_H
#define TLS_SOCKET_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "io/watch.h"

/* Saved bytes: received and not yet decrypted, or refused by the socket. */
struct tls_saved {
	size_t head; /* index of the first byte not yet used */
	size_t len;
	uint8_t bytes[];
};

struct tls_socket {
	struct watch watch; /* owns the descriptor */
	void *user; /* borrowed; see tls_socket_user() */
	const uint8_t *in; /* received, not yet read by the library */
	uint32_t in_len;
	uint32_t out_len; /* collected in the scratch buffer */
	struct tls_saved *saved_in; /* owned; `in' points into it, or NULL */
	struct tls_saved *unsent; /* owned; NULL: nothing waits to be sent */
	bool direct; /* the next BIO write is the last one: send it at once */
	bool ack_now; /* what the peer sends next is acknowledged at once */
	bool eof; /* the socket has reached its end */
	/* Each half has its own error: what a client sent before it left can
	 * still be read after writing has become impossible. */
	enum err in_error; /* of receiving; OK: none */
	enum err out_error; /* of sending, or of saving for lack of memory */
};

/* Takes over `fd'; `cb' and `arg' are as in watch_init(). */
void tls_socket_init(struct tls_socket *s, struct loop *loop, int fd,
    watch_cb *cb, void *arg);

/* Closes the descriptor and frees what is saved. May be called twice. */
void tls_socket_fini(struct tls_socket *s);

/* Returns a BIO over `s', which must outlive it; NULL if memory runs out. */
BIO *tls_socket_bio(struct tls_socket *s);

/* Returns the `user' of the socket under `bio'. */
void *tls_socket_user(BIO *bio);

/*
 * Receives at most `len' bytes with one recv; everything received before must
 * have been read. Returns the number of bytes. If it is 0, see eof and
 * in_error.
 */
size_t tls_socket_fill(struct tls_socket *s, size_t len);

/* Saves what the library has not yet read, before the scratch buffer is used
 * for another connection. ERR_NO_MEMORY, also in in_error. */
enum err tls_socket_keep(struct tls_socket *s) MUST_CHECK;

/*
 * Sends what was unsent and what was collected. What the socket refuses is
 * saved and a WATCH_WRITE is requested. See out_error.
 */
void tls_socket_flush(struct tls_socket *s);

/* Receives and discards at most `len' bytes; returns how many. */
size_t tls_socket_drop(struct tls_socket *s, size_t len);

#endif
