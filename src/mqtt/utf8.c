/* SPDX-License-Identifier: ISC */
#include "mqtt/utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/*
 * How many of the first bytes are ASCII and not NUL, counted eight at a time
 * for as long as eight are there: nearly all names are nothing else. A byte
 * over 7f, or a 00 that makes the subtraction borrow, leaves a high bit.
 */
static size_t
ascii_run(const uint8_t *p, size_t len)
{
	size_t n = 0;
	uint64_t word;

	while (len - n >= sizeof(word)) {
		memcpy(&word, p + n, sizeof(word));
		if (((word | (word - ONES)) & HIGHS) != 0)
			break;
		n += sizeof(word);
	}
	while (n < len && p[n] >= 0x01 && p[n] <= 0x7f)
		n++;
	return n;
}

/*
 * The length of the two to four byte sequence at `p', or 0. The second byte
 * has a narrower range behind E0 and F0 (overlong), ED (surrogates) and F4
 * (over U+10FFFF): RFC 3629 section 4.
 */
static size_t
sequence_len(const uint8_t *p, size_t len)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t i, need;

	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		need = 3;
		low = p[0] == 0xe0 ? 0xa0 : low;
		high = p[0] == 0xed ? 0x9f : high;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 4;
		low = p[0] == 0xf0 ? 0x90 : low;
		high = p[0] == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (len < need || p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return need;
}

bool
mqtt_utf8_valid(struct slice s)
{
	size_t n, pos = 0;

	if (s.len == 0)
		return true; /* data may be NULL: no arithmetic on it */
	for (;;) {
		pos += ascii_run(s.data + pos, s.len - pos);
		if (pos == s.len)
			return true;
		n = sequence_len(s.data + pos, s.len - pos);
		if (n == 0)
			return false;
		pos += n;
	}
}

bool
mqtt_utf8_has_control(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.data[i] < 0x20 || s.data[i] == 0x7f)
			return true;
		/* U+0080-009F are C2 80 - C2 9F */
		if (s.data[i] == 0xc2 && i + 1 < s.len && s.data[i + 1] <= 0x9f)
			return true;
	}
	return false;
}
