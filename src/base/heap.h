/* SPDX-License-Identifier: ISC */
/*
 * A binary heap in an array of the caller's: the entry that comes first is the
 * first one of the array. With it an array is sorted step by step, or only its
 * first entries are. Entries are moved as bytes.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>

/* Negative if `a' comes before `b', positive if after it. */
typedef int heap_compare(const void *a, const void *b, const void *arg);

struct heap {
	void *entries; /* borrowed */
	size_t size; /* bytes of an entry */
	heap_compare *compare;
	const void *arg; /* borrowed: handed to compare */
};

/* Adds the last one of `count' entries to the heap of the others. */
void heap_push(const struct heap *h, size_t count);

/* Moves the first one of `count' entries (at least 1) to the end of the array;
 * the others remain a heap. */
void heap_pop(const struct heap *h, size_t count);

/* Makes `count' entries a heap again of which only the first one has
 * changed. */
void heap_replace(const struct heap *h, size_t count);

#endif
