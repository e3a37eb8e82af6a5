/*
 * Conversion goes character by character, so that the DN writer can escape
 * without a second buffer and all string types share one loop.
 */
#include "identity/text.h"

static const struct {
	const char *says;
	enum reason reason;
} rows[IDENTITY_TEXT_COUNT] = {
	[IDENTITY_TEXT_OK] = { "is good", REASON_NONE },
	[IDENTITY_TEXT_EMPTY] = { "is empty", REASON_IDENTITY_EMPTY },
	[IDENTITY_TEXT_NUL] = { "holds a NUL", REASON_IDENTITY_ENCODING },
	[IDENTITY_TEXT_INVALID] = { "is not well-formed text",
	    REASON_IDENTITY_ENCODING },
	[IDENTITY_TEXT_OTHER] = { "is not a text string",
	    REASON_IDENTITY_ENCODING },
	[IDENTITY_TEXT_TOO_LONG] = { "makes it longer than 65,535 bytes",
	    REASON_IDENTITY_TOO_LONG },
};

const char *
identity_text_says(enum identity_text text)
{
	return rows[text].says;
}

enum reason
identity_text_reason(enum identity_text text)
{
	return rows[text].reason;
}

size_t
identity_text_encode(uint32_t code, uint8_t out[4])
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

/* Takes a big-endian number of `width' bytes off `in'. */
static bool
take_wide(struct slice *in, size_t width, uint32_t *code)
{
	uint32_t v = 0;
	size_t i;

	if (in->len < width)
		return false;
	for (i = 0; i < width; i++)
		v = v << 8 | in->data[i];
	*in = slice_make(in->data + width, in->len - width);
	*code = v;
	return true;
}

/* Takes one UTF-8 sequence off `in'; the form only, see is_scalar(). */
static bool
take_utf8(struct slice *in, uint32_t *code)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = in->data[0];
	size_t i, width;
	uint32_t v;

	if (first < 0x80)
		return take_wide(in, 1, code);
	width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc0 || first >= 0xf8 || in->len < width)
		return false;
	v = first & (0x7fU >> width);
	for (i = 1; i < width; i++) {
		if ((in->data[i] & 0xc0) != 0x80)
			return false;
		v = v << 6 | (in->data[i] & 0x3f);
	}
	*in = slice_make(in->data + width, in->len - width);
	*code = v;
	return v >= least[width]; /* an overlong form hides a character */
}

/* A Unicode scalar value: no surrogate, and not over the end. */
static bool
is_scalar(uint32_t code)
{
	return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

enum identity_text
identity_text_next(enum cert_string type, struct slice *in, uint32_t *code)
{
	bool good = false;

	switch (type) {
	case CERT_STRING_UTF8:
		good = take_utf8(in, code);
		break;
	case CERT_STRING_PRINTABLE:
	case CERT_STRING_IA5:
	case CERT_STRING_NUMERIC:
		good = take_wide(in, 1, code) && *code < 0x80;
		break;
	case CERT_STRING_T61:
		good =
		    take_wide(in, 1, code) && (*code < 0x80 || *code >= 0xa0);
		break;
	case CERT_STRING_BMP:
		good = take_wide(in, 2, code);
		break;
	case CERT_STRING_UNIVERSAL:
		good = take_wide(in, 4, code);
		break;
	case CERT_STRING_OTHER:
		return IDENTITY_TEXT_OTHER;
	}
	if (!good || !is_scalar(*code))
		return IDENTITY_TEXT_INVALID;
	return *code == 0 ? IDENTITY_TEXT_NUL : IDENTITY_TEXT_OK;
}

enum identity_text
identity_text_append(enum cert_string type, struct slice in, uint8_t *out,
    size_t cap, size_t *len)
{
	enum identity_text text;
	uint8_t bytes[4];
	size_t n, pos = *len;
	uint32_t code;

	if (type == CERT_STRING_OTHER)
		return IDENTITY_TEXT_OTHER;
	if (in.len == 0)
		return IDENTITY_TEXT_EMPTY;
	while (in.len > 0) {
		text = identity_text_next(type, &in, &code);
		if (text != IDENTITY_TEXT_OK)
			return text;
		n = identity_text_encode(code, bytes);
		if (n > cap - pos)
			return IDENTITY_TEXT_TOO_LONG;
		memcpy(out + pos, bytes, n);
		pos += n;
	}
	*len = pos;
	return IDENTITY_TEXT_OK;
}
