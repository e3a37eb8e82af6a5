/* SPDX-License-Identifier: ISC */
/*
 * X.509 by BoringSSL's byte strings: a walk along the certificate, written so
 * that hostile bytes can at worst be refused.
 */
#include "tls/der.h"

#include <string.h>

#define TAG_EXTENSIONS (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 3)
#define TAG_VERSION (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0)
#define TAG_ISSUER_ID (CBS_ASN1_CONTEXT_SPECIFIC | 1)
#define TAG_SUBJECT_ID (CBS_ASN1_CONTEXT_SPECIFIC | 2)

/* The extensions looked into: id-ce 17 and 19, as DER content. */
static const uint8_t oid_san[] = { 0x55, 0x1d, 0x11 };
static const uint8_t oid_basic_constraints[] = { 0x55, 0x1d, 0x13 };

/* Takes `count' decimal digits as a number, or -1. */
static int
take_digits(CBS *cbs, int count)
{
	int value = 0;
	uint8_t c;

	while (count-- > 0) {
		if (!CBS_get_u8(cbs, &c) || c < '0' || c > '9')
			return -1;
		value = value * 10 + (c - '0');
	}
	return value;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t
days_to(int year, int month, int day)
{
	/* Years begin in March here, so that the leap day comes last. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

enum err
tls_der_time(CBS *cbs, int64_t *out)
{
	int year, month, day, hour, minute, second;
	unsigned tag;
	uint8_t zone;
	CBS text;

	if (!CBS_get_any_asn1(cbs, &text, &tag) ||
	    (tag != CBS_ASN1_UTCTIME && tag != CBS_ASN1_GENERALIZEDTIME))
		return ERR_MALFORMED;
	year = take_digits(&text, tag == CBS_ASN1_UTCTIME ? 2 : 4);
	if (tag == CBS_ASN1_UTCTIME && year >= 0)
		year += year < 50 ? 2000 : 1900;
	month = take_digits(&text, 2);
	day = take_digits(&text, 2);
	hour = take_digits(&text, 2);
	minute = take_digits(&text, 2);
	second = take_digits(&text, 2);
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
	    second > 59 || !CBS_get_u8(&text, &zone) || zone != 'Z' ||
	    CBS_len(&text) != 0)
		return ERR_MALFORMED;
	*out = ((days_to(year, month, day) * 24 + hour) * 60 + minute) * 60 +
	    second;
	return OK;
}

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE,
 * pathLenConstraint INTEGER OPTIONAL } */
static enum err
parse_constraints(struct tls_der *out, CBS value)
{
	CBS seq;
	uint64_t path_len;
	int ca = 0;

	if (out->has_constraints ||
	    !CBS_get_asn1(&value, &seq, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&value) != 0)
		return ERR_MALFORMED;
	if (CBS_peek_asn1_tag(&seq, CBS_ASN1_BOOLEAN) &&
	    !CBS_get_asn1_bool(&seq, &ca))
		return ERR_MALFORMED;
	if (CBS_len(&seq) != 0) {
		if (!CBS_get_asn1_uint64(&seq, &path_len) || CBS_len(&seq) != 0)
			return ERR_MALFORMED;
		out->path_len = path_len > 255 ? 255 : (long)path_len;
	}
	out->has_constraints = true;
	out->ca = ca != 0;
	return OK;
}

static enum err
parse_sans(struct tls_der *out, CBS value)
{
	CBS seq;

	if (out->sans.data != NULL ||
	    !CBS_get_asn1(&value, &seq, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&value) != 0)
		return ERR_MALFORMED;
	out->sans = tls_der_slice(&seq);
	return OK;
}

/* Extension ::= SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE,
 * extnValue OCTET STRING } */
static enum err
parse_extension(struct tls_der *out, CBS *list)
{
	CBS ext, oid, value;
	int critical = 0;

	if (!CBS_get_asn1(list, &ext, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&ext, &oid, CBS_ASN1_OBJECT) ||
	    (CBS_peek_asn1_tag(&ext, CBS_ASN1_BOOLEAN) &&
		!CBS_get_asn1_bool(&ext, &critical)) ||
	    !CBS_get_asn1(&ext, &value, CBS_ASN1_OCTETSTRING) ||
	    CBS_len(&ext) != 0)
		return ERR_MALFORMED;
	if (CBS_mem_equal(&oid, oid_san, sizeof(oid_san)))
		return parse_sans(out, value);
	if (CBS_mem_equal(&oid, oid_basic_constraints,
		sizeof(oid_basic_constraints)))
		return parse_constraints(out, value);
	return OK;
}

/* What follows the SubjectPublicKeyInfo. */
static enum err
parse_tail(struct tls_der *out, CBS *tbs)
{
	CBS wrapper, list;

	if (!CBS_get_optional_asn1(tbs, NULL, NULL, TAG_ISSUER_ID) ||
	    !CBS_get_optional_asn1(tbs, NULL, NULL, TAG_SUBJECT_ID))
		return ERR_MALFORMED;
	if (CBS_len(tbs) == 0)
		return OK;
	if (!CBS_get_asn1(tbs, &wrapper, TAG_EXTENSIONS) || CBS_len(tbs) != 0 ||
	    !CBS_get_asn1(&wrapper, &list, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&wrapper) != 0)
		return ERR_MALFORMED;
	while (CBS_len(&list) != 0)
		if (parse_extension(out, &list) != OK)
			return ERR_MALFORMED;
	return OK;
}

/* Bytes a character has in a string of this type, UTF-8's being looked at one
 * by one. */
static size_t
char_width(unsigned tag)
{
	return tag == CBS_ASN1_BMPSTRING      ? 2
	    : tag == CBS_ASN1_UNIVERSALSTRING ? 4
					      : 1;
}

/* FNV-1a over the ASCII letters, in small, digits and signs of a string: what
 * the others become is not worth knowing here. */
static uint64_t
value_print(CBS value, unsigned tag)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i, width = char_width(tag);
	uint8_t c, byte;
	bool ascii;

	while (CBS_len(&value) >= width) {
		ascii = true;
		for (i = 0; i < width; i++) {
			(void)CBS_get_u8(&value, &byte);
			c = byte;
			ascii = ascii && (i + 1 == width || byte == 0);
		}
		if (!ascii || c <= ' ' || c >= 0x7f)
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		h = (h ^ c) * 0x100000001b3;
	}
	return h;
}

uint64_t
tls_der_name_hash(struct slice name)
{
	CBS all = tls_der_cbs(name), rdns, rdn, pair, value;
	uint64_t print = 0;
	unsigned tag;

	if (!CBS_get_asn1(&all, &rdns, CBS_ASN1_SEQUENCE))
		return 0;
	/* A sum, since the order within an RDN comes from the encoding. */
	while (CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET))
		while (CBS_get_asn1(&rdn, &pair, CBS_ASN1_SEQUENCE))
			if (CBS_get_asn1(&pair, NULL, CBS_ASN1_OBJECT) &&
			    CBS_get_any_asn1(&pair, &value, &tag))
				print += value_print(value, tag);
	return print;
}

/* Version ::= INTEGER { v1(0), v2(1), v3(2) }, v1 if it is not there. */
static enum err
parse_version(struct tls_der *out, CBS *tbs)
{
	uint64_t number = 0;
	CBS version;
	int there;

	if (!CBS_get_optional_asn1(tbs, &version, &there, TAG_VERSION) ||
	    (there && !CBS_get_asn1_uint64(&version, &number)))
		return ERR_MALFORMED;
	out->v3 = number == 2;
	return OK;
}

/* TBSCertificate, RFC 5280 4.1. */
static enum err
parse_tbs(struct tls_der *out, CBS *tbs)
{
	CBS serial, issuer, subject, validity, spki;

	if (parse_version(out, tbs) != OK ||
	    !CBS_get_asn1(tbs, &serial, CBS_ASN1_INTEGER) ||
	    CBS_len(&serial) == 0 ||
	    !CBS_get_asn1(tbs, NULL, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1_element(tbs, &issuer, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(tbs, &validity, CBS_ASN1_SEQUENCE) ||
	    tls_der_time(&validity, &out->not_before) != OK ||
	    tls_der_time(&validity, &out->not_after) != OK ||
	    CBS_len(&validity) != 0 ||
	    !CBS_get_asn1_element(tbs, &subject, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1_element(tbs, &spki, CBS_ASN1_SEQUENCE))
		return ERR_MALFORMED;
	out->serial = tls_der_slice(&serial);
	out->issuer = tls_der_slice(&issuer);
	out->subject = tls_der_slice(&subject);
	out->spki = tls_der_slice(&spki);
	out->issuer_hash = tls_der_name_hash(out->issuer);
	out->subject_hash = tls_der_name_hash(out->subject);
	return parse_tail(out, tbs);
}

enum err
tls_der_parse(struct tls_der *out, struct slice der)
{
	CBS all = tls_der_cbs(der), cert, tbs, algorithm;

	memset(out, 0, sizeof(*out));
	out->der = der;
	out->path_len = -1;
	if (!CBS_get_asn1(&all, &cert, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&all) != 0 ||
	    !CBS_get_asn1(&cert, &tbs, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1_element(&cert, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&cert, NULL, CBS_ASN1_BITSTRING) ||
	    CBS_len(&cert) != 0)
		return ERR_MALFORMED;
	out->algorithm = tls_der_slice(&algorithm);
	return parse_tbs(out, &tbs);
}

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
