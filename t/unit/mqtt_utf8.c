/* SPDX-License-Identifier: ISC */
/*
 * UTF-8 as MQTT has it: every code point there is, and the classic lies.
 */
#include "mqtt/utf8.h"

#include "mqtt_kit.h"
#include "tap.h"

static const struct row {
	const char *name;
	bool valid;
	const char *hex;
} rows[] = {
	{ "nothing", true, "" },
	{ "one letter", true, "'a'" },
	{ "seven letters", true, "'abcdefg'" },
	{ "eight letters", true, "'abcdefgh'" },
	{ "nine letters", true, "'abcdefghi'" },
	{ "forty letters", true, "'abcdefghijklmnopqrstuvwxyzabcdefghijklmn'" },
	{ "U+0001", true, "01" },
	{ "U+007F", true, "7f" },
	{ "U+0080", true, "c280" },
	{ "U+07FF", true, "dfbf" },
	{ "U+0800", true, "e0a080" },
	{ "U+D7FF", true, "ed9fbf" },
	{ "U+E000", true, "ee8080" },
	{ "U+FFFD", true, "efbfbd" },
	{ "U+FFFF: no character, but legal", true, "efbfbf" },
	{ "a byte order mark is a character", true, "efbbbf'a'" },
	{ "U+10000", true, "f0908080" },
	{ "U+10FFFF", true, "f48fbfbf" },
	{ "umlauts in a word", true, "'Ger'c3a4't M'c3bc'nchen'" },
	{ "U+0000", false, "00" },
	{ "U+0000 at the end of eight", false, "'abcdefg'00" },
	{ "U+0000 behind eight", false, "'abcdefgh'00" },
	{ "U+0000 in the middle", false, "'abc'00'defghijk'" },
	{ "overlong U+0000", false, "c080" },
	{ "overlong slash, two bytes", false, "c0af" },
	{ "overlong slash, three bytes", false, "e080af" },
	{ "overlong slash, four bytes", false, "f08080af" },
	{ "overlong U+007F", false, "c1bf" },
	{ "overlong U+07FF", false, "e09fbf" },
	{ "overlong U+FFFF", false, "f08fbfbf" },
	{ "first surrogate", false, "eda080" },
	{ "last surrogate", false, "edbfbf" },
	{ "a pair of surrogates (CESU-8)", false, "eda080edb080" },
	{ "U+110000", false, "f4908080" },
	{ "five byte form", false, "f888808080" },
	{ "six byte form", false, "fc8480808080" },
	{ "FE", false, "fe" },
	{ "FF", false, "ff" },
	{ "lonely continuation", false, "80" },
	{ "lonely continuation behind letters", false, "'abcdefgh'bf" },
	{ "two of two missing", false, "c3" },
	{ "two of three missing", false, "e282" },
	{ "one of three", false, "e2" },
	{ "three of four", false, "f09f98" },
	{ "cut by a letter", false, "e282'a'" },
	{ "Latin-1 umlaut", false, "'M'fc'nchen'" },
};

static const struct control_row {
	const char *name;
	bool has;
	const char *hex;
} control_rows[] = {
	{ "nothing", false, "" },
	{ "text", false, "'device-001'" },
	{ "tab", true, "'a'09'b'" },
	{ "U+0001", true, "01" },
	{ "U+001F", true, "'abc'1f" },
	{ "blank", false, "20" },
	{ "U+007F", true, "7f" },
	{ "U+0080", true, "c280" },
	{ "U+009F", true, "'a'c29f" },
	{ "U+00A0", false, "c2a0" },
	{ "U+20AC has 82 in it", false, "e282ac" },
};

static void
check_rows(void)
{
	const struct row *row = rows;
	struct kit_bytes b;

	for (; row < rows + sizeof(rows) / sizeof(rows[0]); row++) {
		b = kit_hex(row->hex);
		is_int(mqtt_utf8_valid(kit_slice(&b)), row->valid, "%s",
		    row->name);
		kit_free(&b);
	}
}

static void
check_controls(void)
{
	const struct control_row *row = control_rows;
	const struct control_row *end =
	    row + sizeof(control_rows) / sizeof(control_rows[0]);
	struct kit_bytes b;

	for (; row < end; row++) {
		b = kit_hex(row->hex);
		is_int(mqtt_utf8_has_control(kit_slice(&b)), row->has,
		    "controls: %s", row->name);
		kit_free(&b);
	}
}

static size_t
encode(uint8_t *out, unsigned cp)
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 63));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (cp & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (cp & 63));
	return 4;
}

/* Four byte forms reach up to U+1FFFFF; all of them are tried. */
static void
check_every_code_point(void)
{
	unsigned cp, wrong = 0;
	uint8_t bytes[4];
	bool want;

	for (cp = 0; cp < 0x200000; cp++) {
		want = cp != 0 && cp < 0x110000 && (cp < 0xd800 || cp > 0xdfff);
		if (mqtt_utf8_valid(slice_make(bytes, encode(bytes, cp))) !=
		    want)
			wrong++;
	}
	is_int(wrong, 0, "every code point");
}

/* Two bytes are good if both are ASCII, or they are one of C2..DF + 80..BF. */
static void
check_every_pair(void)
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
			if (mqtt_utf8_valid(slice_make(bytes, 2)) != want)
				wrong++;
		}
	}
	is_int(wrong, 0, "every pair of bytes");
}

/* The fast way takes eight at a time: no place may be overlooked. */
static void
check_every_place(void)
{
	static const uint8_t bad[] = { 0x00, 0x80, 0xbf, 0xc0, 0xff };
	unsigned wrong = 0;
	size_t i, len, at;
	struct kit_bytes b;

	for (i = 0; i < sizeof(bad); i++) {
		for (len = 1; len < 40; len++) {
			for (at = 0; at < len; at++) {
				b = kit_copy(kit_run('x', len).data, len);
				b.data[at] = bad[i];
				wrong += mqtt_utf8_valid(kit_slice(&b));
				kit_free(&b);
			}
		}
	}
	is_int(wrong, 0, "a bad byte at every place of every length to 40");
}

int
main(void)
{
	check_rows();
	check_controls();
	ok(mqtt_utf8_valid(slice_make(NULL, 0)), "a NULL of no bytes");
	ok(!mqtt_utf8_has_control(slice_make(NULL, 0)), "and no controls");
	check_every_code_point();
	check_every_pair();
	check_every_place();
	return done_testing();
}
