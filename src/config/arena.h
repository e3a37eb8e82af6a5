/* SPDX-License-Identifier: ISC */
/*
 * Memory that is freed all at once. A configuration is some hundred small
 * things with one life; one owner for all of them leaves nothing to forget.
 */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stddef.h>

struct config_arena;

/* An empty arena, or NULL when memory runs out. */
struct config_arena *config_arena_new(void);

/* Frees all that was taken from it, and the arena. NULL is fine. */
void config_arena_free(struct config_arena *a);

/* `size' zeroed bytes, aligned for anything; NULL when memory runs out. They
 * live as long as the arena. */
void *config_arena_alloc(struct config_arena *a, size_t size);

/* `count' times `size' zeroed bytes; NULL also when that overflows. */
void *config_arena_array(struct config_arena *a, size_t count, size_t size);

/* A copy of `len' bytes at `text' with a NUL behind; NULL: no memory. */
char *config_arena_text(struct config_arena *a, const char *text, size_t len);

#endif
