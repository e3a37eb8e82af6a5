/* SPDX-License-Identifier: ISC */
/*
 * The client CAs of a profile (client_ca). Immutable once loaded; one owner;
 * read by all threads.
 */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include <openssl/pool.h>
#include <openssl/x509.h>

#include "config/types.h"
#include "domain/cert.h"
#include "tls/der.h"
#include "tls/load.h"

/* A certificate, parsed and hashed. */
struct tls_cert {
	CRYPTO_BUFFER *buffer; /* borrowed; counted in a tls_trust */
	struct tls_der der; /* slices into buffer */
	uint8_t sha256[CERT_SHA256_LEN]; /* of the DER */
	uint8_t key[CERT_SHA256_LEN]; /* of the SubjectPublicKeyInfo */
	/* The dates that apply, seconds since 1970: the certificate's own. For
	 * a CA of a tls_trust the earliest and the latest of all its
	 * certificates there: a CA that was renewed is still one CA. */
	int64_t not_before;
	int64_t not_after;
};

/* A certificate of client_ca. */
struct tls_ca {
	struct tls_cert cert; /* first: verify.c converts between the two */
	X509 *x509; /* owned */
	const char *file; /* borrowed from tls_trust.files */
	unsigned line; /* where it begins there, from 1 */
	size_t number; /* of the certificate there, from 1 */
	/* Which certificates of the same tls_trust issued this one, by their
	 * signature; of several that stand for one another, one. */
	const struct tls_ca **issuers; /* owned */
	size_t issuer_count;
};

struct tls_trust {
	struct tls_ca *cas; /* owned */
	size_t count;
	char **files; /* owned, each owned */
	size_t file_count;
	uint8_t hash[CERT_SHA256_LEN]; /* of the set, in any order */
};

/* Parses and hashes a certificate; `buffer' has to outlive `cert'.
 * ERR_MALFORMED. */
enum err tls_cert_init(struct tls_cert *cert, CRYPTO_BUFFER *buffer) MUST_CHECK;

/*
 * Identifies the CA of a certificate: a hash of its key and its normalised
 * name. It is the same for a CA's certificate and for its renewal, and cannot
 * be reached without the CA's key.
 */
void tls_cert_ca(const struct tls_cert *cert, uint8_t ca[CERT_SHA256_LEN]);

/* True if both certificates are of one CA: name and key are the same. */
bool tls_cert_same_ca(const struct tls_cert *a, const struct tls_cert *b);

/* True if the certificate names itself as its issuer. */
bool tls_cert_self_issued(const struct tls_cert *cert);

/*
 * True if the certificate may issue others, with `below' intermediate CAs
 * between it and the leaf (RFC 5280 6.1.4 (k), (l), (m)). A certificate that
 * could carry basicConstraints but does not is no CA: this excludes
 * self-signed device certificates. A self-issued version 1 certificate cannot
 * carry it and counts as an old root.
 */
bool tls_cert_may_issue(const struct tls_cert *cert, long below);

/*
 * True if it makes no difference which of the two a path ends at: self-signed
 * certificates of one CA with the same limits. Certificates that others issued
 * do not qualify, since one of them may be revoked.
 */
bool tls_cert_interchangeable(const struct tls_cert *a,
    const struct tls_cert *b);

/* Reads the CAs of all `files'. ERR_CONFIG after reporting all errors;
 * ERR_NO_MEMORY. *out is NULL then. */
enum err tls_trust_load(struct tls_trust **out, const struct config_list *files,
    const struct tls_load_report *report) MUST_CHECK;

/* NULL is allowed. */
void tls_trust_free(struct tls_trust *t);

#define TLS_OID_MAX 80

/* True if the certificate has a critical extension that the TLS library does
 * not support; writes its OID. */
bool tls_trust_find_critical(const X509 *cert, char oid[TLS_OID_MAX]);

/* Returns the CA with the same bytes as `cert', or NULL. */
const struct tls_ca *tls_trust_find(const struct tls_trust *t,
    const struct tls_cert *cert);

/* Returns the CAs' names, for the request to the client; the caller frees them
 * with tls_load_free(). NULL: out of memory. */
STACK_OF(CRYPTO_BUFFER) * tls_trust_names(const struct tls_trust *t);

#endif
