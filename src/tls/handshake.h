/*
 * What a connection needs while it shakes hands, and the library's callbacks
 * that are called meanwhile. Gone once its results were taken.
 */
#ifndef TLS_HANDSHAKE_H
#define TLS_HANDSHAKE_H

#include <openssl/ssl.h>

#include "tls/ctx.h"
#include "tls/stream_tls.h"
#include "tls/verify.h"

struct tls_handshake {
	struct tls_ctx *ctx; /* counted */
	struct cert *cert; /* owned; NULL until the chain is good */
	enum tls_app app;
	struct tls_verdict verdict; /* of the certificates */
};

/* NULL: memory ran out. */
struct tls_handshake *tls_handshake_new(struct tls_ctx *ctx, enum tls_app app);

/* NULL is fine. */
void tls_handshake_free(struct tls_handshake *hs);

/* Sets the callbacks that every connection of `ssl' shall use, and whether a
 * certificate is required: `mode' is an SSL_VERIFY_ one. Each callback finds
 * its handshake through tls_wire_user() of the SSL's BIO. */
void tls_handshake_install(SSL_CTX *ssl, int mode);

/* Checks the stored chain of a session that was resumed, as the library does
 * not (a server verifies full handshakes only), and makes the facts. */
struct tls_verdict tls_handshake_resumed(struct tls_handshake *hs,
    const SSL *ssl);

/*
 * Why the handshake failed, from the library's error queue, which is emptied.
 * `closed' says that the client left.
 */
struct tls_verdict tls_handshake_failure(const struct tls_handshake *hs,
    bool closed);

#endif
