#include "tls/algorithm.h"

#include <string.h>

#include "tls/der.h"

/* What NIST (SP 800-131A) and OpenSSL ask for today. */
#define RSA_BITS_MIN 2048

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

bool
tls_algorithm_find(struct tls_algorithm *out, struct slice identifier)
{
	CBS all = tls_der_cbs(identifier), seq, oid;
	const struct algorithm *a;
	size_t i;

	if (!CBS_get_asn1(&all, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&seq, &oid, CBS_ASN1_OBJECT))
		return false;
	for (i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		a = &algorithms[i];
		if (!CBS_mem_equal(&oid, a->oid, a->oid_len))
			continue;
		out->is_pss = a->scheme == SCHEME_PSS;
		out->md = out->is_pss ? pss_digest(seq) : digest_of(a->bits);
		return out->md != NULL || a->scheme == SCHEME_ED25519;
	}
	return false;
}

/* Bits of an RSA key's modulus; 0: it is no RSA key. */
static size_t
rsa_bits(struct slice spki)
{
	static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1,
		1 };
	CBS all = tls_der_cbs(spki), seq, algorithm, oid, bits, key, n;
	uint8_t byte = 0;
	size_t count;

	if (!CBS_get_asn1(&all, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&seq, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&algorithm, &oid, CBS_ASN1_OBJECT) ||
	    !CBS_mem_equal(&oid, rsa, sizeof(rsa)) ||
	    !CBS_get_asn1(&seq, &bits, CBS_ASN1_BITSTRING) ||
	    !CBS_skip(&bits, 1) ||
	    !CBS_get_asn1(&bits, &key, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&key, &n, CBS_ASN1_INTEGER))
		return 0;
	while (byte == 0 && CBS_get_u8(&n, &byte))
		continue;
	for (count = CBS_len(&n) * 8; byte != 0; byte >>= 1)
		count++;
	return count;
}

const char *
tls_algorithm_key_weakness(struct slice spki)
{
	size_t bits = rsa_bits(spki);

	return bits == 0 || bits >= RSA_BITS_MIN
	    ? NULL
	    : "an RSA key of less than 2048 bits";
}
