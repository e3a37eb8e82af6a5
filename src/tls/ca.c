#include "tls/ca.h"

#include <openssl/sha.h>
#include <string.h>

#include "tls/load.h"

enum err
tls_ca_sha256(const char *path, uint8_t sha256[CERT_SHA256_LEN])
{
	STACK_OF(CRYPTO_BUFFER) * certs;
	const CRYPTO_BUFFER *cert;
	enum err err = tls_load_certs(&certs, path);

	if (err != OK)
		return err;
	if (sk_CRYPTO_BUFFER_num(certs) == 1) {
		cert = sk_CRYPTO_BUFFER_value(certs, 0);
		SHA256(CRYPTO_BUFFER_data(cert), CRYPTO_BUFFER_len(cert),
		    sha256);
	} else {
		err = ERR_LIMIT;
	}
	tls_load_free(certs);
	return err;
}

struct search {
	const uint8_t *sha256;
	bool found;
};

static void
compare(const struct tls_cert_info *info, void *arg)
{
	struct search *s = arg;

	if (info->role == TLS_CERT_CLIENT_CA &&
	    memcmp(info->sha256, s->sha256, CERT_SHA256_LEN) == 0)
		s->found = true;
}

bool
tls_ca_is_trusted(const struct tls_ctx *ctx,
    const uint8_t sha256[CERT_SHA256_LEN])
{
	struct search s = { sha256, false };

	tls_ctx_each_cert(ctx, compare, &s);
	return s.found;
}
