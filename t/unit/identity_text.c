/* SPDX-License-Identifier: ISC */
/* Strings of each ASN.1 type, good and bad, to UTF-8. */
#include "base/utf8.h"
#include "identity/text.h"

#include <stdlib.h>

#include "byte_kit.h"
#include "tap.h"

#define UTF8 CERT_STRING_UTF8
#define PRINTABLE CERT_STRING_PRINTABLE
#define IA5 CERT_STRING_IA5
#define T61 CERT_STRING_T61
#define BMP CERT_STRING_BMP
#define UNIVERSAL CERT_STRING_UNIVERSAL
#define NUMERIC CERT_STRING_NUMERIC
#define OTHER CERT_STRING_OTHER

static const struct {
	const char *name;
	enum cert_string type;
	const char *in;
	enum identity_text_result want;
	const char *out;
} rows[] = {
	{ "UTF8 ASCII", UTF8, "'device-001'", IDENTITY_TEXT_OK,
	    "'device-001'" },
	{ "UTF8 two bytes", UTF8, "c3a9", IDENTITY_TEXT_OK, "c3a9" },
	{ "UTF8 three bytes", UTF8, "e282ac", IDENTITY_TEXT_OK, "e282ac" },
	{ "UTF8 four bytes", UTF8, "f09f9a80", IDENTITY_TEXT_OK, "f09f9a80" },
	{ "UTF8 last character", UTF8, "f48fbfbf", IDENTITY_TEXT_OK,
	    "f48fbfbf" },
	{ "UTF8 noncharacter", UTF8, "efbfbe", IDENTITY_TEXT_OK, "efbfbe" },
	{ "UTF8 control", UTF8, "0a", IDENTITY_TEXT_OK, "0a" },
	{ "UTF8 empty", UTF8, "", IDENTITY_TEXT_EMPTY, "" },
	{ "UTF8 NUL inside", UTF8, "'a' 00 'b'", IDENTITY_TEXT_NUL, "" },
	{ "UTF8 NUL alone", UTF8, "00", IDENTITY_TEXT_NUL, "" },
	{ "UTF8 overlong NUL", UTF8, "c080", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 overlong slash", UTF8, "c0af", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 overlong, three", UTF8, "e080af", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 overlong, four", UTF8, "f08080af", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 surrogate", UTF8, "eda080", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 over the end", UTF8, "f4908080", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 five bytes", UTF8, "f888808080", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 lone continuation", UTF8, "80", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 cut short", UTF8, "'a' e282", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 cut in the middle", UTF8, "e2 'a' 82", IDENTITY_TEXT_INVALID,
	    "" },
	{ "UTF8 Latin-1 byte", UTF8, "'caf' e9", IDENTITY_TEXT_INVALID, "" },
	{ "UTF8 FF", UTF8, "ff", IDENTITY_TEXT_INVALID, "" },
	{ "Printable", PRINTABLE, "'Dev 1:+,-./()?='", IDENTITY_TEXT_OK,
	    "'Dev 1:+,-./()?='" },
	{ "Printable beyond its set", PRINTABLE, "'a@b_c*&'", IDENTITY_TEXT_OK,
	    "'a@b_c*&'" },
	{ "Printable high byte", PRINTABLE, "'a' e9", IDENTITY_TEXT_INVALID,
	    "" },
	{ "Printable UTF-8 in it", PRINTABLE, "c3a9", IDENTITY_TEXT_INVALID,
	    "" },
	{ "Printable NUL", PRINTABLE, "'a' 00", IDENTITY_TEXT_NUL, "" },
	{ "IA5", IA5, "'a@b.example'", IDENTITY_TEXT_OK, "'a@b.example'" },
	{ "IA5 high byte", IA5, "80", IDENTITY_TEXT_INVALID, "" },
	{ "IA5 NUL: the old trick", IA5, "'bank.example' 00 '.evil.example'",
	    IDENTITY_TEXT_NUL, "" },
	{ "Numeric", NUMERIC, "'0123 456'", IDENTITY_TEXT_OK, "'0123 456'" },
	{ "Numeric high byte", NUMERIC, "b9", IDENTITY_TEXT_INVALID, "" },
	{ "T61 ASCII", T61, "'device'", IDENTITY_TEXT_OK, "'device'" },
	{ "T61 as Latin-1", T61, "'caf' e9", IDENTITY_TEXT_OK, "'caf' c3a9" },
	{ "T61 A0 and FF", T61, "a0ff", IDENTITY_TEXT_OK, "c2a0c3bf" },
	{ "T61 Windows-1252 euro", T61, "80", IDENTITY_TEXT_INVALID, "" },
	{ "T61 9F", T61, "9f", IDENTITY_TEXT_INVALID, "" },
	{ "T61 NUL", T61, "'a' 00", IDENTITY_TEXT_NUL, "" },
	{ "BMP", BMP, "0061 20ac", IDENTITY_TEXT_OK, "'a' e282ac" },
	{ "BMP odd length", BMP, "0061 20", IDENTITY_TEXT_INVALID, "" },
	{ "BMP one byte", BMP, "61", IDENTITY_TEXT_INVALID, "" },
	{ "BMP surrogate pair", BMP, "d83dde80", IDENTITY_TEXT_INVALID, "" },
	{ "BMP lone surrogate", BMP, "0061 dc00", IDENTITY_TEXT_INVALID, "" },
	{ "BMP NUL", BMP, "0061 0000 0062", IDENTITY_TEXT_NUL, "" },
	{ "BMP last", BMP, "ffff", IDENTITY_TEXT_OK, "efbfbf" },
	{ "BMP empty", BMP, "", IDENTITY_TEXT_EMPTY, "" },
	{ "Universal", UNIVERSAL, "00000061 0001f680", IDENTITY_TEXT_OK,
	    "'a' f09f9a80" },
	{ "Universal odd length", UNIVERSAL, "000000", IDENTITY_TEXT_INVALID,
	    "" },
	{ "Universal over the end", UNIVERSAL, "00110000",
	    IDENTITY_TEXT_INVALID, "" },
	{ "Universal negative", UNIVERSAL, "80000061", IDENTITY_TEXT_INVALID,
	    "" },
	{ "Universal surrogate", UNIVERSAL, "0000d800", IDENTITY_TEXT_INVALID,
	    "" },
	{ "Universal NUL", UNIVERSAL, "00000000", IDENTITY_TEXT_NUL, "" },
	{ "no text", OTHER, "0101ff", IDENTITY_TEXT_OTHER, "" },
	{ "no text, empty", OTHER, "", IDENTITY_TEXT_OTHER, "" },
};

static void
test_rows(void)
{
	struct kit_bytes in, want;
	uint8_t out[64] = "##";
	size_t i, len;
	enum identity_text_result got;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		in = kit_hex(rows[i].in);
		want = kit_hex(rows[i].out);
		len = 2;
		got = identity_text_append(rows[i].type, kit_slice(&in), out,
		    sizeof(out), &len);
		is_int(got, rows[i].want, "%s", rows[i].name);
		is_mem(out + 2, len - 2, want.data, want.len, "%s: bytes",
		    rows[i].name);
		kit_free(&in);
		kit_free(&want);
	}
}

/* A result that just fits, in an allocation of that size, and one that does
 * not by a byte. */
static void
test_room(void)
{
	struct slice in = slice_str("\x20\xac\x20\xac");
	struct kit_bytes out = kit_copy("......", 6);
	size_t len = 0;

	is_int(identity_text_append(BMP, in, out.data, 6, &len),
	    IDENTITY_TEXT_OK, "fits to the byte");
	is_int((long long)len, 6, "all of it");
	len = 0;
	is_int(identity_text_append(BMP, in, out.data, 5, &len),
	    IDENTITY_TEXT_TOO_LONG, "one byte short");
	is_int((long long)len, 0, "nothing of it counts");
	kit_free(&out);
}

/* Each scalar value through UCS-4 is UTF-8 as the mqtt codec wants it, and
 * comes back through the UTF-8 reader as itself. */
static void
test_every_character(void)
{
	uint8_t wide[4], utf8[4];
	uint32_t code, back, wrong = 0;
	struct slice in;
	size_t len;

	for (code = 1; code <= 0x10ffff; code++) {
		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		wide[0] = 0;
		wide[1] = (uint8_t)(code >> 16);
		wide[2] = (uint8_t)(code >> 8);
		wide[3] = (uint8_t)code;
		len = 0;
		if (identity_text_append(UNIVERSAL, slice_make(wide, 4), utf8,
			sizeof(utf8), &len) != IDENTITY_TEXT_OK)
			wrong++;
		in = slice_make(utf8, len);
		if (!utf8_valid(in) ||
		    identity_text_next(UTF8, &in, &back) != IDENTITY_TEXT_OK ||
		    back != code || in.len != 0)
			wrong++;
	}
	is_int(wrong, 0, "every character there and back");
}

/* Any three bytes: this reader and the mqtt codec's agree on what is UTF-8. */
static void
test_agrees(void)
{
	uint8_t in[3], out[8];
	uint32_t v, wrong = 0;
	size_t len;
	bool good;

	for (v = 0; v < 0x1000000; v += 7) {
		in[0] = (uint8_t)(v >> 16);
		in[1] = (uint8_t)(v >> 8);
		in[2] = (uint8_t)v;
		len = 0;
		good = identity_text_append(UTF8, slice_make(in, 3), out,
			   sizeof(out), &len) == IDENTITY_TEXT_OK;
		wrong += good != utf8_valid(slice_make(in, 3));
	}
	is_int(wrong, 0, "as utf8_valid() on 2.4 million triples");
}

static void
test_words(void)
{
	enum identity_text_result t;

	for (t = IDENTITY_TEXT_EMPTY; t < IDENTITY_TEXT_COUNT; t++)
		ok(identity_text_describe(t)[0] != '\0' &&
			identity_text_reason(t) != REASON_NONE,
		    "%d has a word and a reason", (int)t);
	is_int(identity_text_reason(IDENTITY_TEXT_OK), REASON_NONE,
	    "good is no reason");
}

int
main(void)
{
	test_rows();
	test_room();
	test_every_character();
	test_agrees();
	test_words();
	return done_testing();
}
