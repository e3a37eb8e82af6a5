/* SPDX-License-Identifier: ISC */
/*
 * CONNECT, malformed ones: what they are called, and in which version's form
 * the refusal goes out.
 */
#include "mqtt/connect.h"

#include "byte_kit.h"
#include "tap.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#define V31 "0006'MQIsdp'03"
#define V311 "0004'MQTT'04"
#define V5 "0004'MQTT'05"

/*
 * The body; a fixed header with its length is put in front. A text beginning
 * with = is a whole packet. `says' is part of the complaint.
 */
static const struct row {
	const char *name;
	enum reason reason;
	unsigned level;
	const char *says;
	const char *hex;
} rows[] = {
#define NOT_CONNECT(says) REASON_MQTT_NOT_CONNECT, 0, says
	{ "a PUBLISH first", NOT_CONNECT("a packet PUBLISH [MQTT-3.1.0-1]"),
	    "=30 05 0001'a' 'hi'" },
	{ "a PUBLISH of QoS 1", NOT_CONNECT("packet PUBLISH"),
	    "=3b 05 0001'a' 'hi'" },
	{ "a SUBSCRIBE first", NOT_CONNECT("packet SUBSCRIBE"), "=82 00" },
	{ "a PINGREQ first", NOT_CONNECT("packet PINGREQ"), "=c0 00" },
	{ "a DISCONNECT first", NOT_CONNECT("packet DISCONNECT"), "=e0 00" },
	{ "an AUTH first", NOT_CONNECT("packet AUTH"), "=f0 00" },
	{ "a CONNACK first", NOT_CONNECT("packet CONNACK"), "=20 02 0000" },
	{ "packet type 0", NOT_CONNECT("CONNECT [MQTT-3.1.0-1]"), "=00 00" },
	{ "HTTP", NOT_CONNECT("an HTTP request"), "='GET / HTTP/1.1'" },
	{ "HTTP/2", NOT_CONNECT("an HTTP request"), "='PRI * HTTP/2.0'" },
	{ "a PROXY header", NOT_CONNECT("a PROXY header"),
	    "='PROXY TCP4 1.2.3.4 1.2.3.4 1 2'" },
	{ "a PROXY header v2", NOT_CONNECT("a PROXY header"),
	    "=0d0a0d0a000d0a515549540a" },
	{ "the beginning of HTTP", NOT_CONNECT("CONNECT [MQTT-3.1.0-1]"),
	    "='GET'" },
	{ "one foreign byte", NOT_CONNECT("CONNECT [MQTT-3.1.0-1]"), "=53" },
#undef NOT_CONNECT
#define MALFORMED(level, says) REASON_MQTT_MALFORMED, level, says
	{ "TLS inside TLS", MALFORMED(0, "TLS came inside TLS"),
	    "=16 0301 0200 0100" },
	{ "flags in the fixed header", MALFORMED(0, "MQTT-2.1.3-1"),
	    "=12 0c" V311 "02 0000 0000" },
	{ "a Remaining Length of five bytes", MALFORMED(0, "2.1.4"),
	    "=10 8c80808000" V311 "02 0000 0000" },
	{ "a Remaining Length without end", MALFORMED(0, "2.1.4"),
	    "=10 ffffffff" },
	{ "v5: a Remaining Length of two bytes for 13",
	    MALFORMED(5, "MQTT-1.5.5-1"), "=10 8d00" V5 "02 0000 00 0000" },
	{ "v5: one of four bytes for 13", MALFORMED(5, "MQTT-1.5.5-1"),
	    "=10 8d808000" V5 "02 0000 00 0000" },

	{ "nothing at all", MALFORMED(0, "runs past"), "" },
	{ "half a name length", MALFORMED(0, "runs past"), "00" },
	{ "a name that runs over", MALFORMED(0, "runs past"), "0005'MQTT'" },
	{ "no level", MALFORMED(0, "runs past"), "0004'MQTT'" },
	{ "no flags", MALFORMED(4, "runs past"), V311 },
	{ "no keep alive", MALFORMED(4, "runs past"), V311 "02" },
	{ "half a keep alive", MALFORMED(4, "runs past"), V311 "02 00" },
	{ "no ClientID", MALFORMED(4, "runs past"), V311 "02 0000" },
	{ "a ClientID that runs over by one", MALFORMED(4, "runs past"),
	    V311 "02 0000 0003'id'" },
	{ "a ClientID of 65535 that is not there", MALFORMED(4, "runs past"),
	    V311 "02 0000 ffff'id'" },
	{ "no will topic", MALFORMED(4, "runs past"), V311 "06 0000 0002'id'" },
	{ "a will topic that runs over", MALFORMED(4, "runs past"),
	    V311 "06 0000 0002'id' 0009't'" },
	{ "no will payload", MALFORMED(4, "runs past"),
	    V311 "06 0000 0002'id' 0001't'" },
	{ "3.1: no will payload", MALFORMED(3, "runs past"),
	    V31 "06 0000 0002'id' 0001't'" },
	{ "a will payload that runs over", MALFORMED(4, "runs past"),
	    V311 "06 0000 0002'id' 0001't' 0002'p'" },
	{ "no Username", MALFORMED(4, "runs past"), V311 "82 0000 0002'id'" },
	{ "v5: no Username", MALFORMED(5, "runs past"),
	    V5 "82 0000 00 0002'id'" },
	{ "3.1: half a Username length", MALFORMED(3, "runs past"),
	    V31 "82 0000 0002'id' 00" },
	{ "3.1: a Username that runs over", MALFORMED(3, "runs past"),
	    V31 "82 0000 0002'id' 0002'u'" },
	{ "no password", MALFORMED(4, "runs past"),
	    V311 "c2 0000 0002'id' 0001'u'" },
	{ "v5: no password", MALFORMED(5, "runs past"),
	    V5 "42 0000 00 0002'id'" },
	{ "3.1: a password that runs over", MALFORMED(3, "runs past"),
	    V31 "c2 0000 0002'id' 0001'u' 0002'p'" },
	{ "a password that runs over", MALFORMED(4, "runs past"),
	    V311 "c2 0000 0002'id' 0001'u' 0005'pass'" },

	{ "a byte left over", MALFORMED(4, "bytes follow"),
	    V311 "02 0000 0002'id' 00" },
	{ "3.1: a byte left over", MALFORMED(3, "bytes follow"),
	    V31 "02 0000 0002'id' 00" },
	{ "v5: a byte left over", MALFORMED(5, "bytes follow"),
	    V5 "02 0000 00 0002'id' 00" },
	{ "a Username without its flag", MALFORMED(4, "bytes follow"),
	    V311 "02 0000 0002'id' 0003'bob'" },
	{ "a password behind a Username without its flag",
	    MALFORMED(4, "bytes follow"),
	    V311 "82 0000 0002'id' 0003'bob' 0002'pw'" },
	{ "a will without its flag", MALFORMED(4, "bytes follow"),
	    V311 "02 0000 0002'id' 0001't' 0001'p'" },

	{ "reserved flag", MALFORMED(4, "MQTT-3.1.2-3]"),
	    V311 "03 0000 0002'id'" },
	{ "v5: reserved flag", MALFORMED(5, "MQTT-3.1.2-3]"),
	    V5 "03 0000 00 0002'id'" },
	{ "will QoS 3", MALFORMED(4, "MQTT-3.1.2-12"),
	    V311 "1e 0000 0002'id' 0001't' 0001'p'" },
	{ "3.1: will QoS 3", MALFORMED(3, "MQTT-3.1.2-12"),
	    V31 "1e 0000 0002'id' 0001't' 0001'p'" },
	{ "v5: will QoS 3", MALFORMED(5, "MQTT-3.1.2-12"),
	    V5 "1e 0000 00 0002'id' 00 0001't' 0001'p'" },
	{ "will QoS 3 without a will", MALFORMED(4, "MQTT-3.1.2-12"),
	    V311 "1a 0000 0002'id'" },
	{ "will QoS 1 without a will", MALFORMED(4, "MQTT-3.1.2-11"),
	    V311 "0a 0000 0002'id'" },
	{ "v5: will QoS 2 without a will", MALFORMED(5, "MQTT-3.1.2-11"),
	    V5 "12 0000 00 0002'id'" },
	{ "will retain without a will", MALFORMED(4, "MQTT-3.1.2-13"),
	    V311 "22 0000 0002'id'" },
	{ "v5: will retain without a will", MALFORMED(5, "MQTT-3.1.2-13"),
	    V5 "22 0000 00 0002'id'" },
	{ "password without Username", MALFORMED(4, "3.1.1: MQTT-3.1.2-22"),
	    V311 "42 0000 0002'id' 0002'pw'" },
	{ "3.1: password without Username",
	    MALFORMED(3, "3.1.1: MQTT-3.1.2-22"),
	    V31 "42 0000 0002'id' 0002'pw'" },

	{ "a ClientID with U+0000", MALFORMED(4, "MQTT-3.1.3-4"),
	    V311 "02 0000 0003'a'00'b'" },
	{ "a ClientID with a surrogate", MALFORMED(4, "MQTT-3.1.3-4"),
	    V311 "02 0000 0003 eda080" },
	{ "a ClientID with an overlong slash", MALFORMED(4, "MQTT-3.1.3-4"),
	    V311 "02 0000 0002 c0af" },
	{ "a ClientID in Latin-1", MALFORMED(3, "MQTT-3.1.3-4"),
	    V31 "02 0000 0004 'J'fc'rg'" },
	{ "a ClientID whose letter goes on behind it",
	    MALFORMED(4, "MQTT-3.1.3-4"), V311 "82 0000 0001 c3 0001 a4" },
	{ "a will topic with U+0000", MALFORMED(4, "MQTT-3.1.3-11"),
	    V311 "06 0000 0002'id' 0001 00 0000" },
	{ "v5: a will topic that is not UTF-8", MALFORMED(5, "MQTT-3.1.3-11"),
	    V5 "06 0000 00 0002'id' 00 0001 ff 0000" },
	{ "a Username with U+0000", MALFORMED(4, "MQTT-3.1.3-12"),
	    V311 "82 0000 0002'id' 0003'a'00'b'" },
	{ "v5: a Username over U+10FFFF", MALFORMED(5, "MQTT-3.1.3-12"),
	    V5 "82 0000 00 0002'id' 0004 f4908080" },

	{ "v5: no properties", MALFORMED(5, "1.5.5"), V5 "02 0000" },
	{ "v5: properties that run over", MALFORMED(5, "runs past"),
	    V5 "02 0000 05 1100" },
	{ "v5: a property length of two bytes for 0",
	    MALFORMED(5, "MQTT-1.5.5-1"), V5 "02 0000 8000 0000" },
	{ "v5: a property length of five bytes", MALFORMED(5, "1.5.5"),
	    V5 "02 0000 8080808001 0000" },
	{ "v5: a property cut by the list's end", MALFORMED(5, "runs past"),
	    V5 "02 0000 04 11000000 0000" },
	{ "v5: an identifier and no value", MALFORMED(5, "runs past"),
	    V5 "02 0000 01 11 0000" },
	{ "v5: a User Property without a value", MALFORMED(5, "runs past"),
	    V5 "02 0000 04 26 0001'k' 0000" },
	{ "v5: unknown property 00", MALFORMED(5, "unknown property"),
	    V5 "02 0000 02 0000 0000" },
	{ "v5: unknown property 04", MALFORMED(5, "unknown property"),
	    V5 "02 0000 02 0400 0000" },
	{ "v5: unknown property 2b", MALFORMED(5, "unknown property"),
	    V5 "02 0000 02 2b00 0000" },
	{ "v5: unknown property 7f", MALFORMED(5, "unknown property"),
	    V5 "02 0000 02 7f00 0000" },
	{ "v5: an identifier of two bytes", MALFORMED(5, "unknown property"),
	    V5 "02 0000 03 970000 0000" },
	{ "v5: a CONNACK's property", MALFORMED(5, "another packet"),
	    V5 "02 0000 05 12 0002'id' 0000" },
	{ "v5: a PUBLISH's property", MALFORMED(5, "another packet"),
	    V5 "02 0000 03 23 0001 0000" },
	{ "v5: a SUBSCRIBE's property", MALFORMED(5, "another packet"),
	    V5 "02 0000 02 0b01 0000" },
	{ "v5: a will's property outside the will",
	    MALFORMED(5, "another packet"), V5 "02 0000 05 18 00000001 0000" },
	{ "v5: a CONNECT's property in the will",
	    MALFORMED(5, "another packet"),
	    V5 "06 0000 00 0000 05 11 00000001 0001't' 0000" },
	{ "v5: a User Property name with U+0000", MALFORMED(5, "MQTT-1.5.4"),
	    V5 "02 0000 06 26 0001 00 0000 0000" },
	{ "v5: a User Property value not UTF-8", MALFORMED(5, "MQTT-1.5.4"),
	    V5 "02 0000 07 26 0001'k' 0001 ff 0000" },
	{ "v5: an auth method not UTF-8", MALFORMED(5, "MQTT-1.5.4"),
	    V5 "02 0000 04 15 0001 80 0000" },
	{ "v5: a will's content type not UTF-8", MALFORMED(5, "MQTT-1.5.4"),
	    V5 "06 0000 00 0000 04 03 0001 c3 0001't' 0000" },
	{ "v5: will properties that run over", MALFORMED(5, "runs past"),
	    V5 "06 0000 00 0000 7f" },
	{ "v5: will properties of two bytes for 0",
	    MALFORMED(5, "MQTT-1.5.5-1"),
	    V5 "06 0000 00 0000 8000 0001't' 0000" },
#undef MALFORMED
#define PROTOCOL(says) REASON_MQTT_PROTOCOL, 5, says
	{ "v5: Session Expiry twice", PROTOCOL("twice"),
	    V5 "02 0000 0a 11 00000001 11 00000001 0000" },
	{ "v5: Receive Maximum twice", PROTOCOL("twice"),
	    V5 "02 0000 06 21 0001 21 0001 0000" },
	{ "v5: Maximum Packet Size twice", PROTOCOL("twice"),
	    V5 "02 0000 0a 27 00000001 27 00000002 0000" },
	{ "v5: Topic Alias Maximum twice", PROTOCOL("twice"),
	    V5 "02 0000 06 22 0000 22 0000 0000" },
	{ "v5: Request Response Information twice", PROTOCOL("twice"),
	    V5 "02 0000 04 1900 1900 0000" },
	{ "v5: Request Problem Information twice", PROTOCOL("twice"),
	    V5 "02 0000 04 1701 1701 0000" },
	{ "v5: auth method twice", PROTOCOL("twice"),
	    V5 "02 0000 08 15 0001'a' 15 0001'b' 0000" },
	{ "v5: auth data twice", PROTOCOL("twice"),
	    V5 "02 0000 0a 15 0001'a' 16 0000 16 0000 0000" },
	{ "v5: Will Delay twice", PROTOCOL("twice"),
	    V5 "06 0000 00 0000 0a 18 00000001 18 00000001 0001't' 0000" },
	{ "v5: Payload Format twice", PROTOCOL("twice"),
	    V5 "06 0000 00 0000 04 0100 0100 0001't' 0000" },
	{ "v5: Response Topic twice", PROTOCOL("twice"),
	    V5 "06 0000 00 0000 06 08 0000 08 0000 0001't' 0000" },
	{ "v5: Receive Maximum 0", PROTOCOL("3.1.2.11.3"),
	    V5 "02 0000 03 21 0000 0000" },
	{ "v5: Maximum Packet Size 0", PROTOCOL("3.1.2.11.4"),
	    V5 "02 0000 05 27 00000000 0000" },
	{ "v5: Request Response Information 2", PROTOCOL("3.1.2.11.6"),
	    V5 "02 0000 02 1902 0000" },
	{ "v5: Request Problem Information 255", PROTOCOL("3.1.2.11.7"),
	    V5 "02 0000 02 17ff 0000" },
	{ "v5: Payload Format 2", PROTOCOL("3.1.3.2.3"),
	    V5 "06 0000 00 0000 02 0102 0001't' 0000" },
	{ "v5: auth data without a method", PROTOCOL("3.1.2.11.10"),
	    V5 "02 0000 05 16 0002 0102 0000" },
#undef PROTOCOL
#define NAME REASON_MQTT_PROTOCOL, 0, "MQTT-3.1.2-1]"
	{ "a name in lower case", NAME, "0004'mqtt'04 02 0000 0000" },
	{ "a name of no bytes", NAME, "0000 04 02 0000 0000" },
	{ "a name one short", NAME, "0003'MQT'04 02 0000 0000" },
	{ "a name one long", NAME, "0005'MQTTX'04 02 0000 0000" },
	{ "half of the old name", NAME, "0006'MQIsdP'03 02 0000 0000" },
	{ "MQTT-SN", NAME, "0007'MQTT-SN'04 02 0000 0000" },
#undef NAME
#define VERSION(level) REASON_MQTT_VERSION, level, "MQTT-3.1.2-2]"
	{ "MQTT level 0", VERSION(3), "0004'MQTT'00 02 0000 0000" },
	{ "MQTT level 3", VERSION(3), "0004'MQTT'03 02 0000 0000" },
	{ "MQTT level 6", VERSION(5), "0004'MQTT'06 02 0000 00 0000" },
	{ "MQTT level 7f", VERSION(5), "0004'MQTT'7f 02 0000 00 0000" },
	{ "a bridge of MQTT level 3", VERSION(3), "0004'MQTT'83 02 0000 0000" },
	{ "a bridge of MQTT 5", VERSION(5), "0004'MQTT'85 02 0000 00 0000" },
	{ "MQTT level ff", VERSION(5), "0004'MQTT'ff 02 0000 00 0000" },
	{ "MQIsdp level 2", VERSION(3), "0006'MQIsdp'02 02 0000 0000" },
	{ "MQIsdp level 4", VERSION(3), "0006'MQIsdp'04 02 0000 0000" },
	{ "MQIsdp level 5", VERSION(3), "0006'MQIsdp'05 02 0000 0000" },
	{ "a bridge of MQIsdp level 4", VERSION(3),
	    "0006'MQIsdp'84 02 0000 0000" },
	{ "an unknown level and nothing behind", VERSION(5), "0004'MQTT'09" },
#undef VERSION
};

static struct kit_bytes
packet_of(const struct row *row)
{
	struct kit_bytes body, packet;

	if (row->hex[0] == '=')
		return kit_hex(row->hex + 1);
	body = kit_hex(row->hex);
	packet = kit_hex("10");
	kit_add_varint(&packet, body.len);
	kit_add(&packet, body.data, body.len);
	kit_free(&body);
	return packet;
}

static bool
is_refused(const struct row *row, struct slice in)
{
	struct mqtt_connect c;
	const char *why = NULL;
	enum parse parsed;
	size_t used = 0;

	parsed = mqtt_connect_parse(&c, in, &used, &why);
	if (parsed == PARSE_BAD && c.reason == row->reason &&
	    c.level == row->level && why != NULL &&
	    strstr(why, row->says) != NULL)
		return true;
	diag("parsed %d reason %s level %u: %s", parsed, reason_name(c.reason),
	    (unsigned)c.level, why == NULL ? "-" : why);
	return false;
}

/* On the way there it may be undecided or refused, but never good. */
static bool
is_never_good(struct slice in)
{
	struct mqtt_connect c;
	struct kit_bytes exact;
	const char *why;
	size_t len, used;
	enum parse parsed;

	for (len = 0; len < in.len; len++) {
		exact = kit_copy(in.data, len);
		parsed = mqtt_connect_parse(&c, kit_slice(&exact), &used, &why);
		kit_free(&exact);
		if (parsed == PARSE_OK)
			return false;
	}
	return true;
}

static void
check_rows(void)
{
	struct kit_bytes b;
	size_t i;

	for (i = 0; i < LEN(rows); i++) {
		b = packet_of(&rows[i]);
		ok(is_refused(&rows[i], kit_slice(&b)) &&
			is_never_good(kit_slice(&b)),
		    "%s", rows[i].name);
		kit_free(&b);
	}
}

static enum reason
reason_of(unsigned first)
{
	return first >> 4 == 1 ? REASON_NONE : REASON_MQTT_NOT_CONNECT;
}

/* The first byte tells a CONNECT; the header alone tells the size. */
static void
check_peek(void)
{
	struct kit_bytes b = kit_hex("10 ffffff7f");
	struct mqtt_connect_peek peek;
	unsigned first, wrong = 0;
	uint8_t byte;
	size_t len;

	for (first = 0; first < 256; first++) {
		byte = (uint8_t)first;
		wrong += mqtt_connect_peek(&peek, slice_make(&byte, 1)) !=
		    (first >> 4 == 1 ? PARSE_MORE : PARSE_BAD);
		wrong += peek.reason != reason_of(first);
	}
	is_int(wrong, 0, "peek: all first bytes");
	for (len = 0; len < b.len; len++)
		is_int(mqtt_connect_peek(&peek, slice_make(b.data, len)),
		    PARSE_MORE, "peek: %zu bytes", len);
	is_int(mqtt_connect_peek(&peek, kit_slice(&b)), PARSE_OK, "peek: 5");
	is_int((long long)peek.total, 268435460, "peek: the largest size");
	kit_free(&b);
}

static const struct level_row {
	const char *name;
	enum parse parsed;
	unsigned level;
	size_t needs; /* bytes before which it is MORE; 0 = do not look */
	const char *hex;
} level_rows[] = {
	{ "3.1.1", PARSE_OK, 4, 9, "10 ff7f" V311 },
	{ "3.1", PARSE_OK, 3, 14, "10 ffffff7f" V31 },
	{ "5", PARSE_OK, 5, 12, "10 ffffff7f" V5 },
	{ "from the future", PARSE_OK, 5, 12, "10 ffffff7f 0004'MQTT'09" },
	{ "a packet that ends in front", PARSE_BAD, 0, 0, "10 05 0004'MQT'" },
	{ "another name", PARSE_BAD, 0, 0, "10 ff7f 0004'MQXX'04" },
	{ "a name without end", PARSE_BAD, 0, 14,
	    "10 ff7f 4000'xxxxxxxxxxxxx'" },
};

static void
check_level(void)
{
	const struct level_row *row = level_rows;
	enum mqtt_level level;
	struct kit_bytes b, exact;
	size_t len, wrong;

	for (; row < level_rows + LEN(level_rows); row++) {
		b = kit_hex(row->hex);
		wrong = 0;
		for (len = 0; len + 1 < row->needs && len < b.len; len++) {
			exact = kit_copy(b.data, len);
			wrong += mqtt_connect_level(kit_slice(&exact),
				     &level) != PARSE_MORE;
			kit_free(&exact);
		}
		is_int((long long)wrong, 0, "level of %s: patient", row->name);
		is_int(mqtt_connect_level(kit_slice(&b), &level), row->parsed,
		    "level of %s: read", row->name);
		is_int(level, row->level, "level of %s", row->name);
		kit_free(&b);
	}
}

int
main(void)
{
	check_rows();
	check_peek();
	check_level();
	return done_testing();
}
