/* SPDX-License-Identifier: ISC */
/*
 * Bytes that a test puts together. They are in an allocation of exactly their
 * size, so that ASan sees one read too many.
 */
#ifndef UNIT_BYTE_KIT_H
#define UNIT_BYTE_KIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Zeroed, it is empty. Free it with kit_free(). */
struct kit_bytes {
	uint8_t *data; /* owned; NULL or 1 byte if len is 0 */
	size_t len;
};

/* A copy in an allocation of its own exact size. */
struct kit_bytes kit_copy(const void *data, size_t len);

/*
 * Reads hex digits; 'text in quotes' stands for itself, blanks for nothing.
 * Dies on anything else.
 */
struct kit_bytes kit_hex(const char *text);

void kit_free(struct kit_bytes *b);

/* Appenders; the allocation stays exact. */
void kit_add(struct kit_bytes *b, const void *data, size_t len);
void kit_add_str(struct kit_bytes *b, const char *str);
void kit_add_u8(struct kit_bytes *b, unsigned value);
void kit_add_u16(struct kit_bytes *b, unsigned value);
void kit_add_varint(struct kit_bytes *b, size_t value);
void kit_add_string(struct kit_bytes *b, struct slice s);

static inline struct slice
kit_slice(const struct kit_bytes *b)
{
	return slice_make(b->data, b->len);
}

/* A string of `len' times `c', in storage that stays. */
struct slice kit_run(char c, size_t len);

/* `len' bytes that look random; the same for the same `len'. */
struct kit_bytes kit_random_bytes(size_t len);

/* A small generator, for cuts that differ. */
uint32_t kit_random(uint32_t *seed);

#endif
