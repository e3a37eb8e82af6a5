/*
 * The choice by a ClientHello, read before the library has looked at it.
 */
#include "tls/choose.h"

#include <openssl/nid.h>
#include <string.h>
#include <strings.h>

#define TAG_DNS (CBS_ASN1_CONTEXT_SPECIFIC | 2)

/* Ranks of the choice, best first. */
#define RANK_USABLE 4
#define RANK_NAMED 2
#define RANK_CHEAP 1

/* Does `pattern' of a certificate name `host'? RFC 6125 6.4.3: a star stands
 * for exactly the leftmost label. */
static bool
name_matches(struct slice pattern, struct slice host)
{
	const uint8_t *dot;

	if (pattern.len > 2 && pattern.data[0] == '*' &&
	    pattern.data[1] == '.') {
		dot = host.len == 0 ? NULL : memchr(host.data, '.', host.len);
		if (dot == NULL || dot == host.data)
			return false;
		host = slice_make(dot, host.len - (size_t)(dot - host.data));
		pattern = slice_make(pattern.data + 1, pattern.len - 1);
	}
	return pattern.len == host.len && pattern.len > 0 &&
	    strncasecmp((const char *)pattern.data, (const char *)host.data,
		host.len) == 0;
}

/* Looks through the SubjectAltName; *any says whether it has DNS names. */
static bool
san_matches(const struct tls_der *der, struct slice host, bool *any)
{
	CBS all = tls_der_cbs(der->sans), value;
	unsigned tag;

	*any = false;
	while (CBS_get_any_asn1(&all, &value, &tag)) {
		if (tag != TAG_DNS)
			continue;
		*any = true;
		if (name_matches(tls_der_slice(&value), host))
			return true;
	}
	return false;
}

/* Looks through the CNs, which count only without DNS names. */
static bool
cn_matches(const struct tls_der *der, struct slice host)
{
	CBS all = tls_der_cbs(der->subject), rdns, rdn, pair, oid, value;

	if (!CBS_get_asn1(&all, &rdns, CBS_ASN1_SEQUENCE))
		return false;
	while (CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET))
		while (CBS_get_asn1(&rdn, &pair, CBS_ASN1_SEQUENCE))
			if (CBS_get_asn1(&pair, &oid, CBS_ASN1_OBJECT) &&
			    slice_equal(tls_der_slice(&oid),
				slice_str(CERT_OID_CN)) &&
			    CBS_get_any_asn1(&pair, &value, NULL) &&
			    name_matches(tls_der_slice(&value), host))
				return true;
	return false;
}

static bool
is_named(const struct tls_keypair *p, struct slice host)
{
	bool any;

	if (host.len == 0)
		return false;
	return san_matches(&p->leaf.der, host, &any) ||
	    (!any && cn_matches(&p->leaf.der, host));
}

/* An extension of the ClientHello; false when it is not there. */
static bool
find_extension(const SSL_CLIENT_HELLO *hello, uint16_t type, CBS *out)
{
	const uint8_t *data;
	size_t len;

	if (!SSL_early_callback_ctx_extension_get(hello, type, &data, &len))
		return false;
	CBS_init(out, data, len);
	return true;
}

/* Will it be TLS 1.3? */
static bool
speaks_1_3(const SSL_CLIENT_HELLO *hello)
{
	CBS ext, list;
	uint16_t version;

	if (SSL_get_max_proto_version(hello->ssl) < TLS1_3_VERSION ||
	    !find_extension(hello, TLSEXT_TYPE_supported_versions, &ext) ||
	    !CBS_get_u8_length_prefixed(&ext, &list))
		return false;
	while (CBS_get_u16(&list, &version))
		if (version == TLS1_3_VERSION)
			return true;
	return false;
}

/* Does the client offer a TLS 1.2 suite with that kind of certificate? */
static bool
offers_suite(const SSL_CLIENT_HELLO *hello, bool ecdsa)
{
	const SSL_CIPHER *cipher;
	uint16_t id;
	CBS list;

	CBS_init(&list, hello->cipher_suites, hello->cipher_suites_len);
	while (CBS_get_u16(&list, &id)) {
		cipher = SSL_get_cipher_by_value(id);
		if (cipher != NULL &&
		    SSL_CIPHER_get_auth_nid(cipher) ==
			(ecdsa ? NID_auth_ecdsa : NID_auth_rsa))
			return true;
	}
	return false;
}

/* Can a key of this type make a signature of this scheme? RFC 8446 4.2.3. */
static bool
can_sign(int type, uint16_t scheme, bool tls13)
{
	switch (type) {
	case EVP_PKEY_EC:
		return scheme == SSL_SIGN_ECDSA_SECP256R1_SHA256 ||
		    scheme == SSL_SIGN_ECDSA_SECP384R1_SHA384 ||
		    scheme == SSL_SIGN_ECDSA_SECP521R1_SHA512;
	case EVP_PKEY_ED25519:
		return scheme == SSL_SIGN_ED25519;
	default:
		if (scheme == SSL_SIGN_RSA_PSS_RSAE_SHA256 ||
		    scheme == SSL_SIGN_RSA_PSS_RSAE_SHA384 ||
		    scheme == SSL_SIGN_RSA_PSS_RSAE_SHA512)
			return true;
		return !tls13 &&
		    (scheme == SSL_SIGN_RSA_PKCS1_SHA256 ||
			scheme == SSL_SIGN_RSA_PKCS1_SHA384 ||
			scheme == SSL_SIGN_RSA_PKCS1_SHA512);
	}
}

/* Can the client check what this key signs? */
static bool
is_usable(const struct tls_keypair *p, const SSL_CLIENT_HELLO *hello)
{
	int type = EVP_PKEY_id(p->key);
	bool tls13 = speaks_1_3(hello);
	uint16_t scheme;
	CBS ext, list;

	if (!tls13 && !offers_suite(hello, type != EVP_PKEY_RSA))
		return false;
	if (!find_extension(hello, TLSEXT_TYPE_signature_algorithms, &ext) ||
	    !CBS_get_u16_length_prefixed(&ext, &list))
		return type == EVP_PKEY_RSA; /* a very old client */
	while (CBS_get_u16(&list, &scheme))
		if (can_sign(type, scheme, tls13))
			return true;
	return false;
}

const struct tls_keypair *
tls_keypair_choose(const struct tls_keypair *pairs, size_t count,
    const SSL_CLIENT_HELLO *hello)
{
	const char *name =
	    SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
	struct slice host =
	    name == NULL ? slice_make(NULL, 0) : slice_str(name);
	const struct tls_keypair *best = pairs;
	int rank, best_rank = -1;
	size_t i;

	for (i = 0; i < count; i++) {
		rank = (is_usable(&pairs[i], hello) ? RANK_USABLE : 0) +
		    (is_named(&pairs[i], host) ? RANK_NAMED : 0) +
		    (EVP_PKEY_id(pairs[i].key) != EVP_PKEY_RSA ? RANK_CHEAP
							       : 0);
		if (rank > best_rank) {
			best = &pairs[i];
			best_rank = rank;
		}
	}
	return best;
}
