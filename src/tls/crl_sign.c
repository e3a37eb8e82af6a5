/*
 * Checks the signature over the raw bytes, without an object for the CRL.
 * SHA-1 and older are not taken: who can forge a CRL can let a thief in.
 */
#include "tls/crl_sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "tls/der.h"

#define TAG_PSS_HASH (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0)

enum scheme {
	SCHEME_PLAIN,
	SCHEME_PSS,
	SCHEME_ED25519
};

/* Signature algorithms by OID content (RFC 4055, 5758, 8410). */
static const struct algorithm {
	uint8_t oid[9];
	uint8_t oid_len;
	uint8_t bits; /* of the hash, by 32 */
	enum scheme scheme;
} algorithms[] = {
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 }, 8, 8, SCHEME_PLAIN },
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3 }, 8, 12, SCHEME_PLAIN },
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4 }, 8, 16, SCHEME_PLAIN },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11 }, 9, 8,
	    SCHEME_PLAIN },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12 }, 9, 12,
	    SCHEME_PLAIN },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13 }, 9, 16,
	    SCHEME_PLAIN },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10 }, 9, 0, SCHEME_PSS },
	{ { 0x2b, 0x65, 0x70 }, 3, 0, SCHEME_ED25519 },
};

static const EVP_MD *
digest_of(unsigned bits)
{
	switch (bits) {
	case 8:
		return EVP_sha256();
	case 12:
		return EVP_sha384();
	case 16:
		return EVP_sha512();
	default:
		return NULL;
	}
}

/* RSASSA-PSS-params: only the hash is looked at; the rest must be what goes
 * with it, or the signature will not fit. */
static const EVP_MD *
pss_digest(CBS params)
{
	/* 2.16.840.1.101.3.4.2.x: 1 SHA-256, 2 SHA-384, 3 SHA-512 */
	static const uint8_t sha2[] = { 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2 };
	CBS seq, wrapper, algorithm, oid;
	uint8_t which;

	if (!CBS_get_asn1(&params, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&seq, &wrapper, TAG_PSS_HASH) ||
	    !CBS_get_asn1(&wrapper, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&algorithm, &oid, CBS_ASN1_OBJECT) ||
	    CBS_len(&oid) != sizeof(sha2) + 1 ||
	    memcmp(CBS_data(&oid), sha2, sizeof(sha2)) != 0)
		return NULL;
	which = CBS_data(&oid)[sizeof(sha2)];
	return digest_of(which >= 1 && which <= 3 ? 4u + 4u * which : 0);
}

/* Finds algorithm and hash; NULL: not one we take. */
static const struct algorithm *
find_algorithm(struct slice identifier, const EVP_MD **md)
{
	CBS all = tls_der_cbs(identifier), seq, oid;
	size_t i;

	if (!CBS_get_asn1(&all, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&seq, &oid, CBS_ASN1_OBJECT))
		return NULL;
	for (i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (!CBS_mem_equal(&oid, algorithms[i].oid,
			algorithms[i].oid_len))
			continue;
		*md = algorithms[i].scheme == SCHEME_PSS
		    ? pss_digest(seq)
		    : digest_of(algorithms[i].bits);
		if (*md == NULL && algorithms[i].scheme != SCHEME_ED25519)
			return NULL;
		return &algorithms[i];
	}
	return NULL;
}

static bool
check(const struct crl_list *c, EVP_PKEY *key, const struct algorithm *a,
    const EVP_MD *md)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	bool good = false;

	if (ctx == NULL || !EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key))
		goto out;
	if (a->scheme == SCHEME_PSS &&
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
	const EVP_MD *md;
	const struct algorithm *a = find_algorithm(c->algorithm, &md);
	CBS cbs = tls_der_cbs(spki);
	EVP_PKEY *public;
	bool good;

	if (a == NULL) {
		*text = "its signature algorithm is not supported (SHA-256 or "
			"better, with RSA, ECDSA or Ed25519, is)";
		return false;
	}
	public = EVP_parse_public_key(&cbs);
	good = public != NULL && check(c, public, a, md);
	EVP_PKEY_free(public);
	ERR_clear_error();
	if (!good)
		*text = "its signature is not by the CA it names";
	return good && mark(c, key);
}
