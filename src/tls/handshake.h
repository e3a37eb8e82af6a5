/* SPDX-License-Identifier: ISC */
/*
 * What a connection needs during the handshake only, and the callbacks that the
 * library makes. It is freed once the results have been taken.
 */
#ifndef TLS_HANDSHAKE_H
#define TLS_HANDSHAKE_H

#include <openssl/ssl.h>

#include "tls/ctx.h"
#include "tls/pkcs11_key.h"
#include "tls/stream_tls.h"
#include "tls/verify.h"

/* What is known about the ticket that the client has sent. */
enum tls_ticket_state {
	TLS_TICKET_UNKNOWN, /* there is none, or it cannot be opened */
	TLS_TICKET_GOOD, /* its certificate is admitted */
	TLS_TICKET_IGNORED /* its certificate is not: a full handshake follows
			    */
};

struct tls_handshake {
	struct tls_ctx *ctx; /* counted */
	struct cert *cert; /* owned; NULL until the chain was verified */
	SSL_SESSION *offered; /* owned; what is in the ticket */
	struct cert *offered_cert; /* owned; its facts, until it is resumed */
	tls_admit *admit; /* may be NULL; see tls_stream_set_admit() */
	void *admit_arg; /* borrowed */
	struct tls_keypair *trial; /* borrowed; NULL except in a trial */
	struct tls_keypair *pair; /* borrowed; the server's, once chosen */
	struct tls_signing *signing; /* owned; a token is signing */
	struct loop *loop; /* borrowed; NULL in a trial */
	void (*wake)(void *arg); /* the signature was made, or was not */
	void *wake_arg; /* borrowed */
	enum tls_app app;
	enum tls_ticket_state ticket;
	uint16_t record_max; /* what the client can hold */
	struct tls_result result; /* on the client's certificates */
	char text[TLS_DETAIL_MAX]; /* for its detail */
	struct tls_result ticket_result; /* on those in its ticket */
};

/* Returns NULL if memory runs out. */
struct tls_handshake *tls_handshake_new(struct tls_ctx *ctx, enum tls_app app);

/* NULL is allowed. */
void tls_handshake_free(struct tls_handshake *hs);

/* Sets the callbacks of all connections of `ssl' and whether a certificate is
 * required (`mode' is an SSL_VERIFY_ mask). A callback finds its handshake with
 * tls_socket_user() of the connection's BIO. */
void tls_handshake_install(SSL_CTX *ssl, int mode);

/* The callbacks by which the library has signatures made by a token; static. */
const SSL_PRIVATE_KEY_METHOD *tls_handshake_key_method(void);

/* Stops waiting for a signature. */
void tls_handshake_stop_signing(struct tls_handshake *hs);

/* Returns whether the client of a resumed session is admitted, and stores its
 * facts. The library verifies chains in full handshakes only. */
struct tls_result tls_handshake_resumed(struct tls_handshake *hs,
    const SSL *ssl);

/*
 * Runs a handshake in memory, with a client that takes everything and has no
 * certificate, over `pair' and the TLS version `version' (TLS1_3_VERSION). OK;
 * ERR_NO_MEMORY; ERR_TLS: no client can connect, and *why (static) is the
 * library's reason.
 */
enum err tls_handshake_try(struct tls_ctx *ctx, struct tls_keypair *pair,
    uint16_t version, const char **why) MUST_CHECK;

/* Returns whether the library would let a client with this certificate sign its
 * handshake: the key must be of a kind that is taken, and keyUsage must allow
 * it. For `explain', which has no handshake. */
struct tls_result tls_handshake_client_flaw(const struct tls_cert *leaf);

/*
 * Returns why the handshake failed, from the library's error queue, which is
 * emptied. `closed' tells that the client has left.
 */
struct tls_result tls_handshake_failure(const struct tls_handshake *hs,
    bool closed);

#endif
