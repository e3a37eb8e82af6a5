/* SPDX-License-Identifier: ISC */
#include "identity/deny_key.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/address.h"
#include "base/encode.h"
#include "base/utf8.h"
#include "identity/text.h"

#define DIGEST_DIGITS ((size_t)2 * CERT_SHA256_LEN)

static const char *const words[IDENTITY_DENY_KIND_COUNT] = {
#define K(id, word, what) [IDENTITY_DENY_KIND_##id] = word,
	IDENTITY_DENY_KINDS(K)
#undef K
};

bool
identity_deny_is_pattern(enum identity_deny_kind kind)
{
	return kind == IDENTITY_DENY_KIND_CLIENTID_RE ||
	    kind == IDENTITY_DENY_KIND_USERNAME_RE;
}

const char *
identity_deny_word(enum identity_deny_kind kind)
{
	return words[kind];
}

bool
identity_deny_kind_of(struct slice word, enum identity_deny_kind *kind)
{
	size_t i;

	for (i = 0; i < IDENTITY_DENY_KIND_COUNT; i++) {
		if (slice_equal(word, slice_str(words[i]))) {
			*kind = (enum identity_deny_kind)i;
			return true;
		}
	}
	return false;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Copies hex digits in lower case without colons and returns their number, or
 * 0 if there is anything else. `out' has in.len bytes. */
static size_t
copy_digits(uint8_t *out, struct slice in)
{
	size_t i, n = 0;
	uint8_t c;

	for (i = 0; i < in.len; i++) {
		c = lower(in.data[i]);
		if (c == ':')
			continue;
		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return 0;
		out[n++] = c;
	}
	return n;
}

static uint8_t
digit(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static const char *
parse_digest(struct identity_deny_key *key, struct slice value)
{
	size_t i;

	if (copy_digits(key->bytes, value) != DIGEST_DIGITS)
		return "is not 64 hex digits";
	for (i = 0; i < CERT_SHA256_LEN; i++)
		key->bytes[i] = (uint8_t)(digit(key->bytes[2 * i]) << 4 |
		    digit(key->bytes[2 * i + 1]));
	key->len = CERT_SHA256_LEN;
	return NULL;
}

/* Drops leading zeros but keeps whole bytes, as ${serial} writes a serial. */
static void
trim_serial(struct identity_deny_key *key)
{
	size_t skip = 0;
	size_t pad;

	while (skip + 1 < key->len && key->bytes[skip] == '0')
		skip++;
	key->len -= skip;
	pad = key->len % 2;
	memmove(key->bytes + pad, key->bytes + skip, key->len);
	if (pad > 0)
		key->bytes[0] = '0';
	key->len += pad;
}

/* Appends the issuer after the @ that `key' ends in. */
static const char *
add_issuer(struct identity_deny_key *key, struct slice issuer)
{
	uint8_t *to = key->bytes + key->len;
	size_t digits;

	if (issuer.len == 0)
		return "has no issuer after the @";
	if (issuer.len > sizeof(key->bytes) - key->len)
		return "is too long";
	digits = copy_digits(to, issuer);
	if (digits != DIGEST_DIGITS) {
		memcpy(to, issuer.data, issuer.len);
		digits = issuer.len;
	}
	key->len += digits;
	return NULL;
}

static const char *
parse_serial(struct identity_deny_key *key, struct slice value)
{
	const uint8_t *at = memchr(value.data, '@', value.len);
	size_t end = at == NULL ? value.len : (size_t)(at - value.data);
	size_t pos = 0;

	if (end > 2 && value.data[0] == '0' && lower(value.data[1]) == 'x')
		pos = 2;
	key->len = 0;
	if (end < IDENTITY_DENY_VALUE_MAX)
		key->len = copy_digits(key->bytes,
		    slice_make(value.data + pos, end - pos));
	if (key->len == 0)
		return "is not a serial in hex, or serial@issuer";
	trim_serial(key);
	if (at == NULL)
		return NULL;
	key->bytes[key->len++] = '@';
	return add_issuer(key, slice_make(at + 1, value.len - end - 1));
}

/* Reads an address in any of its usual forms. */
static bool
read_address(struct sockaddr_storage *sa, struct slice text)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(copy) || memchr(text.data, '\0', text.len))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (address_parse_host(sa, copy) != OK)
		return false;
	address_unmap(sa);
	return true;
}

bool
identity_deny_key_address(uint8_t key[IDENTITY_DENY_NET_LEN],
    const struct sockaddr_storage *sa, unsigned bits4, unsigned bits6)
{
	key[0] = address_prefix(key + 1, sa, bits4, bits6);
	key[IDENTITY_DENY_HOST_LEN] = (uint8_t)(key[0] == 4 ? bits4 : bits6);
	return key[0] != 0;
}

static const char *
parse_host(struct identity_deny_key *key, struct slice value)
{
	struct sockaddr_storage sa;

	if (!read_address(&sa, value) ||
	    !identity_deny_key_address(key->bytes, &sa, 32, 128))
		return "is not an IP address (peerhost_net takes networks)";
	key->len = IDENTITY_DENY_HOST_LEN;
	return NULL;
}

/* Reads the prefix length. False unless it is a number up to `max'. */
static bool
read_bits(struct slice text, unsigned max, unsigned *bits)
{
	size_t i;

	*bits = 0;
	for (i = 0; i < text.len && i < 4; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*bits = *bits * 10 + (unsigned)(text.data[i] - '0');
	}
	return text.len > 0 && text.len < 4 && *bits <= max;
}

static const char *
parse_net(struct identity_deny_key *key, struct slice value)
{
	static const char bad[] = "is not a network (write 192.0.2.0/24)";
	const uint8_t *slash = memchr(value.data, '/', value.len);
	size_t len = slash == NULL ? value.len : (size_t)(slash - value.data);
	bool v6 = memchr(value.data, ':', len) != NULL;
	unsigned max = v6 ? 128 : 32, bits = max;
	struct sockaddr_storage sa;

	if (!read_address(&sa, slice_make(value.data, len)))
		return bad;
	if (slash != NULL &&
	    !read_bits(slice_make(slash + 1, value.len - len - 1), max, &bits))
		return bad;
	if (v6 && sa.ss_family == AF_INET) { /* IPv4-mapped */
		if (bits < 96)
			return bad;
		bits -= 96;
	}
	if (!identity_deny_key_address(key->bytes, &sa, bits, bits))
		return bad;
	key->len = IDENTITY_DENY_NET_LEN;
	return NULL;
}

static void
copy_lower(struct identity_deny_key *key, struct slice in)
{
	size_t i;

	for (i = 0; i < in.len; i++)
		key->bytes[i] = lower(in.data[i]);
	key->len = in.len;
}

/* Writes an address in its canonical form (RFC 5952). */
static void
copy_address(struct identity_deny_key *key, const struct sockaddr_storage *sa)
{
	char text[ADDRESS_TEXT_MAX];

	address_text(text, sa);
	copy_lower(key, slice_str(text));
}

static const char *
parse_san(struct identity_deny_key *key, struct slice value)
{
	struct sockaddr_storage sa;

	if (read_address(&sa, value))
		copy_address(key, &sa);
	else
		copy_lower(key, value);
	return NULL;
}

/*
 * Characters that cannot be seen, apart from controls and those that
 * change the direction of writing (utf8_is_unsafe()): spaces other than
 * U+0020, and Unicode's Default_Ignorable_Code_Point.
 */
static const struct {
	uint32_t first;
	uint32_t last;
} invisible[] = {
	{ 0x00a0, 0x00a0 }, /* no-break space */
	{ 0x00ad, 0x00ad }, /* soft hyphen */
	{ 0x034f, 0x034f },
	{ 0x115f, 0x1160 },
	{ 0x1680, 0x1680 },
	{ 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },
	{ 0x2000, 0x200f }, /* wide and narrow spaces, zero width */
	{ 0x2028, 0x202f },
	{ 0x205f, 0x206f },
	{ 0x2800, 0x2800 }, /* Braille pattern without dots */
	{ 0x3000, 0x3000 },
	{ 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff }, /* byte order mark */
	{ 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfff8 },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

static bool
is_invisible(uint32_t code)
{
	size_t i;

	if (code >= 0x20 && code < 0x7f)
		return false;
	if (utf8_is_unsafe(code))
		return true;
	for (i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
		if (code >= invisible[i].first && code <= invisible[i].last)
			return true;
	return false;
}

bool
identity_deny_has_invisible(struct slice text)
{
	uint32_t code;
	size_t n;

	while (text.len > 0) {
		n = utf8_decode(text, &code);
		if (n > 0 && is_invisible(code))
			return true;
		n = n > 0 ? n : 1;
		text = slice_make(text.data + n, text.len - n);
	}
	return false;
}

const char *
identity_deny_key_parse(struct identity_deny_key *key,
    enum identity_deny_kind kind, struct slice value)
{
	if (value.len == 0)
		return "is empty";
	if (value.len > IDENTITY_DENY_VALUE_MAX)
		return "is over 65,535 bytes";
	if (!utf8_valid(value))
		return "is not UTF-8, or holds a NUL";
	if (identity_deny_has_invisible(value))
		return "holds an invisible character (deny such a client by "
		       "sha256 or serial, or write \\x{200B} in an expression)";
	switch (kind) {
	case IDENTITY_DENY_KIND_PEERHOST:
		return parse_host(key, value);
	case IDENTITY_DENY_KIND_PEERHOST_NET:
		return parse_net(key, value);
	case IDENTITY_DENY_KIND_SERIAL:
		return parse_serial(key, value);
	case IDENTITY_DENY_KIND_SHA256:
	case IDENTITY_DENY_KIND_SPKI:
		return parse_digest(key, value);
	case IDENTITY_DENY_KIND_SAN:
		return parse_san(key, value);
	default:
		memcpy(key->bytes, value.data, value.len);
		key->len = value.len;
		return NULL;
	}
}

struct slice
identity_deny_key_text(enum identity_deny_kind kind, struct slice key,
    char text[IDENTITY_DENY_TEXT_MAX])
{
	size_t len;

	if (kind == IDENTITY_DENY_KIND_SHA256 ||
	    kind == IDENTITY_DENY_KIND_SPKI) {
		encode_hex(text, key);
		return slice_str(text);
	}
	if (kind != IDENTITY_DENY_KIND_PEERHOST &&
	    kind != IDENTITY_DENY_KIND_PEERHOST_NET)
		return key;
	inet_ntop(key.data[0] == 4 ? AF_INET : AF_INET6, key.data + 1, text,
	    INET6_ADDRSTRLEN);
	len = strlen(text);
	if (kind == IDENTITY_DENY_KIND_PEERHOST_NET)
		snprintf(text + len, IDENTITY_DENY_TEXT_MAX - len, "/%u",
		    key.data[IDENTITY_DENY_HOST_LEN]);
	return slice_str(text);
}

bool
identity_deny_key_serial(struct identity_deny_key *key, struct slice serial)
{
	/* encode_hex() also writes a NUL. */
	if (serial.len == 0 || serial.len >= sizeof(key->bytes) / 2)
		return false;
	encode_hex((char *)key->bytes, serial);
	key->len = 2 * serial.len;
	trim_serial(key);
	return true;
}

bool
identity_deny_key_san(struct identity_deny_key *key, const struct cert_san *san)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	struct slice v = san->value;
	size_t len = 0;

	if (san->kind != CERT_SAN_IP) {
		if (identity_text_append(CERT_STRING_IA5, v, key->bytes,
			sizeof(key->bytes), &len) != IDENTITY_TEXT_OK)
			return false;
		copy_lower(key, slice_make(key->bytes, len));
		return true;
	}
	if (v.len == 4) {
		sa.ss_family = AF_INET;
		memcpy(&((struct sockaddr_in *)&sa)->sin_addr, v.data, v.len);
	} else if (v.len == 16) {
		sa.ss_family = AF_INET6;
		memcpy(&((struct sockaddr_in6 *)&sa)->sin6_addr, v.data, v.len);
	} else {
		return false;
	}
	address_unmap(&sa);
	copy_address(key, &sa);
	return true;
}
