/* SPDX-License-Identifier: ISC */
/*
 * Hash tables that grow with their entries. An entry belongs to the caller and
 * holds a struct table_node; the table owns only its buckets.
 *
 * struct table is for one thread. struct table_shards is for all: its entries
 * are spread over TABLE_SHARDS tables with a lock each, so that threads seldom
 * wait for one another.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Embedded in an entry; table_entry() finds the entry. */
struct table_node {
	struct table_node *next; /* in its bucket */
	uint64_t hash;
};

/* The struct of type `type' whose member `member' is `node'. */
#define table_entry(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* All zero is an empty table. */
struct table {
	struct table_node **buckets; /* owned; NULL: empty */
	size_t bucket_count; /* a power of two, or 0 */
	size_t count; /* entries */
};

/* Frees the buckets. The entries, if there are any, are left as they are. */
void table_fini(struct table *t);

/* True if the entry of `node' is the one that `key' stands for. */
typedef bool table_equal(const struct table_node *node, const void *key);

/* The entry of that hash and key, or NULL. `equal' is called only for entries
 * with the same hash. */
struct table_node *table_find(const struct table *t, uint64_t hash,
    table_equal *equal, const void *key);

/* Adds an entry, which must not be in a table. ERR_NO_MEMORY only when the
 * table has no buckets yet: later a failure to grow just costs speed. */
enum err table_add(struct table *t, struct table_node *node,
    uint64_t hash) MUST_CHECK;

/* Removes an entry that is in `t'. */
void table_remove(struct table *t, struct table_node *node);

/* Removes any one entry and returns it, or NULL if the table is empty. For
 * freeing all entries. */
struct table_node *table_take(struct table *t);

#define TABLE_SHARDS 64

struct table_shards {
	struct {
		pthread_mutex_t lock; /* guards the table and its entries */
		struct table table;
	} shards[TABLE_SHARDS];
};

/* Makes empty tables. */
void table_shards_init(struct table_shards *s);

/* Frees the buckets of all shards. No other thread may use `s' any more. */
void table_shards_fini(struct table_shards *s);

/* The number of the shard for `hash', below TABLE_SHARDS: for an array that a
 * caller keeps beside the shards, under the same locks. */
static inline size_t
table_shard_of(uint64_t hash)
{
	return (size_t)(hash >> 58);
}

/* Locks the shard for `hash' and returns its table. Keep the lock for a few
 * comparisons only. */
struct table *table_shards_lock(struct table_shards *s, uint64_t hash);

/* Unlocks it. */
void table_shards_unlock(struct table_shards *s, uint64_t hash);

/* The number of entries in all shards; locks each in turn. */
size_t table_shards_count(struct table_shards *s);

#endif
