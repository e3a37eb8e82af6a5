/*
 * Chains that lately passed the full check, so that a device which comes back
 * is spared the signatures: under the same client CAs they cannot come out
 * otherwise. What can change (dates, CRLs) is never remembered. A fixed
 * table; the newer entry wins a slot.
 */
#ifndef TLS_VERIFIED_CACHE_H
#define TLS_VERIFIED_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/cert.h"

struct tls_verified_cache;

/* NULL: memory ran out. */
struct tls_verified_cache *tls_verified_cache_new(void);

/* NULL is fine. */
void tls_verified_cache_free(struct tls_verified_cache *s);

/* Was this hash added, and not pushed out since? Any thread. */
bool tls_verified_cache_has(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN]);

/* Any thread. */
void tls_verified_cache_add(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN]);

#endif
