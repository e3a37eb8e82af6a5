#include "identity/deny_table.h"

#include <stdlib.h>

void
identity_deny_table_init(struct identity_deny_table *t)
{
	memset(t, 0, sizeof(*t));
	t->hash = hash_key_random();
}

void
identity_deny_table_fini(struct identity_deny_table *t)
{
	free(t->bytes);
	free(t->entries);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

/* `mem', of *cap items of `size' bytes, made to hold `need'; NULL and *err. */
static void *
grow(void *mem, size_t *cap, size_t need, size_t size, enum err *err)
{
	size_t next = *cap == 0 ? 64 : *cap;
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

/* Most rows share a few reasons, so those seen lately are used again. */
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

enum err
identity_deny_table_add(struct identity_deny_table *t,
    enum identity_deny_kind kind, struct slice key, struct slice reason,
    int64_t until)
{
	struct identity_deny_entry *e;
	enum err err;

	e = grow(t->entries, &t->cap, t->count + 1, sizeof(*e), &err);
	if (e == NULL)
		return err;
	t->entries = e;
	e += t->count;
	e->until = until;
	e->kind = (uint8_t)kind;
	e->key_len = (uint16_t)key.len;
	e->reason_len = (uint16_t)reason.len;
	err = add_bytes(t, key, &e->key);
	if (err != OK)
		return err;
	err = add_reason(t, reason, &e->reason);
	if (err != OK)
		return err;
	t->count++;
	if (key.len > t->longest[kind])
		t->longest[kind] = key.len;
	return OK;
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

/*
 * The slot that holds the key, or the free one where it belongs. Open
 * addressing, the next slot on collision; the table is never full.
 */
static struct identity_deny_slot *
probe(const struct identity_deny_table *t, enum identity_deny_kind kind,
    struct slice key, uint32_t *tag)
{
	struct hash_key k = { t->hash.k0, t->hash.k1 + (uint64_t)kind };
	uint64_t hash = hash_keyed(&k, key);
	size_t i = (size_t)((hash >> 32) * t->slot_count >> 32);
	const struct identity_deny_entry *e;

	*tag = (uint32_t)hash;
	for (;; i = i + 1 == t->slot_count ? 0 : i + 1) {
		if (t->slots[i].entry == 0)
			break;
		if (t->slots[i].tag != *tag)
			continue;
		e = &t->entries[t->slots[i].entry - 1];
		if (e->kind == kind &&
		    slice_equal(identity_deny_table_key(t, e), key))
			break;
	}
	return &t->slots[i];
}

/* `mem' without what filling left over; failing to shrink is harmless. */
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

/* Puts entry `from' into the index, as entry `to' if it is a new one. */
static void
index_entry(struct identity_deny_table *t, size_t from, size_t *to)
{
	struct identity_deny_entry e = t->entries[from];
	struct identity_deny_entry *have;
	struct identity_deny_slot *slot;
	uint32_t tag;

	slot = probe(t, (enum identity_deny_kind)e.kind,
	    identity_deny_table_key(t, &e), &tag);
	if (slot->entry > 0) {
		have = &t->entries[slot->entry - 1];
		if (e.until > have->until)
			*have = e;
		return;
	}
	t->entries[*to] = e;
	slot->tag = tag;
	slot->entry = (uint32_t)++ * to;
}

enum err
identity_deny_table_index(struct identity_deny_table *t)
{
	size_t i, count = 0;

	t->slot_count = t->count + t->count / 3 + 1;
	t->slots = calloc(t->slot_count, sizeof(*t->slots));
	if (t->slots == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < t->count; i++)
		index_entry(t, i, &count);
	t->count = count;
	t->entries = trim(t->entries, &t->cap, count, sizeof(*t->entries));
	t->bytes = trim(t->bytes, &t->bytes_cap, t->bytes_len, 1);
	return OK;
}

const struct identity_deny_entry *
identity_deny_table_find(const struct identity_deny_table *t,
    enum identity_deny_kind kind, struct slice key)
{
	const struct identity_deny_slot *slot;
	uint32_t tag;

	/* Also keeps a stranger's long name from being hashed. */
	if (key.len > t->longest[kind])
		return NULL;
	slot = probe(t, kind, key, &tag);
	return slot->entry == 0 ? NULL : &t->entries[slot->entry - 1];
}

size_t
identity_deny_table_size(const struct identity_deny_table *t)
{
	return t->bytes_cap + t->cap * sizeof(*t->entries) +
	    t->slot_count * sizeof(*t->slots);
}
