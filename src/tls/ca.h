/*
 * A CA as a name for something: which file's certificate it is, and whether a
 * profile trusts it.
 */
#ifndef TLS_CA_H
#define TLS_CA_H

#include <stdbool.h>

#include "base/err.h"
#include "domain/cert.h"
#include "tls/ctx.h"

/*
 * The SHA-256 of the one certificate in the PEM or DER file `path'. ERR_SYSTEM
 * with errno, ERR_NOT_FOUND, ERR_MALFORMED, ERR_LIMIT (there are several),
 * ERR_NO_MEMORY.
 */
enum err tls_ca_sha256(const char *path,
    uint8_t sha256[CERT_SHA256_LEN]) MUST_CHECK;

/* Is that certificate among the profile's client_ca? */
bool tls_ca_is_trusted(const struct tls_ctx *ctx,
    const uint8_t sha256[CERT_SHA256_LEN]);

#endif
