/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: the table is shared by all workers and knows no session.
 */
#include "session/client_ids.h"

#include <stdlib.h>

#include "base/hash.h"

/* Two ClientIDs with the same key, a keyed hash of 64 bits, are taken for one.
 * That would only add a wrong word to a line of the log. */
struct client_ids {
	struct hash_key hash_key;
	struct table_shards members; /* those that have a ClientID */
};

struct client_ids *
client_ids_new(void)
{
	struct client_ids *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->hash_key = hash_key_random();
	table_shards_init(&c->members);
	return c;
}

void
client_ids_free(struct client_ids *c)
{
	if (c == NULL)
		return;
	table_shards_fini(&c->members);
	free(c);
}

uint64_t
client_ids_key(const struct client_ids *c, const char *backend,
    struct slice client_id)
{
	uint64_t name = hash_fnv(HASH_FNV_BEGIN, slice_str(backend));

	return hash_mix(hash_keyed(&c->hash_key, client_id) + name);
}

static bool
same_hash(const struct table_node *node, const void *key)
{
	(void)node;
	(void)key;
	return true;
}

/* Removes the member that has the ClientID. Returns its session, 0: none. */
static uint32_t
take_over(struct table *t, uint64_t key, uint32_t by)
{
	struct client_ids_member *other;
	struct table_node *node = table_find(t, key, same_hash, NULL);

	if (node == NULL)
		return 0;
	other = table_entry(node, struct client_ids_member, node);
	table_remove(t, node);
	other->taken_by = by;
	return other->session;
}

uint32_t
client_ids_take(struct client_ids *c, struct client_ids_member *member,
    uint64_t key, uint64_t session)
{
	uint32_t id = (uint32_t)session;
	uint32_t other;
	struct table *t;

	if (id == 0)
		id = 1; /* 0 has another meaning */
	t = table_shards_lock(&c->members, key);
	other = take_over(t, key, id);
	member->taken_by = 0;
	member->session = table_add(t, &member->node, key) == OK ? id : 0;
	table_shards_unlock(&c->members, key);
	return other;
}

uint32_t
client_ids_release(struct client_ids *c, struct client_ids_member *member)
{
	uint64_t key = member->node.hash;
	uint32_t other;
	struct table *t;

	if (member->session == 0)
		return 0;
	t = table_shards_lock(&c->members, key);
	other = member->taken_by;
	if (other == 0)
		table_remove(t, &member->node);
	table_shards_unlock(&c->members, key);
	member->session = 0;
	return other;
}
