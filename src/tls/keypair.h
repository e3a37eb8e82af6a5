/* SPDX-License-Identifier: ISC */
/*
 * A server certificate with its chain, private key and OCSP response.
 */
#ifndef TLS_KEYPAIR_H
#define TLS_KEYPAIR_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "tls/load.h"
#include "tls/pkcs11_key.h"
#include "tls/trust.h"

/* The kinds of keys that can be used, for messages. */
#define TLS_KEYPAIR_KINDS \
	"usable are RSA, Ed25519 and EC keys on P-256, P-384 and P-521"

struct tls_keypair_cert {
	struct tls_cert cert; /* cert.buffer is counted */
	unsigned line; /* in the file; 0 in DER */
};

struct tls_keypair {
	struct tls_keypair_cert *certs; /* owned; leaf first, then its chain */
	size_t count;
	EVP_PKEY *key; /* counted; with a token only its public half */
	struct tls_pkcs11_key
	    *pkcs11; /* counted; NULL: the key was in a file */
	uint8_t *ocsp; /* owned; NULL: nothing to staple */
	size_t ocsp_len;
	int64_t ocsp_end; /* its nextUpdate; INT64_MAX: not stated */
	atomic_bool ocsp_end_logged; /* its end was logged */
	char *ocsp_file; /* owned */
	char *file; /* owned */
};

/*
 * Reads a certificate file, its key (a file, or a PKCS#11 URI, whose token is
 * asked for a signature) and its OCSP response into `p', which must
 * be zeroed. `ocsp' may be NULL. ERR_CONFIG after errors were reported to
 * `report', ERR_NO_MEMORY. Call tls_keypair_fini() in either case.
 */
enum err tls_keypair_load(struct tls_keypair *p, const char *certificate,
    const char *key, const char *ocsp,
    const struct tls_load_report *report) MUST_CHECK;

/* Frees what `p' owns. */
void tls_keypair_fini(struct tls_keypair *p);

/* Makes `p' the certificate of all connections of `ctx'. */
enum err tls_keypair_use(const struct tls_keypair *p, SSL_CTX *ctx) MUST_CHECK;

/* Makes `p' the certificate of this connection. */
enum err tls_keypair_use_once(const struct tls_keypair *p, SSL *ssl) MUST_CHECK;

/* Makes the library send the OCSP response on this connection if it is still
 * valid. The first time that it is not, logs that. */
void tls_keypair_staple(struct tls_keypair *p, SSL *ssl);

enum tls_ocsp_status {
	TLS_OCSP_GOOD,
	TLS_OCSP_REVOKED,
	TLS_OCSP_UNKNOWN /* the responder does not know the certificate */
};

/* What an OCSP response says about one certificate. */
struct tls_ocsp {
	enum tls_ocsp_status status;
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* INT64_MAX: not stated */
};

/*
 * Finds what `response' (DER, RFC 6960 4.2.1) says about the certificate with
 * this serial (DER INTEGER content). The signature is left to the clients.
 * ERR_MALFORMED if it is not a successful response, ERR_NOT_FOUND if it is
 * about other certificates only.
 */
enum err tls_ocsp_find(struct tls_ocsp *out, struct slice response,
    struct slice serial) MUST_CHECK;

#endif
