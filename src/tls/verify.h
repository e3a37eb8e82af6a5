/* SPDX-License-Identifier: ISC */
/*
 * Verification of a client's certificates: whether they are accepted under a
 * profile, now. A full handshake, a resumed one, a live session and `explain'
 * all ask the same function, so their answers cannot differ.
 */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include <openssl/ssl.h>

#include "domain/reason.h"
#include "tls/crl.h"
#include "tls/ctx.h"
#include "tls/trust.h"

/* The most certificates of a chain: leaf, 8 intermediates and the CA. */
#define TLS_CHAIN_MAX 10

/* Room for the detail of a result. */
#define TLS_DETAIL_MAX 256

/* REASON_NONE or why a certificate or a handshake is refused, and details. */
struct tls_result {
	enum reason reason; /* REASON_NONE: good */
	const char *detail; /* static, or text of the chain; may be NULL */
};

/* A client's chain while it is checked; lives on the stack. */
struct tls_chain {
	struct tls_cert sent[TLS_CHAIN_MAX]; /* as the client sent them */
	size_t sent_count;
	/* The path, leaf first: certificates of `sent', then from `trusted' on
	 * those of a tls_trust. Empty when no path was found. */
	const struct tls_cert *path[TLS_CHAIN_MAX];
	size_t path_count;
	size_t trusted;
	char text[TLS_DETAIL_MAX]; /* a detail that is not static */
};

/* Parses what the client sent; `certs' has to outlive the chain. */
struct tls_result tls_chain_init(struct tls_chain *c,
    const STACK_OF(CRYPTO_BUFFER) * certs);

/* The earliest notAfter of the path, seconds since 1970; that of the leaf,
 * which has to be there, when no path was found. */
int64_t tls_chain_end(const struct tls_chain *c);

/*
 * Removes from `certs' what is not on the path of `c', and returns true if
 * anything was removed. For the certificates that a TLS session keeps: the
 * others are not needed, and would cost up to 64 KiB for its whole life.
 */
bool tls_chain_strip(const struct tls_chain *c,
    STACK_OF(CRYPTO_BUFFER) * certs);

/* What came of an earlier check of the same chain. */
enum tls_earlier_check {
	TLS_EARLIER_CHECK_NONE, /* there was none, or other CAs */
	TLS_EARLIER_CHECK_SAME_CAS /* accepted, with the same client CAs */
};

/* Checks what the client sent (`certs' may be NULL or empty: nothing) and fills
 * `c'. A failed check leaves the path that came closest, if any. */
struct tls_result tls_peer_check(struct tls_chain *c,
    const STACK_OF(CRYPTO_BUFFER) * certs, const struct tls_ctx *ctx,
    enum tls_earlier_check earlier);

/* A result with a static detail, or NULL. */
struct tls_result tls_result_make(enum reason reason, const char *detail);

/* A result whose detail is formatted into `text', as by printf(). */
struct tls_result tls_result_format(enum reason reason,
    char text[TLS_DETAIL_MAX], const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Moves a detail that lies in the chain into `text', so that `v' can outlive
 * the chain. */
void tls_result_keep(struct tls_result *v, const struct tls_chain *c,
    char text[TLS_DETAIL_MAX]);

/* The TLS alert (RFC 8446 6.2) that tells a client of `reason'. */
uint8_t tls_peer_alert(enum reason reason);

/*
 * Paths that passed the signature checks under one set of client CAs, so that
 * a device that reconnects is spared them. What can change later (dates, CRLs)
 * is never remembered. A fixed table; newer entries replace older ones.
 */
struct tls_verified_cache;

/* NULL: out of memory. */
struct tls_verified_cache *tls_verified_cache_new(void);

/* NULL is allowed. */
void tls_verified_cache_free(struct tls_verified_cache *s);

/* True if this hash was added and not replaced since. Any thread. */
bool tls_verified_cache_has(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN]);

/* Any thread. */
void tls_verified_cache_add(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN]);

#endif
