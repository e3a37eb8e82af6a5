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

/* `*sure': a bad answer is the signature's fault, not want of memory. */
static bool
check(const struct crl_list *c, EVP_PKEY *key, const struct tls_algorithm *a,
    bool *sure)
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
	*sure = ERR_GET_REASON(ERR_peek_last_error()) != ERR_R_MALLOC_FAILURE;
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

/* Whoever has a namesake's certificate would else have the whole list hashed
 * with every handshake. */
static bool
is_other(struct crl_list *c, const uint8_t key[CERT_SHA256_LEN])
{
	bool found = false;
	unsigned i;

	pthread_mutex_lock(&c->lock);
	for (i = 0; i < CRL_OTHERS && i < c->others_count && !found; i++)
		found = memcmp(c->others[i], key, sizeof(c->others[i])) == 0;
	pthread_mutex_unlock(&c->lock);
	return found;
}

static void
note_other(struct crl_list *c, const uint8_t key[CERT_SHA256_LEN])
{
	pthread_mutex_lock(&c->lock);
	memcpy(c->others[c->others_count++ % CRL_OTHERS], key,
	    sizeof(c->others[0]));
	pthread_mutex_unlock(&c->lock);
}

bool
crl_signed_by(struct crl_list *c, struct slice spki,
    const uint8_t key[CERT_SHA256_LEN], const char **text)
{
	struct tls_algorithm a;
	CBS cbs = tls_der_cbs(spki);
	EVP_PKEY *public = NULL;
	bool good, sure = false;

	if (!tls_algorithm_find(&a, c->algorithm)) {
		*text = "its signature algorithm is not supported (SHA-256 or "
			"better, with RSA, ECDSA or Ed25519, is)";
		return false;
	}
	ERR_clear_error();
	if (!is_other(c, key))
	public = EVP_parse_public_key(&cbs);
	good = public != NULL && check(c, public, &a, &sure);
	EVP_PKEY_free(public);
	ERR_clear_error();
	if (!good)
		*text = "its signature is not by the CA it names";
	if (sure && !good)
		note_other(c, key);
	return good && mark(c, key);
}
