/*
 * The library's context of a profile: what may be negotiated.
 */
#ifndef TLS_SETTINGS_H
#define TLS_SETTINGS_H

#include <openssl/ssl.h>

#include "tls/ctx.h"
#include "tls/load.h"

/* Makes a context with versions, ciphers and groups set. ERR_CONFIG with
 * complaints, ERR_NO_MEMORY; *out is NULL then. */
enum err tls_settings_new(SSL_CTX **out, const struct tls_options *o,
    const struct tls_load_report *say) MUST_CHECK;

/* Puts the first certificate, the client CAs' names and the session rules of
 * `ctx' into ctx->ssl. ERR_NO_MEMORY, ERR_TLS. */
enum err tls_settings_apply(struct tls_ctx *ctx) MUST_CHECK;

#endif
