/*
 * Chains that lately passed the full check, so that a device which comes back
 * is spared the signatures: under the same client CAs they cannot come out
 * otherwise. What can change (dates, CRLs) is never remembered. A fixed
 * table; the newer entry wins a slot.
 */
#ifndef TLS_SEEN_H
#define TLS_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/cert.h"

struct tls_seen;

/* NULL: memory ran out. */
struct tls_seen *tls_seen_new(void);

/* NULL is fine. */
void tls_seen_free(struct tls_seen *s);

/* Was this hash added, and not pushed out since? Any thread. */
bool tls_seen_has(struct tls_seen *s, const uint8_t hash[CERT_SHA256_LEN]);

/* Any thread. */
void tls_seen_add(struct tls_seen *s, const uint8_t hash[CERT_SHA256_LEN]);

#endif
