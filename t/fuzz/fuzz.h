/* SPDX-License-Identifier: ISC */
/*
 * What the fuzz targets share. A target is given arbitrary bytes. It must not
 * crash and must keep the promises of the code under test, which it states
 * with must().
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

/* Ends the run, so that libFuzzer keeps the input and prove sees a failure. */
#define must(promise) \
	do { \
		if (!(promise)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, \
			    __LINE__, #promise); \
			abort(); \
		} \
	} while (0)

/* The target; libFuzzer or replay.c calls it. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `part' must be empty or lie within `whole'. */
static inline void
check_inside(struct slice part, struct slice whole)
{
	must(part.len == 0 ||
	    (part.data >= whole.data &&
		part.len <= whole.len - (size_t)(part.data - whole.data)));
}

/* True if `s', which is valid UTF-8, holds a control character. */
static inline bool
has_control(struct slice s)
{
	bool found = false;
	uint32_t code;
	size_t n;

	while ((n = utf8_decode(s, &code)) > 0) {
		found = found || utf8_is_control(code);
		s = slice_make(s.data + n, s.len - n);
	}
	return found;
}

#endif
