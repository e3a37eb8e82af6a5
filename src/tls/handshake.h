/* SPDX-License-Identifier: ISC */
/*
 * What a connection needs during the handshake only, and the callbacks that the
 * library makes. It is freed once the results have been taken.
 */
#ifndef TLS_HANDSHAKE_H
#define TLS_HANDSHAKE_H

#include <openssl/ssl.h>

#include "tls/ctx.h"
#include "tls/stream_tls.h"
#include "tls/verify.h"

struct tls_handshake {
	struct tls_ctx *ctx; /* counted */
	struct cert *cert; /* owned; NULL until the chain was verified */
	enum tls_app app;
	struct tls_verdict verdict; /* on the client's certificates */
	char text[TLS_DETAIL_MAX]; /* for its detail */
};

/* Returns NULL if memory runs out. */
struct tls_handshake *tls_handshake_new(struct tls_ctx *ctx, enum tls_app app);

/* NULL is allowed. */
void tls_handshake_free(struct tls_handshake *hs);

/* Sets the callbacks of all connections of `ssl' and whether a certificate is
 * required (`mode' is an SSL_VERIFY_ mask). A callback finds its handshake with
 * tls_wire_user() of the connection's BIO. */
void tls_handshake_install(SSL_CTX *ssl, int mode);

/* Checks the stored chain of a resumed session and stores its facts. The
 * library verifies chains in full handshakes only. */
struct tls_verdict tls_handshake_resumed(struct tls_handshake *hs,
    const SSL *ssl);

/*
 * Returns why the handshake failed, from the library's error queue, which is
 * emptied. `closed' tells that the client has left.
 */
struct tls_verdict tls_handshake_failure(const struct tls_handshake *hs,
    bool closed);

#endif
