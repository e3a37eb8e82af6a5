/*
 * Numbers as people write them: plain, with a unit of time (10s), with a unit
 * of size (64k). One unit each: 1h30m is written 90m.
 */
#ifndef CONFIG_UNIT_H
#define CONFIG_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Room for any number with its unit, NUL included. */
#define CONFIG_UNIT_TEXT_MAX 24

enum config_unit {
	CONFIG_UNIT_PLAIN, /* 12 */
	CONFIG_UNIT_TIME, /* ms, s, m, h, d; 0 needs none; in milliseconds */
	CONFIG_UNIT_SIZE /* none = bytes, k, m, g in steps of 1024; in bytes */
};

/*
 * Reads `text', all of it. ERR_MALFORMED: no number, or a unit that is not
 * one of these or is missing; ERR_LIMIT: over 64 bits. *out is set on OK.
 */
enum err config_unit_parse(enum config_unit unit, const char *text,
    uint64_t *out) MUST_CHECK;

/* Writes `value' with the largest unit that needs no fraction. */
void config_unit_text(char out[CONFIG_UNIT_TEXT_MAX], enum config_unit unit,
    uint64_t value);

#endif
