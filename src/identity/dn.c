/*
 * Names of types and the escaping follow what EMQX writes; where it guesses
 * (a type without a name, whose value it prints as if it were text) the hex
 * form of RFC 4514 2.4 is used, which is the same for every reader.
 */
#include "identity/dn.h"

#include "base/encode.h"

/* Attribute types with a name (RFC 4514 section 3, and EMQX's list). */
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
	uint8_t *out;
	size_t cap;
	size_t len;
	bool full;
};

static void
put(struct line *l, const void *data, size_t len)
{
	if (l->full || len > l->cap - l->len) {
		l->full = true;
		return;
	}
	memcpy(l->out + l->len, data, len);
	l->len += len;
}

static void
put_str(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* `lead' and the byte in two upper-case hex digits. */
static void
put_hex(struct line *l, const char *lead, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";
	char two[2] = { digits[byte >> 4], digits[byte & 15] };

	put_str(l, lead);
	put(l, two, 2);
}

/* Arcs of any size: as decimal digits, least first. UUIDs need 39 of them. */
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
static enum identity_text
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

/* How one byte stands in a value. */
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

static enum identity_text
put_value(struct line *l, const struct cert_attr *a,
    enum identity_dn_style style)
{
	struct slice in = a->value;
	enum identity_text text;
	uint8_t bytes[4];
	uint32_t code;
	size_t i, n;
	bool first = true;

	if (a->type == CERT_STRING_OTHER)
		return IDENTITY_TEXT_OTHER;
	while (in.len > 0) {
		text = identity_text_next(a->type, &in, &code);
		if (text != IDENTITY_TEXT_OK)
			return text;
		n = identity_text_encode(code, bytes);
		for (i = 0; i < n; i++)
			put_byte(l, bytes[i], first, in.len == 0, style);
		first = false;
	}
	return IDENTITY_TEXT_OK;
}

/* The name of the type, or NULL. */
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

static enum identity_text
put_attr(struct line *l, const struct cert_attr *a,
    enum identity_dn_style style)
{
	const char *name = type_name(a->oid);
	enum identity_text text;
	size_t i;
	char hex[3];

	if (name != NULL) {
		put_str(l, name);
		put_str(l, "=");
		return put_value(l, a, style);
	}
	text = put_oid(l, a->oid);
	put_str(l, "=#");
	for (i = 0; i < a->value_der.len; i++) {
		encode_hex(hex, slice_make(a->value_der.data + i, 1));
		put(l, hex, 2);
	}
	return text;
}

enum identity_text
identity_dn_append(const struct cert_attr *attrs, size_t count,
    enum identity_dn_style style, uint8_t *out, size_t cap, size_t *len,
    size_t *bad)
{
	struct line l = { out, cap, *len, false };
	enum identity_text text = IDENTITY_TEXT_OK;
	size_t begin, end, i;

	if (count == 0)
		return IDENTITY_TEXT_EMPTY;
	for (end = count; end > 0; end = begin) {
		begin = end - 1;
		while (begin > 0 && attrs[begin - 1].rdn == attrs[end - 1].rdn)
			begin--;
		for (i = begin; i < end && text == IDENTITY_TEXT_OK; i++) {
			if (end < count || i > begin)
				put_str(&l, i > begin ? "+" : ",");
			text = put_attr(&l, &attrs[i], style);
			if (text != IDENTITY_TEXT_OK && bad != NULL)
				*bad = i;
		}
	}
	if (text == IDENTITY_TEXT_OK && l.full)
		text = IDENTITY_TEXT_TOO_LONG;
	if (text == IDENTITY_TEXT_OK)
		*len = l.len;
	return text;
}

/* One value; its first # would be escaped, so only one behind a / is a topic
 * wildcard. */
static bool
value_is_unsafe(enum cert_string type, struct slice in)
{
	uint32_t before = 0, code;

	while (in.len > 0 &&
	    identity_text_next(type, &in, &code) == IDENTITY_TEXT_OK) {
		if (identity_text_is_control(code) ||
		    (before == '/' && code == '#'))
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
