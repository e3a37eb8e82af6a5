/* SPDX-License-Identifier: ISC */
/*
 * Text is converted character by character, so that the DN writer can escape
 * without a second buffer and all string types share one loop.
 */
#include "identity/text.h"

#include "base/encode.h"
#include "base/utf8.h"

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
identity_text_describe(enum identity_text_result result)
{
	return rows[result].says;
}

enum reason
identity_text_reason(enum identity_text_result result)
{
	return rows[result].reason;
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

/* Takes one UTF-8 sequence off `in'. */
static bool
take_utf8(struct slice *in, uint32_t *code)
{
	size_t n = utf8_decode(*in, code);

	*in = slice_make(in->data + n, in->len - n);
	return n > 0;
}

/* True for a Unicode scalar value: no surrogate, at most U+10FFFF. */
static bool
is_scalar(uint32_t code)
{
	return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

enum identity_text_result
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

enum identity_text_result
identity_text_append(enum cert_string type, struct slice in, uint8_t *out,
    size_t cap, size_t *len)
{
	enum identity_text_result result;
	uint8_t bytes[4];
	size_t n, pos = *len;
	uint32_t code;

	if (type == CERT_STRING_OTHER)
		return IDENTITY_TEXT_OTHER;
	if (in.len == 0)
		return IDENTITY_TEXT_EMPTY;
	while (in.len > 0) {
		result = identity_text_next(type, &in, &code);
		if (result != IDENTITY_TEXT_OK)
			return result;
		n = utf8_write(code, bytes);
		if (n > cap - pos)
			return IDENTITY_TEXT_TOO_LONG;
		memcpy(out + pos, bytes, n);
		pos += n;
	}
	*len = pos;
	return IDENTITY_TEXT_OK;
}

/* --- Distinguished names --- */

/*
 * Attribute types with a name (RFC 4514 section 3, and EMQX's list). Where EMQX
 * guesses, for a type without a name, whose value it prints as if it were text,
 * the hex form of RFC 4514 2.4 is used, which every reader understands alike.
 */
static const struct {
	const char *name;
	uint8_t len;
	uint8_t oid[10];
} types[] = {
	{ "CN", 3, { 0x55, 4, 3 } },
	{ "SN", 3, { 0x55, 4, 4 } },
	{ "SERIALNUMBER", 3, { 0x55, 4, 5 } },
	{ "C", 3, { 0x55, 4, 6 } },
	{ "L", 3, { 0x55, 4, 7 } },
	{ "ST", 3, { 0x55, 4, 8 } },
	{ "STREET", 3, { 0x55, 4, 9 } },
	{ "O", 3, { 0x55, 4, 10 } },
	{ "OU", 3, { 0x55, 4, 11 } },
	{ "TITLE", 3, { 0x55, 4, 12 } },
	{ "GIVENNAME", 3, { 0x55, 4, 42 } },
	{ "INITIALS", 3, { 0x55, 4, 43 } },
	{ "GENERATIONQUALIFIER", 3, { 0x55, 4, 44 } },
	{ "PSEUDONYM", 3, { 0x55, 4, 65 } },
	{ "UID", 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1 } },
	{ "DC", 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25 } },
	{ "EMAILADDRESS", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 } },
};

/* The line being written. */
struct line {
	struct identity_text_out out;
	bool full;
};

static void
put(struct line *l, const void *data, size_t len)
{
	if (l->full || len > l->out.cap - l->out.len) {
		l->full = true;
		return;
	}
	memcpy(l->out.bytes + l->out.len, data, len);
	l->out.len += len;
}

static void
put_str(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* Appends `lead', and then the byte as two upper-case hex digits. */
static void
put_hex(struct line *l, const char *lead, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";
	char two[2] = { digits[byte >> 4], digits[byte & 15] };

	put_str(l, lead);
	put(l, two, 2);
}

/* An arc of any size as decimal digits, the last one first: that of a UUID has
 * 39. */
#define ARC_DIGITS 80

struct arc {
	uint8_t digits[ARC_DIGITS];
	size_t count;
};

/* arc = arc * 128 + add; false when it grows too large. */
static bool
arc_shift(struct arc *a, unsigned add)
{
	size_t i;
	unsigned v;

	for (i = 0; i < a->count || add > 0; i++) {
		if (i == ARC_DIGITS)
			return false;
		v = (i < a->count ? a->digits[i] * 128U : 0) + add;
		a->digits[i] = (uint8_t)(v % 10);
		add = v / 10;
	}
	a->count = i > a->count ? i : a->count;
	return true;
}

/* arc = arc - sub, where arc >= sub < 100. */
static void
arc_subtract(struct arc *a, unsigned sub)
{
	size_t i;
	unsigned take;

	for (i = 0; sub > 0; i++) {
		take = sub % 10;
		sub /= 10;
		if (a->digits[i] < take) {
			a->digits[i] = (uint8_t)(a->digits[i] + 10);
			sub++;
		}
		a->digits[i] = (uint8_t)(a->digits[i] - take);
	}
	while (a->count > 0 && a->digits[a->count - 1] == 0)
		a->count--;
}

static void
put_arc(struct line *l, const struct arc *a)
{
	size_t i;
	char c;

	if (a->count == 0)
		put_str(l, "0");
	for (i = a->count; i > 0; i--) {
		c = (char)('0' + a->digits[i - 1]);
		put(l, &c, 1);
	}
}

/* The first number holds two arcs: 40 * {0, 1, 2} + second. */
static void
put_first_arcs(struct line *l, struct arc *a)
{
	unsigned v = a->count > 2 ? 100 : 0;
	unsigned first;

	if (a->count <= 2) {
		v = a->count > 0 ? a->digits[0] : 0;
		v += a->count > 1 ? a->digits[1] * 10U : 0;
	}
	first = v >= 80 ? 2 : v >= 40 ? 1 : 0;
	arc_subtract(a, first * 40);
	put_str(l, first == 2 ? "2." : first == 1 ? "1." : "0.");
	put_arc(l, a);
}

/* An OID's content bytes in dotted form (X.690 8.19). */
static enum identity_text_result
put_oid(struct line *l, struct slice oid)
{
	struct arc arc = { .count = 0 };
	size_t i;
	bool begun = false, later = false;

	for (i = 0; i < oid.len; i++) {
		if (!begun && oid.data[i] == 0x80)
			return IDENTITY_TEXT_INVALID; /* a leading zero */
		if (!arc_shift(&arc, oid.data[i] & 0x7fU))
			return IDENTITY_TEXT_INVALID;
		begun = true;
		if ((oid.data[i] & 0x80) != 0)
			continue;
		if (later) {
			put_str(l, ".");
			put_arc(l, &arc);
		} else {
			put_first_arcs(l, &arc);
		}
		arc.count = 0;
		begun = false;
		later = true;
	}
	return later && !begun ? IDENTITY_TEXT_OK : IDENTITY_TEXT_INVALID;
}

/* Writes one byte of a value, escaped where necessary. */
static void
put_byte(struct line *l, uint8_t byte, bool first, bool last,
    enum identity_dn_style style)
{
	bool wild = byte == '+' || byte == '#' || byte == '/';

	if (byte < 32 || byte >= 126 || (wild && style == IDENTITY_DN_HEX)) {
		put_hex(l, "\\", byte);
		return;
	}
	if (strchr("\"+,;<>\\", byte) != NULL ||
	    (first && (byte == ' ' || byte == '#')) || (last && byte == ' '))
		put_str(l, "\\");
	put(l, &byte, 1);
}

static enum identity_text_result
put_value(struct line *l, const struct cert_attr *a,
    enum identity_dn_style style)
{
	struct slice in = a->value;
	enum identity_text_result result;
	uint8_t bytes[4];
	uint32_t code;
	size_t i, n;
	bool first = true;

	if (a->type == CERT_STRING_OTHER)
		return IDENTITY_TEXT_OTHER;
	while (in.len > 0) {
		result = identity_text_next(a->type, &in, &code);
		if (result != IDENTITY_TEXT_OK)
			return result;
		n = utf8_write(code, bytes);
		for (i = 0; i < n; i++)
			put_byte(l, bytes[i], first, in.len == 0, style);
		first = false;
	}
	return IDENTITY_TEXT_OK;
}

/* The name of an attribute type, or NULL. */
static const char *
type_name(struct slice oid)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (slice_equal(oid, slice_make(types[i].oid, types[i].len)))
			return types[i].name;
	}
	return NULL;
}

static enum identity_text_result
put_attr(struct line *l, const struct cert_attr *a,
    enum identity_dn_style style)
{
	const char *name = type_name(a->oid);
	enum identity_text_result result;
	size_t i;
	char hex[3];

	if (name != NULL) {
		put_str(l, name);
		put_str(l, "=");
		return put_value(l, a, style);
	}
	result = put_oid(l, a->oid);
	put_str(l, "=#");
	for (i = 0; i < a->value_der.len; i++) {
		encode_hex(hex, slice_make(a->value_der.data + i, 1));
		put(l, hex, 2);
	}
	return result;
}

enum identity_text_result
identity_dn_append(const struct cert_attr *attrs, size_t count,
    enum identity_dn_style style, struct identity_text_out *out, size_t *bad)
{
	struct line l = { *out, false };
	enum identity_text_result result = IDENTITY_TEXT_OK;
	size_t begin, end, i;

	if (count == 0)
		return IDENTITY_TEXT_EMPTY;
	for (end = count; end > 0; end = begin) {
		begin = end - 1;
		while (begin > 0 && attrs[begin - 1].rdn == attrs[end - 1].rdn)
			begin--;
		for (i = begin; i < end && result == IDENTITY_TEXT_OK; i++) {
			if (end < count || i > begin)
				put_str(&l, i > begin ? "+" : ",");
			result = put_attr(&l, &attrs[i], style);
			if (result != IDENTITY_TEXT_OK && bad != NULL)
				*bad = i;
		}
	}
	if (result == IDENTITY_TEXT_OK && l.full)
		result = IDENTITY_TEXT_TOO_LONG;
	if (result == IDENTITY_TEXT_OK)
		*out = l.out;
	return result;
}

/* A # at the beginning is escaped, so only one after a / is a wildcard. */
static bool
value_is_unsafe(enum cert_string type, struct slice in)
{
	uint32_t before = 0, code;

	while (in.len > 0 &&
	    identity_text_next(type, &in, &code) == IDENTITY_TEXT_OK) {
		if (utf8_is_control(code) || (before == '/' && code == '#'))
			return true;
		before = code;
	}
	return false;
}

bool
identity_dn_is_unsafe(const struct cert_attr *attrs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (type_name(attrs[i].oid) != NULL &&
		    value_is_unsafe(attrs[i].type, attrs[i].value))
			return true;
	return false;
}
