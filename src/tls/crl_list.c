/* SPDX-License-Identifier: ISC */
/*
 * Parsing by hand: the library's CRL object costs some 200 bytes an entry
 * and seconds for a million, the index here four to eight bytes.
 */
#include "tls/crl_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tls/der.h"

#define TAG_EXTENSIONS (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0)
#define TAG_POINT (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0)
#define TAG_RELATIVE (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1)

/* Clocks may differ by this many seconds. */
#define CLOCK_SKEW 300

/* id-ce: 20 cRLNumber, 27 deltaCRLIndicator, 28 issuingDistributionPoint, 35
 * authorityKeyIdentifier. */
static const uint8_t id_ce[] = { 0x55, 0x1d };
enum {
	CE_CRL_NUMBER = 20,
	CE_DELTA = 27,
	CE_SCOPE = 28,
	CE_AUTHORITY_KEY = 35
};

static const char *const damaged = "its structure is damaged";

static enum err
bad(const char **text, const char *what)
{
	*text = what;
	return ERR_MALFORMED;
}

/* Without leading zeros, so that two ways to write a number are one. */
static struct slice
trim(struct slice number)
{
	while (number.len > 1 && number.data[0] == 0) {
		number.data++;
		number.len--;
	}
	return number;
}

/* A CA chose the serials, so a client cannot aim at collisions. */
static uint32_t
hash(struct slice serial)
{
	uint64_t h = hash_fnv(HASH_FNV_BEGIN, serial);

	return (uint32_t)(h ^ h >> 32);
}

/* The serial whose INTEGER begins at `offset'. */
static struct slice
serial_at(const struct crl_list *c, uint32_t offset)
{
	return trim(slice_make(c->der + offset + 2, c->der[offset + 1]));
}

static void
add_serial(struct crl_list *c, uint32_t offset)
{
	struct slice serial = serial_at(c, offset);
	uint32_t i = hash(serial) & c->mask;

	while (c->slots[i] != 0) {
		if (slice_equal(serial_at(c, c->slots[i]), serial))
			return;
		i = (i + 1) & c->mask;
	}
	c->slots[i] = offset;
	c->count++;
}

bool
crl_list_has(const struct crl_list *c, struct slice serial)
{
	uint32_t i;

	if (c->slots == NULL)
		return false;
	serial = trim(serial);
	for (i = hash(serial) & c->mask; c->slots[i] != 0;
	     i = (i + 1) & c->mask)
		if (slice_equal(serial_at(c, c->slots[i]), serial))
			return true;
	return false;
}

/*
 * One entry: SEQUENCE { serial INTEGER, date Time, extensions OPTIONAL }. An
 * extension that is critical would change what the entry means.
 */
static enum err
take_entry(CBS *list, const uint8_t **serial, const char **text)
{
	CBS entry, number, date, exts, ext;
	int critical;

	if (!CBS_get_asn1(list, &entry, CBS_ASN1_SEQUENCE))
		return bad(text, damaged);
	*serial = CBS_data(&entry);
	if (!CBS_get_asn1(&entry, &number, CBS_ASN1_INTEGER) ||
	    CBS_len(&number) == 0 || CBS_len(&number) > 127 ||
	    !CBS_get_any_asn1(&entry, &date, NULL))
		return bad(text, damaged);
	if (CBS_len(&entry) == 0)
		return OK;
	if (!CBS_get_asn1(&entry, &exts, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&entry) != 0)
		return bad(text, damaged);
	while (CBS_len(&exts) != 0) {
		if (!CBS_get_asn1(&exts, &ext, CBS_ASN1_SEQUENCE) ||
		    !CBS_get_asn1(&ext, NULL, CBS_ASN1_OBJECT))
			return bad(text, damaged);
		critical = 0;
		if (CBS_peek_asn1_tag(&ext, CBS_ASN1_BOOLEAN) &&
		    !CBS_get_asn1_bool(&ext, &critical))
			return bad(text, damaged);
		if (critical)
			return bad(text,
			    "an entry has a critical extension we do not know "
			    "(indirect CRLs are not supported)");
	}
	return OK;
}

/* Checks and counts the entries. */
static enum err
count_entries(CBS list, size_t *count, const char **text)
{
	const uint8_t *serial;

	for (*count = 0; CBS_len(&list) != 0; ++*count)
		if (take_entry(&list, &serial, text) != OK)
			return ERR_MALFORMED;
	return OK;
}

static enum err
index_entries(struct crl_list *c, CBS list, const char **text)
{
	const uint8_t *serial;
	size_t count, size = 8;
	enum err err = count_entries(list, &count, text);

	if (err != OK || count == 0)
		return err;
	while (size < count * 2)
		size *= 2;
	c->slots = calloc(size, sizeof(*c->slots));
	if (c->slots == NULL)
		return ERR_NO_MEMORY;
	c->mask = (uint32_t)(size - 1);
	while (CBS_len(&list) != 0) {
		if (take_entry(&list, &serial, text) != OK)
			return ERR_MALFORMED;
		add_serial(c, (uint32_t)(serial - c->der));
	}
	return OK;
}

/* Takes an implicitly tagged BOOLEAN DEFAULT FALSE. */
static bool
take_flag(CBS *seq, unsigned tag)
{
	uint8_t value;
	CBS flag;

	return CBS_peek_asn1_tag(seq, CBS_ASN1_CONTEXT_SPECIFIC | tag) &&
	    CBS_get_asn1(seq, &flag, CBS_ASN1_CONTEXT_SPECIFIC | tag) &&
	    CBS_get_u8(&flag, &value) && value != 0;
}

/* IssuingDistributionPoint, RFC 5280 5.2.5. */
static enum err
parse_scope(struct crl_list *c, CBS value, const char **text)
{
	bool some_reasons, indirect, attributes;
	CBS seq, points;
	int there;

	c->scope = tls_der_slice(&value);
	if (!CBS_get_asn1(&value, &seq, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&value) != 0 ||
	    !CBS_get_optional_asn1(&seq, &points, &there, TAG_POINT))
		return bad(text, damaged);
	if (there)
		c->points = tls_der_slice(&points);
	c->leaf_only = take_flag(&seq, 1);
	c->ca_only = take_flag(&seq, 2);
	some_reasons = CBS_peek_asn1_tag(&seq, CBS_ASN1_CONTEXT_SPECIFIC | 3);
	if (some_reasons)
		return bad(text, "it covers some reasons only");
	indirect = take_flag(&seq, 4);
	attributes = take_flag(&seq, 5);
	if (indirect || attributes)
		return bad(text,
		    indirect ? "indirect CRLs are not supported"
			     : "it covers attribute certificates "
			       "only");
	return CBS_len(&seq) == 0 ? OK : bad(text, damaged);
}

/* AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, ... } */
static enum err
parse_authority(struct crl_list *c, CBS value, const char **text)
{
	CBS seq, id;
	int there;

	if (!CBS_get_asn1(&value, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_optional_asn1(&seq, &id, &there,
		CBS_ASN1_CONTEXT_SPECIFIC | 0))
		return bad(text, damaged);
	if (there)
		c->authority = tls_der_slice(&id);
	return OK;
}

static enum err
parse_extension(struct crl_list *c, CBS *list, const char **text)
{
	int critical = 0, which = -1;
	CBS ext, oid, value, number;

	if (!CBS_get_asn1(list, &ext, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&ext, &oid, CBS_ASN1_OBJECT) ||
	    (CBS_peek_asn1_tag(&ext, CBS_ASN1_BOOLEAN) &&
		!CBS_get_asn1_bool(&ext, &critical)) ||
	    !CBS_get_asn1(&ext, &value, CBS_ASN1_OCTETSTRING))
		return bad(text, damaged);
	if (CBS_len(&oid) == 3 &&
	    memcmp(CBS_data(&oid), id_ce, sizeof(id_ce)) == 0)
		which = CBS_data(&oid)[2];
	switch (which) {
	case CE_CRL_NUMBER:
		if (!CBS_get_asn1(&value, &number, CBS_ASN1_INTEGER))
			return bad(text, damaged);
		c->number = trim(tls_der_slice(&number));
		return OK;
	case CE_DELTA:
		return bad(text,
		    "delta CRLs are not supported: name full ones");
	case CE_SCOPE:
		return parse_scope(c, value, text);
	case CE_AUTHORITY_KEY:
		return parse_authority(c, value, text);
	default:
		return critical ? bad(text,
				      "it has a critical extension we do not "
				      "know")
				: OK;
	}
}

static enum err
parse_tail(struct crl_list *c, CBS *tbs, const char **text)
{
	CBS wrapper, list;

	if (CBS_len(tbs) == 0)
		return OK;
	if (!CBS_get_asn1(tbs, &wrapper, TAG_EXTENSIONS) || CBS_len(tbs) != 0 ||
	    !CBS_get_asn1(&wrapper, &list, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&wrapper) != 0)
		return bad(text, damaged);
	while (CBS_len(&list) != 0)
		if (parse_extension(c, &list, text) != OK)
			return ERR_MALFORMED;
	return OK;
}

static bool
at_time(const CBS *cbs)
{
	return CBS_peek_asn1_tag(cbs, CBS_ASN1_UTCTIME) ||
	    CBS_peek_asn1_tag(cbs, CBS_ASN1_GENERALIZEDTIME);
}

/* TBSCertList, RFC 5280 5.1. */
static enum err
parse_tbs(struct crl_list *c, CBS tbs, const char **text)
{
	CBS algorithm, issuer, entries;
	uint64_t version;
	enum err err;

	if ((CBS_peek_asn1_tag(&tbs, CBS_ASN1_INTEGER) &&
		(!CBS_get_asn1_uint64(&tbs, &version) || version > 1)) ||
	    !CBS_get_asn1_element(&tbs, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !slice_equal(tls_der_slice(&algorithm), c->algorithm) ||
	    !CBS_get_asn1_element(&tbs, &issuer, CBS_ASN1_SEQUENCE) ||
	    tls_der_time(&tbs, &c->this_update) != OK)
		return bad(text, damaged);
	c->issuer = tls_der_slice(&issuer);
	c->issuer_hash = tls_der_name_hash(c->issuer);
	c->next_update = INT64_MAX;
	if (at_time(&tbs) && tls_der_time(&tbs, &c->next_update) != OK)
		return bad(text, damaged);
	if (CBS_peek_asn1_tag(&tbs, CBS_ASN1_SEQUENCE)) {
		if (!CBS_get_asn1(&tbs, &entries, CBS_ASN1_SEQUENCE))
			return bad(text, damaged);
		err = index_entries(c, entries, text);
		if (err != OK)
			return err;
	}
	return parse_tail(c, &tbs, text);
}

static enum err
parse_list(struct crl_list *c, size_t len, const char **text)
{
	CBS all = tls_der_cbs(slice_make(c->der, len));
	CBS outer, tbs, algorithm, signature, whole;
	uint8_t unused;

	if (!CBS_get_asn1(&all, &outer, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&all) != 0 ||
	    !CBS_get_asn1_element(&outer, &tbs, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1_element(&outer, &algorithm, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&outer, &signature, CBS_ASN1_BITSTRING) ||
	    CBS_len(&outer) != 0 || !CBS_get_u8(&signature, &unused) ||
	    unused != 0)
		return bad(text, damaged);
	c->tbs = tls_der_slice(&tbs);
	c->algorithm = tls_der_slice(&algorithm);
	c->signature = tls_der_slice(&signature);
	whole = tbs;
	if (!CBS_get_asn1(&whole, &tbs, CBS_ASN1_SEQUENCE))
		return bad(text, damaged);
	return parse_tbs(c, tbs, text);
}

enum err
crl_list_parse(struct crl_list **out, struct slice der, const char *file,
    const char **text)
{
	struct crl_list *c = calloc(1, sizeof(*c));
	enum err err = ERR_NO_MEMORY;

	*out = NULL;
	if (c == NULL)
		return err;
	atomic_init(&c->refs, 1);
	pthread_mutex_init(&c->lock, NULL);
	atomic_init(&c->is_signed, CRL_SIGNED_UNKNOWN);
	c->file = strdup(file);
	c->der = malloc(der.len + 1); /* 0 is no error of malloc */
	if (c->file != NULL && c->der != NULL) {
		memcpy(c->der, der.data, der.len);
		c->der_len = der.len;
		err = parse_list(c, der.len, text);
	}
	if (err != OK) {
		crl_list_put(c);
		return err;
	}
	*out = c;
	return OK;
}

struct crl_list *
crl_list_get(struct crl_list *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
crl_list_put(struct crl_list *c)
{
	if (c == NULL ||
	    atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c->slots);
	free(c->der);
	free(c->file);
	free(c);
}

bool
crl_list_begun(const struct crl_list *c, int64_t now)
{
	return c->this_update <= now + CLOCK_SKEW;
}

bool
crl_list_ended(const struct crl_list *c, int64_t now, int64_t grace)
{
	return c->next_update != INT64_MAX && now > c->next_update + grace;
}

/* Compares CRL numbers; 0 if one is missing. */
static int
compare_numbers(const struct crl_list *a, const struct crl_list *b)
{
	if (a->number.len == 0 || b->number.len == 0)
		return 0;
	if (a->number.len != b->number.len)
		return a->number.len < b->number.len ? -1 : 1;
	return memcmp(a->number.data, b->number.data, a->number.len);
}

bool
crl_list_newer(const struct crl_list *a, const struct crl_list *b)
{
	int number = compare_numbers(a, b);

	if (a->this_update == b->this_update)
		return number > 0;
	return a->this_update > b->this_update && number >= 0;
}

bool
crl_list_same(const struct crl_list *a, const struct crl_list *b)
{
	if (a->issuer_hash != b->issuer_hash ||
	    !slice_equal(a->scope, b->scope))
		return false;
	if (atomic_load(&a->is_signed) == CRL_SIGNED_YES &&
	    atomic_load(&b->is_signed) == CRL_SIGNED_YES)
		return memcmp(a->key, b->key, sizeof(a->key)) == 0;
	return slice_equal(a->authority, b->authority);
}

/* True if a GeneralName of `names' is also in `others'. */
static bool
share_name(CBS names, const CBS *others)
{
	CBS name, rest, other;

	while (CBS_get_any_asn1_element(&names, &name, NULL, NULL)) {
		rest = *others;
		while (CBS_get_any_asn1_element(&rest, &other, NULL, NULL))
			if (slice_equal(tls_der_slice(&name),
				tls_der_slice(&other)))
				return true;
	}
	return false;
}

/* True if a full name is the directory name `issuer' followed by the RDN that
 * stands as a name relative to it (RFC 5280 4.2.1.13). */
static bool
is_relative(CBS names, const CBS *rdn, struct slice issuer)
{
	static const unsigned directory =
	    CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 4;
	CBS base = tls_der_cbs(issuer), rdns, wrapper, name, last;
	unsigned tag;
	size_t len;

	if (!CBS_get_asn1(&base, &rdns, CBS_ASN1_SEQUENCE))
		return false;
	len = CBS_len(&rdns);
	while (CBS_get_any_asn1(&names, &wrapper, &tag)) {
		if (tag != directory ||
		    !CBS_get_asn1(&wrapper, &name, CBS_ASN1_SEQUENCE) ||
		    CBS_len(&name) <= len ||
		    memcmp(CBS_data(&name), CBS_data(&rdns), len) != 0 ||
		    !CBS_skip(&name, len) ||
		    !CBS_get_asn1(&name, &last, CBS_ASN1_SET) ||
		    CBS_len(&name) != 0)
			continue;
		if (slice_equal(tls_der_slice(&last), tls_der_slice(rdn)))
			return true;
	}
	return false;
}

/* True if two DistributionPointNames name one point. */
static bool
same_point(CBS a, CBS b, struct slice issuer)
{
	CBS x, y;
	unsigned tag_x, tag_y;

	if (!CBS_get_any_asn1(&a, &x, &tag_x) ||
	    !CBS_get_any_asn1(&b, &y, &tag_y))
		return false;
	if (tag_x == TAG_RELATIVE && tag_y == TAG_RELATIVE)
		return slice_equal(tls_der_slice(&x), tls_der_slice(&y));
	if (tag_x == TAG_RELATIVE)
		return is_relative(y, &x, issuer);
	if (tag_y == TAG_RELATIVE)
		return is_relative(x, &y, issuer);
	return share_name(x, &y);
}

bool
crl_list_covers(const struct crl_list *c, struct slice points)
{
	CBS all = tls_der_cbs(points), point, name;
	bool any = false;
	int there;

	if (c->points.len == 0)
		return true;
	while (CBS_get_asn1(&all, &point, CBS_ASN1_SEQUENCE)) {
		if (!CBS_get_optional_asn1(&point, &name, &there, TAG_POINT))
			return false;
		any = any || there;
		if (there &&
		    same_point(name, tls_der_cbs(c->points), c->issuer))
			return true;
	}
	return !any;
}

/* Looks for what is known of a key: *is_signed if it signed the list. Returns
 * false if nothing is known and a check is worth its cost. */
static bool
known_key(struct crl_list *c, const struct crl_key *key, bool *is_signed)
{
	bool differs = c->authority.len > 0 && key->id.len > 0 &&
	    !slice_equal(c->authority, key->id);
	bool known = false;
	size_t i, n;

	pthread_mutex_lock(&c->lock);
	n = c->wrong_key_count;
	*is_signed = atomic_load(&c->is_signed) == CRL_SIGNED_YES &&
	    memcmp(c->key, key->hash, sizeof(c->key)) == 0;
	if (atomic_load(&c->is_signed) == CRL_SIGNED_YES)
		known = true;
	for (i = 0; i < n && i < CRL_WRONG_KEYS_MAX && !known; i++)
		known =
		    memcmp(c->wrong_keys[i], key->hash, CERT_SHA256_LEN) == 0;
	/* Key identifiers are hints. But a client who can make CAs of one name
	 * could otherwise have the list hashed for each. */
	if (differs && n >= CRL_WRONG_KEYS_MAX)
		known = true;
	pthread_mutex_unlock(&c->lock);
	return known;
}

static void
remember_key(struct crl_list *c, const struct crl_key *key, bool is_signed)
{
	pthread_mutex_lock(&c->lock);
	if (!is_signed)
		memcpy(c->wrong_keys[c->wrong_key_count++ % CRL_WRONG_KEYS_MAX],
		    key->hash, CERT_SHA256_LEN);
	else if (atomic_load(&c->is_signed) != CRL_SIGNED_YES) {
		memcpy(c->key, key->hash, sizeof(c->key));
		atomic_store_explicit(&c->is_signed, CRL_SIGNED_YES,
		    memory_order_release);
	}
	pthread_mutex_unlock(&c->lock);
}

enum err
crl_list_check_key(struct crl_list *c, const struct crl_key *key)
{
	struct tls_signed s = { c->tbs, c->algorithm, c->signature };
	bool is_signed;
	enum err err;

	if (known_key(c, key, &is_signed))
		return is_signed ? OK : ERR_MALFORMED;
	err = tls_der_check_signature(&s, key->spki);
	if (err != ERR_NO_MEMORY)
		remember_key(c, key, err == OK);
	return err;
}
