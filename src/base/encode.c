/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: a pure codec that most folders use.
 */
#include "base/encode.h"

void
encode_hex(char *out, struct slice in)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < in.len; i++) {
		*out++ = digits[in.data[i] >> 4];
		*out++ = digits[in.data[i] & 15];
	}
	*out = '\0';
}

int
encode_hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four characters for the three bytes in the low 24 bits of `v'. */
static void
quad(char *out, uint32_t v)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	out[0] = digits[v >> 18 & 63];
	out[1] = digits[v >> 12 & 63];
	out[2] = digits[v >> 6 & 63];
	out[3] = digits[v & 63];
}

void
encode_base64(char *out, struct slice in)
{
	const uint8_t *p = in.data;
	size_t left = in.len;

	for (; left >= 3; left -= 3, p += 3, out += 4)
		quad(out, (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]);
	if (left > 0) {
		quad(out,
		    (uint32_t)p[0] << 16 |
			(left == 2 ? (uint32_t)p[1] << 8 : 0));
		if (left == 1)
			out[2] = '=';
		out[3] = '=';
		out += 4;
	}
	*out = '\0';
}
