/* SPDX-License-Identifier: ISC */
/*
 * One certificate revocation list: its bytes, an index of the serials in it,
 * and its signature. Immutable once parsed, except for what is known about
 * the signature. Counted, since the sets before and after a reload share it.
 */
#ifndef TLS_CRL_LIST_H
#define TLS_CRL_LIST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "domain/cert.h"

/* Whether the signature was checked. */
enum crl_signed {
	CRL_SIGNED_UNKNOWN, /* the CA's key has not been seen */
	CRL_SIGNED_YES /* by the key whose hash is in crl_list.key */
};

/* How many keys that did not sign a list are remembered. */
#define CRL_WRONG_KEYS_MAX 16

/* Slices point into der. */
struct crl_list {
	atomic_uint refs;
	pthread_mutex_t lock; /* guards the rest of this paragraph */
	_Atomic enum crl_signed is_signed; /* may be read without the lock */
	uint8_t key[CERT_SHA256_LEN]; /* of the issuer's SPKI; set once, before
				       * is_signed */
	uint8_t wrong_keys[CRL_WRONG_KEYS_MAX][CERT_SHA256_LEN];
	size_t wrong_key_count; /* grows on: the oldest is replaced */

	char *file; /* owned */
	uint8_t *der; /* owned */
	size_t der_len;
	struct slice tbs; /* what is signed */
	struct slice algorithm; /* AlgorithmIdentifier */
	struct slice signature;
	struct slice issuer; /* the Name, tag included */
	uint64_t issuer_hash; /* see tls_der_name_hash() */
	struct slice authority; /* keyIdentifier of its key; empty: none */
	struct slice number; /* INTEGER content; empty: none */
	struct slice scope; /* IssuingDistributionPoint; empty: none */
	struct slice points; /* DistributionPointName in it; empty: none */
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* INT64_MAX: none */
	bool leaf_only; /* covers only certificates that are no CA's */
	bool ca_only; /* covers only CA certificates */
	uint32_t *slots; /* owned; offsets of serials in der, 0 = free */
	uint32_t mask; /* slots - 1; the slots are a power of two */
	size_t count; /* revoked certificates */
};

/*
 * Parses and indexes a CRL in DER (copied). ERR_MALFORMED with `*text', static,
 * saying what is wrong; also for a CRL that must not be used: one that is
 * indirect, a delta, for some reasons only, or has an unknown critical
 * extension (RFC 5280 5.2). ERR_NO_MEMORY. The count is one.
 */
enum err crl_list_parse(struct crl_list **out, struct slice der,
    const char *file, const char **text) MUST_CHECK;

/* Increments the count and returns `c'. Any thread. */
struct crl_list *crl_list_get(struct crl_list *c);

/* Decrements the count; the last one frees. Any thread; NULL is allowed. */
void crl_list_put(struct crl_list *c);

/* True if this serial (INTEGER content) is in it. */
bool crl_list_has(const struct crl_list *c, struct slice serial);

/* True if thisUpdate has passed, give or take five minutes. */
bool crl_list_begun(const struct crl_list *c, int64_t now);

/* True if nextUpdate passed more than `grace' seconds ago. */
bool crl_list_ended(const struct crl_list *c, int64_t now, int64_t grace);

/* True if `a' is newer than `b' by CRL number and thisUpdate, or by one while
 * the other is the same or missing. If the two disagree, neither is newer. */
bool crl_list_newer(const struct crl_list *a, const struct crl_list *b);

/* True if both are by one CA and for the same certificates. Each key of a name
 * (RFC 5280 5.2.1) has lists of its own: known keys are compared, or else the
 * key identifiers in the lists. */
bool crl_list_same(const struct crl_list *a, const struct crl_list *b);

/* True if the list covers a certificate with these cRLDistributionPoints: one
 * of them has a name that the list has, or one of the two has no names. */
bool crl_list_covers(const struct crl_list *c, struct slice points);

/* A key that may have signed a list. */
struct crl_key {
	struct slice spki; /* SubjectPublicKeyInfo */
	const uint8_t *hash; /* SHA-256 of spki */
	struct slice id; /* subjectKeyIdentifier; may be empty */
};

/*
 * OK if the key signed `c'; that is then remembered. ERR_MALFORMED: it did
 * not, which is remembered as well, since hashing a million entries takes
 * tens of milliseconds. ERR_NO_MEMORY. Any thread.
 */
enum err crl_list_check_key(struct crl_list *c,
    const struct crl_key *key) MUST_CHECK;

#endif
