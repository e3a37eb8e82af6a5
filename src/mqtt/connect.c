/* SPDX-License-Identifier: ISC */
#include "mqtt/connect.h"

#include <string.h>

#include "mqtt/property.h"

#define BRIDGE_BIT 0x80

/* The most bytes up to the level: header, MQIsdp with its length, level. */
#define LEVEL_END (MQTT_HEADER_MAX + 2 + 6 + 1)

static enum parse
refuse_peek(struct mqtt_connect_peek *peek, enum reason reason, const char *why)
{
	peek->reason = reason;
	peek->why = why;
	return PARSE_BAD;
}

/* Says what came in place of a CONNECT. */
static const char *
name_first(struct slice in)
{
#define NOT_CONNECT(what) \
	"the first packet is not a CONNECT" what " [MQTT-3.1.0-1]"
#define HTTP \
	NOT_CONNECT(", but an HTTP request: a WebSocket client needs a " \
		    "[listener] with transport = websocket")
#define PROXY \
	NOT_CONNECT(", but a PROXY header: the balancer has to send it in " \
		    "front of TLS, see accept_proxy")
#define PACKET(name) NOT_CONNECT(", but a packet " name)
	static const char *const texts[] = { "GET ", HTTP, "POST ", HTTP,
		"HEAD ", HTTP, "PUT ", HTTP, "OPTIONS ", HTTP, "PRI * ", HTTP,
		"PROXY ", PROXY, "\r\n\r\n", PROXY };
	static const char *const packets[] = { NOT_CONNECT(""), NOT_CONNECT(""),
		PACKET("CONNACK"), PACKET("PUBLISH"), PACKET("PUBACK"),
		PACKET("PUBREC"), PACKET("PUBREL"), PACKET("PUBCOMP"),
		PACKET("SUBSCRIBE"), PACKET("SUBACK"), PACKET("UNSUBSCRIBE"),
		PACKET("UNSUBACK"), PACKET("PINGREQ"), PACKET("PINGRESP"),
		PACKET("DISCONNECT"), PACKET("AUTH") };
#undef PACKET
#undef PROXY
#undef HTTP
	size_t i, len;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i += 2) {
		len = strlen(texts[i]);
		if (in.len >= len && memcmp(in.data, texts[i], len) == 0)
			return texts[i + 1];
	}
	/* Only PUBLISH has flags that vary; PUBREL, SUBSCRIBE and UNSUBSCRIBE
	 * have 2. Anything else is no packet of MQTT. */
	i = mqtt_packet_type(in.data[0]);
	if (i != MQTT_TYPE_PUBLISH && (in.data[0] & 0x0f & ~2) != 0)
		i = 0;
	return packets[i];
#undef NOT_CONNECT
}

/* Says what is wrong with the flags of a CONNECT. */
static const char *
name_flags(struct slice in)
{
	if (in.len > 2 && in.data[0] == 0x16 && in.data[1] == 3)
		return "TLS came inside TLS: the client encrypts twice, or a "
		       "balancer that ends TLS encrypts again [MQTT-2.1.3-1]";
	return "flags in the fixed header of a CONNECT [MQTT-2.1.3-1]";
}

/*
 * MQTT 3.1 does not use the flags of this header, so its level has to be waited
 * for; since 3.1.1 they must be 0.
 */
static enum parse
check_header_flags(struct slice in)
{
	enum mqtt_level level = MQTT_LEVEL_UNKNOWN;
	enum parse parsed;

	if ((in.data[0] & 0x0f) == 0)
		return PARSE_OK;
	parsed = mqtt_connect_level(in, &level);
	if (parsed == PARSE_OK && level != MQTT_LEVEL_31)
		return PARSE_BAD;
	return parsed;
}

enum parse
mqtt_connect_peek(struct mqtt_connect_peek *peek, struct slice in)
{
	struct mqtt_header h;
	enum parse parsed;

	peek->total = 0;
	peek->reason = REASON_NONE;
	peek->why = NULL;
	if (in.len == 0)
		return PARSE_MORE;
	if (mqtt_packet_type(in.data[0]) != MQTT_TYPE_CONNECT)
		return refuse_peek(peek, REASON_MQTT_NOT_CONNECT,
		    name_first(in));
	parsed = check_header_flags(in);
	if (parsed == PARSE_BAD)
		return refuse_peek(peek, REASON_MQTT_MALFORMED, name_flags(in));
	if (parsed == PARSE_MORE)
		return PARSE_MORE;
	parsed = mqtt_header_parse(&h, in);
	if (parsed == PARSE_BAD)
		return refuse_peek(peek, REASON_MQTT_MALFORMED,
		    "the Remaining Length has more than four bytes "
		    "[MQTT 2.1.4]");
	if (parsed == PARSE_OK)
		peek->total = mqtt_header_total(&h);
	return parsed;
}

/* The known level whose CONNACK a client of an unknown level would understand;
 * see mqtt_connect_parse(). */
static enum mqtt_level
nearest_level(uint8_t level)
{
	if (level <= MQTT_LEVEL_31)
		return MQTT_LEVEL_31;
	return level >= MQTT_LEVEL_5 ? MQTT_LEVEL_5 : MQTT_LEVEL_311;
}

/*
 * The name MQIsdp has level 3 only, the name MQTT has levels 4 and 5. Bridges
 * set the high bit of levels 3 and 4; MQTT 5 has no bridge bit.
 */
static bool
take_level(struct mqtt_reader *r, struct mqtt_connect *c)
{
	struct slice name;
	uint8_t level_byte;
	uint8_t level;
	bool is_mqtt;

	if (!mqtt_reader_binary(r, &name))
		return false;
	is_mqtt = slice_equal(name, slice_str("MQTT"));
	if (!is_mqtt && !slice_equal(name, slice_str("MQIsdp")))
		return mqtt_reader_fail(r, REASON_MQTT_PROTOCOL,
		    "the protocol name is not MQTT [MQTT-3.1.2-1]");
	if (!mqtt_reader_u8(r, &level_byte))
		return false;
	level = (uint8_t)(level_byte & ~BRIDGE_BIT);
	c->bridge = level != level_byte;
	c->level = is_mqtt ? nearest_level(level) : MQTT_LEVEL_31;
	if (level != (uint8_t)c->level ||
	    is_mqtt == (c->level == MQTT_LEVEL_31) ||
	    (c->bridge && c->level == MQTT_LEVEL_5))
		return mqtt_reader_fail(r, REASON_MQTT_VERSION,
		    "this protocol name has no such protocol level "
		    "[MQTT-3.1.2-2]");
	return true;
}

enum parse
mqtt_connect_level(struct slice in, enum mqtt_level *level)
{
	struct mqtt_connect c = { 0 };
	struct mqtt_header h;
	struct mqtt_reader r;
	size_t len;

	if (mqtt_header_parse(&h, in) != PARSE_OK)
		return in.len < MQTT_HEADER_MAX ? PARSE_MORE : PARSE_BAD;
	len = in.len < mqtt_header_total(&h) ? in.len : mqtt_header_total(&h);
	mqtt_reader_init(&r, slice_make(in.data + h.len, len - h.len));
	(void)take_level(&r, &c);
	*level = c.level;
	if (c.level != MQTT_LEVEL_UNKNOWN)
		return PARSE_OK;
	if (r.reason == REASON_MQTT_MALFORMED && in.len < LEVEL_END &&
	    len < mqtt_header_total(&h))
		return PARSE_MORE;
	return PARSE_BAD;
}

static const char *
flags_complaint(const struct mqtt_connect *c)
{
	unsigned will_qos = (c->flags & MQTT_FLAG_WILL_QOS) >> 3;
	/* MQTT 3.1 does not use bit 0, and disregards Will QoS and Will Retain
	 * without a Will. */
	bool strict = c->level != MQTT_LEVEL_31;

	if (strict && (c->flags & MQTT_FLAG_RESERVED) != 0)
		return "the reserved connect flag is 1 [MQTT-3.1.2-3]";
	if ((strict || c->has_will) && will_qos == 3)
		return "the Will QoS is 3 [MQTT-3.1.2-12]";
	if (strict && !c->has_will && will_qos != 0)
		return "a Will QoS without the Will Flag [MQTT-3.1.2-11]";
	if (strict && !c->has_will && (c->flags & MQTT_FLAG_WILL_RETAIN) != 0)
		return "Will Retain without the Will Flag [MQTT-3.1.2-13]";
	if (c->level < MQTT_LEVEL_5 && (c->flags & MQTT_FLAG_PASSWORD) != 0 &&
	    (c->flags & MQTT_FLAG_USERNAME) == 0)
		return "a password without a Username "
		       "[MQTT 3.1.1: MQTT-3.1.2-22]";
	return NULL;
}

static bool
take_flags(struct mqtt_reader *r, struct mqtt_connect *c)
{
	const char *why;

	if (!mqtt_reader_u8(r, &c->flags))
		return false;
	c->clean = (c->flags & MQTT_FLAG_CLEAN) != 0;
	c->has_will = (c->flags & MQTT_FLAG_WILL) != 0;
	why = flags_complaint(c);
	if (why != NULL)
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED, why);
	return true;
}

/* Takes everything before the properties. */
static bool
take_intro(struct mqtt_reader *r, struct mqtt_connect *c)
{
	struct slice before = r->rest;
	uint16_t keep_alive;

	if (!take_level(r, c))
		return false;
	/* Only the level tells whether MQTT 5's rule applies to the header. */
	if (c->level == MQTT_LEVEL_5 &&
	    c->raw.len - before.len !=
		1 + mqtt_varint_len((uint32_t)before.len))
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "the Remaining Length is longer than necessary "
		    "[MQTT-1.5.5-1]");
	if (!take_flags(r, c) || !mqtt_reader_u16(r, &keep_alive))
		return false;
	c->intro = slice_make(before.data, before.len - r->rest.len);
	return true;
}

static void
note_property(struct mqtt_connect *c, const struct mqtt_property *p)
{
	if (p->id == MQTT_PROPERTY_MAXIMUM_PACKET_SIZE)
		c->maximum_packet_size = p->number;
	else if (p->id == MQTT_PROPERTY_USER)
		c->user_property_count++;
	else if (p->id == MQTT_PROPERTY_AUTH_METHOD)
		c->has_authentication = true;
}

/* Passes what is wrong with a list on to the reader of the packet. */
static bool
end_walk(struct mqtt_reader *r, const struct mqtt_property_walk *w)
{
	if (w->reader.why == NULL)
		return true;
	return mqtt_reader_fail(r, w->reader.reason, w->reader.why);
}

static bool
take_properties(struct mqtt_reader *r, struct mqtt_connect *c)
{
	const uint64_t auth_data = UINT64_C(1) << MQTT_PROPERTY_AUTH_DATA;
	struct mqtt_property_walk w;
	struct mqtt_property p;

	if (c->level < MQTT_LEVEL_5)
		return true;
	if (!mqtt_reader_properties(r, &c->properties))
		return false;
	mqtt_property_walk_init(&w, c->properties, MQTT_PROPERTIES_CONNECT);
	while (mqtt_property_next(&w, &p))
		note_property(c, &p);
	if (!end_walk(r, &w))
		return false;
	if ((w.seen & auth_data) != 0 && !c->has_authentication)
		return mqtt_reader_fail(r, REASON_MQTT_PROTOCOL,
		    "Authentication Data without an Authentication Method "
		    "[MQTT 3.1.2.11.10]");
	return true;
}

static bool
take_will_properties(struct mqtt_reader *r, struct mqtt_connect *c)
{
	struct mqtt_property_walk w;
	struct mqtt_property p;
	struct slice properties;

	if (c->level < MQTT_LEVEL_5)
		return true;
	if (!mqtt_reader_properties(r, &properties))
		return false;
	mqtt_property_walk_init(&w, properties, MQTT_PROPERTIES_WILL);
	while (mqtt_property_next(&w, &p))
		continue;
	return end_walk(r, &w);
}

static bool
take_will(struct mqtt_reader *r, struct mqtt_connect *c)
{
	struct slice before = r->rest;
	struct slice payload;

	if (!c->has_will)
		return true;
	if (!take_will_properties(r, c) ||
	    !mqtt_reader_string(r, &c->will_topic,
		"the Will Topic is not UTF-8 or holds U+0000 "
		"[MQTT-3.1.3-11]") ||
	    !mqtt_reader_binary(r, &payload))
		return false;
	c->will = slice_make(before.data, before.len - r->rest.len);
	return true;
}

static bool
take_credentials(struct mqtt_reader *r, struct mqtt_connect *c)
{
	/* In MQTT 3.1 fields that are flagged may be missing at the end. */
	bool optional = c->level == MQTT_LEVEL_31;

	c->has_username = (c->flags & MQTT_FLAG_USERNAME) != 0 &&
	    !(optional && r->rest.len == 0);
	if (c->has_username &&
	    !mqtt_reader_string(r, &c->username,
		"the Username is not UTF-8 or holds U+0000 "
		"[MQTT-3.1.3-12]"))
		return false;
	c->has_password = (c->flags & MQTT_FLAG_PASSWORD) != 0 &&
	    !(optional && r->rest.len == 0);
	return !c->has_password || mqtt_reader_binary(r, &c->password);
}

static bool
take_body(struct mqtt_reader *r, struct mqtt_connect *c)
{
	if (!take_intro(r, c) || !take_properties(r, c) ||
	    !mqtt_reader_string(r, &c->client_id,
		"the ClientID is not UTF-8 or holds U+0000 "
		"[MQTT-3.1.3-4]") ||
	    !take_will(r, c) || !take_credentials(r, c))
		return false;
	if (r->rest.len != 0)
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "bytes follow the last field "
		    "[MQTT-3.1.4-1]");
	return true;
}

enum parse
mqtt_connect_parse(struct mqtt_connect *c, struct slice in, size_t *used,
    const char **why)
{
	struct mqtt_connect_peek peek;
	struct mqtt_header h;
	struct mqtt_reader r;
	enum parse parsed;

	memset(c, 0, sizeof(*c));
	parsed = mqtt_connect_peek(&peek, in);
	c->reason = peek.reason;
	*why = peek.why;
	if (parsed != PARSE_OK)
		return parsed;
	if (in.len < peek.total)
		return PARSE_MORE;
	(void)mqtt_header_parse(&h, in);
	c->raw = slice_make(in.data, peek.total);
	mqtt_reader_init(&r, slice_make(in.data + h.len, h.remaining));
	if (!take_body(&r, c)) {
		c->reason = r.reason;
		*why = r.why;
		return PARSE_BAD;
	}
	*used = peek.total;
	return PARSE_OK;
}

/*
 * The policy.
 */

static enum parse
refuse(struct mqtt_connect *c, enum reason reason, const char **why,
    const char *text)
{
	c->reason = reason;
	*why = text;
	return PARSE_BAD;
}

/* Waits for the level, which follows a few bytes later, so that the answer can
 * be written for it. */
static enum parse
refuse_size(struct mqtt_connect *c, struct slice in, const char **why)
{
	enum mqtt_level level = MQTT_LEVEL_UNKNOWN;

	memset(c, 0, sizeof(*c));
	if (mqtt_connect_level(in, &level) == PARSE_MORE)
		return PARSE_MORE;
	c->level = level;
	return refuse(c, REASON_MQTT_TOO_LARGE, why,
	    "the packet is larger than max_connect_size");
}

static enum parse
check_policy(const struct mqtt_policy *policy, struct mqtt_connect *c,
    const char **why)
{
	if ((policy->versions & MQTT_VERSION_BIT(c->level)) == 0)
		return refuse(c, REASON_MQTT_VERSION, why,
		    "this MQTT version is not accepted");
	if (c->bridge && policy->bridge == MQTT_BRIDGE_REFUSE)
		return refuse(c, REASON_MQTT_BRIDGE, why,
		    "the bridge bit is set in the protocol level");
	if (c->client_id.len == 0 && !c->clean && c->level < MQTT_LEVEL_5)
		return refuse(c, REASON_MQTT_CLIENTID, why,
		    "an empty ClientID without Clean Session "
		    "[MQTT 3.1.1: MQTT-3.1.3-8]");
	return PARSE_OK;
}

enum parse
mqtt_policy_parse(const struct mqtt_policy *policy, struct mqtt_connect *c,
    struct slice in, size_t *used, const char **why)
{
	struct mqtt_connect_peek peek;
	enum parse parsed;

	if (mqtt_connect_peek(&peek, in) == PARSE_OK &&
	    peek.total > policy->max_connect_size)
		return refuse_size(c, in, why);
	parsed = mqtt_connect_parse(c, in, used, why);
	if (parsed != PARSE_OK)
		return parsed;
	return check_policy(policy, c, why);
}
