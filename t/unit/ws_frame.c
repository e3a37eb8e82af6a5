/* SPDX-License-Identifier: ISC */
/*
 * Frame headers in and out, and the unmasking.
 */
#include "ws/frame.h"

#include <stdlib.h>

#include "byte_kit.h"
#include "tap.h"
#include "ws/decoder.h"

#define HEX_MAX 64

static const struct row {
	const char *name;
	enum parse parsed;
	/* of a good one */
	unsigned opcode;
	bool fin;
	uint64_t payload;
	unsigned head;
	const char *hex; /* one payload byte behind, where there is payload */
} rows[] = {
	{ "empty binary", PARSE_OK, 2, true, 0, 6, "82 80 01020304" },
	{ "one byte", PARSE_OK, 2, true, 1, 6, "82 81 01020304 00" },
	{ "125 bytes", PARSE_OK, 2, true, 125, 6, "82 fd 01020304 00" },
	{ "126 bytes", PARSE_OK, 2, true, 126, 8, "82 fe 007e 01020304 00" },
	{ "65535 bytes", PARSE_OK, 2, true, 65535, 8,
	    "82 fe ffff 01020304 00" },
	{ "65536 bytes", PARSE_OK, 2, true, 65536, 14,
	    "82 ff 0000000000010000 01020304 00" },
	{ "2^63 - 1 bytes", PARSE_OK, 2, true, INT64_MAX, 14,
	    "82 ff 7fffffffffffffff 01020304 00" },
	{ "text", PARSE_OK, 1, true, 0, 6, "81 80 01020304" },
	{ "first fragment", PARSE_OK, 2, false, 1, 6, "02 81 01020304 00" },
	{ "continuation", PARSE_OK, 0, false, 1, 6, "00 81 01020304 00" },
	{ "last fragment", PARSE_OK, 0, true, 1, 6, "80 81 01020304 00" },
	{ "close", PARSE_OK, 8, true, 2, 6, "88 82 01020304 00" },
	{ "ping", PARSE_OK, 9, true, 125, 6, "89 fd 01020304 00" },
	{ "pong", PARSE_OK, 10, true, 0, 6, "8a 80 01020304" },

	{ "unmasked", PARSE_BAD, 0, 0, 0, 0, "82 01 00" },
	{ "unmasked and empty", PARSE_BAD, 0, 0, 0, 0, "82 00" },
	{ "unmasked ping", PARSE_BAD, 0, 0, 0, 0, "89 00" },
	{ "RSV1", PARSE_BAD, 0, 0, 0, 0, "c2 80 01020304" },
	{ "RSV2", PARSE_BAD, 0, 0, 0, 0, "a2 80 01020304" },
	{ "RSV3", PARSE_BAD, 0, 0, 0, 0, "92 80 01020304" },
	{ "opcode 3", PARSE_BAD, 0, 0, 0, 0, "83 80 01020304" },
	{ "opcode 7", PARSE_BAD, 0, 0, 0, 0, "87 80 01020304" },
	{ "opcode 11", PARSE_BAD, 0, 0, 0, 0, "8b 80 01020304" },
	{ "opcode 15", PARSE_BAD, 0, 0, 0, 0, "8f 80 01020304" },
	{ "close of 126", PARSE_BAD, 0, 0, 0, 0, "88 fe 007e 01020304 00" },
	{ "ping of 126", PARSE_BAD, 0, 0, 0, 0, "89 fe 007e 01020304 00" },
	{ "ping in fragments", PARSE_BAD, 0, 0, 0, 0, "09 80 01020304" },
	{ "close in fragments", PARSE_BAD, 0, 0, 0, 0, "08 80 01020304" },
	{ "125 in 16 bits", PARSE_BAD, 0, 0, 0, 0, "82 fe 007d 01020304 00" },
	{ "0 in 16 bits", PARSE_BAD, 0, 0, 0, 0, "82 fe 0000 01020304" },
	{ "65535 in 64 bits", PARSE_BAD, 0, 0, 0, 0,
	    "82 ff 000000000000ffff 01020304 00" },
	{ "0 in 64 bits", PARSE_BAD, 0, 0, 0, 0,
	    "82 ff 0000000000000000 01020304" },
	{ "2^63 bytes", PARSE_BAD, 0, 0, 0, 0,
	    "82 ff 8000000000000000 01020304 00" },
};

static enum parse
parse_exact(struct ws_frame *f, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	enum err error = OK;
	enum parse p;

	memcpy(copy, data, len);
	p = ws_frame_parse(f, slice_make(copy, len), &error);
	if (p == PARSE_BAD && error != ERR_PROTOCOL)
		abort();
	free(copy);
	return p;
}

static void
check_row(const struct row *r)
{
	static const uint8_t key[4] = { 1, 2, 3, 4 };
	struct kit_bytes hex = kit_hex(r->hex);
	uint8_t data[HEX_MAX] = { 0 };
	size_t len = hex.len, i;
	struct ws_frame f;
	bool more = true;

	memcpy(data, hex.data, len);
	kit_free(&hex);
	is_int(parse_exact(&f, data, len), r->parsed, "%s: result", r->name);
	is_int(parse_exact(&f, data, WS_FRAME_LOOKAHEAD + 20), r->parsed,
	    "%s: with bytes behind", r->name);
	if (r->parsed != PARSE_OK)
		return;
	is_int(f.opcode, r->opcode, "%s: opcode", r->name);
	is_int(f.fin, r->fin, "%s: fin", r->name);
	ok(f.payload == r->payload, "%s: payload", r->name);
	is_int(f.head, r->head, "%s: header", r->name);
	is_mem(f.key, 4, key, 4, "%s: key", r->name);
	for (i = 0; i < len; i++)
		more = more && parse_exact(&f, data, i) == PARSE_MORE;
	ok(more, "%s: every prefix wants more", r->name);
}

static void
check_write(uint64_t payload, const char *hex)
{
	struct kit_bytes want = kit_hex(hex);
	uint8_t out[WS_FRAME_WRITE_MAX];
	size_t len = ws_frame_write(out, WS_OPCODE_BINARY, payload);

	is_mem(out, len, want.data, want.len, "a header for %llu bytes",
	    (unsigned long long)payload);
	kit_free(&want);
}

/* Every length and shift against the definition (RFC 6455 5.3). */
static void
check_unmask(void)
{
	struct kit_bytes b = kit_random_bytes(300);
	uint8_t work[300], key[4];
	size_t len, shift, i;
	bool good = true;

	for (len = 0; len <= 150; len++) {
		for (shift = 0; shift <= 40; shift++) {
			memcpy(work, b.data, sizeof(work));
			memcpy(key, "\x11\x22\x44\x88", 4);
			ws_unmask(work, work + shift, len, key);
			for (i = 0; i < len; i++)
				good = good &&
				    (work[i] ^ (0x11 << i % 4)) ==
					b.data[shift + i];
			good = good && key[0] == 0x11 << len % 4;
			good = good &&
			    memcmp(work + shift + len, b.data + shift + len,
				100) == 0;
		}
	}
	ok(good, "unmasked in place, the key turned");
	kit_free(&b);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	check_write(0, "82 00");
	check_write(125, "82 7d");
	check_write(126, "82 7e 007e");
	check_write(65535, "82 7e ffff");
	check_write(65536, "82 7f 0000000000010000");
	check_write(INT64_MAX, "82 7f 7fffffffffffffff");
	check_unmask();
	return done_testing();
}
