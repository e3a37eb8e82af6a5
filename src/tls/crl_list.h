/* SPDX-License-Identifier: ISC */
/*
 * One certificate revocation list: its bytes and an index of the serials in
 * them. Frozen once parsed, but for the mark that its signature was checked;
 * counted, since the sets before and after a reload share it.
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

/* Was the signature checked? */
enum crl_signed {
	CRL_SIGNED_UNKNOWN, /* no key was there to check it with */
	CRL_SIGNED_YES /* by the key whose hash is in crl_list.key */
};

/* Slices point into der. */
struct crl_list {
	atomic_uint refs;
	pthread_mutex_t lock; /* guards the two below until they are set */
	_Atomic enum crl_signed is_signed;
	uint8_t key[CERT_SHA256_LEN]; /* of the issuer's SPKI; set before
				       * is_signed, once */
	char *file; /* owned */
	uint8_t *der; /* owned */
	size_t der_len;
	struct slice tbs; /* what is signed */
	struct slice algorithm; /* AlgorithmIdentifier */
	struct slice signature;
	struct slice issuer; /* the Name, tag included */
	uint64_t issuer_hash; /* see tls_der_name_print() */
	struct slice authority; /* keyIdentifier of its key; empty: none */
	struct slice number; /* INTEGER content; empty: none */
	struct slice scope; /* IssuingDistributionPoint; empty: all */
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* INT64_MAX: none */
	bool leaf_only; /* covers certificates that are no CA's */
	bool ca_only; /* covers CA certificates */
	uint32_t *slots; /* owned; offsets of serials in der, 0 = free */
	uint32_t mask; /* slots - 1, a power of two less one */
	size_t count; /* revoked certificates */
};

/*
 * Parses and indexes a CRL in DER (copied). ERR_MALFORMED with `*text' static
 * English for what is wrong with it, also for a CRL that we must not use: one
 * that is indirect, a delta, for some reasons only, or with an unknown
 * critical extension (RFC 5280 5.2). ERR_NO_MEMORY. Count of one.
 */
enum err crl_list_parse(struct crl_list **out, struct slice der,
    const char *file, const char **text) MUST_CHECK;

/* Takes a count more and returns `c'. Any thread. */
struct crl_list *crl_list_get(struct crl_list *c);

/* Gives a count back; the last one frees. Any thread; NULL is fine. */
void crl_list_put(struct crl_list *c);

/* Is this serial (INTEGER content) in it? */
bool crl_list_has(const struct crl_list *c, struct slice serial);

/* Has it begun, and not ended `grace' seconds ago? */
bool crl_list_in_force(const struct crl_list *c, int64_t now, int64_t grace);

/* Is `a' older than `b', by CRL number, or by thisUpdate without numbers? */
bool crl_list_older(const struct crl_list *a, const struct crl_list *b);

/* Are they the same issuer's, for the same certificates? Of two keys of one
 * name (RFC 5280 5.2.1) each has lists of its own: known keys are compared,
 * and what the lists say of them until both are known. */
bool crl_list_same(const struct crl_list *a, const struct crl_list *b);

/*
 * Did the key in `spki' (SubjectPublicKeyInfo, DER) sign `c'? If so, `c' is
 * marked as signed by it, under `key', the SHA-256 of spki. `*text', static,
 * says why not. Any thread.
 */
bool crl_signed_by(struct crl_list *c, struct slice spki,
    const uint8_t key[CERT_SHA256_LEN], const char **text);

#endif
