/* SPDX-License-Identifier: ISC */
/*
 * Numbers with a unit as people write them: durations (10s) and sizes (64k).
 * A number has one unit: 1h30m is written 90m.
 */
#ifndef BASE_UNIT_H
#define BASE_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Room for any number with its unit, NUL included. */
#define UNIT_TEXT_MAX 24

enum unit {
	UNIT_PLAIN, /* 12 */
	UNIT_TIME, /* in milliseconds; ms, s, m, h or d, which only 0 may omit
		    */
	UNIT_SIZE /* in bytes; k, m, g in steps of 1024, or none for bytes */
};

/*
 * Reads all of `text' into *out. ERR_MALFORMED: not a number, or its unit is
 * unknown or missing; ERR_LIMIT: more than 64 bits. *out is unchanged then.
 */
enum err unit_parse(enum unit unit, const char *text, uint64_t *out) MUST_CHECK;

/* Writes `value' with the largest unit in which it is a whole number. */
void unit_write(char out[UNIT_TEXT_MAX], enum unit unit, uint64_t value);

#endif
