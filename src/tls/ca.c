#include "tls/ca.h"

#include <string.h>

#include "tls/ctx_body.h"
#include "tls/load.h"

enum err
tls_ca_read(const char *path, uint8_t ca[CERT_SHA256_LEN])
{
	STACK_OF(CRYPTO_BUFFER) * certs;
	struct tls_link link;
	enum err err = tls_load_certs(&certs, path);

	if (err != OK)
		return err;
	err = sk_CRYPTO_BUFFER_num(certs) == 1
	    ? tls_link_init(&link, sk_CRYPTO_BUFFER_value(certs, 0))
	    : ERR_LIMIT;
	if (err == OK)
		tls_link_ca(&link, ca);
	tls_load_free(certs);
	return err;
}

bool
tls_ca_is_trusted(const struct tls_ctx *ctx, const uint8_t ca[CERT_SHA256_LEN])
{
	uint8_t other[CERT_SHA256_LEN];
	size_t i;

	for (i = 0; i < ctx->trust->count; i++) {
		tls_link_ca(&ctx->trust->cas[i].link, other);
		if (memcmp(other, ca, sizeof(other)) == 0)
			return true;
	}
	return false;
}
