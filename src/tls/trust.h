/* SPDX-License-Identifier: ISC */
/*
 * The client CAs of a profile: as the library's store for checking
 * signatures, and as plain fields for following a chain that was checked
 * before. Frozen once made; one owner.
 */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include <openssl/pool.h>
#include <openssl/x509.h>

#include "config/types.h"
#include "domain/cert.h"
#include "tls/der.h"
#include "tls/load.h"

/* A certificate in a chain, its hashes worked out. */
struct tls_link {
	CRYPTO_BUFFER *buffer; /* borrowed, or counted in a tls_trust */
	struct tls_der der; /* slices into buffer */
	uint8_t sha256[CERT_SHA256_LEN]; /* of the DER */
	uint8_t key[CERT_SHA256_LEN]; /* of the SubjectPublicKeyInfo */
	/* The dates that count, seconds since 1970: its own; for one of a
	 * tls_trust the first and the last of all there with its name and its
	 * key, for a CA that was renewed is one CA. */
	int64_t not_before;
	int64_t not_after;
};

struct tls_ca {
	struct tls_link link;
	X509 *x509; /* counted; also in the store */
	const char *file; /* borrowed from tls_trust.files */
};

struct tls_trust {
	X509_STORE *store; /* owned */
	struct tls_ca *cas; /* owned */
	size_t count;
	char **files; /* owned, each owned */
	size_t file_count;
	uint8_t hash[CERT_SHA256_LEN]; /* of the set, in any order */
};

/* Fills `link' from a certificate. ERR_MALFORMED. */
enum err tls_link_init(struct tls_link *link, CRYPTO_BUFFER *cert) MUST_CHECK;

/*
 * Which CA the certificate is of: a hash of its key and its name, whichever way
 * that is written. The one thing that two certificates of a CA that was renewed
 * have in common, and that nobody has who has not the CA's key.
 */
void tls_link_ca(const struct tls_link *link, uint8_t ca[CERT_SHA256_LEN]);

/* Is it the same for both? */
bool tls_link_same_ca(const struct tls_link *a, const struct tls_link *b);

/* Reads the CAs of all `files'. ERR_CONFIG with complaints, ERR_NO_MEMORY;
 * *out is NULL then. */
enum err tls_trust_load(struct tls_trust **out, const struct config_list *files,
    const struct tls_load_report *say) MUST_CHECK;

/* NULL is fine. */
void tls_trust_free(struct tls_trust *t);

/* The CA with these very bytes, or NULL. */
const struct tls_ca *tls_trust_find(const struct tls_trust *t,
    const struct tls_link *link);

/* Their names, for the request to the client; the caller's. NULL: no
 * memory. */
STACK_OF(CRYPTO_BUFFER) * tls_trust_names(const struct tls_trust *t);

#endif
