/* SPDX-License-Identifier: ISC */
#include "alloc_kit.h"

#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
void __wrap_event_set_mem_functions(void *(*allocate)(size_t),
    void *(*resize)(void *, size_t), void (*release)(void *));

static unsigned until_failure; /* allocations that still succeed, and 1 */
static size_t live;

void
alloc_kit_fail(unsigned n)
{
	until_failure = n;
}

size_t
alloc_kit_live(void)
{
	return live;
}

static bool
fails(void)
{
	if (until_failure == 0)
		return false;
	if (until_failure == 1)
		return true;
	until_failure--;
	return false;
}

static void *
count(void *p)
{
	live += p != NULL;
	return p;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	return p == NULL ? count(__real_realloc(p, size))
			 : __real_realloc(p, size);
}

void
__wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

/* libevent is a library, and keeps to its own: see the header. */
void
__wrap_event_set_mem_functions(void *(*allocate)(size_t),
    void *(*resize)(void *, size_t), void (*release)(void *))
{
	(void)allocate;
	(void)resize;
	(void)release;
}
