/* SPDX-License-Identifier: ISC */
/*
 * Parsers over BoringSSL's CBS, written so that hostile bytes can only be
 * refused: every length is checked by CBS, nothing is allocated but in
 * tls_der_check_signature().
 */
#include "tls/der.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "base/utf8.h"

#define TAG_EXTENSIONS (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 3)
#define TAG_VERSION (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0)
#define TAG_ISSUER_ID (CBS_ASN1_CONTEXT_SPECIFIC | 1)
#define TAG_SUBJECT_ID (CBS_ASN1_CONTEXT_SPECIFIC | 2)
#define TAG_KEY_ID (CBS_ASN1_CONTEXT_SPECIFIC | 0)

#define TAG_PSS_HASH (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0)
#define TAG_PSS_MGF (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1)
#define TAG_PSS_SALT (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 2)

/* The least that NIST (SP 800-131A) and OpenSSL accept today. */
#define RSA_BITS_MIN 2048

/* Extensions that are read: the last byte of id-ce (2.5.29.x). */
static const uint8_t id_ce[] = { 0x55, 0x1d };
enum {
	CE_SUBJECT_KEY_ID = 14,
	CE_SUBJECT_ALT_NAME = 17,
	CE_BASIC_CONSTRAINTS = 19,
	CE_CRL_POINTS = 31,
	CE_AUTHORITY_KEY_ID = 35
};

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

enum err
tls_der_time(CBS *cbs, int64_t *out)
{
	struct time_civil t;
	unsigned tag;
	uint8_t zone;
	CBS text;

	if (!CBS_get_any_asn1(cbs, &text, &tag) ||
	    (tag != CBS_ASN1_UTCTIME && tag != CBS_ASN1_GENERALIZEDTIME))
		return ERR_MALFORMED;
	t.year = take_digits(&text, tag == CBS_ASN1_UTCTIME ? 2 : 4);
	if (tag == CBS_ASN1_UTCTIME && t.year >= 0)
		t.year += t.year < 50 ? 2000 : 1900;
	t.month = take_digits(&text, 2);
	t.day = take_digits(&text, 2);
	t.hour = take_digits(&text, 2);
	t.minute = take_digits(&text, 2);
	t.second = take_digits(&text, 2);
	if (t.second == 60 || !CBS_get_u8(&text, &zone) || zone != 'Z' ||
	    CBS_len(&text) != 0 || !time_from_civil(&t, out))
		return ERR_MALFORMED;
	return OK;
}

/* Bytes of a character in a string of this type. UTF-8 counts as one: its
 * bytes are looked at one by one. */
static size_t
char_width(unsigned tag)
{
	return tag == CBS_ASN1_BMPSTRING      ? 2
	    : tag == CBS_ASN1_UNIVERSALSTRING ? 4
					      : 1;
}

/* Takes a character; 0 stands for one outside printable ASCII. */
static uint8_t
take_char(CBS *value, size_t width)
{
	bool ascii = true;
	uint8_t byte = 0;
	size_t i;

	for (i = 0; i < width; i++) {
		(void)CBS_get_u8(value, &byte);
		ascii = ascii && (i + 1 == width || byte == 0);
	}
	return ascii && byte >= ' ' && byte < 0x7f ? byte : 0;
}

/* FNV-1a over the ASCII letters (in lower case), digits and signs of a string.
 * Other characters are left out: their case and form need not be known. */
static uint64_t
value_hash(CBS value, unsigned tag)
{
	uint64_t h = HASH_FNV_BEGIN;
	size_t width = char_width(tag);
	uint8_t c;

	while (CBS_len(&value) >= width) {
		c = take_char(&value, width);
		if (c <= ' ')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		h = hash_fnv_byte(h, c);
	}
	return h;
}

uint64_t
tls_der_name_hash(struct slice name)
{
	CBS all = tls_der_cbs(name), rdns, rdn, pair, value;
	uint64_t hash = 0;
	unsigned tag;

	if (!CBS_get_asn1(&all, &rdns, CBS_ASN1_SEQUENCE))
		return 0;
	/* A sum, since the order within an RDN depends on the encoding. */
	while (CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET))
		while (CBS_get_asn1(&rdn, &pair, CBS_ASN1_SEQUENCE))
			if (CBS_get_asn1(&pair, NULL, CBS_ASN1_OBJECT) &&
			    CBS_get_any_asn1(&pair, &value, &tag))
				hash += value_hash(value, tag);
	return hash;
}

/* The short name of an attribute type; "?" for one without. */
static const char *
attribute_name(const CBS *oid)
{
	/* id-at: 2.5.4.x */
	static const struct {
		uint8_t last;
		const char *name;
	} names[] = { { 3, "CN" }, { 5, "serialNumber" }, { 6, "C" },
		{ 7, "L" }, { 8, "ST" }, { 10, "O" }, { 11, "OU" } };
	/* 0.9.2342.19200300.100.1.25 */
	static const uint8_t dc[] = { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c,
		0x64, 0x01, 0x19 };
	const uint8_t *data = CBS_data(oid);
	size_t i;

	if (CBS_mem_equal(oid, dc, sizeof(dc)))
		return "DC";
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (CBS_len(oid) == 3 && data[0] == 0x55 && data[1] == 0x04 &&
		    data[2] == names[i].last)
			return names[i].name;
	return "?";
}

/* A text that grows until it is full. */
struct name_text {
	char *out;
	size_t len;
	bool full;
};

static void
put_bytes(struct name_text *t, const void *bytes, size_t len)
{
	t->full = t->full || len > TLS_NAME_TEXT_MAX - 4 - t->len;
	if (t->full)
		return;
	memcpy(t->out + t->len, bytes, len);
	t->len += len;
}

/* Takes a character as a code point; 0xfffd for one that cannot be shown. */
static uint32_t
take_code(CBS *value, unsigned tag)
{
	size_t width = char_width(tag), i;
	uint32_t code = 0;
	uint8_t byte;

	if (tag == CBS_ASN1_UTF8STRING) {
		width = utf8_decode(tls_der_slice(value), &code);
		(void)CBS_skip(value, width == 0 ? 1 : width);
		return width == 0 ? 0xfffd : code;
	}
	for (i = 0; i < width && CBS_get_u8(value, &byte); i++)
		code = code << 8 | byte;
	return code;
}

static void
put_attribute(struct name_text *t, CBS pair)
{
	uint8_t bytes[4];
	CBS oid, value;
	uint32_t code;
	unsigned tag;
	const char *name;

	if (!CBS_get_asn1(&pair, &oid, CBS_ASN1_OBJECT) ||
	    !CBS_get_any_asn1(&pair, &value, &tag))
		return;
	name = attribute_name(&oid);
	if (t->len > 0)
		put_bytes(t, ",", 1);
	put_bytes(t, name, strlen(name));
	put_bytes(t, "=", 1);
	while (CBS_len(&value) > 0 && !t->full) {
		code = take_code(&value, tag);
		if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ||
		    utf8_is_unsafe(code))
			code = '?';
		put_bytes(t, bytes, utf8_write(code, bytes));
	}
}

const char *
tls_der_name_text(char out[TLS_NAME_TEXT_MAX], struct slice name)
{
	CBS all = tls_der_cbs(name), rdns, rdn, pair;
	struct name_text t = { out, 0, false };

	if (CBS_get_asn1(&all, &rdns, CBS_ASN1_SEQUENCE))
		while (CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET))
			while (CBS_get_asn1(&rdn, &pair, CBS_ASN1_SEQUENCE))
				put_attribute(&t, pair);
	if (t.len == 0)
		put_bytes(&t, "(no name)", 9);
	memcpy(out + t.len, t.full ? "..." : "", t.full ? 4 : 1);
	return out;
}

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE,
 * pathLenConstraint INTEGER OPTIONAL } */
static enum err
parse_constraints(struct tls_der *out, CBS value)
{
	uint64_t path_len;
	CBS seq;
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

/* Takes the content of an extension that is one SEQUENCE, once. */
static enum err
parse_sequence(struct slice *out, CBS value)
{
	CBS seq;

	if (out->data != NULL ||
	    !CBS_get_asn1(&value, &seq, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&value) != 0)
		return ERR_MALFORMED;
	*out = tls_der_slice(&seq);
	return OK;
}

/* Key identifiers only say where to look first, so a damaged one is left
 * out. */
static void
parse_key_id(struct tls_der *out, CBS value)
{
	CBS id;

	if (CBS_get_asn1(&value, &id, CBS_ASN1_OCTETSTRING))
		out->key_id = tls_der_slice(&id);
}

static void
parse_issuer_key_id(struct tls_der *out, CBS value)
{
	CBS seq, id;

	if (CBS_get_asn1(&value, &seq, CBS_ASN1_SEQUENCE) &&
	    CBS_get_asn1(&seq, &id, TAG_KEY_ID))
		out->issuer_key_id = tls_der_slice(&id);
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
	if (CBS_len(&oid) != 3 ||
	    memcmp(CBS_data(&oid), id_ce, sizeof(id_ce)) != 0)
		return OK;
	switch (CBS_data(&oid)[2]) {
	case CE_SUBJECT_KEY_ID:
		parse_key_id(out, value);
		return OK;
	case CE_AUTHORITY_KEY_ID:
		out->issuer_id_oid = tls_der_slice(&oid);
		parse_issuer_key_id(out, value);
		return OK;
	case CE_SUBJECT_ALT_NAME:
		return parse_sequence(&out->sans, value);
	case CE_CRL_POINTS:
		return parse_sequence(&out->crl_points, value);
	case CE_BASIC_CONSTRAINTS:
		return parse_constraints(out, value);
	default:
		return OK;
	}
}

/* Parses what follows the SubjectPublicKeyInfo. */
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

/* Version ::= INTEGER { v1(0), v2(1), v3(2) }, absent for v1. */
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
	CBS serial, algorithm, issuer, subject, validity, spki;

	if (parse_version(out, tbs) != OK ||
	    !CBS_get_asn1(tbs, &serial, CBS_ASN1_INTEGER) ||
	    CBS_len(&serial) == 0 ||
	    !CBS_get_asn1_element(tbs, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1_element(tbs, &issuer, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(tbs, &validity, CBS_ASN1_SEQUENCE) ||
	    tls_der_time(&validity, &out->not_before) != OK ||
	    tls_der_time(&validity, &out->not_after) != OK ||
	    CBS_len(&validity) != 0 ||
	    !CBS_get_asn1_element(tbs, &subject, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1_element(tbs, &spki, CBS_ASN1_SEQUENCE))
		return ERR_MALFORMED;
	out->serial = tls_der_slice(&serial);
	out->tbs_algorithm = tls_der_slice(&algorithm);
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
	CBS all = tls_der_cbs(der), cert, whole, tbs, algorithm, signature;
	uint8_t unused;

	memset(out, 0, sizeof(*out));
	out->der = der;
	out->path_len = -1;
	if (!CBS_get_asn1(&all, &cert, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&all) != 0 ||
	    !CBS_get_asn1_element(&cert, &whole, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1_element(&cert, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&cert, &signature, CBS_ASN1_BITSTRING) ||
	    CBS_len(&cert) != 0 || !CBS_get_u8(&signature, &unused) ||
	    unused != 0)
		return ERR_MALFORMED;
	out->tbs = tls_der_slice(&whole);
	out->algorithm = tls_der_slice(&algorithm);
	out->signature = tls_der_slice(&signature);
	if (!CBS_get_asn1(&whole, &tbs, CBS_ASN1_SEQUENCE))
		return ERR_MALFORMED;
	return parse_tbs(out, &tbs);
}

enum scheme {
	SCHEME_PLAIN, /* the hash, then the key's own way to sign */
	SCHEME_PSS,
	SCHEME_ED25519
};

/* How to check a signature. */
struct method {
	const EVP_MD *md; /* NULL: the scheme has its own */
	enum scheme scheme;
	int salt_len; /* of PSS */
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

/* The hash that an AlgorithmIdentifier names: SHA-256, -384 or -512. */
static const EVP_MD *
take_digest(CBS *from)
{
	/* 2.16.840.1.101.3.4.2.x: 1 SHA-256, 2 SHA-384, 3 SHA-512 */
	static const uint8_t sha2[] = { 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2 };
	CBS algorithm, oid;
	uint8_t which;

	if (!CBS_get_asn1(from, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&algorithm, &oid, CBS_ASN1_OBJECT) ||
	    CBS_len(&oid) != sizeof(sha2) + 1 ||
	    memcmp(CBS_data(&oid), sha2, sizeof(sha2)) != 0)
		return NULL;
	which = CBS_data(&oid)[sizeof(sha2)];
	return digest_of(which >= 1 && which <= 3 ? 4u + 4u * which : 0);
}

/*
 * RSASSA-PSS-params, RFC 4055 3.1. The default hash of each part is SHA-1, so
 * both must be present; MGF1 has to use the same hash, as all known CAs do.
 * The salt may have any length that the parameters state (default 20).
 */
static bool
parse_pss(struct method *m, CBS params)
{
	CBS seq, hash, mgf, inner, salt;
	uint64_t salt_len = 20;
	int there;

	if (!CBS_get_asn1(&params, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&seq, &hash, TAG_PSS_HASH) ||
	    (m->md = take_digest(&hash)) == NULL ||
	    !CBS_get_asn1(&seq, &mgf, TAG_PSS_MGF) ||
	    !CBS_get_asn1(&mgf, &inner, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&inner, NULL, CBS_ASN1_OBJECT) ||
	    take_digest(&inner) != m->md ||
	    !CBS_get_optional_asn1(&seq, &salt, &there, TAG_PSS_SALT) ||
	    (there && !CBS_get_asn1_uint64(&salt, &salt_len)) ||
	    salt_len > 2048)
		return false;
	m->salt_len = (int)salt_len;
	return true;
}

/* Finds how to check the signature of an AlgorithmIdentifier; false: it is not
 * one that is accepted. */
static bool
find_method(struct method *m, struct slice identifier)
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
		m->scheme = a->scheme;
		m->md = digest_of(a->bits);
		return m->scheme != SCHEME_PSS || parse_pss(m, seq);
	}
	return false;
}

const char *
tls_der_algorithm_weakness(struct slice algorithm)
{
	struct method m;

	return find_method(&m, algorithm)
	    ? NULL
	    : "signed with SHA-1 or an unknown algorithm (SHA-256 or better "
	      "with RSA, ECDSA or Ed25519 is accepted)";
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
tls_der_key_weakness(struct slice spki)
{
	size_t bits = rsa_bits(spki);

	return bits == 0 || bits >= RSA_BITS_MIN
	    ? NULL
	    : "an RSA key of less than 2048 bits";
}

static bool
verify(const struct tls_signed *s, EVP_PKEY *key, const struct method *m)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	bool good = false;

	if (ctx == NULL || !EVP_DigestVerifyInit(ctx, &pctx, m->md, NULL, key))
		goto out;
	if (m->scheme == SCHEME_PSS &&
	    (!EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) ||
		!EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, m->salt_len)))
		goto out;
	good = EVP_DigestVerify(ctx, s->signature.data, s->signature.len,
		   s->data.data, s->data.len) == 1;
out:
	EVP_MD_CTX_free(ctx);
	return good;
}

/* Empties the error queue. True if an allocation failed. */
static bool
ran_out_of_memory(void)
{
	bool found = false;
	uint32_t error;

	while ((error = ERR_get_error()) != 0)
		found = found || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return found;
}

enum err
tls_der_check_signature(const struct tls_signed *s, struct slice spki)
{
	CBS cbs = tls_der_cbs(spki);
	struct method m;
	EVP_PKEY *key;
	bool good;

	if (!find_method(&m, s->algorithm))
		return ERR_MALFORMED;
	ERR_clear_error();
	key = EVP_parse_public_key(&cbs);
	good = key != NULL && verify(s, key, &m);
	EVP_PKEY_free(key);
	if (good)
		return OK;
	return ran_out_of_memory() ? ERR_NO_MEMORY : ERR_MALFORMED;
}
