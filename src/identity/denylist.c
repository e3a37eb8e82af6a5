/* SPDX-License-Identifier: ISC */
#include "identity/denylist.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "identity/text.h"

/* Entries that are inserted in one go while readers wait. */
#define CHUNK 256

struct identity_denylist {
	atomic_uint refs;
	pthread_rwlock_t lock; /* guards all that the questions read */
	struct hash_key hash; /* of both tables; never changes */
	struct identity_deny_base *base; /* owned; never NULL */
	struct identity_deny_table overlay; /* counts before `base' */
	struct identity_deny_patterns *patterns; /* counted: of both */
	struct identity_deny_needs needs; /* of both */
	size_t count; /* entries of both; owner only */
	atomic_uint_least64_t version;
	struct identity_denylist *shared; /* counted; NULL: none */
};

static enum err
add_pattern(struct identity_deny_patterns **patterns,
    enum identity_deny_kind kind, struct slice text, struct slice reason,
    int64_t until)
{
	struct identity_deny_pattern p = { kind, text, reason, until };

	if (!identity_deny_is_pattern(kind))
		return OK;
	return identity_deny_patterns_set(patterns, &p);
}

/* --- The list and its changes --- */

enum err
identity_denylist_new(struct identity_denylist **out)
{
	struct identity_denylist *l = calloc(1, sizeof(*l));
	pthread_rwlockattr_t attr;

	*out = NULL;
	if (l == NULL)
		return ERR_NO_MEMORY;
	l->hash = hash_key_random();
	l->base = identity_deny_base_new(&l->hash);
	if (l->base == NULL) {
		free(l);
		return ERR_NO_MEMORY;
	}
	identity_deny_table_init(&l->overlay, &l->hash);
	atomic_init(&l->refs, 1);
	atomic_init(&l->version, 1);
	/* A change must not wait for as long as there are readers. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
	    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&l->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	*out = l;
	return OK;
}

struct identity_denylist *
identity_denylist_get(struct identity_denylist *l)
{
	if (l != NULL)
		atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void
identity_denylist_put(struct identity_denylist *l)
{
	if (l == NULL ||
	    atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	identity_deny_base_free(l->base);
	identity_deny_table_fini(&l->overlay);
	identity_deny_patterns_put(l->patterns);
	pthread_rwlock_destroy(&l->lock);
	identity_denylist_put(l->shared);
	free(l);
}

void
identity_denylist_share(struct identity_denylist *l,
    struct identity_denylist *shared)
{
	l->shared = identity_denylist_get(shared);
}

const struct hash_key *
identity_denylist_hash(const struct identity_denylist *l)
{
	return &l->hash;
}

uint64_t
identity_denylist_version(const struct identity_denylist *l)
{
	/* Both only grow, so the sum changes when either does. */
	return l == NULL
	    ? 0
	    : atomic_load_explicit(&l->version, memory_order_acquire) +
		identity_denylist_version(l->shared);
}

static void
next_version(struct identity_denylist *l)
{
	atomic_fetch_add_explicit(&l->version, 1, memory_order_release);
}

/* The entry that counts, and its table; NULL if there is none. */
static const struct identity_deny_entry *
find(const struct identity_denylist *l, const struct identity_deny_lookup *what,
    const struct identity_deny_table **in)
{
	const struct identity_deny_entry *e;

	*in = &l->overlay;
	e = identity_deny_table_find(&l->overlay, what);
	if (e == NULL) {
		*in = &l->base->table;
		e = identity_deny_table_find(&l->base->table, what);
	}
	return e == NULL || e->until == IDENTITY_DENY_REMOVED ? NULL : e;
}

/* True if an entry of a change says what the table says already. */
static bool
is_same(const struct identity_deny_table *in,
    const struct identity_deny_entry *have, struct slice reason, int64_t until)
{
	if (have == NULL || have->until == IDENTITY_DENY_REMOVED)
		return until == IDENTITY_DENY_REMOVED;
	return have->until == until &&
	    slice_equal(identity_deny_table_reason(in, have), reason);
}

/* Entry `i' of a table as something to look up. */
static struct identity_deny_lookup
lookup_of(const struct identity_deny_table *t, size_t i)
{
	return identity_deny_lookup_make(&t->hash,
	    (enum identity_deny_kind)t->entries[i].kind,
	    identity_deny_table_key(t, &t->entries[i]));
}

/* An overlay being made for a new base. */
struct replacement {
	struct identity_deny_table overlay;
	struct identity_deny_patterns *patterns; /* counted */
	struct identity_deny_needs needs;
	size_t count;
};

/* Takes over entry `i' of `keep' unless the base says the same. */
static enum err
keep_entry(struct replacement *r, const struct identity_deny_table *base,
    const struct identity_deny_table *keep, size_t i)
{
	const struct identity_deny_entry *e = &keep->entries[i];
	struct identity_deny_lookup what = lookup_of(keep, i);
	struct slice reason = identity_deny_table_reason(keep, e);
	const struct identity_deny_entry *have =
	    identity_deny_table_find(base, &what);
	enum err err;

	if (is_same(base, have, reason, e->until))
		return OK;
	r->count -= have != NULL && have->until != IDENTITY_DENY_REMOVED;
	r->count += e->until != IDENTITY_DENY_REMOVED;
	identity_deny_needs_add(&r->needs, what.kind, what.key);
	err = add_pattern(&r->patterns, what.kind, what.key, reason, e->until);
	if (err != OK && err != ERR_LIMIT)
		return err;
	return identity_deny_table_set(&r->overlay, &what, reason, e->until);
}

enum err
identity_denylist_replace(struct identity_denylist *l,
    struct identity_deny_base *base, const struct identity_deny_table *keep,
    struct identity_deny_base **old)
{
	struct replacement r = { .needs = base->needs };
	struct identity_deny_table overlay = l->overlay;
	struct identity_deny_patterns *patterns = l->patterns;
	enum err err = OK;
	size_t i;

	identity_deny_table_init(&r.overlay, &l->hash);
	r.patterns = identity_deny_patterns_get(base->patterns);
	r.count = base->table.count - base->table.removed;
	for (i = 0; keep != NULL && i < keep->count && err == OK; i++)
		err = keep_entry(&r, &base->table, keep, i);
	if (err != OK) {
		identity_deny_patterns_put(r.patterns);
		identity_deny_table_fini(&r.overlay);
		return err;
	}
	pthread_rwlock_wrlock(&l->lock);
	*old = l->base;
	l->base = base;
	l->overlay = r.overlay;
	l->patterns = r.patterns;
	l->needs = r.needs;
	next_version(l);
	pthread_rwlock_unlock(&l->lock);
	l->count = r.count;
	identity_deny_patterns_put(patterns);
	identity_deny_table_fini(&overlay);
	return OK;
}

const struct identity_deny_base *
identity_denylist_base(const struct identity_denylist *l)
{
	return l->base;
}

const struct stat *
identity_denylist_file_stat(const struct identity_denylist *l)
{
	return &l->base->file_stat;
}

bool
identity_denylist_is_changed(const struct identity_denylist *l,
    const struct identity_deny_table *t, size_t i)
{
	struct identity_deny_lookup what = lookup_of(t, i);

	return identity_deny_table_find(&l->overlay, &what) != NULL;
}

size_t
identity_denylist_obsolete_rows(const struct identity_denylist *l)
{
	return l->base->obsolete_rows;
}

enum err
identity_denylist_load(struct identity_denylist *l, const char *path,
    struct report *r)
{
	struct identity_deny_base *base, *old = NULL;
	enum err err;

	err = identity_deny_base_read(&base, &l->hash, path, r);
	if (err != OK)
		return err;
	err = identity_denylist_replace(l, base, NULL, &old);
	identity_deny_base_free(err == OK ? old : base);
	return err;
}

void
identity_deny_change_init(struct identity_deny_change *c,
    const struct identity_denylist *l)
{
	memset(c, 0, sizeof(*c));
	identity_deny_table_init(&c->entries, &l->hash);
	identity_deny_table_init(&c->replaced, &l->hash);
}

void
identity_deny_change_fini(struct identity_deny_change *c)
{
	identity_deny_table_fini(&c->entries);
	identity_deny_table_fini(&c->replaced);
}

/* True if the list would have too many expressions with those of the change. */
static bool
too_many_patterns(const struct identity_denylist *l,
    const struct identity_deny_table *change)
{
	size_t i, n = 1;
	int kind;

	for (kind = 0; kind < IDENTITY_DENY_KIND_COUNT; kind++)
		if (identity_deny_is_pattern((enum identity_deny_kind)kind))
			n += identity_deny_patterns_count(l->patterns,
			    (enum identity_deny_kind)kind);
	for (i = 0; i < change->count && n <= IDENTITY_DENY_PATTERNS_MAX; i++)
		n += identity_deny_is_pattern(
		    (enum identity_deny_kind)change->entries[i].kind);
	return n > IDENTITY_DENY_PATTERNS_MAX;
}

/* Checks a new expression. */
static enum err
plan_pattern(const struct identity_denylist *l,
    const struct identity_deny_change *c, const struct identity_deny_row *row,
    struct report *r)
{
	char why[256];
	enum err err;

	err = identity_deny_pattern_check(row->value, why, sizeof(why));
	if (err == ERR_CONFIG)
		report_add(r, "%s: not a regular expression: %s",
		    identity_deny_word(row->kind), why);
	else if (err == OK && too_many_patterns(l, &c->entries)) {
		report_add(r, "%s: a list may have %d regular expressions",
		    identity_deny_word(row->kind), IDENTITY_DENY_PATTERNS_MAX);
		err = ERR_CONFIG;
	}
	return err;
}

enum err
identity_denylist_plan(struct identity_denylist *l,
    struct identity_deny_change *c, const struct identity_deny_row *row,
    const struct identity_deny_key *key, struct report *r)
{
	struct identity_deny_lookup what = identity_deny_lookup_make(&l->hash,
	    row->kind, slice_make(key->bytes, key->len));
	const struct identity_deny_table *in;
	const struct identity_deny_entry *have = find(l, &what, &in);
	enum err err = OK;

	c->until = have == NULL ? 0 : have->until;
	c->now_until = row->until == IDENTITY_DENY_REMOVED ? 0 : row->until;
	if (is_same(in, have, row->reason, row->until)) {
		c->unchanged++;
		return OK;
	}
	if (have == NULL && identity_deny_is_pattern(row->kind))
		err = plan_pattern(l, c, row, r);
	if (err == OK)
		err = identity_deny_table_set(&c->entries, &what, row->reason,
		    row->until);
	if (err == OK && have != NULL)
		err = identity_deny_table_set(&c->replaced, &what,
		    slice_make(NULL, 0), IDENTITY_DENY_REMOVED);
	if (err != OK)
		return err;
	if (row->until == IDENTITY_DENY_REMOVED)
		c->removed++;
	else if (have == NULL)
		c->added++;
	else
		c->changed++;
	return OK;
}

/* Entry `i' of a change; the lock is held. */
static enum err
apply_entry(struct identity_denylist *l, const struct identity_deny_table *t,
    size_t i)
{
	const struct identity_deny_entry *e = &t->entries[i];
	struct identity_deny_lookup what = identity_deny_lookup_make(&l->hash,
	    (enum identity_deny_kind)e->kind, identity_deny_table_key(t, e));
	struct slice reason = identity_deny_table_reason(t, e);
	int64_t until = e->until;
	const struct identity_deny_table *in;
	bool had = find(l, &what, &in) != NULL;
	enum err err;

	identity_deny_needs_add(&l->needs, what.kind, what.key);
	err = add_pattern(&l->patterns, what.kind, what.key, reason, until);
	if (err == OK)
		err =
		    identity_deny_table_set(&l->overlay, &what, reason, until);
	if (err != OK)
		return err;
	l->count -= had;
	l->count += until != IDENTITY_DENY_REMOVED;
	return OK;
}

enum err
identity_denylist_apply(struct identity_denylist *l,
    const struct identity_deny_table *t)
{
	enum err err = OK;
	size_t i, end;

	for (i = 0; i < t->count && err == OK; i = end) {
		end = t->count - i > CHUNK ? i + CHUNK : t->count;
		pthread_rwlock_wrlock(&l->lock);
		for (; i < end && err == OK; i++)
			err = apply_entry(l, t, i);
		next_version(l);
		pthread_rwlock_unlock(&l->lock);
	}
	return err;
}

/* --- Showing --- */

/* Shows an entry in full. */
static void
show(const struct identity_deny_table *in, const struct identity_deny_entry *e,
    struct identity_deny *out)
{
	out->kind = (enum identity_deny_kind)e->kind;
	out->value = identity_deny_key_text(out->kind,
	    identity_deny_table_key(in, e), out->copy);
	out->reason = identity_deny_table_reason(in, e);
	out->until = e->until;
}

size_t
identity_denylist_count(const struct identity_denylist *l)
{
	return l == NULL ? 0 : l->count;
}

size_t
identity_denylist_size(const struct identity_denylist *l)
{
	return l == NULL ? 0
			 : sizeof(*l) + sizeof(*l->base) +
		identity_deny_table_size(&l->base->table) +
		identity_deny_table_size(&l->overlay);
}

bool
identity_denylist_next(const struct identity_denylist *l,
    struct identity_deny_cursor *cursor, struct identity_deny *out)
{
	const struct identity_deny_table *t = &l->base->table;
	struct identity_deny_lookup what;
	size_t i;

	while (cursor->base < t->count) {
		i = cursor->base++;
		if (t->entries[i].until == IDENTITY_DENY_REMOVED)
			continue;
		if (l->overlay.count > 0) {
			what = lookup_of(t, i);
			if (identity_deny_table_find(&l->overlay, &what) !=
			    NULL)
				continue;
		}
		show(t, &t->entries[i], out);
		return true;
	}
	while (cursor->overlay < l->overlay.count) {
		i = cursor->overlay++;
		if (l->overlay.entries[i].until == IDENTITY_DENY_REMOVED)
			continue;
		show(&l->overlay, &l->overlay.entries[i], out);
		return true;
	}
	return false;
}

bool
identity_denylist_find(const struct identity_denylist *l,
    enum identity_deny_kind kind, struct slice key, struct identity_deny *out)
{
	struct identity_deny_lookup what =
	    identity_deny_lookup_make(&l->hash, kind, key);
	const struct identity_deny_table *in;
	const struct identity_deny_entry *e = find(l, &what, &in);

	if (e != NULL)
		show(in, e, out);
	return e != NULL;
}

/* --- Questions --- */

/* Copies what fits of `s' to found->copy, after the `used' bytes in it. */
static struct slice
keep(struct identity_deny *found, size_t used, struct slice s)
{
	size_t len = s.len < IDENTITY_DENY_SHOWN ? s.len : IDENTITY_DENY_SHOWN;

	if (len > 0)
		memcpy(found->copy + used, s.data, len);
	return slice_make(found->copy + used, len);
}

/* Reports an entry by copies, as the list may change at any time. */
static bool
report_match(struct identity_deny *found, enum identity_deny_kind kind,
    struct slice value, struct slice reason, int64_t until)
{
	found->kind = kind;
	found->value = keep(found, 0, value);
	found->reason = keep(found, IDENTITY_DENY_SHOWN, reason);
	found->until = until;
	return true;
}

static bool
has(const struct identity_denylist *l, enum identity_deny_kind kind)
{
	return l->base->table.longest[kind] > 0 || l->overlay.longest[kind] > 0;
}

/* Looks up one key. An expired entry does not count. */
static bool
match_key(const struct identity_denylist *l, enum identity_deny_kind kind,
    struct slice key, int64_t now, struct identity_deny *found)
{
	const struct identity_deny_table *in;
	const struct identity_deny_entry *e;
	struct identity_deny_lookup what;
	char text[IDENTITY_DENY_TEXT_MAX];

	/* This also keeps a client's long name from being hashed. */
	if (key.len > l->base->table.longest[kind] &&
	    key.len > l->overlay.longest[kind])
		return false;
	what = identity_deny_lookup_make(&l->hash, kind, key);
	e = find(l, &what, &in);
	return e != NULL && now < e->until &&
	    report_match(found, kind, identity_deny_key_text(kind, key, text),
		identity_deny_table_reason(in, e), e->until);
}

/* Each prefix length that the family of the address has. */
static bool
match_networks(const struct identity_denylist *l,
    const struct sockaddr_storage *peer, uint8_t family, int64_t now,
    struct identity_deny *found)
{
	const struct identity_deny_lengths *lengths =
	    family == 4 ? &l->needs.v4 : &l->needs.v6;
	uint8_t key[IDENTITY_DENY_NET_LEN];
	size_t i;

	for (i = 0; i < lengths->count; i++) {
		(void)identity_deny_key_address(key, peer, lengths->bits[i],
		    lengths->bits[i]);
		if (match_key(l, IDENTITY_DENY_KIND_PEERHOST_NET,
			slice_make(key, sizeof(key)), now, found))
			return true;
	}
	return false;
}

bool
identity_denylist_match_peer(struct identity_denylist *l,
    const struct sockaddr_storage *peer, int64_t now,
    struct identity_deny *found)
{
	uint8_t key[IDENTITY_DENY_NET_LEN];
	bool denied;

	if (l == NULL || !identity_deny_key_address(key, peer, 32, 128))
		return false;
	pthread_rwlock_rdlock(&l->lock);
	denied = match_key(l, IDENTITY_DENY_KIND_PEERHOST,
		     slice_make(key, IDENTITY_DENY_HOST_LEN), now, found) ||
	    match_networks(l, peer, key[0], now, found);
	pthread_rwlock_unlock(&l->lock);
	return denied ||
	    identity_denylist_match_peer(l->shared, peer, now, found);
}

/* Makes the key of subject attribute `i' if it is a common name. */
static bool
make_cn(struct identity_deny_key *key, const struct cert *cert, size_t i)
{
	const struct cert_attr *a = &cert->subject[i];

	key->len = 0;
	return slice_equal(a->oid, slice_str(CERT_OID_CN)) &&
	    identity_text_append(a->type, a->value, key->bytes,
		sizeof(key->bytes), &key->len) == IDENTITY_TEXT_OK;
}

/* Looks up every common name: a second one must not evade the list. */
static bool
match_cn(const struct identity_denylist *l, const struct cert *cert,
    int64_t now, struct identity_deny *found)
{
	struct identity_deny_key key;
	size_t i;

	for (i = 0; i < cert->subject_count; i++)
		if (make_cn(&key, cert, i) &&
		    match_key(l, IDENTITY_DENY_KIND_CN,
			slice_make(key.bytes, key.len), now, found))
			return true;
	return false;
}

static bool
match_san(const struct identity_denylist *l, const struct cert *cert,
    int64_t now, struct identity_deny *found)
{
	struct identity_deny_key key;
	size_t i;

	for (i = 0; i < cert->san_count; i++) {
		if (identity_deny_key_san(&key, &cert->sans[i]) &&
		    match_key(l, IDENTITY_DENY_KIND_SAN,
			slice_make(key.bytes, key.len), now, found))
			return true;
	}
	return false;
}

/* The serial@issuer whose serial and @ are the first `len' bytes of `key', and
 * whose issuer is a certificate of the CA, by its hash. */
static bool
match_issuer_hash(const struct identity_denylist *l,
    struct identity_deny_key *key, size_t len,
    const uint8_t sha256[CERT_SHA256_LEN], int64_t now,
    struct identity_deny *found)
{
	size_t end = len + (size_t)2 * CERT_SHA256_LEN;

	if (end >= sizeof(key->bytes))
		return false;
	encode_hex((char *)key->bytes + len,
	    slice_make(sha256, CERT_SHA256_LEN));
	return match_key(l, IDENTITY_DENY_KIND_SERIAL,
	    slice_make(key->bytes, end), now, found);
}

/* The serial@issuer whose serial and @ are the first `len' bytes of `key'. */
static bool
match_issuer(const struct identity_denylist *l, const struct cert *cert,
    struct identity_deny_key *key, size_t len, int64_t now,
    struct identity_deny *found)
{
	struct identity_text_out out = { key->bytes, sizeof(key->bytes), len };
	size_t i;

	if (identity_dn_append(cert->issuer, cert->issuer_count,
		IDENTITY_DN_EMQX, &out, NULL) == IDENTITY_TEXT_OK &&
	    match_key(l, IDENTITY_DENY_KIND_SERIAL,
		slice_make(key->bytes, out.len), now, found))
		return true;
	for (i = 0; i < cert->issuer_cert_count; i++)
		if (match_issuer_hash(l, key, len, cert->issuer_certs[i], now,
			found))
			return true;
	return false;
}

static bool
match_serial(const struct identity_denylist *l, const struct cert *cert,
    int64_t now, struct identity_deny *found)
{
	struct identity_deny_key key;

	if (!identity_deny_key_serial(&key, cert->serial))
		return false;
	if (match_key(l, IDENTITY_DENY_KIND_SERIAL,
		slice_make(key.bytes, key.len), now, found))
		return true;
	if (!l->needs.serial_with_issuer)
		return false;
	key.bytes[key.len] = '@';
	return match_issuer(l, cert, &key, key.len + 1, now, found);
}

static bool
match_digest(const struct identity_denylist *l, enum identity_deny_kind kind,
    const uint8_t digest[CERT_SHA256_LEN], int64_t now,
    struct identity_deny *found)
{
	return match_key(l, kind, slice_make(digest, CERT_SHA256_LEN), now,
	    found);
}

/* Any of the hashes by which a certificate may be known: of either form (see
 * domain/cert.h), since any client can turn one into the other, and of what its
 * CA signed. */
static bool
match_sha256(const struct identity_denylist *l, const struct cert *cert,
    int64_t now, struct identity_deny *found)
{
	enum identity_deny_kind kind = IDENTITY_DENY_KIND_SHA256;

	return match_digest(l, kind, cert->sha256, now, found) ||
	    match_digest(l, kind, cert->other_form_sha256, now, found) ||
	    match_digest(l, kind, cert->tbs_sha256, now, found);
}

bool
identity_denylist_match_cert(struct identity_denylist *l,
    const struct cert *cert, int64_t now, struct identity_deny *found)
{
	bool denied;

	if (l == NULL)
		return false;
	pthread_rwlock_rdlock(&l->lock);
	denied = match_sha256(l, cert, now, found) ||
	    match_digest(l, IDENTITY_DENY_KIND_SPKI, cert->spki, now, found) ||
	    (has(l, IDENTITY_DENY_KIND_SERIAL) &&
		match_serial(l, cert, now, found)) ||
	    (has(l, IDENTITY_DENY_KIND_CN) && match_cn(l, cert, now, found)) ||
	    (has(l, IDENTITY_DENY_KIND_SAN) && match_san(l, cert, now, found));
	pthread_rwlock_unlock(&l->lock);
	return denied ||
	    identity_denylist_match_cert(l->shared, cert, now, found);
}

/* Tries the expressions of `kind'. One that gave up denies, and says so. */
static bool
match_patterns(struct identity_deny_patterns *set, enum identity_deny_kind kind,
    struct slice name, int64_t now, struct identity_deny *found)
{
	const struct identity_deny_pattern *p = NULL;
	enum identity_deny_match match;
	struct slice reason;

	if (set == NULL || name.len == 0 ||
	    identity_deny_patterns_count(set, kind) == 0)
		return false;
	match = identity_deny_patterns_match(set, kind, name, now, &p);
	if (match == IDENTITY_DENY_MATCH_NO)
		return false;
	reason = p->reason;
	if (match == IDENTITY_DENY_MATCH_GAVE_UP)
		reason = slice_str("not decided: the name is too long, or the "
				   "expressions are too slow for it");
	return report_match(found, kind, p->text, reason, p->until);
}

bool
identity_denylist_match_names(struct identity_denylist *l,
    struct slice username, struct slice client_id, int64_t now,
    struct identity_deny *found)
{
	struct identity_deny_patterns *set;
	bool denied;

	if (l == NULL)
		return false;
	pthread_rwlock_rdlock(&l->lock);
	denied = (username.len > 0 &&
		     match_key(l, IDENTITY_DENY_KIND_USERNAME, username, now,
			 found)) ||
	    (client_id.len > 0 &&
		match_key(l, IDENTITY_DENY_KIND_CLIENTID, client_id, now,
		    found));
	set = denied ? NULL : identity_deny_patterns_get(l->patterns);
	pthread_rwlock_unlock(&l->lock);
	denied = denied ||
	    match_patterns(set, IDENTITY_DENY_KIND_USERNAME_RE, username, now,
		found) ||
	    match_patterns(set, IDENTITY_DENY_KIND_CLIENTID_RE, client_id, now,
		found);
	identity_deny_patterns_put(set);
	return denied ||
	    identity_denylist_match_names(l->shared, username, client_id, now,
		found);
}

/* --- Filters --- */

/* Bits that an entry sets: places of eight bits each, from one hash. */
#define FILTER_BITS 4

/* Adds an entry; see identity_deny_filter_entry(). */
static bool
filter_add(struct identity_deny_filter *f, enum identity_deny_kind kind,
    struct slice key)
{
	const uint8_t *at;
	uint64_t hash;
	int i;

	if (kind == IDENTITY_DENY_KIND_PEERHOST_NET ||
	    identity_deny_is_pattern(kind))
		return false;
	/* A serial@issuer may concern any certificate with the serial. */
	if (kind == IDENTITY_DENY_KIND_SERIAL) {
		at = memchr(key.data, '@', key.len);
		if (at != NULL)
			key.len = (size_t)(at - key.data);
	}
	hash = hash_fnv_byte(HASH_FNV_BEGIN, (uint8_t)kind);
	hash = hash_mix(hash_fnv(hash, key));
	for (i = 0; i < FILTER_BITS; i++, hash >>= 8)
		f->bits[hash >> 6 & (IDENTITY_DENY_FILTER_WORDS - 1)] |=
		    UINT64_C(1) << (hash & 63);
	return true;
}

bool
identity_deny_filter_entry(struct identity_deny_filter *f,
    enum identity_deny_kind kind, struct slice key)
{
	memset(f, 0, sizeof(*f));
	return filter_add(f, kind, key);
}

static void
filter_cert(struct identity_deny_filter *f, const struct cert *cert)
{
	struct identity_deny_key key;
	size_t i;

	filter_add(f, IDENTITY_DENY_KIND_SHA256,
	    slice_make(cert->sha256, CERT_SHA256_LEN));
	filter_add(f, IDENTITY_DENY_KIND_SHA256,
	    slice_make(cert->other_form_sha256, CERT_SHA256_LEN));
	filter_add(f, IDENTITY_DENY_KIND_SHA256,
	    slice_make(cert->tbs_sha256, CERT_SHA256_LEN));
	filter_add(f, IDENTITY_DENY_KIND_SPKI,
	    slice_make(cert->spki, CERT_SHA256_LEN));
	if (identity_deny_key_serial(&key, cert->serial))
		filter_add(f, IDENTITY_DENY_KIND_SERIAL,
		    slice_make(key.bytes, key.len));
	for (i = 0; i < cert->subject_count; i++)
		if (make_cn(&key, cert, i))
			filter_add(f, IDENTITY_DENY_KIND_CN,
			    slice_make(key.bytes, key.len));
	for (i = 0; i < cert->san_count; i++)
		if (identity_deny_key_san(&key, &cert->sans[i]))
			filter_add(f, IDENTITY_DENY_KIND_SAN,
			    slice_make(key.bytes, key.len));
}

void
identity_deny_filter(struct identity_deny_filter *f, const struct cert *cert,
    struct slice username, struct slice client_id,
    const struct sockaddr_storage *peer)
{
	uint8_t host[IDENTITY_DENY_NET_LEN];

	memset(f, 0, sizeof(*f));
	if (cert != NULL)
		filter_cert(f, cert);
	if (username.len > 0)
		filter_add(f, IDENTITY_DENY_KIND_USERNAME, username);
	if (client_id.len > 0)
		filter_add(f, IDENTITY_DENY_KIND_CLIENTID, client_id);
	if (peer != NULL && identity_deny_key_address(host, peer, 32, 128))
		filter_add(f, IDENTITY_DENY_KIND_PEERHOST,
		    slice_make(host, IDENTITY_DENY_HOST_LEN));
}
