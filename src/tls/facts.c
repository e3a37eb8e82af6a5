/* SPDX-License-Identifier: ISC */
/*
 * A walk over names and SubjectAltName, twice: once to count, so that one
 * allocation can be made, and once to fill it.
 */
#include "tls/facts.h"

#include <openssl/md5.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tls/verify.h"

/* GeneralName's choices (RFC 5280 4.2.1.6) that are handed on. */
#define TAG_EMAIL (CBS_ASN1_CONTEXT_SPECIFIC | 1)
#define TAG_DNS (CBS_ASN1_CONTEXT_SPECIFIC | 2)
#define TAG_URI (CBS_ASN1_CONTEXT_SPECIFIC | 6)
#define TAG_IP (CBS_ASN1_CONTEXT_SPECIFIC | 7)

/* The allocation: this, then the arrays. */
struct facts {
	struct cert cert;
	CRYPTO_BUFFER *leaf; /* counted: the slices point into it */
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

/* Is it a GeneralName that is handed on? */
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

/* Finds the hashes of the issuing CA's certificates; returns how many. */
static size_t
find_issuer_certs(const struct tls_chain *chain, const struct tls_trust *t,
    uint8_t (*hashes)[CERT_SHA256_LEN])
{
	const struct tls_link *issuer, *other;
	size_t i, count = 1;

	if (chain->path_count < 2)
		return 0;
	issuer = chain->path[1];
	if (hashes != NULL)
		memcpy(hashes[0], issuer->sha256, CERT_SHA256_LEN);
	for (i = 0; t != NULL && i < t->count; i++) {
		other = &t->cas[i].link;
		if (!tls_link_same_ca(issuer, other) ||
		    memcmp(issuer->sha256, other->sha256, CERT_SHA256_LEN) == 0)
			continue;
		if (hashes != NULL)
			memcpy(hashes[count], other->sha256, CERT_SHA256_LEN);
		count++;
	}
	return count;
}

/* Counts all arrays into `c'. */
static enum err
count_all(struct cert *c, const struct tls_chain *chain,
    const struct tls_trust *t)
{
	const struct tls_der *der = &chain->sent[0].der;

	if (walk_name(der->subject, NULL, &c->subject_count) != OK ||
	    walk_name(der->issuer, NULL, &c->issuer_count) != OK ||
	    walk_sans(der->sans, NULL, &c->san_count) != OK)
		return ERR_MALFORMED;
	c->ca_count = chain->path_count == 0 ? 0 : chain->path_count - 1;
	c->issuer_cert_count = find_issuer_certs(chain, t, NULL);
	return OK;
}

/* Fills the arrays, which lie one behind the other from `mem' on. */
static void
fill_arrays(struct cert *c, uint8_t *mem, const struct tls_chain *chain,
    const struct tls_trust *t)
{
	const struct tls_der *der = &chain->sent[0].der;
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
	sans = (struct cert_san *)(void *)(attrs + c->issuer_count);
	c->sans = sans;
	(void)walk_sans(der->sans, sans, &c->san_count);
	cas = (uint8_t(*)[CERT_SHA256_LEN])(void *)(sans + c->san_count);
	for (i = 0; i < c->ca_count; i++)
		tls_link_ca(chain->path[i + 1], cas[i]);
	certs = cas + c->ca_count;
	(void)find_issuer_certs(chain, t, certs);
	c->cas = (const uint8_t(*)[CERT_SHA256_LEN])cas;
	c->issuer_certs = (const uint8_t(*)[CERT_SHA256_LEN])certs;
}

static void
fill_fields(struct cert *c, const struct tls_chain *chain)
{
	const struct tls_link *leaf = &chain->sent[0];

	c->der = leaf->der.der;
	c->serial = leaf->der.serial;
	c->subject_der = leaf->der.subject;
	c->issuer_der = leaf->der.issuer;
	c->not_before = leaf->der.not_before;
	c->not_after = leaf->der.not_after;
	c->chain_not_after = tls_chain_end(chain);
	memcpy(c->sha256, leaf->sha256, sizeof(c->sha256));
	memcpy(c->spki, leaf->key, sizeof(c->spki));
	MD5(c->der.data, c->der.len, c->md5);
}

enum err
tls_facts_make(struct cert **out, const struct tls_chain *chain,
    const struct tls_trust *t)
{
	struct cert counts = { 0 };
	struct facts *f;
	size_t len;

	*out = NULL;
	if (chain->sent_count == 0 || count_all(&counts, chain, t) != OK)
		return ERR_MALFORMED;
	/* The certificate's own length bounds the counts of what is in it,
	 * TLS_CHAIN_MAX and the size of client_ca the others. */
	len = sizeof(*f) +
	    (counts.subject_count + counts.issuer_count) *
		sizeof(struct cert_attr) +
	    counts.san_count * sizeof(struct cert_san) +
	    (counts.ca_count + counts.issuer_cert_count) * CERT_SHA256_LEN;
	f = malloc(len);
	if (f == NULL)
		return ERR_NO_MEMORY;
	f->cert = counts;
	f->leaf = chain->sent[0].buffer;
	CRYPTO_BUFFER_up_ref(f->leaf);
	fill_fields(&f->cert, chain);
	fill_arrays(&f->cert, (uint8_t *)(f + 1), chain, t);
	*out = &f->cert;
	return OK;
}

void
tls_cert_free(struct cert *cert)
{
	struct facts *f;

	if (cert == NULL)
		return;
	f = list_entry(cert, struct facts, cert);
	CRYPTO_BUFFER_free(f->leaf);
	free(f);
}
