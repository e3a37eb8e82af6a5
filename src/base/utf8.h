/* SPDX-License-Identifier: ISC */
/*
 * UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>

#include "base/slice.h"

/*
 * Reads the character at the beginning of `in'. Returns its length, 1 to 4
 * bytes, and stores its code point; or returns 0 if `in' is empty or does not
 * begin with well-formed UTF-8. U+0000 is a character here.
 */
size_t utf8_decode(struct slice in, uint32_t *code);

/* Writes `code' as UTF-8 and returns its 1 to 4 bytes. It must be at most
 * 0x10FFFF and no surrogate. */
size_t utf8_write(uint32_t code, uint8_t out[4]);

/*
 * True if `s' is well-formed and holds no U+0000, which MQTT forbids (MQTT 5,
 * 1.5.4) and which ends a name early in a C program. The empty string is
 * valid. Control characters are allowed.
 */
bool utf8_valid(struct slice s);

/* True for the control characters U+0000-001F and U+007F-009F. */
static inline bool
utf8_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/*
 * True if a terminal would do more with `code' than show it: controls, which
 * begin commands to the terminal; line and paragraph separators; and the
 * characters that change the direction of writing, with which a name can show
 * as another one (Unicode Bidi_Control: U+061C, U+200E, U+200F, U+202A-202E,
 * U+2066-2069). To be escaped wherever a stranger's text is shown.
 */
bool utf8_is_unsafe(uint32_t code);

#endif
