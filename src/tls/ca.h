/*
 * A CA as a name for something: which CA a file's certificate is of, and
 * whether a profile trusts it.
 */
#ifndef TLS_CA_H
#define TLS_CA_H

#include <stdbool.h>

#include "base/err.h"
#include "domain/cert.h"
#include "tls/ctx.h"

/*
 * Fills `ca', as cert.cas has it, from the one certificate in the PEM or DER
 * file `path'. ERR_SYSTEM with errno, ERR_NOT_FOUND, ERR_MALFORMED, ERR_LIMIT
 * (there are several), ERR_NO_MEMORY.
 */
enum err tls_ca_read(const char *path, uint8_t ca[CERT_SHA256_LEN]) MUST_CHECK;

/* Is a certificate of that CA among the profile's client_ca? */
bool tls_ca_is_trusted(const struct tls_ctx *ctx,
    const uint8_t ca[CERT_SHA256_LEN]);

#endif
