/* SPDX-License-Identifier: ISC */
#include "identity/deny_table.h"

#include <stdlib.h>

#define CAP_LEAST 8 /* items that a block begins with */

void
identity_deny_table_init(struct identity_deny_table *t,
    const struct hash_key *hash)
{
	memset(t, 0, sizeof(*t));
	t->hash = *hash;
}

void
identity_deny_table_fini(struct identity_deny_table *t)
{
	free(t->bytes);
	free(t->entries);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

struct identity_deny_lookup
identity_deny_lookup_make(const struct hash_key *hash,
    enum identity_deny_kind kind, struct slice key)
{
	struct hash_key k = { hash->k0, hash->k1 + (uint64_t)kind };
	struct identity_deny_lookup what = { kind, key, hash_keyed(&k, key) };

	return what;
}

/* Grows `mem', *cap items of `size' bytes, to hold `need'. NULL: *err says
 * why, and `mem' is unchanged. */
static void *
grow(void *mem, size_t *cap, size_t need, size_t size, enum err *err)
{
	size_t next = *cap < CAP_LEAST ? CAP_LEAST : *cap;
	void *bigger;

	if (need <= *cap)
		return mem;
	*err = need >= UINT32_MAX ? ERR_LIMIT : ERR_NO_MEMORY;
	if (*err == ERR_LIMIT)
		return NULL;
	while (next < need)
		next += next / 2;
	bigger = realloc(mem, next * size);
	if (bigger != NULL)
		*cap = next;
	return bigger;
}

/* Appends the bytes of `s' and sets *at to their offset. */
static enum err
add_bytes(struct identity_deny_table *t, struct slice s, uint32_t *at)
{
	enum err err;
	uint8_t *bytes;

	*at = (uint32_t)t->bytes_len;
	if (s.len == 0)
		return OK;
	bytes = grow(t->bytes, &t->bytes_cap, t->bytes_len + s.len, 1, &err);
	if (bytes == NULL)
		return err;
	t->bytes = bytes;
	memcpy(t->bytes + t->bytes_len, s.data, s.len);
	t->bytes_len += s.len;
	return OK;
}

/* Most rows share a few reasons, so one that was added lately is shared. */
static enum err
add_reason(struct identity_deny_table *t, struct slice reason, uint32_t *at)
{
	size_t place = hash_keyed(&t->hash, reason) % IDENTITY_DENY_RECENT;
	uint32_t seen = t->recent[place];
	enum err err;

	if (seen > 0 &&
	    slice_equal(reason,
		identity_deny_table_reason(t, &t->entries[seen - 1]))) {
		*at = t->entries[seen - 1].reason;
		return OK;
	}
	err = add_bytes(t, reason, at);
	if (err == OK)
		t->recent[place] = (uint32_t)t->count + 1;
	return err;
}

struct slice
identity_deny_table_key(const struct identity_deny_table *t,
    const struct identity_deny_entry *e)
{
	return slice_make(t->bytes + e->key, e->key_len);
}

struct slice
identity_deny_table_reason(const struct identity_deny_table *t,
    const struct identity_deny_entry *e)
{
	return slice_make(t->bytes + e->reason, e->reason_len);
}

/* The slot that holds the key, or the free one where it belongs: open
 * addressing with linear probing; a table is never full. */
static struct identity_deny_slot *
probe(const struct identity_deny_table *t,
    const struct identity_deny_lookup *what)
{
	size_t i = (size_t)((what->hash >> 32) * t->slot_count >> 32);
	uint32_t tag = (uint32_t)what->hash;
	const struct identity_deny_entry *e;

	for (;; i = i + 1 == t->slot_count ? 0 : i + 1) {
		if (t->slots[i].entry == 0)
			break;
		if (t->slots[i].tag != tag)
			continue;
		e = &t->entries[t->slots[i].entry - 1];
		if (e->kind == what->kind &&
		    slice_equal(identity_deny_table_key(t, e), what->key))
			break;
	}
	return &t->slots[i];
}

/* Builds a new index, with room for `rows' entries. */
static enum err
make_index(struct identity_deny_table *t, size_t rows)
{
	struct identity_deny_lookup what;
	struct identity_deny_slot *old = t->slots, *slot;
	size_t i, count = rows + rows / 3 + 1;

	t->slots = calloc(count, sizeof(*t->slots));
	if (t->slots == NULL) {
		t->slots = old;
		return ERR_NO_MEMORY;
	}
	free(old);
	t->slot_count = count;
	for (i = 0; i < t->count; i++) {
		what = identity_deny_lookup_make(&t->hash,
		    (enum identity_deny_kind)t->entries[i].kind,
		    identity_deny_table_key(t, &t->entries[i]));
		slot = probe(t, &what);
		slot->tag = (uint32_t)what.hash;
		slot->entry = (uint32_t)i + 1;
	}
	return OK;
}

enum err
identity_deny_table_reserve(struct identity_deny_table *t, size_t rows)
{
	struct identity_deny_entry *e;
	enum err err;

	e = grow(t->entries, &t->cap, rows, sizeof(*e), &err);
	if (e == NULL)
		return rows == 0 ? OK : err;
	t->entries = e;
	return t->slot_count > rows + rows / 3 ? OK : make_index(t, rows);
}

/* Gives an entry that exists another reason and until. */
static enum err
change(struct identity_deny_table *t, struct identity_deny_entry *e,
    struct slice reason, int64_t until)
{
	uint32_t at = e->reason;
	enum err err = OK;

	if (!slice_equal(reason, identity_deny_table_reason(t, e)))
		err = add_bytes(t, reason, &at);
	if (err != OK)
		return err;
	e->reason = at;
	t->removed -= e->until == IDENTITY_DENY_REMOVED;
	t->removed += until == IDENTITY_DENY_REMOVED;
	e->reason_len = (uint16_t)reason.len;
	e->until = until;
	return OK;
}

/* Adds an entry; there is room for it in `entries' and `slots'. */
static enum err
add(struct identity_deny_table *t, const struct identity_deny_lookup *what,
    struct slice reason, int64_t until)
{
	struct identity_deny_entry *e = &t->entries[t->count];
	struct identity_deny_slot *slot;
	enum err err;

	e->until = until;
	e->kind = (uint8_t)what->kind;
	e->key_len = (uint16_t)what->key.len;
	e->reason_len = (uint16_t)reason.len;
	err = add_bytes(t, what->key, &e->key);
	if (err == OK)
		err = add_reason(t, reason, &e->reason);
	if (err != OK)
		return err;
	slot = probe(t, what);
	slot->tag = (uint32_t)what->hash;
	slot->entry = (uint32_t)++t->count;
	t->removed += until == IDENTITY_DENY_REMOVED;
	if (what->key.len > t->longest[what->kind])
		t->longest[what->kind] = what->key.len;
	return OK;
}

enum err
identity_deny_table_set(struct identity_deny_table *t,
    const struct identity_deny_lookup *what, struct slice reason, int64_t until)
{
	const struct identity_deny_entry *have =
	    identity_deny_table_find(t, what);
	size_t rows;
	enum err err;

	if (have != NULL)
		return change(t, &t->entries[have - t->entries], reason, until);
	if (t->count == t->cap ||
	    t->count + t->count / 3 + 1 >= t->slot_count) {
		rows =
		    t->count < CAP_LEAST ? CAP_LEAST : t->count + t->count / 2;
		err = identity_deny_table_reserve(t, rows);
		if (err != OK)
			return err;
	}
	return add(t, what, reason, until);
}

/* `mem' without the spare memory at its end. */
static void *
trim(void *mem, size_t *cap, size_t used, size_t size)
{
	void *smaller;

	if (used == 0 || used == *cap)
		return mem;
	smaller = realloc(mem, used * size);
	if (smaller == NULL)
		return mem;
	*cap = used;
	return smaller;
}

void
identity_deny_table_trim(struct identity_deny_table *t)
{
	t->entries = trim(t->entries, &t->cap, t->count, sizeof(*t->entries));
	t->bytes = trim(t->bytes, &t->bytes_cap, t->bytes_len, 1);
}

const struct identity_deny_entry *
identity_deny_table_find(const struct identity_deny_table *t,
    const struct identity_deny_lookup *what)
{
	const struct identity_deny_slot *slot;

	if (t->count == 0)
		return NULL;
	slot = probe(t, what);
	return slot->entry == 0 ? NULL : &t->entries[slot->entry - 1];
}

size_t
identity_deny_table_size(const struct identity_deny_table *t)
{
	return t->bytes_cap + t->cap * sizeof(*t->entries) +
	    t->slot_count * sizeof(*t->slots);
}
