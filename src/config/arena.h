/* SPDX-License-Identifier: ISC */
/*
 * Memory that is freed all at once. A configuration consists of some hundred
 * small allocations with the same lifetime, which the arena owns.
 */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stddef.h>

struct config_arena;

/* An empty arena, or NULL if memory runs out. */
struct config_arena *config_arena_new(void);

/* Frees the arena and all memory taken from it. NULL is allowed. */
void config_arena_free(struct config_arena *a);

/* `size' zeroed bytes, aligned for any type and valid as long as the arena;
 * NULL if memory runs out. */
void *config_arena_alloc(struct config_arena *a, size_t size);

/* `count' times `size' zeroed bytes; NULL also if that overflows. */
void *config_arena_array(struct config_arena *a, size_t count, size_t size);

/* A copy of `len' bytes at `text', with a NUL added; NULL: no memory. */
char *config_arena_text(struct config_arena *a, const char *text, size_t len);

#endif
