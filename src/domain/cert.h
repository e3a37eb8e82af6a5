/* SPDX-License-Identifier: ISC */
/*
 * The contents of a verified client certificate as plain bytes. tls/ fills it
 * and identity/ reads it, so that neither depends on the other. All of it is
 * one allocation. Strings are as they were encoded: identity/ converts them to
 * UTF-8, and refuses those that cannot be converted.
 */
#ifndef DOMAIN_CERT_H
#define DOMAIN_CERT_H

#include "base/slice.h"

/* ASN.1 string types that may carry a name (X.680, RFC 5280 4.1.2.4). */
enum cert_string {
	CERT_STRING_UTF8,
	CERT_STRING_PRINTABLE,
	CERT_STRING_IA5,
	CERT_STRING_T61,
	CERT_STRING_BMP,
	CERT_STRING_UNIVERSAL,
	CERT_STRING_NUMERIC,
	CERT_STRING_OTHER /* not text */
};

/* id-at-commonName, 2.5.4.3, in the form of cert_attr.oid, for slice_str(). */
#define CERT_OID_CN "\x55\x04\x03"

/* One attribute of a distinguished name, in the certificate's order. */
struct cert_attr {
	struct slice oid; /* the OID's DER content bytes */
	struct slice value; /* content bytes of the string */
	struct slice value_der; /* tag, length and content, for RFC 4514 #hex */
	enum cert_string type;
	unsigned rdn; /* index of its RDN; attributes of one RDN are
		       * joined by + */
};

enum cert_san_kind {
	CERT_SAN_DNS,
	CERT_SAN_URI,
	CERT_SAN_EMAIL,
	CERT_SAN_IP
};

struct cert_san {
	enum cert_san_kind kind;
	struct slice value; /* IA5 text, or 4 / 16 address bytes */
};

#define CERT_SHA256_LEN 32
#define CERT_MD5_LEN 16

/*
 * A certificate that an ECDSA key signed has two forms: of a signature (r, s)
 * any person can make (r, n - s), which is as valid, and so a second
 * certificate with another SHA-256. The TBSCertificate, which is what the CA
 * signed, is the same in both, and tbs_sha256 identifies the certificate. The
 * canonical form is the one with the smaller s; a certificate that another kind
 * of key signed is canonical as it is.
 */
struct cert {
	struct slice der; /* the whole certificate, in its canonical form */
	struct slice serial; /* DER INTEGER content bytes, big-endian */
	const struct cert_attr *subject;
	size_t subject_count;
	const struct cert_attr *issuer;
	size_t issuer_count;
	/* The subject of the CA of client_ca that the chain leads to, if
	 * another CA below it issued the certificate: the issuer's name is then
	 * that CA's own choice. */
	const struct cert_attr *anchor;
	size_t anchor_count;
	const struct cert_san *sans;
	size_t san_count;
	int64_t not_before; /* seconds since 1970 */
	int64_t not_after;
	int64_t chain_not_after; /* the earliest notAfter of the whole chain */
	uint8_t tbs_sha256[CERT_SHA256_LEN]; /* of the TBSCertificate */
	uint8_t sha256[CERT_SHA256_LEN]; /* of the certificate as it was sent */
	uint8_t other_form_sha256[CERT_SHA256_LEN]; /* of its other form; sha256
						     * if there is none */
	const uint8_t *canonical_sha256; /* of der: one of the two above */
	uint8_t spki[CERT_SHA256_LEN]; /* of the SubjectPublicKeyInfo */
	uint8_t md5[CERT_MD5_LEN]; /* of der */
	/* The CAs above the leaf, nearest first, trust anchor last, each as
	 * tls_cert_ca() identifies it. Selects profiles by issuer. */
	const uint8_t (*cas)[CERT_SHA256_LEN];
	size_t ca_count;
	/* SHA-256 of the certificates of the nearest CA: the one in the chain,
	 * then its others in client_ca. */
	const uint8_t (*issuer_certs)[CERT_SHA256_LEN];
	size_t issuer_cert_count;
};

#endif
