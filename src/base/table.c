/* SPDX-License-Identifier: ISC */
#include "base/table.h"

#include <stdlib.h>

#define BUCKETS_MIN 16

_Static_assert(TABLE_SHARDS == 1 << 6, "table_shard_of() takes six bits");

void
table_fini(struct table *t)
{
	free(t->buckets);
	t->buckets = NULL;
	t->bucket_count = 0;
	t->count = 0;
}

static struct table_node **
bucket_of(const struct table *t, uint64_t hash)
{
	return &t->buckets[hash & (t->bucket_count - 1)];
}

static void
link_node(struct table *t, struct table_node *node)
{
	struct table_node **bucket = bucket_of(t, node->hash);

	node->next = *bucket;
	*bucket = node;
}

/* Doubles the buckets. */
static void
grow(struct table *t)
{
	size_t old_count = t->bucket_count;
	size_t count = old_count == 0 ? BUCKETS_MIN : old_count * 2;
	struct table_node **old = t->buckets;
	struct table_node **buckets = calloc(count, sizeof(*buckets));
	struct table_node *node;
	size_t i;

	if (buckets == NULL)
		return;
	t->buckets = buckets;
	t->bucket_count = count;
	for (i = 0; i < old_count; i++) {
		while ((node = old[i]) != NULL) {
			old[i] = node->next;
			link_node(t, node);
		}
	}
	free(old);
}

struct table_node *
table_find(const struct table *t, uint64_t hash, table_equal *equal,
    const void *key)
{
	struct table_node *node;

	if (t->count == 0)
		return NULL;
	for (node = *bucket_of(t, hash); node != NULL; node = node->next)
		if (node->hash == hash && equal(node, key))
			return node;
	return NULL;
}

enum err
table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	if (t->count >= t->bucket_count)
		grow(t);
	if (t->bucket_count == 0)
		return ERR_NO_MEMORY;
	node->hash = hash;
	link_node(t, node);
	t->count++;
	return OK;
}

void
table_remove(struct table *t, struct table_node *node)
{
	struct table_node **at = bucket_of(t, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	t->count--;
}

struct table_node *
table_take(struct table *t)
{
	struct table_node *node;
	size_t i;

	for (i = 0; t->count > 0 && i < t->bucket_count; i++) {
		node = t->buckets[i];
		if (node != NULL) {
			table_remove(t, node);
			return node;
		}
	}
	return NULL;
}

void
table_shards_init(struct table_shards *s)
{
	static const struct table empty;
	size_t i;

	for (i = 0; i < TABLE_SHARDS; i++) {
		pthread_mutex_init(&s->shards[i].lock, NULL);
		s->shards[i].table = empty;
	}
}

void
table_shards_fini(struct table_shards *s)
{
	size_t i;

	for (i = 0; i < TABLE_SHARDS; i++) {
		table_fini(&s->shards[i].table);
		pthread_mutex_destroy(&s->shards[i].lock);
	}
}

struct table *
table_shards_lock(struct table_shards *s, uint64_t hash)
{
	size_t i = table_shard_of(hash);

	pthread_mutex_lock(&s->shards[i].lock);
	return &s->shards[i].table;
}

void
table_shards_unlock(struct table_shards *s, uint64_t hash)
{
	pthread_mutex_unlock(&s->shards[table_shard_of(hash)].lock);
}

size_t
table_shards_count(struct table_shards *s)
{
	size_t i, count = 0;

	for (i = 0; i < TABLE_SHARDS; i++) {
		pthread_mutex_lock(&s->shards[i].lock);
		count += s->shards[i].table.count;
		pthread_mutex_unlock(&s->shards[i].lock);
	}
	return count;
}
