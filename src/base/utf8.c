/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/*
 * The length of the sequence of two to four bytes at `p', or 0. The second
 * byte has a narrower range after E0 and F0 (overlong forms), ED (surrogates)
 * and F4 (above U+10FFFF): RFC 3629 section 4.
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
	for (i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

size_t
utf8_decode(struct slice in, uint32_t *code)
{
	uint32_t v;
	size_t i, n;

	if (in.len == 0)
		return 0;
	if (in.data[0] < 0x80) {
		*code = in.data[0];
		return 1;
	}
	n = sequence_len(in.data, in.len);
	if (n == 0)
		return 0;
	v = in.data[0] & (0x7fU >> n);
	for (i = 1; i < n; i++)
		v = v << 6 | (in.data[i] & 0x3f);
	*code = v;
	return n;
}

size_t
utf8_write(uint32_t code, uint8_t out[4])
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

/*
 * Returns how many of the first bytes are ASCII and not NUL. Eight are tested
 * at a time, because nearly all names are nothing else: a byte above 7f, or a
 * 00 that makes the subtraction borrow, leaves a high bit.
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

bool
utf8_valid(struct slice s)
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
utf8_is_unsafe(uint32_t code)
{
	return utf8_is_control(code) || code == 0x061c || code == 0x200e ||
	    code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069);
}
