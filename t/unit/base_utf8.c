/* SPDX-License-Identifier: ISC */
/*
 * UTF-8: every code point there and back, and what is no UTF-8.
 */
#include "base/utf8.h"

#include <stdlib.h>

#include "tap.h"

static void
test_round_trip(void)
{
	uint32_t code, back;
	uint8_t bytes[4];
	bool good = true;
	size_t n, i;

	for (code = 0; code <= 0x10ffff; code++) {
		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		n = utf8_write(code, bytes);
		good = good && utf8_decode(slice_make(bytes, n), &back) == n &&
		    back == code;
		good = good && utf8_valid(slice_make(bytes, n)) == (code != 0);
		for (i = 0; i < n; i++)
			good = good &&
			    utf8_decode(slice_make(bytes, i), &back) == 0;
	}
	ok(good, "every code point, and none cut short");
}

static const struct {
	const char *bytes;
	const char *name;
} bad[] = {
	{ "\x80", "a continuation alone" },
	{ "\xc0\x80", "an overlong NUL" },
	{ "\xc1\xbf", "an overlong form of two bytes" },
	{ "\xe0\x9f\xbf", "of three" },
	{ "\xf0\x8f\xbf\xbf", "of four" },
	{ "\xed\xa0\x80", "the first surrogate" },
	{ "\xed\xbf\xbf", "the last" },
	{ "\xf4\x90\x80\x80", "above U+10FFFF" },
	{ "\xf5\x80\x80\x80", "a first byte that has no meaning" },
	{ "\xf8\x88\x80\x80\x80", "a form of five bytes" },
	{ "\xfc\x84\x80\x80\x80\x80", "of six" },
	{ "\xed\xa0\x80\xed\xb0\x80", "a pair of surrogates (CESU-8)" },
	{ "\xfe", "a byte that never occurs" },
	{ "\xff", "another one" },
	{ "\xc3(", "no continuation" },
	{ "\xe2\x82(", "one continuation of two" },
	{ "\xf0\x9f\x98(", "two of three" },
};

static void
test_bad(void)
{
	char text[32];
	uint32_t code;
	size_t i, n;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(utf8_decode(slice_str(bad[i].bytes), &code) == 0 &&
			!utf8_valid(slice_str(bad[i].bytes)),
		    "%s", bad[i].name);
		/* Bytes are tested in words of eight: at every position. */
		for (n = 0; n < 17; n++) {
			memset(text, 'a', sizeof(text));
			memcpy(text + n, bad[i].bytes, strlen(bad[i].bytes));
			if (utf8_valid(slice_make(text, sizeof(text))))
				break;
		}
		is_int((long long)n, 17, "wherever it is");
	}
}

static void
test_nul(void)
{
	char text[24];
	size_t i;

	for (i = 0; i < sizeof(text); i++) {
		memset(text, 'a', sizeof(text));
		text[i] = '\0';
		if (utf8_valid(slice_make(text, sizeof(text))))
			break;
	}
	is_int((long long)i, sizeof(text), "U+0000 is not valid anywhere");
	ok(utf8_valid(slice_make(NULL, 0)), "the empty string is valid");
	ok(utf8_valid(slice_str("aaaaaaa\xc3\xbc"
				"aaaaaaaa\xf0\x9f\x98\x80")),
	    "a mixture is valid");
}

/* Two bytes are valid if both are ASCII, or one of C2..DF and 80..BF. */
static void
test_pairs(void)
{
	unsigned a, b, wrong = 0;
	uint8_t bytes[2];
	bool want;

	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			bytes[0] = (uint8_t)a;
			bytes[1] = (uint8_t)b;
			want = (a > 0 && a < 128 && b > 0 && b < 128) ||
			    (a >= 0xc2 && a <= 0xdf && b >= 128 && b < 192);
			wrong += utf8_valid(slice_make(bytes, 2)) != want;
		}
	}
	is_int(wrong, 0, "every pair of bytes");
}

/* Words of eight bytes are tested at once: no position may be overlooked. */
static void
test_positions(void)
{
	static const uint8_t bytes[] = { 0x00, 0x80, 0xbf, 0xc0, 0xff };
	size_t i, len, at;
	unsigned wrong = 0;
	uint8_t *text;

	for (i = 0; i < sizeof(bytes); i++) {
		for (len = 1; len < 40; len++) {
			for (at = 0; at < len; at++) {
				text = malloc(len);
				memset(text, 'x', len);
				text[at] = bytes[i];
				wrong += utf8_valid(slice_make(text, len));
				free(text);
			}
		}
	}
	is_int(wrong, 0, "a bad byte at every position of every length to 40");
}

static void
test_unsafe(void)
{
	/* Unicode's Bidi_Control, line ends, C0, DEL and C1. */
	static const struct {
		uint32_t first;
		uint32_t last;
	} unsafe[] = {
		{ 0x00, 0x1f },
		{ 0x7f, 0x9f },
		{ 0x61c, 0x61c },
		{ 0x200e, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2066, 0x2069 },
	};
	bool want, good = true;
	uint32_t code;
	size_t i;

	for (code = 0; code < 0x3000; code++) {
		want = false;
		for (i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
			want = want ||
			    (code >= unsafe[i].first && code <= unsafe[i].last);
		good = good && utf8_is_unsafe(code) == want;
	}
	ok(good, "what a terminal would act on");
	ok(utf8_is_control(0x85) && !utf8_is_control(0xa0),
	    "C1 are controls, a hard space is none");
}

int
main(void)
{
	test_round_trip();
	test_bad();
	test_nul();
	test_pairs();
	test_positions();
	test_unsafe();
	return done_testing();
}
