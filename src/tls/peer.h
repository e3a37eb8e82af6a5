/*
 * The whole question about a client's certificates: may it in, under this
 * profile, now? Asked of a full handshake, a resumed one and a live session
 * alike, so that the three cannot come to differ.
 */
#ifndef TLS_PEER_H
#define TLS_PEER_H

#include <openssl/ssl.h>

#include "tls/ctx.h"
#include "tls/verify.h"

enum tls_known {
	TLS_KNOWN_NOT, /* nothing was checked yet */
	TLS_KNOWN_SAME_CAS /* passed before, under the same client CAs */
};

/* Checks what the client sent (`certs' may be NULL or empty: none) and fills
 * `c', whose path is empty when the verdict came before it was found. */
struct tls_verdict tls_peer_check(struct tls_chain *c,
    const STACK_OF(CRYPTO_BUFFER) * certs, const struct tls_ctx *ctx,
    enum tls_known known);

/* The TLS alert (RFC 8446 6.2) that tells a client of `reason'. */
uint8_t tls_peer_alert(enum reason reason);

#endif
