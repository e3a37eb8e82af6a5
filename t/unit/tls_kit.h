/* SPDX-License-Identifier: ISC */
/*
 * Both ends of a TLS connection in one process: our stream at one end of a
 * socket pair, the library's client at the other. The test runs the loop turn
 * by turn.
 */
#ifndef UNIT_TLS_KIT_H
#define UNIT_TLS_KIT_H

#include <openssl/ssl.h>

#include "io/loop.h"
#include "tls/stream_tls.h"
#include "tls_pki.h"

/* The options of a profile, and the memory that their lists use. */
struct kit_options {
	struct tls_options o;
	const char *lists[6][4];
	char paths[6][4][160];
};

/* Sets the certificate `server', the CA `root', and defaults. */
void kit_options(struct kit_options *k);

/* Sets a list to files of the PKI: up to 4 names, then NULL. */
void kit_list(struct kit_options *k, struct config_list *list, ...)
    __attribute__((sentinel));

/* Builds the profile. On error writes diagnostics and returns NULL. */
struct tls_ctx *kit_ctx(struct kit_options *k);

/* Builds a profile of defaults with these ticket keys, and takes over the
 * caller's count of them. */
struct tls_ctx *kit_ctx_with(struct tls_tickets *t);

/* Builds the profile with all arguments of tls_ctx_new(). The caller looks at
 * the reports and frees them. */
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
	/* What our stream has told. */
	int opened, broken, writable;
	enum reason reason;
	const char *detail;
	bool close_on_open;
	bool eof;
	ssize_t last; /* what the last read returned */
	size_t received;
	uint8_t data[65536 + STREAM_HEADROOM]; /* the last bytes read */
	/* What the client has received. */
	int client_error; /* SSL_ERROR_ of the last call */
	int alert; /* the last alert it received, or -1 */
	SSL_SESSION *session; /* the last ticket; owned */
};

/* Makes a client's context with the TLS versions from `min' to `max', and a
 * certificate chain and key (files of the PKI) or NULL for none. */
SSL_CTX *kit_client(const char *cert, const char *key, int min, int max);

/* Creates both ends of a connection. No bytes have been exchanged yet. */
void kit_open(struct kit *k, struct tls_ctx *ctx, SSL_CTX *client,
    SSL_SESSION *resume);

/* Creates only our end. k->fd is the other end of the socket pair. */
void kit_open_raw(struct kit *k, struct tls_ctx *ctx);

/* The owner of the stream: notes events in the struct kit `arg'. */
void kit_hear(struct stream *s, enum stream_event event, void *arg);

/* Runs one turn of the loop without waiting. */
void kit_turn(struct kit *k);

/* Runs the handshake until both ends are open or one has failed. Returns true
 * if both are open. */
bool kit_handshake(struct kit *k);

/* Lets the client read once. Returns the number of bytes, 0 if there are none
 * now, or -1 at the end. */
int kit_client_read(struct kit *k, void *data, int len);

/* Closes both ends. */
void kit_close(struct kit *k);

/* Creates both ends, runs the handshake and lets the client read once, so that
 * alerts and tickets arrive. Then *k holds the outcome. The caller calls
 * kit_close(). */
bool kit_connect(struct kit *k, struct tls_ctx *ctx, SSL_CTX *client,
    SSL_SESSION *resume);

#endif
