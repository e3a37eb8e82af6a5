/* SPDX-License-Identifier: ISC */
/* A file of its own: two listings of admin/ share it, of sessions and of the
 * deny list. */
#include "base/heap.h"

#include <string.h>

static char *
entry(const struct heap *h, size_t i)
{
	return (char *)h->entries + i * h->size;
}

static int
compare(const struct heap *h, size_t i, size_t k)
{
	return h->compare(entry(h, i), entry(h, k), h->arg);
}

static void
swap(const struct heap *h, size_t i, size_t k)
{
	char *a = entry(h, i), *b = entry(h, k);
	size_t left = h->size;
	char copy[64];
	size_t n;

	while (i != k && left > 0) {
		n = left < sizeof(copy) ? left : sizeof(copy);
		memcpy(copy, a, n);
		memcpy(a, b, n);
		memcpy(b, copy, n);
		a += n;
		b += n;
		left -= n;
	}
}

void
heap_push(const struct heap *h, size_t count)
{
	size_t i = count - 1;

	while (i > 0 && compare(h, i, (i - 1) / 2) < 0) {
		swap(h, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

void
heap_pop(const struct heap *h, size_t count)
{
	swap(h, 0, count - 1);
	heap_replace(h, count - 1);
}

void
heap_replace(const struct heap *h, size_t count)
{
	size_t i = 0;
	size_t child;

	while ((child = 2 * i + 1) < count) {
		if (child + 1 < count && compare(h, child + 1, child) < 0)
			child++;
		if (compare(h, i, child) <= 0)
			return;
		swap(h, i, child);
		i = child;
	}
}
