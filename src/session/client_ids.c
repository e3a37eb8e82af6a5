/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: the table is shared by all workers and knows no session.
 */
#include "session/client_ids.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A power of two. 512 KiB, of which only the pages in use take memory. */
#define SLOTS 65536

/* A slot: the upper half is that of the key, the lower half the session's id. 0
 * is empty. */
struct client_ids {
	struct hash_key hash_key;
	_Atomic uint64_t slots[SLOTS];
};

struct client_ids *
client_ids_new(void)
{
	struct client_ids *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->hash_key = hash_key_random();
	return c;
}

void
client_ids_free(struct client_ids *c)
{
	free(c);
}

uint64_t
client_ids_key(const struct client_ids *c, const char *backend,
    struct slice client_id)
{
	uint64_t name = hash_fnv(HASH_FNV_BEGIN, slice_str(backend));

	return hash_mix(hash_keyed(&c->hash_key, client_id) + name);
}

static _Atomic uint64_t *
slot_of(struct client_ids *c, uint64_t key)
{
	return &c->slots[key & (SLOTS - 1)];
}

static uint64_t
value_of(uint64_t key, uint64_t sid)
{
	return (key >> 32 << 32) | (uint32_t)sid;
}

/* The session in a slot's value if it has this key, else 0. */
static uint32_t
session_of(uint64_t value, uint64_t key)
{
	return value >> 32 == key >> 32 ? (uint32_t)value : 0;
}

uint32_t
client_ids_take(struct client_ids *c, uint64_t key, uint64_t sid)
{
	return session_of(atomic_exchange(slot_of(c, key), value_of(key, sid)),
	    key);
}

uint32_t
client_ids_release(struct client_ids *c, uint64_t key, uint64_t sid)
{
	uint64_t value = value_of(key, sid);

	if (atomic_compare_exchange_strong(slot_of(c, key), &value, 0))
		return 0;
	return session_of(value, key);
}
