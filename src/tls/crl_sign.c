/*
 * Checks the signature over the raw bytes, without an object for the CRL.
 */
#include "tls/crl_sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "tls/algorithm.h"
#include "tls/der.h"

static bool
check(const struct crl_list *c, EVP_PKEY *key, const struct tls_algorithm *a)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	bool good = false;

	if (ctx == NULL || !EVP_DigestVerifyInit(ctx, &pctx, a->md, NULL, key))
		goto out;
	if (a->is_pss &&
	    (!EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) ||
		!EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, -1)))
		goto out;
	good = EVP_DigestVerify(ctx, c->signature.data, c->signature.len,
		   c->tbs.data, c->tbs.len) == 1;
out:
	EVP_MD_CTX_free(ctx);
	return good;
}

/* Notes the key, once; all who come here with a good one have the same. */
static bool
mark(struct crl_list *c, const uint8_t key[CERT_SHA256_LEN])
{
	bool same;

	pthread_mutex_lock(&c->lock);
	if (atomic_load(&c->is_signed) != CRL_SIGNED_YES) {
		memcpy(c->key, key, sizeof(c->key));
		atomic_store_explicit(&c->is_signed, CRL_SIGNED_YES,
		    memory_order_release);
	}
	same = memcmp(c->key, key, sizeof(c->key)) == 0;
	pthread_mutex_unlock(&c->lock);
	return same;
}

bool
crl_signed_by(struct crl_list *c, struct slice spki,
    const uint8_t key[CERT_SHA256_LEN], const char **text)
{
	struct tls_algorithm a;
	CBS cbs = tls_der_cbs(spki);
	EVP_PKEY *pkey;
	bool good;

	if (!tls_algorithm_find(&a, c->algorithm)) {
		*text = "its signature algorithm is not supported (SHA-256 or "
			"better, with RSA, ECDSA or Ed25519, is)";
		return false;
	}
	pkey = EVP_parse_public_key(&cbs);
	good = pkey != NULL && check(c, pkey, &a);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (!good)
		*text = "its signature is not by the CA it names";
	return good && mark(c, key);
}
