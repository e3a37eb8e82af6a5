/* SPDX-License-Identifier: ISC */
/*
 * A borrowed sequence of bytes: its beginning and its length. A slice never
 * owns memory; the function that returns one says how long it is valid.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *data; /* borrowed; may be NULL only if len is 0 */
	size_t len;
};

/* A slice over `len' bytes at `data'. */
static inline struct slice
slice_make(const void *data, size_t len)
{
	struct slice s = { data, len };

	return s;
}

/* A slice over a C string, without its NUL. */
static inline struct slice
slice_str(const char *str)
{
	return slice_make(str, strlen(str));
}

/* True if both hold the same bytes. Not in constant time: not for secrets. */
static inline bool
slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
