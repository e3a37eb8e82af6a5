/* SPDX-License-Identifier: ISC */
/*
 * Names and SubjectAltName are walked twice: once to count, so that one
 * allocation can be made, and once to fill it.
 */
#include "tls/facts.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/md5.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tls/verify.h"

/* GeneralName's choices (RFC 5280 4.2.1.6) that are passed on. */
#define TAG_EMAIL (CBS_ASN1_CONTEXT_SPECIFIC | 1)
#define TAG_DNS (CBS_ASN1_CONTEXT_SPECIFIC | 2)
#define TAG_URI (CBS_ASN1_CONTEXT_SPECIFIC | 6)
#define TAG_IP (CBS_ASN1_CONTEXT_SPECIFIC | 7)

/* The allocation: this, then the arrays. */
struct facts {
	struct cert cert;
	CRYPTO_BUFFER *leaf; /* counted: the slices point into it */
	CRYPTO_BUFFER *anchor; /* counted: of the attributes with that name;
				* NULL: none */
};

static enum cert_string
string_type(unsigned tag)
{
	switch (tag) {
	case CBS_ASN1_UTF8STRING:
		return CERT_STRING_UTF8;
	case CBS_ASN1_PRINTABLESTRING:
		return CERT_STRING_PRINTABLE;
	case CBS_ASN1_IA5STRING:
		return CERT_STRING_IA5;
	case CBS_ASN1_T61STRING:
		return CERT_STRING_T61;
	case CBS_ASN1_BMPSTRING:
		return CERT_STRING_BMP;
	case CBS_ASN1_UNIVERSALSTRING:
		return CERT_STRING_UNIVERSAL;
	case CBS_ASN1_NUMERICSTRING:
		return CERT_STRING_NUMERIC;
	default:
		return CERT_STRING_OTHER;
	}
}

/* Takes one AttributeTypeAndValue. */
static enum err
take_attr(CBS *rdn, struct cert_attr *out)
{
	CBS pair, oid, element, whole, content;
	unsigned tag;

	if (!CBS_get_asn1(rdn, &pair, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&pair, &oid, CBS_ASN1_OBJECT) || CBS_len(&oid) == 0 ||
	    !CBS_get_any_asn1_element(&pair, &element, &tag, NULL) ||
	    CBS_len(&pair) != 0)
		return ERR_MALFORMED;
	whole = element;
	if (!CBS_get_any_asn1(&whole, &content, NULL))
		return ERR_MALFORMED;
	out->oid = tls_der_slice(&oid);
	out->value = tls_der_slice(&content);
	out->value_der = tls_der_slice(&element);
	out->type = string_type(tag);
	return OK;
}

/* Goes over a Name; fills `attrs' if it is not NULL, and counts. */
static enum err
walk_name(struct slice name, struct cert_attr *attrs, size_t *count)
{
	CBS all = tls_der_cbs(name), rdns, rdn;
	struct cert_attr attr;
	unsigned index = 0;

	*count = 0;
	if (!CBS_get_asn1(&all, &rdns, CBS_ASN1_SEQUENCE))
		return ERR_MALFORMED;
	for (; CBS_len(&rdns) != 0; index++) {
		if (!CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET) ||
		    CBS_len(&rdn) == 0)
			return ERR_MALFORMED;
		while (CBS_len(&rdn) != 0) {
			if (take_attr(&rdn, &attr) != OK)
				return ERR_MALFORMED;
			attr.rdn = index;
			if (attrs != NULL)
				attrs[*count] = attr;
			++*count;
		}
	}
	return OK;
}

/* Returns true if it is a GeneralName that is passed on. */
static bool
san_kind(unsigned tag, size_t len, enum cert_san_kind *kind)
{
	switch (tag) {
	case TAG_EMAIL:
		*kind = CERT_SAN_EMAIL;
		return true;
	case TAG_DNS:
		*kind = CERT_SAN_DNS;
		return true;
	case TAG_URI:
		*kind = CERT_SAN_URI;
		return true;
	case TAG_IP:
		*kind = CERT_SAN_IP;
		return len == 4 || len == 16;
	default:
		return false;
	}
}

/* Goes over GeneralNames; fills `sans' if it is not NULL, and counts. */
static enum err
walk_sans(struct slice names, struct cert_san *sans, size_t *count)
{
	CBS all = tls_der_cbs(names), value;
	enum cert_san_kind kind;
	unsigned tag;

	*count = 0;
	while (CBS_len(&all) != 0) {
		if (!CBS_get_any_asn1(&all, &value, &tag))
			return ERR_MALFORMED;
		if (!san_kind(tag, CBS_len(&value), &kind))
			continue;
		if (sans != NULL) {
			sans[*count].kind = kind;
			sans[*count].value = tls_der_slice(&value);
		}
		++*count;
	}
	return OK;
}

/* The other form of a certificate, see domain/cert.h. */
struct other_form {
	uint8_t *der; /* owned, by OPENSSL_free(); NULL: there is none */
	size_t len;
	bool is_canonical; /* it, and not what was sent */
};

/* The group of an EC SubjectPublicKeyInfo; NULL: another kind of key. */
static EC_GROUP *
group_of(struct slice spki)
{
	static const uint8_t ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
	static const struct {
		uint8_t oid[8];
		uint8_t len;
		int nid;
	} curves[] = { { { 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, 8,
			   NID_X9_62_prime256v1 },
		{ { 0x2b, 0x81, 4, 0, 34 }, 5, NID_secp384r1 },
		{ { 0x2b, 0x81, 4, 0, 35 }, 5, NID_secp521r1 },
		{ { 0x2b, 0x81, 4, 0, 33 }, 5, NID_secp224r1 } };
	CBS all = tls_der_cbs(spki), seq, algorithm, oid, curve;
	size_t i;

	if (!CBS_get_asn1(&all, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&seq, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&algorithm, &oid, CBS_ASN1_OBJECT) ||
	    !CBS_mem_equal(&oid, ec, sizeof(ec)) ||
	    !CBS_get_asn1(&algorithm, &curve, CBS_ASN1_OBJECT))
		return NULL;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (CBS_mem_equal(&curve, curves[i].oid, curves[i].len))
			return EC_GROUP_new_by_curve_name(curves[i].nid);
	return NULL;
}

/* Writes the certificate with the signature (r, s). */
static bool
write_other_form(struct other_form *t, const struct tls_der *der,
    const BIGNUM *r, const BIGNUM *s)
{
	CBB cbb, cert, bits, signature;

	if (!CBB_init(&cbb, der->der.len + 8))
		return false;
	if (CBB_add_asn1(&cbb, &cert, CBS_ASN1_SEQUENCE) &&
	    CBB_add_bytes(&cert, der->tbs.data, der->tbs.len) &&
	    CBB_add_bytes(&cert, der->algorithm.data, der->algorithm.len) &&
	    CBB_add_asn1(&cert, &bits, CBS_ASN1_BITSTRING) &&
	    CBB_add_u8(&bits, 0) &&
	    CBB_add_asn1(&bits, &signature, CBS_ASN1_SEQUENCE) &&
	    BN_marshal_asn1(&signature, r) && BN_marshal_asn1(&signature, s) &&
	    CBB_finish(&cbb, &t->der, &t->len))
		return true;
	CBB_cleanup(&cbb);
	return false;
}

/* Makes the other form of a certificate that a key of `group' signed. False:
 * out of memory. */
static bool
make_other_form(struct other_form *t, const struct tls_der *der,
    const EC_GROUP *group)
{
	CBS cbs = tls_der_cbs(der->signature), seq;
	const BIGNUM *order = EC_GROUP_get0_order(group);
	BIGNUM *r = BN_new(), *s = BN_new(), *other = BN_new();
	bool done = false;

	if (r == NULL || s == NULL || other == NULL)
		goto out;
	/* It was verified, so it is well-formed; if not, there is no other
	 * form. */
	done = true;
	if (!CBS_get_asn1(&cbs, &seq, CBS_ASN1_SEQUENCE) ||
	    !BN_parse_asn1_unsigned(&seq, r) ||
	    !BN_parse_asn1_unsigned(&seq, s) || BN_cmp(s, order) >= 0)
		goto out;
	done = BN_sub(other, order, s) && write_other_form(t, der, r, other);
	t->is_canonical = done && BN_cmp(other, s) < 0;
out:
	BN_free(r);
	BN_free(s);
	BN_free(other);
	return done;
}

/* Finds the other form of the leaf, if the key above it on the path makes
 * ECDSA signatures. */
static enum err
find_other_form(struct other_form *t, const struct tls_chain *chain)
{
	const struct tls_cert *issuer;
	EC_GROUP *group;
	bool done;

	memset(t, 0, sizeof(*t));
	if (chain->path_count == 0)
		return OK;
	issuer = chain->path[chain->path_count > 1 ? 1 : 0];
	group = group_of(issuer->der.spki);
	if (group == NULL)
		return OK;
	done = make_other_form(t, &chain->sent[0].der, group);
	EC_GROUP_free(group);
	ERR_clear_error();
	return done ? OK : ERR_NO_MEMORY;
}

/* Finds the hashes of the issuing CA's certificates; returns how many. */
static size_t
find_issuer_certs(const struct tls_chain *chain, const struct tls_trust *t,
    uint8_t (*hashes)[CERT_SHA256_LEN])
{
	const struct tls_cert *issuer, *other;
	size_t i, count = 1;

	if (chain->path_count < 2)
		return 0;
	issuer = chain->path[1];
	if (hashes != NULL)
		memcpy(hashes[0], issuer->sha256, CERT_SHA256_LEN);
	for (i = 0; t != NULL && i < t->count; i++) {
		other = &t->cas[i].cert;
		if (!tls_cert_same_ca(issuer, other) ||
		    memcmp(issuer->sha256, other->sha256, CERT_SHA256_LEN) == 0)
			continue;
		if (hashes != NULL)
			memcpy(hashes[count], other->sha256, CERT_SHA256_LEN);
		count++;
	}
	return count;
}

/* The certificate of client_ca that the path leads to, if it is not the
 * issuer's; else NULL. */
static const struct tls_cert *
anchor_of(const struct tls_chain *chain)
{
	return chain->path_count > 0 && chain->trusted > 1
	    ? chain->path[chain->trusted]
	    : NULL;
}

/* Counts all arrays into `c'. */
static enum err
count_all(struct cert *c, const struct tls_chain *chain,
    const struct tls_trust *t)
{
	const struct tls_der *der = &chain->sent[0].der;
	const struct tls_cert *anchor = anchor_of(chain);

	if (walk_name(der->subject, NULL, &c->subject_count) != OK ||
	    walk_name(der->issuer, NULL, &c->issuer_count) != OK ||
	    (anchor != NULL &&
		walk_name(anchor->der.subject, NULL, &c->anchor_count) != OK) ||
	    walk_sans(der->sans, NULL, &c->san_count) != OK)
		return ERR_MALFORMED;
	c->ca_count = chain->path_count == 0 ? 0 : chain->path_count - 1;
	c->issuer_cert_count = find_issuer_certs(chain, t, NULL);
	return OK;
}

/* Fills the arrays, which follow one another from `mem' on. */
static void
fill_arrays(struct cert *c, uint8_t *mem, const struct tls_chain *chain,
    const struct tls_trust *t)
{
	const struct tls_der *der = &chain->sent[0].der;
	const struct tls_cert *anchor = anchor_of(chain);
	struct cert_attr *attrs = (struct cert_attr *)(void *)mem;
	struct cert_san *sans;
	uint8_t(*cas)[CERT_SHA256_LEN];
	uint8_t(*certs)[CERT_SHA256_LEN];
	size_t i;

	c->subject = attrs;
	(void)walk_name(der->subject, attrs, &c->subject_count);
	attrs += c->subject_count;
	c->issuer = attrs;
	(void)walk_name(der->issuer, attrs, &c->issuer_count);
	attrs += c->issuer_count;
	c->anchor = attrs;
	if (anchor != NULL)
		(void)walk_name(anchor->der.subject, attrs, &c->anchor_count);
	sans = (struct cert_san *)(void *)(attrs + c->anchor_count);
	c->sans = sans;
	(void)walk_sans(der->sans, sans, &c->san_count);
	cas = (uint8_t(*)[CERT_SHA256_LEN])(void *)(sans + c->san_count);
	for (i = 0; i < c->ca_count; i++)
		tls_cert_ca(chain->path[i + 1], cas[i]);
	certs = cas + c->ca_count;
	(void)find_issuer_certs(chain, t, certs);
	c->cas = (const uint8_t(*)[CERT_SHA256_LEN])cas;
	c->issuer_certs = (const uint8_t(*)[CERT_SHA256_LEN])certs;
}

/* Fills the fields but arrays. `other' goes to `mem' if it is the canonical
 * form. */
static void
fill_fields(struct cert *c, uint8_t *mem, const struct tls_chain *chain,
    const struct other_form *other)
{
	const struct tls_cert *leaf = &chain->sent[0];
	const struct tls_der *der = &leaf->der;

	c->der = der->der;
	c->serial = der->serial;
	c->not_before = der->not_before;
	c->not_after = der->not_after;
	c->chain_not_after = tls_chain_end(chain);
	memcpy(c->sha256, leaf->sha256, sizeof(c->sha256));
	memcpy(c->other_form_sha256, leaf->sha256,
	    sizeof(c->other_form_sha256));
	c->canonical_sha256 = c->sha256;
	if (other->der != NULL)
		SHA256(other->der, other->len, c->other_form_sha256);
	if (other->is_canonical) {
		memcpy(mem, other->der, other->len);
		c->der = slice_make(mem, other->len);
		c->canonical_sha256 = c->other_form_sha256;
	}
	SHA256(der->tbs.data, der->tbs.len, c->tbs_sha256);
	memcpy(c->spki, leaf->key, sizeof(c->spki));
	MD5(c->der.data, c->der.len, c->md5);
}

/* Makes the one allocation and fills it. */
static enum err
make(struct cert **out, const struct cert *counts,
    const struct tls_chain *chain, const struct tls_trust *t,
    const struct other_form *other)
{
	/* The certificate's own length bounds the counts of what is in it,
	 * TLS_CHAIN_MAX and the size of client_ca the others. */
	size_t arrays = (counts->subject_count + counts->issuer_count +
			    counts->anchor_count) *
		sizeof(struct cert_attr) +
	    counts->san_count * sizeof(struct cert_san) +
	    (counts->ca_count + counts->issuer_cert_count) * CERT_SHA256_LEN;
	const struct tls_cert *anchor = anchor_of(chain);
	struct facts *f = malloc(
	    sizeof(*f) + arrays + (other->is_canonical ? other->len : 0));

	if (f == NULL)
		return ERR_NO_MEMORY;
	f->cert = *counts;
	f->leaf = chain->sent[0].buffer;
	CRYPTO_BUFFER_up_ref(f->leaf);
	f->anchor = anchor == NULL ? NULL : anchor->buffer;
	if (f->anchor != NULL)
		CRYPTO_BUFFER_up_ref(f->anchor);
	fill_fields(&f->cert, (uint8_t *)(f + 1) + arrays, chain, other);
	fill_arrays(&f->cert, (uint8_t *)(f + 1), chain, t);
	*out = &f->cert;
	return OK;
}

enum err
tls_facts_make(struct cert **out, const struct tls_chain *chain,
    const struct tls_trust *t)
{
	struct cert counts = { 0 };
	struct other_form other;
	enum err err;

	*out = NULL;
	if (chain->sent_count == 0 || count_all(&counts, chain, t) != OK)
		return ERR_MALFORMED;
	err = find_other_form(&other, chain);
	if (err == OK)
		err = make(out, &counts, chain, t, &other);
	OPENSSL_free(other.der);
	return err;
}

void
tls_facts_free(struct cert *cert)
{
	struct facts *f;

	if (cert == NULL)
		return;
	f = list_entry(cert, struct facts, cert);
	CRYPTO_BUFFER_free(f->leaf);
	CRYPTO_BUFFER_free(f->anchor);
	free(f);
}
