/* SPDX-License-Identifier: ISC */
/*
 * The PROXY header as text and as bytes: what is one, what never will be, and
 * every beginning of each.
 */
#include "accept/proxy_header.h"

#include <stdlib.h>

#include "base/address.h"
#include "byte_kit.h"
#include "tap.h"

#define SIG "0d0a0d0a000d0a515549540a"
#define V4 \
	"c0000201 cb007109 d431 22b3" /* 192.0.2.1 203.0.113.9 54321 8883 \
				       */
#define V6 \
	"20010db8000000000000000000000001 20010db8000000000000000000000002" \
	"d431 22b3"
#define ZERO36 \
	"00000000000000000000000000000000000000000000000000000000000000000000" \
	"0" \
	"000"
#define UNIX_ADDRESSES ZERO36 ZERO36 ZERO36 ZERO36 ZERO36 ZERO36

static const struct row {
	const char *name;
	enum parse parsed;
	const char *source; /* NULL: LOCAL */
	const char *bytes;
} rows[] = {
	/* version 1 */
	{ "TCP4", PARSE_OK, "192.0.2.1:54321",
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 54321 8883' 0d0a" },
	{ "TCP6", PARSE_OK, "[2001:db8::1]:54321",
	    "'PROXY TCP6 2001:db8::1 2001:db8::2 54321 8883' 0d0a" },
	{ "the longest line", PARSE_OK,
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	    "'PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535' 0d0a" },
	{ "mapped", PARSE_OK, "192.0.2.1:1",
	    "'PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2' 0d0a" },
	{ "port 0", PARSE_OK, "192.0.2.1:0",
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 0 0' 0d0a" },
	{ "UNKNOWN", PARSE_OK, NULL, "'PROXY UNKNOWN' 0d0a" },
	{ "UNKNOWN with addresses", PARSE_OK, NULL,
	    "'PROXY UNKNOWN ffff:f...f:ffff whatever 65535 x' 0d0a" },
	{ "lower case", PARSE_BAD, NULL, "'proxy TCP4 '" },
	{ "family in lower case", PARSE_BAD, NULL,
	    "'PROXY tcp4 192.0.2.1 203.0.113.9 1 2' 0d0a" },
	{ "UDP4", PARSE_BAD, NULL,
	    "'PROXY UDP4 192.0.2.1 203.0.113.9 1 2' 0d0a" },
	{ "no family", PARSE_BAD, NULL, "'PROXY ' 0d0a" },
	{ "two spaces", PARSE_BAD, NULL,
	    "'PROXY  TCP4 192.0.2.1 203.0.113.9 1 2' 0d0a" },
	{ "two spaces inside", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1  203.0.113.9 1 2' 0d0a" },
	{ "space at the end", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 1 2 ' 0d0a" },
	{ "a word too many", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 1 2 3' 0d0a" },
	{ "a port too few", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 1' 0d0a" },
	{ "no ports", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9' 0d0a" },
	{ "port 65536", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 65536 1' 0d0a" },
	{ "port with a zero in front", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 01 1' 0d0a" },
	{ "port with a sign", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 +1 1' 0d0a" },
	{ "port in hex", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 0x1 1' 0d0a" },
	{ "IPv6 as TCP4", PARSE_BAD, NULL,
	    "'PROXY TCP4 2001:db8::1 2001:db8::2 1 2' 0d0a" },
	{ "IPv4 as TCP6", PARSE_BAD, NULL,
	    "'PROXY TCP6 192.0.2.1 203.0.113.9 1 2' 0d0a" },
	{ "three numbers", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2 203.0.113.9 1 2' 0d0a" },
	{ "a scope", PARSE_BAD, NULL,
	    "'PROXY TCP6 fe80::1%lo 2001:db8::2 1 2' 0d0a" },
	{ "a NUL in an address", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1' 00 ' 203.0.113.9 1 2' 0d0a" },
	{ "a bare LF", PARSE_BAD, NULL,
	    "'PROXY TCP4 192.0.2.1 203.0.113.9 1 2' 0a" },
	{ "a CR inside", PARSE_BAD, NULL, "'PROXY UNKNOWN' 0d ' x' 0d0a" },
	{ "one byte too long", PARSE_BAD, NULL,
	    "'PROXY UNKNOWN 0123456789012345678901234567890123456789012345678"
	    "9012345678901234567890123456789012345678901234567' 0d0a" },
	{ "TLS", PARSE_BAD, NULL, "16030100c8010000c40303" },
	{ "MQTT", PARSE_BAD, NULL, "100c00044d5154540402003c0000" },
	{ "HTTP", PARSE_BAD, NULL, "'POST / HTTP/1.1' 0d0a" },
	/* version 2 */
	{ "v2 TCP4", PARSE_OK, "192.0.2.1:54321", SIG "2111000c" V4 },
	{ "v2 TCP6", PARSE_OK, "[2001:db8::1]:54321", SIG "21210024" V6 },
	{ "v2 mapped", PARSE_OK, "192.0.2.1:1",
	    SIG "21210024 00000000000000000000ffffc0000201"
		"00000000000000000000ffffc0000202 0001 0002" },
	{ "v2 unix", PARSE_OK, NULL, SIG "213100d8" UNIX_ADDRESSES },
	{ "v2 unspecified", PARSE_OK, NULL, SIG "21000000" },
	{ "v2 unspecified with a TLV", PARSE_OK, NULL,
	    SIG "21000004 e00001 aa" },
	{ "v2 LOCAL", PARSE_OK, NULL, SIG "20000000" },
	{ "v2 LOCAL with addresses", PARSE_OK, NULL, SIG "2011000c" V4 },
	{ "v2 LOCAL with garbage", PARSE_OK, NULL, SIG "20ff0003 aabbcc" },
	{ "v2 an unknown TLV", PARSE_OK, "192.0.2.1:54321",
	    SIG "21110011" V4 "ee0002 0102" },
	{ "v2 an empty TLV", PARSE_OK, "192.0.2.1:54321",
	    SIG "2111000f" V4 "040000" },
	{ "v2 ALPN, authority and NOOP", PARSE_OK, "192.0.2.1:54321",
	    SIG "2111001f" V4 "010004'mqtt' 020003'a.b' 040003000000" },
	{ "v2 SSL", PARSE_OK, "192.0.2.1:54321",
	    SIG "21110022" V4 "200013 0700000000 210003'1.3' 220005'dev-1'" },
	{ "v2 CRC32C", PARSE_OK, "192.0.2.1:54321",
	    SIG "21110013" V4 "030004 @crc" },
	{ "v2 wrong CRC32C", PARSE_BAD, NULL,
	    SIG "21110013" V4 "030004 00000000" },
	{ "v2 short CRC32C", PARSE_BAD, NULL,
	    SIG "21110012" V4 "030003 000000" },
	{ "v2 version 1", PARSE_BAD, NULL, SIG "11" },
	{ "v2 version 3", PARSE_BAD, NULL, SIG "31" },
	{ "v2 command 2", PARSE_BAD, NULL, SIG "22" },
	{ "v2 UDP4", PARSE_BAD, NULL, SIG "2112000c" V4 },
	{ "v2 family 4", PARSE_BAD, NULL, SIG "2141000c" V4 },
	{ "v2 stream of nothing", PARSE_BAD, NULL, SIG "2101000c" V4 },
	{ "v2 addresses cut off", PARSE_BAD, NULL, SIG "2111000b" V4 },
	{ "v2 TCP6 with IPv4", PARSE_BAD, NULL, SIG "2121000c" V4 },
	{ "v2 TLV cut off", PARSE_BAD, NULL, SIG "2111000e" V4 "ee00" },
	{ "v2 TLV too long", PARSE_BAD, NULL, SIG "21110010" V4 "ee000201" },
	{ "v2 SSL too short", PARSE_BAD, NULL,
	    SIG "21110013" V4 "200004 07000000" },
	{ "v2 SSL with a sub-TLV cut off", PARSE_BAD, NULL,
	    SIG "21110017" V4 "200008 0700000000 220005" },
	{ "v2 SSL with half a sub-TLV", PARSE_BAD, NULL,
	    SIG "21110016" V4 "200007 0700000000 2200" },
	{ "v2 4,097 bytes", PARSE_BAD, NULL, SIG "21110ff1" },
	{ "v2 65,551 bytes", PARSE_BAD, NULL, SIG "2111ffff" },
	{ "v2 wrong signature", PARSE_BAD, NULL, "0d0a0d0a000d0a515549540d" },
};

/* The bytes of a row; "@crc" stands for the right CRC32C, computed here in
 * another way than there. */
static struct kit_bytes
bytes_of(const char *text)
{
	const char *mark = strstr(text, "@crc");
	char head[512];
	struct kit_bytes b;
	uint32_t table[256], crc = 0xffffffffu, c;
	size_t i;
	int k;

	if (mark == NULL)
		return kit_hex(text);
	snprintf(head, sizeof(head), "%.*s 00000000", (int)(mark - text), text);
	b = kit_hex(head);
	for (i = 0; i < 256; i++) {
		for (c = (uint32_t)i, k = 0; k < 8; k++)
			c = (c & 1) != 0 ? 0x82f63b78u ^ c >> 1 : c >> 1;
		table[i] = c;
	}
	for (i = 0; i < b.len; i++)
		crc = table[(crc ^ b.data[i]) & 0xff] ^ crc >> 8;
	crc ^= 0xffffffffu;
	for (i = 0; i < 4; i++)
		b.data[b.len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	return b;
}

static enum parse
parse(struct accept_proxy_header *h, const uint8_t *data, size_t len)
{
	struct kit_bytes exact = kit_copy(data, len);
	const char *why = NULL;
	enum parse parsed = accept_proxy_header_parse(h,
	    slice_make(exact.data, exact.len), &why);

	kit_free(&exact);
	if (parsed == PARSE_BAD && why == NULL)
		abort();
	return parsed;
}

static void
check_good(const struct row *r, const struct kit_bytes *b)
{
	struct accept_proxy_header h;
	struct kit_bytes longer = kit_copy(b->data, b->len);
	char text[ADDRESS_TEXT_MAX] = "LOCAL";
	size_t i;

	kit_add_u8(&longer, 0x16);
	if (parse(&h, b->data, b->len) == PARSE_OK &&
	    h.kind == ACCEPT_PROXY_FORWARDED)
		address_text_port(text, &h.source);
	is_str(text, r->source == NULL ? "LOCAL" : r->source, "%s: its source",
	    r->name);
	is_int((long long)h.len, (long long)b->len, "%s: its length", r->name);
	ok(parse(&h, longer.data, longer.len) == PARSE_OK && h.len == b->len,
	    "%s: the byte behind it is not taken", r->name);
	for (i = 0; i < b->len; i++)
		if (parse(&h, b->data, i) != PARSE_MORE)
			break;
	is_int((long long)i, (long long)b->len,
	    "%s: every beginning asks for more", r->name);
	kit_free(&longer);
}

static void
check_row(const struct row *r)
{
	struct accept_proxy_header h;
	struct kit_bytes b = bytes_of(r->bytes);

	is_int(parse(&h, b.data, b.len), r->parsed, "%s", r->name);
	if (r->parsed == PARSE_OK)
		check_good(r, &b);
	kit_free(&b);
}

static void
test_destination(void)
{
	struct accept_proxy_header h;
	struct kit_bytes b = kit_hex(SIG "2111000c" V4);
	char text[ADDRESS_TEXT_MAX];

	ok(parse(&h, b.data, b.len) == PARSE_OK, "the destination");
	address_text_port(text, &h.destination);
	is_str(text, "203.0.113.9:8883", "is told as well");
	is_int(h.version, 2, "and the version");
	kit_free(&b);
}

static void
test_largest(void)
{
	struct accept_proxy_header h;
	struct kit_bytes b = kit_hex(SIG "21110ff0" V4 "ee0fe1");
	size_t i;

	for (i = b.len; i < ACCEPT_PROXY_HEADER_MAX; i++)
		kit_add_u8(&b, 0);
	ok(parse(&h, b.data, b.len) == PARSE_OK, "4,096 bytes are taken");
	ok(parse(&h, b.data, b.len - 1) == PARSE_MORE, "with 4,095: more");
	kit_free(&b);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	test_destination();
	test_largest();
	return done_testing();
}
