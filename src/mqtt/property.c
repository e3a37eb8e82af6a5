/* SPDX-License-Identifier: ISC */
#include "mqtt/property.h"

enum type {
	TYPE_UNKNOWN,
	TYPE_U8,
	TYPE_U16,
	TYPE_U32,
	TYPE_VARINT,
	TYPE_STRING,
	TYPE_BINARY,
	TYPE_PAIR
};

#define IN_CONNECT MQTT_PROPERTIES_CONNECT
#define IN_WILL MQTT_PROPERTIES_WILL
#define IN_CONNACK MQTT_PROPERTIES_CONNACK
#define IN_BOTH (IN_CONNECT | IN_CONNACK)
#define IN_ALL (IN_CONNECT | IN_WILL | IN_CONNACK)
#define IN_NONE 0 /* in packets that this proxy does not read */

static const struct row {
	enum type type;
	int lists; /* in which it may occur */
	uint32_t low, high; /* the allowed numbers, if `why' is set */
	const char *why; /* the complaint about any other number */
} rows[MQTT_PROPERTY_COUNT] = {
#define ROW(id, t, l) [MQTT_PROPERTY_##id] = { .type = TYPE_##t, .lists = l }
#define RANGE(id, t, l, from, to, text) \
	[MQTT_PROPERTY_##id] = { TYPE_##t, l, from, to, text }
#define SWITCH(id, l, text) RANGE(id, U8, l, 0, 1, text)
	SWITCH(PAYLOAD_FORMAT, IN_WILL,
	    "Payload Format Indicator is not 0 or 1 [MQTT 3.1.3.2.3]"),
	ROW(MESSAGE_EXPIRY, U32, IN_WILL),
	ROW(CONTENT_TYPE, STRING, IN_WILL),
	ROW(RESPONSE_TOPIC, STRING, IN_WILL),
	ROW(CORRELATION_DATA, BINARY, IN_WILL),
	ROW(SUBSCRIPTION_ID, VARINT, IN_NONE),
	ROW(SESSION_EXPIRY, U32, IN_BOTH),
	ROW(ASSIGNED_CLIENT_ID, STRING, IN_CONNACK),
	ROW(SERVER_KEEP_ALIVE, U16, IN_CONNACK),
	ROW(AUTH_METHOD, STRING, IN_BOTH),
	ROW(AUTH_DATA, BINARY, IN_BOTH),
	SWITCH(REQUEST_PROBLEM, IN_CONNECT,
	    "Request Problem Information is not 0 or 1 [MQTT 3.1.2.11.7]"),
	ROW(WILL_DELAY, U32, IN_WILL),
	SWITCH(REQUEST_RESPONSE, IN_CONNECT,
	    "Request Response Information is not 0 or 1 [MQTT 3.1.2.11.6]"),
	ROW(RESPONSE_INFO, STRING, IN_CONNACK),
	ROW(SERVER_REFERENCE, STRING, IN_CONNACK),
	ROW(REASON_STRING, STRING, IN_CONNACK),
	RANGE(RECEIVE_MAXIMUM, U16, IN_BOTH, 1, UINT16_MAX,
	    "Receive Maximum is 0 [MQTT 3.1.2.11.3]"),
	ROW(TOPIC_ALIAS_MAXIMUM, U16, IN_BOTH),
	ROW(TOPIC_ALIAS, U16, IN_NONE),
	SWITCH(MAXIMUM_QOS, IN_CONNACK,
	    "Maximum QoS is not 0 or 1 [MQTT 3.2.2.3.4]"),
	SWITCH(RETAIN_AVAILABLE, IN_CONNACK,
	    "Retain Available is not 0 or 1 [MQTT 3.2.2.3.5]"),
	ROW(USER, PAIR, IN_ALL),
	RANGE(MAXIMUM_PACKET_SIZE, U32, IN_BOTH, 1, UINT32_MAX,
	    "Maximum Packet Size is 0 [MQTT 3.1.2.11.4]"),
	SWITCH(WILDCARD_AVAILABLE, IN_CONNACK,
	    "Wildcard Subscription Available is not 0 or 1 "
	    "[MQTT 3.2.2.3.11]"),
	SWITCH(SUBSCRIPTION_ID_AVAILABLE, IN_CONNACK,
	    "Subscription Identifiers Available is not 0 or 1 "
	    "[MQTT 3.2.2.3.12]"),
	SWITCH(SHARED_AVAILABLE, IN_CONNACK,
	    "Shared Subscription Available is not 0 or 1 "
	    "[MQTT 3.2.2.3.13]"),
#undef SWITCH
#undef RANGE
#undef ROW
};

/* `seen' has one bit for each identifier. */
_Static_assert(MQTT_PROPERTY_COUNT <= 64, "property identifiers");

static bool
take_u8(struct mqtt_reader *r, uint32_t *number)
{
	uint8_t value;

	if (!mqtt_reader_u8(r, &value))
		return false;
	*number = value;
	return true;
}

static bool
take_u16(struct mqtt_reader *r, uint32_t *number)
{
	uint16_t value;

	if (!mqtt_reader_u16(r, &value))
		return false;
	*number = value;
	return true;
}

static bool
take_string(struct mqtt_reader *r, struct slice *value)
{
	return mqtt_reader_string(r, value,
	    "a property's string is not UTF-8 or holds U+0000 "
	    "[MQTT-1.5.4-1, MQTT-1.5.4-2]");
}

static bool
take_value(struct mqtt_reader *r, enum type type, struct mqtt_property *p)
{
	switch (type) {
	case TYPE_U8:
		return take_u8(r, &p->number);
	case TYPE_U16:
		return take_u16(r, &p->number);
	case TYPE_U32:
		return mqtt_reader_u32(r, &p->number);
	case TYPE_VARINT:
		return mqtt_reader_varint(r, &p->number);
	case TYPE_STRING:
		return take_string(r, &p->value);
	case TYPE_BINARY:
		return mqtt_reader_binary(r, &p->value);
	case TYPE_PAIR:
		return take_string(r, &p->name) && take_string(r, &p->value);
	case TYPE_UNKNOWN:
		break;
	}
	return false;
}

/* Identifiers are Variable Byte Integers, but all of them fit into one byte. */
static bool
take_id(struct mqtt_property_walk *w, enum mqtt_property_id *id)
{
	struct mqtt_reader *r = &w->reader;
	uint8_t byte;

	if (!mqtt_reader_u8(r, &byte))
		return false;
	if (byte >= MQTT_PROPERTY_COUNT || rows[byte].type == TYPE_UNKNOWN)
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "an unknown property [MQTT 2.2.2.2]");
	if ((rows[byte].lists & (int)w->list) == 0)
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "a property that belongs to another packet "
		    "[MQTT 2.2.2.2]");
	*id = (enum mqtt_property_id)byte;
	return true;
}

/* Only User Properties may occur more than once (2.2.2.2). */
static bool
note_seen(struct mqtt_property_walk *w, enum mqtt_property_id id)
{
	uint64_t bit = UINT64_C(1) << id;

	if ((w->seen & bit) != 0 && id != MQTT_PROPERTY_USER)
		return mqtt_reader_fail(&w->reader, REASON_MQTT_PROTOCOL,
		    "a property occurs twice [MQTT 3.1.2.11]");
	w->seen |= bit;
	return true;
}

static bool
check_range(struct mqtt_property_walk *w, const struct mqtt_property *p)
{
	const struct row *row = &rows[p->id];

	if (row->why == NULL)
		return true;
	if (p->number < row->low || p->number > row->high)
		return mqtt_reader_fail(&w->reader, REASON_MQTT_PROTOCOL,
		    row->why);
	return true;
}

void
mqtt_property_walk_init(struct mqtt_property_walk *w, struct slice in,
    enum mqtt_property_list list)
{
	mqtt_reader_init(&w->reader, in);
	w->list = list;
	w->seen = 0;
}

bool
mqtt_property_next(struct mqtt_property_walk *w, struct mqtt_property *p)
{
	struct slice before = w->reader.rest;

	if (before.len == 0)
		return false;
	memset(p, 0, sizeof(*p));
	if (!take_id(w, &p->id) || !note_seen(w, p->id) ||
	    !take_value(&w->reader, rows[p->id].type, p) || !check_range(w, p))
		return false;
	p->raw = slice_make(before.data, before.len - w->reader.rest.len);
	return true;
}
