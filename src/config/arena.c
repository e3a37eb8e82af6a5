/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: the loader and all setters take memory from it.
 */
#include "config/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One allocation. */
struct chunk {
	struct chunk *next;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct config_arena {
	struct chunk *chunks; /* owned */
};

struct config_arena *
config_arena_new(void)
{
	return calloc(1, sizeof(struct config_arena));
}

void
config_arena_free(struct config_arena *a)
{
	struct chunk *c;

	if (a == NULL)
		return;
	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		free(c);
	}
	free(a);
}

void *
config_arena_alloc(struct config_arena *a, size_t size)
{
	struct chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		return NULL;
	c = calloc(1, sizeof(*c) + size);
	if (c == NULL)
		return NULL;
	c->next = a->chunks;
	a->chunks = c;
	return c->bytes;
}

void *
config_arena_array(struct config_arena *a, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		return NULL;
	return config_arena_alloc(a, count * size);
}

char *
config_arena_text(struct config_arena *a, const char *text, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = config_arena_alloc(a, len + 1);
	if (copy != NULL && len > 0)
		memcpy(copy, text, len);
	return copy;
}
