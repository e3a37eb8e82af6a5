/* SPDX-License-Identifier: ISC */
/*
 * Varints and fixed headers at all their borders.
 */
#include "mqtt/packet.h"

#include "byte_kit.h"
#include "tap.h"

static const struct row {
	const char *hex;
	enum parse parsed;
	uint32_t value;
	size_t used;
} rows[] = {
	{ "", PARSE_MORE, 0, 0 },
	{ "00", PARSE_OK, 0, 1 },
	{ "01", PARSE_OK, 1, 1 },
	{ "7f", PARSE_OK, 127, 1 },
	{ "80", PARSE_MORE, 0, 0 },
	{ "8001", PARSE_OK, 128, 2 },
	{ "ff7f", PARSE_OK, 16383, 2 },
	{ "8080", PARSE_MORE, 0, 0 },
	{ "808001", PARSE_OK, 16384, 3 },
	{ "ffff7f", PARSE_OK, 2097151, 3 },
	{ "808080", PARSE_MORE, 0, 0 },
	{ "80808001", PARSE_OK, 2097152, 4 },
	{ "ffffff7f", PARSE_OK, 268435455, 4 },
	{ "80808080", PARSE_BAD, 0, 0 },
	{ "ffffffff", PARSE_BAD, 0, 0 },
	{ "ffffffff7f", PARSE_BAD, 0, 0 },
	{ "8000", PARSE_OK, 0, 2 },
	{ "ff808000", PARSE_OK, 127, 4 },
	{ "7fff", PARSE_OK, 127, 1 },
};

static void
check_rows(void)
{
	const struct row *row = rows;
	enum parse parsed;
	struct kit_bytes b;
	uint32_t value;
	size_t used;

	for (; row < rows + sizeof(rows) / sizeof(rows[0]); row++) {
		b = kit_hex(row->hex);
		value = 0;
		used = 0;
		parsed = mqtt_varint_parse(kit_slice(&b), &value, &used);
		ok(parsed == row->parsed && value == row->value &&
			used == row->used,
		    "varint %s", row->hex);
		kit_free(&b);
	}
}

/* Written and read again, the same; and never longer than need be. */
static bool
goes_around(uint32_t value)
{
	size_t len = mqtt_varint_len(value), used = 0;
	struct kit_bytes want = kit_copy("", 0), b;
	uint32_t got = 0;
	bool good;

	kit_add_varint(&want, value);
	b = kit_copy(kit_run(' ', len).data, len);
	good = mqtt_varint_write(b.data, value) == b.data + len &&
	    slice_equal(kit_slice(&b), kit_slice(&want)) &&
	    mqtt_varint_parse(kit_slice(&b), &got, &used) == PARSE_OK &&
	    got == value && used == len;
	kit_free(&want);
	kit_free(&b);
	return good;
}

static void
check_around(void)
{
	static const uint32_t borders[] = { 200, 1U << 7, 1U << 14, 1U << 21,
		MQTT_REMAINING_MAX - 200 };
	uint32_t value, wrong = 0;
	size_t i;

	for (i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		value = borders[i] < 200 ? 0 : borders[i] - 200;
		for (; value <= borders[i] + 200; value++)
			wrong += !goes_around(value);
	}
	is_int(wrong, 0, "around all borders of varints");
}

static void
check_header(void)
{
	struct kit_bytes b = kit_hex("30 ffffff7f");
	struct mqtt_header h;
	size_t len;

	for (len = 0; len < b.len; len++)
		is_int(mqtt_header_parse(&h, slice_make(b.data, len)),
		    PARSE_MORE, "%zu bytes of a header", len);
	is_int(mqtt_header_parse(&h, kit_slice(&b)), PARSE_OK, "a header");
	is_int(mqtt_packet_type(h.first), MQTT_TYPE_PUBLISH, "its type");
	is_int(h.len, 5, "its length");
	is_int((long long)mqtt_header_total(&h), 268435460, "the packet's");
	kit_free(&b);
	b = kit_hex("c0 80808080");
	is_int(mqtt_header_parse(&h, kit_slice(&b)), PARSE_BAD,
	    "a length of five bytes");
	kit_free(&b);
}

int
main(void)
{
	check_rows();
	check_around();
	check_header();
	return done_testing();
}
