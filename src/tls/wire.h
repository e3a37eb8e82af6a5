/*
 * The socket as the TLS library sees it: a BIO that reads from what was
 * received in one go and gathers what is to be sent in one go. Both lie in
 * the worker's scratch buffers; what must outlive the turn is saved aside.
 *
 *   recv -> CIPHER_IN scratch -> BIO read  -> library
 *   send <- CIPHER_OUT scratch <- BIO write <- library
 *
 * Writing into the BIO never blocks, and what goes wrong shows in out_error
 * only, so the library never has to be asked again to finish a write.
 */
#ifndef TLS_WIRE_H
#define TLS_WIRE_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "io/watch.h"

/* Bytes set aside: received and not yet decrypted, or refused by the
 * socket. */
struct tls_saved {
	size_t head; /* the first not yet used */
	size_t len;
	uint8_t bytes[];
};

struct tls_wire {
	struct watch watch; /* owns the descriptor */
	void *user; /* borrowed; see tls_wire_user() */
	const uint8_t *in; /* received, not yet read by the library */
	uint32_t in_len;
	uint32_t out_len; /* gathered in the scratch */
	struct tls_saved *saved_in; /* owned; `in' points into it, or NULL */
	struct tls_saved *unsent; /* owned; NULL: nothing waits */
	bool direct; /* the next BIO write is the last: send it at once */
	bool eof; /* the socket gave its end */
	/* The two halves fail apart: what a client sent before it left is there
	 * to be read when writing to it has long become impossible. */
	enum err in_error; /* of receiving; OK = none */
	enum err out_error; /* of sending, or memory ran out for it */
};

/* Takes `fd'; `cb' and `arg' as in watch_init(). */
void tls_wire_init(struct tls_wire *w, struct loop *loop, int fd, watch_cb *cb,
    void *arg);

/* Closes the descriptor and frees what is saved. Harmless when done. */
void tls_wire_fini(struct tls_wire *w);

/* A BIO over `w', which must outlive it. NULL: no memory. */
BIO *tls_wire_bio(struct tls_wire *w);

/* The `user' of the wire under `bio'. */
void *tls_wire_user(BIO *bio);

/*
 * Receives at most `len' bytes, all before them having been read. Returns how
 * many came; 0 with none: see eof and in_error. One recv.
 */
size_t tls_wire_fill(struct tls_wire *w, size_t len);

/* Saves what the library has not yet read, since the scratch is about to be
 * someone else's. ERR_NO_MEMORY, also in in_error. */
enum err tls_wire_keep(struct tls_wire *w) MUST_CHECK;

/*
 * Sends all that was gathered and was unsent, in one send; what the socket
 * refuses is saved and a WATCH_WRITE asked for. See out_error.
 */
void tls_wire_flush(struct tls_wire *w);

/* Reads and drops what has come, at most `len' bytes; returns how many. */
size_t tls_wire_drop(struct tls_wire *w, size_t len);

#endif
