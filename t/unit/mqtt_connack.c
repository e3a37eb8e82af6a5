/* SPDX-License-Identifier: ISC */
/*
 * CONNACK read, completed and made, and DISCONNECT made: the exact bytes.
 */
#include "mqtt/connack.h"

#include "byte_kit.h"
#include "mqtt/disconnect.h"
#include "tap.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct row {
	const char *name;
	enum parse parsed;
	unsigned level;
	const char *hex;
} rows[] = {
	{ "3.1.1 accepts", PARSE_OK, 4, "20 02 00 00" },
	{ "3.1.1 has the session", PARSE_OK, 4, "20 02 01 00" },
	{ "3.1.1 refuses", PARSE_OK, 4, "20 02 00 05" },
	{ "3.1 accepts", PARSE_OK, 3, "20 02 00 00" },
	{ "v5 accepts", PARSE_OK, 5, "20 03 00 00 00" },
	{ "v5 refuses", PARSE_OK, 5, "20 03 00 87 00" },
	{ "v5, two bytes, from a broker that knows no v5", PARSE_OK, 5,
	    "20 02 00 01" },
	{ "v5, all properties", PARSE_OK, 5,
	    "20 44 01 00 41 11 0000000a 21 0014 24 01 25 00 27 00010000 "
	    "12 0002'id' 22 000a 1f 0002'ok' 26 0001'k'0001'v' 28 01 29 00 "
	    "2a 01 13 003c 1a 0002'ri' 1c 0002'sr' 15 0001'm' 16 0002 00ff" },
	{ "v5, a Remaining Length of two bytes", PARSE_OK, 5,
	    "20 8300 00 00 00" },
	{ "3.1.1 with properties", PARSE_BAD, 4, "20 03 00 00 00" },
	{ "3.1.1 of one byte", PARSE_BAD, 4, "20 01 00" },
	{ "of no bytes", PARSE_BAD, 5, "20 00" },
	{ "a PUBLISH", PARSE_BAD, 5, "30 03 0001'a'" },
	{ "flags in the header", PARSE_BAD, 4, "21 02 00 00" },
	{ "a Remaining Length of five bytes", PARSE_BAD, 5, "20 ffffffffff" },
	{ "v5, properties that run over", PARSE_BAD, 5, "20 03 00 00 01" },
	{ "v5, bytes left over", PARSE_BAD, 5, "20 04 00 00 00 00" },
	{ "v5, a CONNECT's property", PARSE_BAD, 5, "20 05 00 00 02 17 01" },
	{ "v5, two Assigned Client Identifiers", PARSE_BAD, 5,
	    "20 0b 00 00 08 12 0001'a' 12 0001'b'" },
	{ "v5, Maximum QoS 2", PARSE_BAD, 5, "20 05 00 00 02 24 02" },
};

static enum parse
parse(struct slice s, size_t len, unsigned level, size_t *used)
{
	struct kit_bytes exact = kit_copy(s.data, len);
	struct mqtt_connack a;
	const char *why = NULL;
	enum parse parsed;

	parsed = mqtt_connack_parse(&a, kit_slice(&exact),
	    (enum mqtt_level)level, used, &why);
	if ((parsed == PARSE_BAD) != (why != NULL))
		diag("parsed %d says %s", parsed, why);
	kit_free(&exact);
	return parsed;
}

static void
check_rows(void)
{
	const struct row *row = rows;
	size_t len, wrong, used = 0;
	struct kit_bytes b;

	for (; row < rows + LEN(rows); row++) {
		b = kit_hex(row->hex);
		is_int(parse(kit_slice(&b), b.len, row->level, &used),
		    row->parsed, "%s", row->name);
		wrong = 0;
		for (len = 0; row->parsed == PARSE_OK && len < b.len; len++)
			wrong += parse(kit_slice(&b), len, row->level, &used) !=
			    PARSE_MORE;
		kit_add_u8(&b, 0xd0);
		wrong += row->parsed == PARSE_OK &&
		    (parse(kit_slice(&b), b.len, row->level, &used) !=
			    PARSE_OK ||
			used != b.len - 1);
		is_int((long long)wrong, 0, "%s: prefixes, and a byte behind",
		    row->name);
		kit_free(&b);
	}
}

static void
check_facts(void)
{
	struct kit_bytes b = kit_hex("20 11 01 00 0e 13 001e 27 00000100 "
				     "12 0003'abc'");
	struct mqtt_connack a;
	const char *why;
	size_t used;

	is_int(mqtt_connack_parse(&a, kit_slice(&b), MQTT_LEVEL_5, &used, &why),
	    PARSE_OK, "facts");
	is_int(a.flags, 1, "Session Present");
	is_int(a.code, 0, "accepted");
	is_int((long long)a.properties.len, 14, "the properties");
	ok(a.has_assigned_client_id, "Assigned Client Identifier");
	kit_free(&b);
}

static const struct assign_row {
	const char *name;
	enum err err;
	unsigned level;
	uint32_t max;
	const char *id;
	const char *before;
	const char *after;
} assign_rows[] = {
	{ "where there were no properties", OK, 5, 0, "dev-1", "20 03 00 00 00",
	    "20 0b 00 00 08 12 0005'dev-1'" },
	{ "session present stays", OK, 5, 0, "d", "20 03 01 00 00",
	    "20 07 01 00 04 12 0001'd'" },
	{ "behind others", OK, 5, 0, "d", "20 08 00 00 05 11 00000001",
	    "20 0c 00 00 09 11 00000001 12 0001'd'" },
	{ "a long Remaining Length becomes short", OK, 5, 0, "d",
	    "20 8300 00 00 00", "20 07 00 00 04 12 0001'd'" },
	{ "a two byte one gets properties", OK, 5, 0, "d", "20 02 00 00",
	    "20 07 00 00 04 12 0001'd'" },
	{ "exactly the client's Maximum Packet Size", OK, 5, 9, "d",
	    "20 03 00 00 00", "20 07 00 00 04 12 0001'd'" },
	{ "one over it", ERR_LIMIT, 5, 8, "d", "20 03 00 00 00", NULL },
	{ "there is one", ERR_EXISTS, 5, 0, "d", "20 07 00 00 04 12 0001'x'",
	    NULL },
	{ "a refusal", ERR_REFUSED, 5, 0, "d", "20 03 00 87 00", NULL },
	{ "3.1.1", ERR_REFUSED, 4, 0, "d", "20 02 00 00", NULL },
	{ "a name of nothing", ERR_MALFORMED, 5, 0, "", "20 03 00 00 00",
	    NULL },
	{ "a name that is not UTF-8", ERR_MALFORMED, 5, 0, "\xff",
	    "20 03 00 00 00", NULL },
};

static void
assign(const struct assign_row *row, struct slice before, struct slice after)
{
	struct mqtt_connack a;
	const char *why;
	struct buf out;
	size_t used;

	buf_init(&out, 0);
	if (mqtt_connack_parse(&a, before, (enum mqtt_level)row->level, &used,
		&why) != PARSE_OK)
		diag("row does not parse: %s", why);
	is_int(mqtt_connack_assign(&out, &a, slice_str(row->id), row->max),
	    row->err, "assign: %s", row->name);
	is_mem(buf_slice(&out).data, buf_len(&out), after.data, after.len,
	    "assign: %s: bytes", row->name);
	buf_fini(&out);
}

static void
check_assign(void)
{
	const struct assign_row *row = assign_rows;
	struct kit_bytes before, after;

	for (; row < assign_rows + LEN(assign_rows); row++) {
		before = kit_hex(row->before);
		after = kit_hex(row->after == NULL ? "" : row->after);
		assign(row, kit_slice(&before), kit_slice(&after));
		kit_free(&before);
		kit_free(&after);
	}
}

/* Where lengths grow a byte; and never over what they can say. */
static void
check_assign_sizes(void)
{
	static const size_t lens[] = { 120, 121, 122, 123, 124, 125, 126, 16370,
		16376, 16377, 16378, 16379, 16380, 16381, 65535 };
	struct kit_bytes before = kit_hex("20 03 00 00 00"), after, props;
	struct mqtt_connack a;
	struct buf out;
	const char *why;
	size_t i, used;

	if (mqtt_connack_parse(&a, kit_slice(&before), MQTT_LEVEL_5, &used,
		&why) != PARSE_OK)
		return;
	for (i = 0; i < LEN(lens); i++) {
		buf_init(&out, 0);
		props = kit_hex("12");
		kit_add_string(&props, kit_run('c', lens[i]));
		after = kit_hex("20");
		kit_add_varint(&after,
		    2 + mqtt_varint_len((uint32_t)props.len) + props.len);
		kit_add_u16(&after, 0);
		kit_add_varint(&after, props.len);
		kit_add(&after, props.data, props.len);
		is_int(mqtt_connack_assign(&out, &a, kit_run('c', lens[i]), 0),
		    OK, "assign %zu bytes", lens[i]);
		is_mem(buf_slice(&out).data, buf_len(&out), after.data,
		    after.len, "assign %zu bytes: bytes", lens[i]);
		buf_fini(&out);
		kit_free(&props);
		kit_free(&after);
	}
	buf_init(&out, 0);
	is_int(mqtt_connack_assign(&out, &a, kit_run('c', 65536), 0), ERR_LIMIT,
	    "assign 65536 bytes");
	buf_init(&out, 8);
	is_int(mqtt_connack_assign(&out, &a, kit_run('c', 1), 0), ERR_LIMIT,
	    "assign over the buffer's cap");
	kit_free(&before);
}

static const struct refuse_row {
	enum reason reason;
	unsigned level;
	const char *hex; /* "" = no packet */
} refuse_rows[] = {
	{ REASON_MQTT_VERSION, 3, "20 02 00 01" },
	{ REASON_MQTT_VERSION, 4, "20 02 00 01" },
	{ REASON_MQTT_VERSION, 5, "20 03 00 84 00" },
	{ REASON_MQTT_CLIENTID, 4, "20 02 00 02" },
	{ REASON_BACKEND_UNREACHABLE, 4, "20 02 00 03" },
	{ REASON_BACKEND_UNREACHABLE, 5, "20 03 00 88 00" },
	{ REASON_IDENTITY_MISSING, 4, "20 02 00 04" },
	{ REASON_IDENTITY_MISSING, 5, "20 03 00 86 00" },
	{ REASON_IDENTITY_DENIED, 3, "20 02 00 05" },
	{ REASON_IDENTITY_DENIED, 5, "20 03 00 8a 00" },
	{ REASON_MQTT_MALFORMED, 4, "" },
	{ REASON_MQTT_MALFORMED, 5, "20 03 00 81 00" },
	{ REASON_MQTT_TOO_LARGE, 5, "20 03 00 95 00" },
	{ REASON_MQTT_NOT_CONNECT, 5, "" },
	{ REASON_MQTT_VERSION, 0, "" },
	{ REASON_MQTT_CLOSED, 5, "" },
};

static void
check_refuse(void)
{
	const struct refuse_row *row = refuse_rows;
	struct kit_bytes b;
	uint8_t out[8];
	size_t len;

	for (; row < refuse_rows + LEN(refuse_rows); row++) {
		b = kit_hex(row->hex);
		len = mqtt_connack_refuse(out, (enum mqtt_level)row->level,
		    row->reason);
		is_mem(out, len, b.data, b.len, "refuse %s to level %u",
		    reason_name(row->reason), row->level);
		kit_free(&b);
	}
}

static void
check_redirect(void)
{
	static const char hex[] = "20 0a 00 9c 07 1c 00 04 61 3a 31 32";
	struct kit_bytes b = kit_hex(hex);
	static char name[300];
	uint8_t out[512];
	size_t len = mqtt_connack_redirect(out, 12, 0x9c, slice_str("a:12"));

	is_mem(out, len, b.data, b.len, "use another server, a:12");
	kit_free(&b);
	is_int(
	    (long long)mqtt_connack_redirect(out, 11, 0x9c, slice_str("a:12")),
	    0, "not where there is a byte too little room");
	memset(name, 'a', 256);
	len = mqtt_connack_redirect(out, sizeof(out), 0x9d, slice_str(name));
	is_int((long long)len, 3 + 2 + 2 + 3 + 256, "server moved, far away");
	is_mem(out, 7, "\x20\x87\x02\x00\x9d\x83\x02", 7,
	    "its lengths have two bytes");
}

static const struct disconnect_row {
	const char *name;
	enum err err;
	struct mqtt_disconnect d;
	const char *hex;
} disconnect_rows[] = {
	{ "3.1.1, to the broker", OK, { .level = MQTT_LEVEL_311 }, "e0 00" },
	{ "3.1 has nothing else", OK,
	    { .level = MQTT_LEVEL_31,
		.code = 0x8b,
		.has_session_expiry = true },
	    "e0 00" },
	{ "v5, normal", OK, { .level = MQTT_LEVEL_5 }, "e0 00" },
	{ "v5, publish the will", OK, { .level = MQTT_LEVEL_5, .code = 0x04 },
	    "e0 02 04 00" },
	{ "v5, shutting down", OK, { .level = MQTT_LEVEL_5, .code = 0x8b },
	    "e0 02 8b 00" },
	{ "v5, normal, and forget the session", OK,
	    { .level = MQTT_LEVEL_5, .has_session_expiry = true },
	    "e0 07 00 05 11 00000000" },
	{ "v5, use another server", OK,
	    { .level = MQTT_LEVEL_5,
		.code = MQTT_DISCONNECT_USE_ANOTHER,
		.server_reference = { (const uint8_t *)"b:1", 3 } },
	    "e0 08 9c 06 1c 0003'b:1'" },
	{ "v5, both properties", OK,
	    { .level = MQTT_LEVEL_5,
		.has_session_expiry = true,
		.session_expiry = 0x01020304,
		.server_reference = { (const uint8_t *)"b", 1 } },
	    "e0 0b 00 09 11 01020304 1c 0001'b'" },
	{ "a reference that is not UTF-8", ERR_MALFORMED,
	    { .level = MQTT_LEVEL_5,
		.server_reference = { (const uint8_t *)"\xff", 1 } },
	    "" },
};

static void
check_disconnect(void)
{
	const struct disconnect_row *row = disconnect_rows;
	struct mqtt_disconnect large = { .level = MQTT_LEVEL_5 };
	struct kit_bytes b;
	struct buf out;

	for (; row < disconnect_rows + LEN(disconnect_rows); row++) {
		b = kit_hex(row->hex);
		buf_init(&out, 0);
		is_int(mqtt_disconnect_write(&out, &row->d), row->err,
		    "disconnect: %s", row->name);
		is_mem(buf_slice(&out).data, buf_len(&out), b.data, b.len,
		    "disconnect: %s: bytes", row->name);
		buf_fini(&out);
		kit_free(&b);
	}
	buf_init(&out, 1);
	is_int(mqtt_disconnect_write(&out, &large), ERR_LIMIT,
	    "disconnect: over the buffer's cap");
	large.server_reference = kit_run('r', 65536);
	is_int(mqtt_disconnect_write(&out, &large), ERR_LIMIT,
	    "disconnect: a reference of 65536");
}

int
main(void)
{
	check_rows();
	check_facts();
	check_assign();
	check_assign_sizes();
	check_refuse();
	check_redirect();
	check_disconnect();
	return done_testing();
}
