/* SPDX-License-Identifier: ISC */
/*
 * CONNECT, good ones: three versions, all flags, all properties, all border
 * lengths. Each is parsed whole, with a byte behind it, and at every prefix,
 * always from an allocation of its exact size, and written back unchanged.
 */
#include "mqtt/connect.h"

#include "mqtt/connect_edit.h"
#include "mqtt_kit.h"
#include "tap.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Packets of this length are tried at every prefix, longer ones at some. */
#define EVERY_PREFIX 600

static enum parse
parse_prefix(struct slice s, size_t len)
{
	struct kit_bytes exact = kit_copy(s.data, len);
	struct mqtt_connect c;
	enum parse parsed;
	const char *why;
	size_t used;

	parsed = mqtt_connect_parse(&c, kit_slice(&exact), &used, &why);
	kit_free(&exact);
	return parsed;
}

static bool
wants_more(struct slice s)
{
	size_t len, step;

	for (len = 0; len < s.len; len += step) {
		if (parse_prefix(s, len) != PARSE_MORE) {
			diag("at %zu of %zu not MORE", len, s.len);
			return false;
		}
		step = s.len <= EVERY_PREFIX || len < 64 || s.len - len < 64
		    ? 1
		    : 61;
	}
	return true;
}

static bool
stops_at_end(struct slice s)
{
	struct kit_bytes longer = kit_copy(s.data, s.len);
	struct mqtt_connect c;
	const char *why;
	size_t used = 0;
	bool good;

	kit_add_u8(&longer, 0xc0);
	good = mqtt_connect_parse(&c, kit_slice(&longer), &used, &why) ==
		PARSE_OK &&
	    used == s.len && c.raw.len == s.len;
	kit_free(&longer);
	return good;
}

static bool
goes_around(const struct mqtt_connect *c)
{
	static const struct mqtt_connect_edit nothing;
	struct buf out;
	bool good;

	buf_init(&out, 0);
	good = mqtt_connect_write(&out, c, &nothing) == OK &&
	    slice_equal(buf_slice(&out), c->raw);
	buf_fini(&out);
	return good;
}

static bool
field_is(bool has, struct slice got, struct slice want)
{
	return has == (want.data != NULL) && (!has || slice_equal(got, want));
}

/* Level, flags and keep alive are the last bytes of the intro. */
static bool
intro_is(const struct mqtt_connect *c, const struct mqtt_kit_connect *k)
{
	const uint8_t *end = c->intro.data + c->intro.len;

	return end[-4] == k->level && end[-3] == c->flags &&
	    end[-2] << 8 == (int)(k->keep_alive & 0xff00) &&
	    end[-1] == (k->keep_alive & 0xff);
}

/* The will as it was sent: properties, topic and payload; and its flags. */
static bool
will_is(const struct mqtt_connect *c, const struct mqtt_kit_connect *k)
{
	struct kit_bytes want = kit_copy("", 0);
	bool good;

	if (k->will_topic.data != NULL && (k->level & 0x7f) == 5) {
		kit_add_varint(&want, k->will_properties.len);
		kit_add(&want, k->will_properties.data, k->will_properties.len);
	}
	if (k->will_topic.data != NULL) {
		kit_add_string(&want, k->will_topic);
		kit_add_string(&want, k->will_payload);
	}
	good = slice_equal(c->will, kit_slice(&want)) &&
	    (k->will_topic.data == NULL ||
		((c->flags & MQTT_FLAG_WILL_QOS) >> 3 == (int)k->will_qos &&
		    ((c->flags & MQTT_FLAG_WILL_RETAIN) != 0) ==
			k->will_retain));
	kit_free(&want);
	return good;
}

static bool
fields_are(const struct mqtt_connect *c, const struct mqtt_kit_connect *k)
{
	bool v5 = (k->level & 0x7f) == 5;

	return c->reason == REASON_NONE && c->level == (k->level & 0x7f) &&
	    c->bridge == (k->level > 127) && c->clean == k->clean &&
	    intro_is(c, k) && slice_equal(c->client_id, k->client_id) &&
	    field_is(c->has_will, c->will_topic, k->will_topic) &&
	    will_is(c, k) &&
	    field_is(c->has_username, c->username, k->username) &&
	    field_is(c->has_password, c->password, k->password) &&
	    (!v5 || slice_equal(c->properties, k->properties));
}

/* `k' may be NULL: then fields are not looked at. */
static bool
is_good(struct slice s, const struct mqtt_kit_connect *k)
{
	struct kit_bytes exact = kit_copy(s.data, s.len);
	struct mqtt_connect c;
	const char *why = NULL;
	size_t used = 0;
	bool good;

	good = mqtt_connect_parse(&c, kit_slice(&exact), &used, &why) ==
		PARSE_OK &&
	    why == NULL && used == s.len && goes_around(&c) &&
	    (k == NULL || fields_are(&c, k)) && stops_at_end(s) &&
	    wants_more(s);
	if (why != NULL)
		diag("%s", why);
	kit_free(&exact);
	return good;
}

static void
check(const struct mqtt_kit_connect *k, const char *what, size_t number)
{
	struct kit_bytes b = mqtt_kit_connect(k);

	ok(is_good(kit_slice(&b), k), "level %02x: %.60s, %zu", k->level, what,
	    number);
	kit_free(&b);
}

/* Rows in full, as real clients send them or a specification prints them. */
static const struct row {
	const char *name;
	const char *hex;
} rows[] = {
	{ "3.1.1, the smallest", "10 0c 0004'MQTT'04 02 0000 0000" },
	{ "3.1, the smallest", "10 0e 0006'MQIsdp'03 02 0000 0000" },
	{ "5, the smallest", "10 0d 0004'MQTT'05 02 0000 00 0000" },
	{ "3.1.1, mosquitto_pub", "10 12 0004'MQTT'04 02 003c 0006'dev-01'" },
	{ "3.1.1, Username and password",
	    "10 18 0004'MQTT'04 c2 003c 0002'id' 0003'bob' 0003'pwd'" },
	{ "3.1.1, all there is",
	    "10 1b 0004'MQTT'04 ee 000a 0002'id' 0001't' 0001'm' 0001'u' "
	    "0002 00ff" },
	{ "3.1.1, Username and password of no bytes",
	    "10 12 0004'MQTT'04 c2 003c 0002'id' 0000 0000" },
	{ "3.1, a mosquitto bridge", "10 10 0006'MQIsdp'83 02 003c 0002'br'" },
	{ "3.1.1, a mosquitto bridge", "10 0e 0004'MQTT'84 02 003c 0002'br'" },
	{ "3.1, Username flagged but not there",
	    "10 10 0006'MQIsdp'03 82 003c 0002'id'" },
	{ "3.1, both flagged, neither there",
	    "10 10 0006'MQIsdp'03 c2 003c 0002'id'" },
	{ "3.1, both flagged, Username there",
	    "10 13 0006'MQIsdp'03 c2 003c 0002'id' 0001'u'" },
	{ "3.1, will, Username flagged but not there",
	    "10 14 0006'MQIsdp'03 86 003c 0000 0002'wt' 0000" },
	{ "3.1.1, Remaining Length of two bytes where one would do",
	    "10 8c00 0004'MQTT'04 02 0000 0000" },
	{ "3.1.1, Remaining Length of four bytes where one would do",
	    "10 8c808000 0004'MQTT'04 02 0000 0000" },
	{ "3.1, Remaining Length of three bytes where one would do",
	    "10 8e8000 0006'MQIsdp'03 02 0000 0000" },
	{ "3.1.1, ClientID with controls and letters of all lengths",
	    "10 16 0004'MQTT'04 02 0000 000a 01 c3a4 e282ac f09f9880" },
	{ "5, password without Username",
	    "10 11 0004'MQTT'05 42 0000 00 0000 0002'pw'" },
	{ "5, several User Properties of one name",
	    "10 1b 0004'MQTT'05 02 0000 0e 26 0001'a'0001'1' 26 0001'a'0001'2' "
	    "0000" },
};

static void
check_rows(void)
{
	struct kit_bytes b;
	size_t i;

	for (i = 0; i < LEN(rows); i++) {
		b = kit_hex(rows[i].hex);
		ok(is_good(kit_slice(&b), NULL), "%s", rows[i].name);
		kit_free(&b);
	}
}

static const unsigned levels[] = { 0x03, 0x04, 0x05, 0x83, 0x84 };

static struct mqtt_kit_connect
base_of(unsigned level)
{
	struct mqtt_kit_connect k = {
		.level = level,
		.clean = true,
		.keep_alive = 60,
		.client_id = slice_str("device-001"),
	};

	return k;
}

/* Bit by bit, `bits' being the connect flags without the reserved one. */
static void
check_flags(unsigned level, unsigned bits)
{
	struct mqtt_kit_connect k = base_of(level);
	unsigned qos = bits >> 3 & 3;

	if (qos == 3 || ((bits & 0x04) == 0 && (bits & 0x38) != 0) ||
	    (level != 5 && (bits & 0xc0) == 0x40))
		return; /* malformed; see mqtt_connect_bad */
	k.clean = (bits & 0x02) != 0;
	if ((bits & 0x04) != 0) {
		k.will_topic = slice_str("state/device-001");
		k.will_payload = slice_make("\0\xff gone", 7);
		k.will_qos = qos;
		k.will_retain = (bits & 0x20) != 0;
	}
	if ((bits & 0x40) != 0)
		k.password = slice_make("\xff\0secret", 8);
	if ((bits & 0x80) != 0)
		k.username = slice_str("J\xc3\xbcrgen");
	check(&k, "connect flags", bits);
}

static void
check_all_flags(void)
{
	size_t i;
	unsigned bits;

	for (i = 0; i < LEN(levels); i++) {
		for (bits = 0; bits < 256; bits += 2)
			check_flags(levels[i], bits);
	}
}

#define ALL_CONNECT_PROPERTIES \
	"11 0000000a 21 0014 27 00010000 22 000a 19 01 17 00 " \
	"26 0001'k'0001'v' 15 0005'K-TEA' 16 0003 010203"
#define ALL_WILL_PROPERTIES \
	"18 00000005 01 01 02 0000003c 03 0001't' 08 0001'r' 09 0001 00 " \
	"26 0000 0000"

static const char *const connect_properties[] = {
	"",
	"11 00000000",
	"11 00000001",
	"11 ffffffff",
	"21 0001",
	"21 ffff",
	"27 00000001",
	"27 ffffffff",
	"22 0000",
	"22 ffff",
	"19 00",
	"19 01",
	"17 00",
	"17 01",
	"26 0000 0000",
	"26 0004'name' 0005'value'",
	"26 0001'n' 0000 26 0001'n' 0000",
	"15 0000",
	"15 000b'SCRAM-SHA-1'",
	"15 0001'm' 16 0000",
	"16 0002 00ff 15 0001'm'",
	ALL_CONNECT_PROPERTIES,
};

static const char *const will_properties[] = {
	"",
	"18 00000000",
	"18 ffffffff",
	"01 00",
	"01 01",
	"02 00000000",
	"02 ffffffff",
	"03 0000",
	"03 0010'application/json'",
	"08 0000",
	"08 0003'a/b'",
	"09 0000",
	"09 0004 00ff00ff",
	"26 0001'k'0001'v'",
	"26 0001'k'0001'v' 26 0001'k'0001'w'",
	ALL_WILL_PROPERTIES,
};

static void
check_properties(void)
{
	struct mqtt_kit_connect k;
	struct kit_bytes b, w;
	size_t i;

	for (i = 0; i < LEN(connect_properties); i++) {
		k = base_of(5);
		b = kit_hex(connect_properties[i]);
		k.properties = kit_slice(&b);
		check(&k, connect_properties[i], b.len);
		kit_free(&b);
	}
	for (i = 0; i < LEN(will_properties); i++) {
		k = base_of(5);
		b = kit_hex(ALL_CONNECT_PROPERTIES);
		w = kit_hex(will_properties[i]);
		k.properties = kit_slice(&b);
		k.will_properties = kit_slice(&w);
		k.will_topic = slice_str("w");
		k.will_payload = slice_str("p");
		check(&k, will_properties[i], w.len);
		kit_free(&b);
		kit_free(&w);
	}
}

/* A User Property whose value has `len' bytes. */
static struct kit_bytes
long_property(size_t len)
{
	struct kit_bytes b = kit_hex("26 0001'k'");

	kit_add_string(&b, kit_run('v', len));
	return b;
}

/* Lengths around which strings and varints grow. */
static const size_t borders[] = { 0, 1, 2, 7, 8, 9, 23, 24, 100, 113, 114, 115,
	116, 117, 120, 121, 122, 123, 127, 128, 129, 255, 256, 257, 16368,
	16369, 16370, 16371, 16372, 16375, 16376, 16380, 16383, 16384, 65534,
	65535 };

static void
check_border(unsigned level, size_t len)
{
	struct mqtt_kit_connect k = base_of(level);
	struct kit_bytes b;

	k.client_id = kit_run('c', len);
	check(&k, "a ClientID", len);
	k = base_of(level);
	k.username = kit_run('u', len);
	check(&k, "a Username", len);
	k.password = kit_run('p', len);
	check(&k, "both", len);
	k = base_of(level);
	k.will_topic = kit_run('t', len);
	k.will_payload = kit_run('p', len);
	check(&k, "a will", len);
	if (level != 5)
		return;
	k = base_of(level);
	b = long_property(len);
	k.properties = kit_slice(&b);
	k.will_topic = slice_str("w");
	k.will_payload = kit_run('p', 0);
	k.will_properties = kit_slice(&b);
	check(&k, "properties", len);
	kit_free(&b);
}

static void
check_borders(void)
{
	size_t i;

	for (i = 0; i < LEN(borders); i++) {
		check_border(3, borders[i]);
		check_border(4, borders[i]);
		check_border(5, borders[i]);
	}
}

static void
check_facts(void)
{
	struct kit_bytes b = kit_hex(ALL_CONNECT_PROPERTIES);
	struct mqtt_kit_connect k = base_of(5);
	struct kit_bytes packet;
	struct mqtt_connect c;
	const char *why;
	size_t used;

	k.properties = kit_slice(&b);
	packet = mqtt_kit_connect(&k);
	is_int(mqtt_connect_parse(&c, kit_slice(&packet), &used, &why),
	    PARSE_OK, "all properties of a CONNECT");
	is_int(c.maximum_packet_size, 65536, "Maximum Packet Size");
	is_int(c.user_property_count, 1, "User Properties");
	kit_free(&b);
	kit_free(&packet);
	k = base_of(5);
	packet = mqtt_kit_connect(&k);
	is_int(mqtt_connect_parse(&c, kit_slice(&packet), &used, &why),
	    PARSE_OK, "no properties");
	is_int(c.maximum_packet_size, 0, "Maximum Packet Size unsaid");
	kit_free(&packet);
}

static void
check_31_missing(void)
{
	struct kit_bytes b = kit_hex("10 10 0006'MQIsdp'03 c2 003c 0002'id'");
	struct mqtt_connect c;
	const char *why;
	size_t used;

	is_int(mqtt_connect_parse(&c, kit_slice(&b), &used, &why), PARSE_OK,
	    "3.1: flagged but not there");
	ok(!c.has_username && !c.has_password && c.flags == 0xc2,
	    "is not there, and flagged");
	kit_free(&b);
}

/* Bits that MQTT 3.1 does not use or disregards; since 3.1.1 they are wrong. */
static void
check_31_unused(void)
{
	static const struct {
		const char *name;
		uint8_t first, flags;
	} bits[] = {
		{ "RETAIN in the header", 0x11, 0x02 },
		{ "QoS 1 in the header", 0x12, 0x02 },
		{ "QoS 3 in the header", 0x16, 0x02 },
		{ "DUP in the header", 0x18, 0x02 },
		{ "all of them", 0x1f, 0x02 },
		{ "bit 0 of the flags", 0x10, 0x03 },
		{ "Will QoS 1 without a Will", 0x10, 0x0a },
		{ "Will QoS 3 without a Will", 0x10, 0x1a },
		{ "Will Retain without a Will", 0x10, 0x22 },
	};
	static const struct {
		const char *body;
		size_t flags; /* offset from the front of the packet */
		enum parse parsed;
	} bodies[] = {
		{ "10 10 0006'MQIsdp'03 02 003c 0002'id'", 11, PARSE_OK },
		{ "10 0e 0004'MQTT'04 02 003c 0002'id'", 9, PARSE_BAD },
		{ "10 0f 0004'MQTT'05 02 003c 00 0002'id'", 9, PARSE_BAD },
	};
	struct mqtt_connect c;
	struct kit_bytes b;
	const char *why;
	size_t i, level, used, len;

	for (i = 0; i < LEN(bits); i++) {
		for (level = 0; level < LEN(bodies); level++) {
			b = kit_hex(bodies[level].body);
			b.data[0] = bits[i].first;
			b.data[bodies[level].flags] = bits[i].flags;
			is_int(
			    mqtt_connect_parse(&c, kit_slice(&b), &used, &why),
			    bodies[level].parsed, "%s, level %d", bits[i].name,
			    b.data[bodies[level].flags - 1]);
			for (len = 0; level == 0 && len < b.len; len++)
				if (mqtt_connect_parse(&c,
					slice_make(b.data, len), &used,
					&why) != PARSE_MORE)
					break;
			if (level == 0)
				is_int((long long)len, (long long)b.len,
				    "and wants more at every prefix");
			kit_free(&b);
		}
	}
}

int
main(void)
{
	check_rows();
	check_all_flags();
	check_properties();
	check_borders();
	check_facts();
	check_31_missing();
	check_31_unused();
	return done_testing();
}
