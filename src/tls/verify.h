/* SPDX-License-Identifier: ISC */
/*
 * Is a client's certificate chain good? There are two ways to find out. The
 * full one has the library build the chain and check every signature. The
 * short one follows a chain of which it is known that it passed the full one
 * under the same client CAs (a resumed session, a live one, a device that
 * reconnects): signatures cannot have changed since, but dates and CRLs can,
 * and these are checked either way.
 */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include <openssl/ssl.h>

#include "domain/reason.h"
#include "tls/crl.h"
#include "tls/ctx.h"
#include "tls/trust.h"

/* Leaf, intermediates and anchor; longer chains are refused. */
#define TLS_CHAIN_MAX 10

/* A chain on its way through the checks; lives on the stack. */
struct tls_chain {
	struct tls_link sent[TLS_CHAIN_MAX]; /* as the client sent them */
	size_t sent_count;
	/* The verified path, leaf first: into `sent' or a tls_trust. */
	const struct tls_link *path[TLS_CHAIN_MAX];
	size_t path_count;
};

/* What was found, and a word more. */
struct tls_verdict {
	enum reason reason; /* REASON_NONE: good */
	const char *detail; /* static; NULL: the reason says it all */
};

/* Reads what the client sent (`certs' outlives the chain). */
struct tls_verdict tls_chain_init(struct tls_chain *c,
    const STACK_OF(CRYPTO_BUFFER) * certs);

/* One hash for all that was sent, in order. */
void tls_chain_hash(const struct tls_chain *c, uint8_t out[CERT_SHA256_LEN]);

/* The full way: finds the path, signatures, purpose, constraints, dates. */
struct tls_verdict tls_chain_verify(struct tls_chain *c,
    const struct tls_trust *t);

/*
 * The short way: finds the path, without signatures. False when there is more
 * than one way to go, or none: then only the full way can tell. Sound only
 * if this very chain passed tls_chain_verify() under these very CAs.
 */
bool tls_chain_follow(struct tls_chain *c, const struct tls_trust *t);

/* Dates, strength, CA flags and path lengths of the path. */
struct tls_verdict tls_chain_check(const struct tls_chain *c, int64_t now);

/* The earliest notAfter of the path, seconds since 1970; of the leaf, which `c'
 * needs to have, where none was found. */
int64_t tls_chain_end(const struct tls_chain *c);

/* CRLs, for the leaf and every CA below the anchor. NULL set: none. */
struct tls_verdict tls_chain_check_crls(const struct tls_chain *c,
    const struct crl_set *set, const struct crl_rules *rules);

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
