/* SPDX-License-Identifier: ISC */
/*
 * A heap gives its entries back in order, whatever the order in which they
 * came, and finds the first ones of many.
 */
#include "base/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tap.h"

#define COUNT 1000

/* Larger than the pieces in which entries are moved. */
struct item {
	uint64_t key;
	char text[75];
};

static int
ascending(const void *a, const void *b, const void *arg)
{
	const struct item *x = a, *y = b;

	(void)arg;
	return (x->key > y->key) - (x->key < y->key);
}

static int
descending(const void *a, const void *b, const void *arg)
{
	return ascending(b, a, arg);
}

static int
compare_numbers(const void *a, const void *b, const void *arg)
{
	const uint32_t *x = a, *y = b;
	int order = (*x > *y) - (*x < *y);

	return *(const int *)arg < 0 ? -order : order;
}

static void
fill(struct item *item, uint64_t key)
{
	memset(item, 0, sizeof(*item));
	item->key = key;
	memset(item->text, (int)(key % 26) + 'a', sizeof(item->text) - 1);
}

static bool
is_whole(const struct item *item)
{
	struct item copy;

	fill(&copy, item->key);
	return memcmp(&copy, item, sizeof(copy)) == 0;
}

/* `same': so many items have the same key. */
static void
test_sort(uint64_t same)
{
	static struct item items[COUNT];
	struct heap heap = { items, sizeof(items[0]), ascending, NULL };
	uint64_t state = same, last = 0;
	size_t count, i, wrong = 0;

	for (i = 0; i < COUNT; i++) {
		fill(&items[i], hash_next(&state) % COUNT / same);
		heap_push(&heap, i + 1);
	}
	for (count = COUNT; count > 0; count--) {
		heap_pop(&heap, count);
		wrong +=
		    items[count - 1].key < last || !is_whole(&items[count - 1]);
		last = items[count - 1].key;
	}
	is_int((long long)wrong, 0, "in order; %llu of each",
	    (unsigned long long)same);
}

/* Keeps the ten smallest of many: the largest of them is in front. */
static void
test_first(void)
{
	struct item items[10], next;
	struct heap heap = { items, sizeof(items[0]), descending, NULL };
	uint64_t sum = 0;
	size_t count = 0;
	uint64_t i;

	for (i = 0; i < COUNT; i++) {
		/* 389 and COUNT have no common divisor: each key once. */
		fill(&next, i * 389 % COUNT);
		if (count < 10) {
			items[count++] = next;
			heap_push(&heap, count);
		} else if (next.key < items[0].key) {
			items[0] = next;
			heap_replace(&heap, count);
		}
	}
	for (i = 0; i < 10; i++)
		sum += items[i].key;
	is_int((long long)items[0].key, 9, "the last of the first ten");
	is_int((long long)sum, 45, "all of them");
}

static void
test_few(void)
{
	uint32_t numbers[3] = { 5, 9, 1 };
	int sign = -1;
	struct heap heap = { numbers, sizeof(numbers[0]), compare_numbers,
		&sign };

	heap_push(&heap, 1);
	is_int(numbers[0], 5, "one entry");
	heap_pop(&heap, 1);
	is_int(numbers[0], 5, "and it alone");
	heap_push(&heap, 2);
	is_int(numbers[0], 9, "compare() gets its argument");
	heap_push(&heap, 3);
	heap_pop(&heap, 3);
	is_int(numbers[2], 9, "the first one goes to the end");
	is_int(numbers[0], 5, "and the next one comes first");
}

int
main(void)
{
	test_sort(1);
	test_sort(7);
	test_sort(COUNT);
	test_first();
	test_few();
	return done_testing();
}
