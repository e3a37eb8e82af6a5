/* SPDX-License-Identifier: ISC */
#include "accept/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "accept/pending.h"
#include "base/address.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/ratelimit.h"
#include "base/table.h"

/* The most entries without a connection that a shard keeps. */
#define IDLE_MAX 256

#define PREFIX4 24
#define PREFIX6 64

/* The kind of an entry: an address, or a network. */
struct key {
	uint8_t family; /* 4 or 6 */
	bool is_prefix;
	uint8_t bytes[16];
};

struct throttle_entry {
	struct table_node node;
	struct list idle; /* in the list of its shard, while unconnected */
	struct key key;
	uint32_t connections;
	struct ratelimit rate; /* of new connections; networks only */
};

/* The entries of a shard that have no connection; guarded by its lock. */
struct idle {
	struct list list; /* oldest first */
	size_t count;
};

/* The limits. Each is read by itself, so a reload may take effect in parts. */
struct limits {
	_Atomic uint32_t connections;
	_Atomic uint32_t per_address;
	_Atomic uint32_t per_prefix;
	_Atomic uint32_t prefix_rate;
	_Atomic uint32_t prefix_burst;
};

struct throttle {
	struct limits limits;
	_Atomic uint32_t connections;
	struct pending_registry *handshakes; /* owned */
	struct ratelimit full;
	struct ratelimit resumed;
	struct hash_key hash_key;
	struct table_shards entries; /* owned */
	struct idle idle[TABLE_SHARDS];
};

static uint32_t
load(_Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void
store(_Atomic uint32_t *n, uint32_t value)
{
	atomic_store_explicit(n, value, memory_order_relaxed);
}

static void
drop(_Atomic uint32_t *n)
{
	atomic_fetch_sub_explicit(n, 1, memory_order_relaxed);
}

/* Counts one more unless there are `limit' already; 0: no limit. */
static bool
count_in(_Atomic uint32_t *n, uint32_t limit)
{
	uint32_t before = atomic_fetch_add_explicit(n, 1, memory_order_relaxed);

	if (limit == 0 || before < limit)
		return true;
	drop(n);
	return false;
}

/* The functions below work on one shard: its table, locked, and its idle
 * entries. */
struct shard {
	struct table *table;
	struct idle *idle;
};

static struct shard
shard_lock(struct throttle *t, uint64_t hash)
{
	struct shard s = { table_shards_lock(&t->entries, hash),
		&t->idle[table_shard_of(hash)] };

	return s;
}

static void
set_busy(struct shard *s, struct throttle_entry *e)
{
	if (list_empty(&e->idle))
		return;
	list_remove(&e->idle);
	s->idle->count--;
}

static void
remove_entry(struct shard *s, struct throttle_entry *e)
{
	set_busy(s, e);
	table_remove(s->table, &e->node);
	free(e);
}

/* Removes the oldest idle entries whose bucket is full again, and any above the
 * bound. Two per call are enough to keep up with one that is added. */
static void
expire(struct shard *s, uint64_t now_ms)
{
	struct throttle_entry *e;
	int i;

	for (i = 0; i < 2 && !list_empty(&s->idle->list); i++) {
		e = list_entry(s->idle->list.next, struct throttle_entry, idle);
		if (s->idle->count <= IDLE_MAX &&
		    !ratelimit_is_full(&e->rate, now_ms))
			return;
		remove_entry(s, e);
	}
}

static bool
has_key(const struct table_node *node, const void *key)
{
	const struct throttle_entry *e =
	    table_entry(node, const struct throttle_entry, node);

	return memcmp(&e->key, key, sizeof(e->key)) == 0;
}

/* Returns the entry of that key, and creates it if necessary. NULL when memory
 * runs out. */
static struct throttle_entry *
find_or_add(struct shard *s, uint64_t hash, const struct key *key)
{
	struct table_node *node = table_find(s->table, hash, has_key, key);
	struct throttle_entry *e;

	if (node != NULL)
		return table_entry(node, struct throttle_entry, node);
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	list_init(&e->idle);
	ratelimit_init(&e->rate, 0, 0);
	e->key = *key;
	if (table_add(s->table, &e->node, hash) != OK) {
		free(e);
		return NULL;
	}
	return e;
}

/* An entry without connections is kept only for its bucket. */
static void
settle(struct shard *s, struct throttle_entry *e, uint64_t now_ms)
{
	if (e->connections > 0)
		return;
	if (ratelimit_is_full(&e->rate, now_ms)) {
		remove_entry(s, e);
		return;
	}
	if (list_empty(&e->idle)) {
		list_append(&s->idle->list, &e->idle);
		s->idle->count++;
	}
	expire(s, now_ms);
}

/* The limits of an entry; 0: none. */
struct cap {
	uint32_t connections;
	uint32_t rate;
	uint32_t burst;
};

/* Counts a connection into the entry of `key', which `*out' then holds. */
static enum reason
enter(struct throttle *t, struct throttle_entry **out, const struct key *key,
    const struct cap *cap, uint64_t now_ms)
{
	uint64_t hash = hash_keyed(&t->hash_key, slice_make(key, sizeof(*key)));
	struct shard s = shard_lock(t, hash);
	struct throttle_entry *e = find_or_add(&s, hash, key);
	enum reason reason = REASON_NONE;

	if (e == NULL) {
		table_shards_unlock(&t->entries, hash);
		return REASON_ACCEPT_RESOURCE;
	}
	ratelimit_set(&e->rate, cap->rate, cap->burst);
	if (cap->connections != 0 && e->connections >= cap->connections)
		reason = REASON_ACCEPT_ADDRESS_LIMIT;
	else if (ratelimit_try(&e->rate, now_ms) > 0)
		reason = REASON_ACCEPT_RATE;
	if (reason == REASON_NONE) {
		*out = e;
		e->connections++;
		set_busy(&s, e);
	}
	settle(&s, e, now_ms); /* e may be gone */
	table_shards_unlock(&t->entries, hash);
	return reason;
}

static void
leave(struct throttle *t, struct throttle_entry *e, uint64_t now_ms)
{
	struct shard s;
	uint64_t hash;

	if (e == NULL)
		return;
	hash = e->node.hash;
	s = shard_lock(t, hash);
	e->connections--;
	settle(&s, e, now_ms); /* e may be gone */
	table_shards_unlock(&t->entries, hash);
}

/* Fills the key; false for a peer that is not counted. */
static bool
make_key(struct key *key, const struct sockaddr_storage *peer, bool prefix)
{
	memset(key, 0, sizeof(*key));
	key->family = address_prefix(key->bytes, peer, prefix ? PREFIX4 : 32,
	    prefix ? PREFIX6 : 128);
	key->is_prefix = prefix;
	return key->family != 0;
}

static enum reason
enter_address(struct throttle_slot *slot, const struct sockaddr_storage *peer,
    uint64_t now_ms)
{
	struct throttle *t = slot->throttle;
	struct cap cap = { load(&t->limits.per_address), 0, 0 };
	struct key key;

	if (cap.connections == 0 || !make_key(&key, peer, false))
		return REASON_NONE;
	return enter(t, &slot->address, &key, &cap, now_ms);
}

static enum reason
enter_prefix(struct throttle_slot *slot, const struct sockaddr_storage *peer,
    uint64_t now_ms)
{
	struct throttle *t = slot->throttle;
	struct cap cap = { load(&t->limits.per_prefix),
		load(&t->limits.prefix_rate), load(&t->limits.prefix_burst) };
	struct key key;

	if ((cap.connections == 0 && cap.rate == 0) ||
	    !make_key(&key, peer, true))
		return REASON_NONE;
	return enter(t, &slot->prefix, &key, &cap, now_ms);
}

enum reason
throttle_admit_peer(struct throttle_slot *slot,
    const struct sockaddr_storage *peer, uint64_t now_ms)
{
	enum reason reason = enter_address(slot, peer, now_ms);

	if (reason == REASON_NONE)
		reason = enter_prefix(slot, peer, now_ms);
	return reason;
}

uint64_t
throttle_token_take(struct throttle *t, uint64_t now_ms)
{
	/* Whether the session will be resumed is not known yet. */
	uint64_t wait = ratelimit_wait(&t->resumed, now_ms);

	return wait > 0 ? wait : ratelimit_try(&t->full, now_ms);
}

void
throttle_token_give(struct throttle *t, enum throttle_token why,
    uint64_t now_ms)
{
	ratelimit_give(&t->full);
	if (why == THROTTLE_RESUMED)
		ratelimit_take(&t->resumed, now_ms);
}

struct pending_registry *
throttle_handshakes(struct throttle *t)
{
	return t->handshakes;
}

enum reason
throttle_admit(struct throttle *t, struct throttle_slot *slot)
{
	memset(slot, 0, sizeof(*slot));
	if (!count_in(&t->connections, load(&t->limits.connections)))
		return REASON_ACCEPT_LIMIT;
	slot->throttle = t;
	return REASON_NONE;
}

void
throttle_admit_over_limit(struct throttle *t, struct throttle_slot *slot)
{
	memset(slot, 0, sizeof(*slot));
	(void)count_in(&t->connections, 0);
	slot->throttle = t;
}

void
throttle_release(struct throttle_slot *slot, uint64_t now_ms)
{
	struct throttle *t = slot->throttle;

	if (t == NULL)
		return;
	leave(t, slot->address, now_ms);
	leave(t, slot->prefix, now_ms);
	drop(&t->connections);
	memset(slot, 0, sizeof(*slot));
}

void
throttle_set(struct throttle *t, const struct throttle_options *o)
{
	struct pending_limits h = { o->handshakes, o->handshakes_per_prefix,
		o->handshakes_in_tls };

	/* By default unfinished handshakes may use half of the connections, so
	 * that silent clients cannot use all descriptors. */
	if (h.handshakes == 0)
		h.handshakes = (o->connections + 1) / 2;
	if (h.per_prefix == 0)
		h.per_prefix = (h.handshakes + 1) / 2;
	store(&t->limits.connections, o->connections);
	store(&t->limits.per_address, o->connections_per_address);
	store(&t->limits.per_prefix, o->connections_per_prefix);
	pending_registry_set_limits(t->handshakes, &h);
	store(&t->limits.prefix_rate, o->prefix_rate);
	store(&t->limits.prefix_burst, o->prefix_burst);
	ratelimit_set(&t->full, o->handshake_rate, o->handshake_burst);
	ratelimit_set(&t->resumed, o->resumed_rate, o->resumed_burst);
}

enum err
throttle_new(struct throttle **out, const struct throttle_options *o)
{
	struct throttle *t = calloc(1, sizeof(*t));
	int i;

	if (t == NULL)
		return ERR_NO_MEMORY;
	ratelimit_init(&t->full, 0, 0);
	ratelimit_init(&t->resumed, 0, 0);
	t->handshakes = pending_registry_new();
	if (t->handshakes == NULL) {
		free(t);
		return ERR_NO_MEMORY;
	}
	t->hash_key = hash_key_random();
	table_shards_init(&t->entries);
	for (i = 0; i < TABLE_SHARDS; i++)
		list_init(&t->idle[i].list);
	throttle_set(t, o);
	*out = t;
	return OK;
}

void
throttle_free(struct throttle *t)
{
	struct table_node *node;
	int i;

	if (t == NULL)
		return;
	for (i = 0; i < TABLE_SHARDS; i++)
		while ((node = table_take(&t->entries.shards[i].table)) != NULL)
			free(table_entry(node, struct throttle_entry, node));
	table_shards_fini(&t->entries);
	pending_registry_free(t->handshakes);
	free(t);
}

struct throttle_counts
throttle_counts(struct throttle *t)
{
	struct throttle_counts counts = {
		.connections = load(&t->connections),
		.handshakes = pending_registry_count(t->handshakes),
		.entries = table_shards_count(&t->entries),
	};

	return counts;
}
