/* SPDX-License-Identifier: ISC */
/*
 * The fields of a certificate, found in its DER without decoding the rest:
 * slices into the caller's bytes, no allocation. It checks structure, not
 * meaning; whether a certificate is to be trusted is verify.h's business.
 */
#ifndef TLS_DER_H
#define TLS_DER_H

#include <openssl/bytestring.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* All slices point into the DER that was parsed. */
struct tls_der {
	struct slice der; /* the whole certificate */
	struct slice algorithm; /* of the signature, tag included */
	struct slice serial; /* INTEGER content */
	struct slice issuer; /* the Name, tag included */
	struct slice subject;
	uint64_t issuer_hash; /* see tls_der_name_print() */
	uint64_t subject_hash;
	struct slice spki; /* SubjectPublicKeyInfo, tag included */
	struct slice sans; /* content of SubjectAltName's SEQUENCE; may be
			    * empty */
	int64_t not_before; /* seconds since 1970 */
	int64_t not_after;
	bool v3; /* extensions could tell what it is for */
	bool has_constraints; /* basicConstraints is there ... */
	bool ca; /* ... and says CA */
	long path_len; /* -1: no bound */
};

/* Finds the fields. ERR_MALFORMED when the structure is not X.509's (RFC 5280
 * 4.1), or an extension named above is broken or there twice. */
enum err tls_der_parse(struct tls_der *out, struct slice der) MUST_CHECK;

/*
 * A number that is the same for all Names that are one by the rules of RFC
 * 5280 7.1, where string type, letter case and blanks do not count: the
 * library goes by them, so bytes that differ do not say that names do. The
 * other way round it says nothing.
 */
uint64_t tls_der_name_hash(struct slice name);

/* Takes a UTCTime or GeneralizedTime, as RFC 5280 4.1.2.5 restricts them, as
 * seconds since 1970. */
enum err tls_der_time(CBS *cbs, int64_t *out) MUST_CHECK;

/* What is left in `cbs' as a slice. */
static inline struct slice
tls_der_slice(const CBS *cbs)
{
	return slice_make(CBS_data(cbs), CBS_len(cbs));
}

/* A CBS over a slice. */
static inline CBS
tls_der_cbs(struct slice s)
{
	CBS cbs;

	CBS_init(&cbs, s.data, s.len);
	return cbs;
}

/* How to check a signature. */
struct tls_algorithm {
	const EVP_MD *md; /* NULL: the scheme has its own */
	bool is_pss;
};

/* Finds the algorithm of an AlgorithmIdentifier (DER); false: it is not one
 * that is taken. */
bool tls_algorithm_find(struct tls_algorithm *out, struct slice identifier);

/* Why the key of a SubjectPublicKeyInfo (DER) is too weak, static; NULL: it is
 * not, or it is of no kind that we measure. */
const char *tls_algorithm_key_weakness(struct slice spki);

#endif
