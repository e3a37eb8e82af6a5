/* SPDX-License-Identifier: ISC */
/*
 * X.509 structure: the fields of a certificate, names, times, signature
 * algorithms and keys, found in DER without building objects. Results are
 * slices into the caller's bytes. Nothing here decides about trust; that is
 * verify.h's task.
 */
#ifndef TLS_DER_H
#define TLS_DER_H

#include <openssl/bytestring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* All slices point into the DER that was parsed. An optional field that the
 * certificate does not have is empty. */
struct tls_der {
	struct slice der; /* the whole certificate */
	struct slice tbs; /* TBSCertificate, tag included: what is signed */
	struct slice tbs_algorithm; /* AlgorithmIdentifier within it */
	struct slice algorithm; /* AlgorithmIdentifier of the signature */
	struct slice signature; /* the BIT STRING's bytes */
	struct slice serial; /* INTEGER content */
	struct slice issuer; /* the Name, tag included */
	struct slice subject;
	uint64_t issuer_hash; /* see tls_der_name_hash() */
	uint64_t subject_hash;
	struct slice spki; /* SubjectPublicKeyInfo, tag included */
	struct slice sans; /* content of SubjectAltName's SEQUENCE */
	struct slice crl_points; /* content of cRLDistributionPoints */
	struct slice key_id; /* subjectKeyIdentifier */
	struct slice issuer_key_id; /* authorityKeyIdentifier, keyIdentifier */
	struct slice issuer_id_oid; /* that extension's OID content */
	int64_t not_before; /* seconds since 1970 */
	int64_t not_after;
	bool v3; /* has extensions, or could have */
	bool has_constraints; /* basicConstraints is present ... */
	bool ca; /* ... and its cA is true */
	long path_len; /* pathLenConstraint; -1: none */
};

/*
 * Finds the fields. ERR_MALFORMED when the structure is not that of RFC 5280
 * 4.1, or when SubjectAltName, basicConstraints or cRLDistributionPoints is
 * damaged or present twice.
 */
enum err tls_der_parse(struct tls_der *out, struct slice der) MUST_CHECK;

/*
 * A hash that is equal for all encodings of one Name in the sense of RFC 5280
 * 7.1, where string type, letter case and blanks do not count. Different
 * hashes: different names. Equal hashes prove nothing.
 */
uint64_t tls_der_name_hash(struct slice name);

/* Room for any text that tls_der_name_text() writes. */
#define TLS_NAME_TEXT_MAX 128

/*
 * Writes a Name (tag included) for people, as "O=Example,CN=Root", in UTF-8.
 * Characters that a terminal would not show become '?'; a name that does not
 * fit ends in "...". Returns `out'.
 */
const char *tls_der_name_text(char out[TLS_NAME_TEXT_MAX], struct slice name);

/* Takes a UTCTime or GeneralizedTime in the form that RFC 5280 4.1.2.5 allows,
 * as seconds since 1970. ERR_MALFORMED, also for a date that does not exist. */
enum err tls_der_time(CBS *cbs, int64_t *out) MUST_CHECK;

/*
 * Returns why a signature with this AlgorithmIdentifier is not accepted, as
 * static text; NULL if it is. SHA-1 and older are refused: with a collision an
 * attacker gets one certificate signed and presents another.
 */
const char *tls_der_algorithm_weakness(struct slice algorithm);

/* Returns why the key of a SubjectPublicKeyInfo is too weak, as static text;
 * NULL if it is not, or if its kind is not measured. */
const char *tls_der_key_weakness(struct slice spki);

/* What a signature was checked over, and with what. */
struct tls_signed {
	struct slice data;
	struct slice algorithm; /* AlgorithmIdentifier */
	struct slice signature;
};

/*
 * Checks a signature by the key of the SubjectPublicKeyInfo `spki'. OK;
 * ERR_MALFORMED when it is not by that key or its algorithm is not accepted;
 * ERR_NO_MEMORY, which says nothing about the signature.
 */
enum err tls_der_check_signature(const struct tls_signed *s,
    struct slice spki) MUST_CHECK;

/* The rest of `cbs' as a slice. */
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

#endif
