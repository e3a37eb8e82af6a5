/* SPDX-License-Identifier: ISC */
/*
 * Both ends of a TLS connection in one process: our stream on one end of a
 * socket pair, the library's own client on the other, and a loop that is
 * turned until nothing moves any more.
 */
#ifndef UNIT_TLS_KIT_H
#define UNIT_TLS_KIT_H

#include <openssl/ssl.h>

#include "io/loop.h"
#include "tls/stream_tls.h"
#include "tls_pki.h"

/* A profile's options over the standard files. */
struct kit_options {
	struct tls_options o;
	const char *lists[6][4];
	char paths[6][4][160];
};

/* Server `server', CA root, everything else by default. */
void kit_options(struct kit_options *k);

/* Sets a list to the names (up to 4, NULL-ended), as paths of the pki. */
void kit_list(struct kit_options *k, struct config_list *list, ...)
    __attribute__((sentinel));

/* Builds the profile; on error tells why in diagnostics and returns NULL. */
struct tls_ctx *kit_ctx(struct kit_options *k);

/* The same with all arguments, quietly; the reports may be looked at. */
enum err kit_ctx_try(struct kit_options *k, const struct tls_ctx *previous,
    struct tls_ctx **out, struct report *why, struct report *warnings);

struct kit_bytes_count {
	size_t len;
	uint8_t sum[32];
};

/* One connection. */
struct kit {
	struct loop *loop; /* owned */
	struct stream *stream; /* ours; owned */
	SSL *client; /* owned */
	int fd; /* the client's; owned by the SSL's BIO */
	/* What our side told. */
	int opened, broken, writable;
	enum reason reason;
	const char *detail;
	bool greedy; /* read at once whatever is READABLE */
	bool close_on_open;
	bool eof;
	ssize_t last; /* what the last read returned */
	size_t received;
	uint8_t data[65536 + STREAM_HEADROOM]; /* the last bytes read */
	/* What the client got. */
	int client_error; /* SSL_ERROR_ of the last call */
	int alert; /* the last alert it received, or -1 */
	SSL_SESSION *session; /* the last ticket; owned */
};

/* A client context: TLS versions, and a certificate file (with .key beside
 * it) or NULL for none. */
SSL_CTX *kit_client(const char *cert, const char *key, int min, int max);

/* Sets a connection up and starts the client; no bytes have moved yet. */
void kit_open(struct kit *k, struct tls_ctx *ctx, SSL_CTX *client,
    SSL_SESSION *resume);

/* Only the socket pair and our stream: k->fd is raw. */
void kit_open_raw(struct kit *k, struct tls_ctx *ctx);

/* What owns the stream: notes in the struct kit `arg' what is told. */
void kit_hear(struct stream *s, enum stream_event event, void *arg);

/* Turns the loop once without waiting. */
void kit_turn(struct kit *k);

/* Shakes hands until both are done or one failed; true when both are open. */
bool kit_shake(struct kit *k);

/* Lets the client read what there is; bytes got, 0, or -1 at the end. */
int kit_client_read(struct kit *k, void *data, int len);

/* Ends both sides. */
void kit_close(struct kit *k);

/* All in one: opens, shakes hands, lets the client read once (so that alerts
 * and tickets arrive); then *k tells how it was. kit_close() by the caller. */
bool kit_connect(struct kit *k, struct tls_ctx *ctx, SSL_CTX *client,
    SSL_SESSION *resume);

#endif
