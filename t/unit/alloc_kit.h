/* SPDX-License-Identifier: ISC */
/*
 * Allocations that fail when the test says so, and a count of those alive. A
 * program that uses this is linked with alloc_kit.c and ALLOC_KIT_LDFLAGS
 * (see module.mk): only our own code's calls go through it, no library's.
 */
#ifndef UNIT_ALLOC_KIT_H
#define UNIT_ALLOC_KIT_H

#include <stddef.h>

/* The `n'th malloc() or calloc() from now on fails, and all behind it; 0: none
 * does. realloc() is left to the test's own bookkeeping. */
void alloc_kit_fail(unsigned n);

/* Allocations not freed yet. */
size_t alloc_kit_live(void);

#endif
