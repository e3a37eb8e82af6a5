/* SPDX-License-Identifier: ISC */
/*
 * Hash tables: entries are found while the table grows, with equal hashes too,
 * and threads may share the sharded one.
 */
#include "base/table.h"

#include <pthread.h>

#include "base/hash.h"
#include "tap.h"

#define COUNT 5000
#define THREADS 4

struct number {
	uint64_t value;
	struct table_node node;
};

static bool
is_number(const struct table_node *node, const void *key)
{
	return table_entry(node, const struct number, node)->value ==
	    *(const uint64_t *)key;
}

static struct number *
find(const struct table *t, uint64_t hash, uint64_t value)
{
	struct table_node *node = table_find(t, hash, is_number, &value);

	return node == NULL ? NULL : table_entry(node, struct number, node);
}

/* `same': how many entries share a hash. */
static void
test_entries(uint64_t same)
{
	static struct number numbers[COUNT];
	struct table t = { NULL, 0, 0 };
	bool good = true;
	uint64_t i, n;

	ok(find(&t, 1, 1) == NULL, "nothing is found in an empty table");
	for (i = 0; i < COUNT; i++) {
		numbers[i].value = i;
		good = good && table_add(&t, &numbers[i].node, i / same) == OK;
	}
	for (i = 0; i < COUNT; i++)
		good = good && find(&t, i / same, i) == &numbers[i];
	ok(good && t.count == COUNT, "%d entries are found", COUNT);
	ok(t.bucket_count >= t.count / 2, "the table has grown");
	ok(find(&t, 1, COUNT) == NULL, "no other one is");
	for (i = 0; i < COUNT; i += 2)
		table_remove(&t, &numbers[i].node);
	for (i = 0; i < COUNT; i++)
		good = good && (find(&t, i / same, i) != NULL) == (i % 2 == 1);
	ok(good && t.count == COUNT / 2, "half of them are removed");
	for (n = 0; table_take(&t) != NULL; n++)
		continue;
	is_int((long long)n, COUNT / 2, "the rest are taken out");
	table_fini(&t);
}

static struct table_shards shared;

/* Adds its numbers to the shared table and takes every second one out. */
static void *
run(void *arg)
{
	struct number *numbers = arg;
	struct table *t;
	uint64_t hash;
	size_t i;

	for (i = 0; i < COUNT; i++) {
		hash = hash_mix(numbers[i].value);
		t = table_shards_lock(&shared, hash);
		if (table_add(t, &numbers[i].node, hash) == OK && i % 2 == 0)
			table_remove(t, &numbers[i].node);
		table_shards_unlock(&shared, hash);
	}
	return NULL;
}

static void
test_shards(void)
{
	static struct number numbers[THREADS][COUNT];
	pthread_t threads[THREADS];
	bool good = true;
	struct table *t;
	uint64_t hash;
	size_t i, j;

	table_shards_init(&shared);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < COUNT; j++)
			numbers[i][j].value = i * COUNT + j;
		pthread_create(&threads[i], NULL, run, numbers[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int((long long)table_shards_count(&shared), THREADS * COUNT / 2,
	    "entries of %d threads are counted", THREADS);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < COUNT; j++) {
			hash = hash_mix(numbers[i][j].value);
			t = table_shards_lock(&shared, hash);
			good = good &&
			    (find(t, hash, numbers[i][j].value) != NULL) ==
				(j % 2 == 1);
			table_shards_unlock(&shared, hash);
		}
	}
	ok(good, "and found");
	table_shards_fini(&shared);
}

int
main(void)
{
	test_entries(1);
	test_entries(7);
	test_shards();
	return done_testing();
}
