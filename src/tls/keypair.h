/*
 * A server certificate with its chain, private key and OCSP response.
 */
#ifndef TLS_KEYPAIR_H
#define TLS_KEYPAIR_H

#include <openssl/ssl.h>

#include "tls/load.h"
#include "tls/trust.h"

struct tls_keypair {
	CRYPTO_BUFFER **chain; /* owned, each counted; leaf first */
	size_t chain_count;
	EVP_PKEY *key; /* counted */
	uint8_t *ocsp; /* owned; NULL: nothing to staple */
	size_t ocsp_len;
	struct tls_link leaf; /* of chain[0] */
	char *file; /* owned */
};

/*
 * Reads a pair into `p' (zeroed); `ocsp' may be NULL. ERR_CONFIG with
 * complaints, ERR_NO_MEMORY. tls_keypair_fini() either way.
 */
enum err tls_keypair_load(struct tls_keypair *p, const char *certificate,
    const char *key, const char *ocsp,
    const struct tls_load_report *say) MUST_CHECK;

/* Frees what `p' owns. */
void tls_keypair_fini(struct tls_keypair *p);

/* Makes `p' what every connection of `ctx' serves. */
enum err tls_keypair_use(const struct tls_keypair *p, SSL_CTX *ctx) MUST_CHECK;

/* Makes `p' what this connection serves. */
enum err tls_keypair_use_once(const struct tls_keypair *p, SSL *ssl) MUST_CHECK;

#endif
