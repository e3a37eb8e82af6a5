/* SPDX-License-Identifier: ISC */
/*
 * MQTT 5 properties (2.2.2): their types, the packets in which they may occur,
 * and their allowed values. A list is read one property at a time, in place.
 * Pure.
 */
#ifndef MQTT_PROPERTY_H
#define MQTT_PROPERTY_H

#include "mqtt/packet.h"

enum mqtt_property_id {
	MQTT_PROPERTY_PAYLOAD_FORMAT = 0x01,
	MQTT_PROPERTY_MESSAGE_EXPIRY = 0x02,
	MQTT_PROPERTY_CONTENT_TYPE = 0x03,
	MQTT_PROPERTY_RESPONSE_TOPIC = 0x08,
	MQTT_PROPERTY_CORRELATION_DATA = 0x09,
	MQTT_PROPERTY_SUBSCRIPTION_ID = 0x0b,
	MQTT_PROPERTY_SESSION_EXPIRY = 0x11,
	MQTT_PROPERTY_ASSIGNED_CLIENT_ID = 0x12,
	MQTT_PROPERTY_SERVER_KEEP_ALIVE = 0x13,
	MQTT_PROPERTY_AUTH_METHOD = 0x15,
	MQTT_PROPERTY_AUTH_DATA = 0x16,
	MQTT_PROPERTY_REQUEST_PROBLEM = 0x17,
	MQTT_PROPERTY_WILL_DELAY = 0x18,
	MQTT_PROPERTY_REQUEST_RESPONSE = 0x19,
	MQTT_PROPERTY_RESPONSE_INFO = 0x1a,
	MQTT_PROPERTY_SERVER_REFERENCE = 0x1c,
	MQTT_PROPERTY_REASON_STRING = 0x1f,
	MQTT_PROPERTY_RECEIVE_MAXIMUM = 0x21,
	MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM = 0x22,
	MQTT_PROPERTY_TOPIC_ALIAS = 0x23,
	MQTT_PROPERTY_MAXIMUM_QOS = 0x24,
	MQTT_PROPERTY_RETAIN_AVAILABLE = 0x25,
	MQTT_PROPERTY_USER = 0x26,
	MQTT_PROPERTY_MAXIMUM_PACKET_SIZE = 0x27,
	MQTT_PROPERTY_WILDCARD_AVAILABLE = 0x28,
	MQTT_PROPERTY_SUBSCRIPTION_ID_AVAILABLE = 0x29,
	MQTT_PROPERTY_SHARED_AVAILABLE = 0x2a,
	MQTT_PROPERTY_COUNT
};

/* The lists that this proxy reads. */
enum mqtt_property_list {
	MQTT_PROPERTIES_CONNECT = 1,
	MQTT_PROPERTIES_WILL = 2,
	MQTT_PROPERTIES_CONNACK = 4
};

struct mqtt_property {
	enum mqtt_property_id id;
	uint32_t number; /* of a numeric property; else 0 */
	struct slice name; /* of a User Property; else empty */
	struct slice value; /* of a string, data or User Property */
	struct slice raw; /* the whole property, identifier included */
};

/* A list that is being read. */
struct mqtt_property_walk {
	struct mqtt_reader reader; /* what is left, and what was wrong */
	enum mqtt_property_list list;
	uint64_t seen; /* one bit for each identifier */
};

/* Starts to read `in', a list without its length. */
void mqtt_property_walk_init(struct mqtt_property_walk *w, struct slice in,
    enum mqtt_property_list list);

/*
 * Reads the next property. Returns false at the end of the list, and on an
 * error: then w->reader.why and w->reader.reason are set. Errors are an
 * identifier that is unknown or belongs to another packet, and a value that is
 * malformed (malformed packet); and a number that is not allowed, and a
 * property that occurs twice but may not (protocol error).
 */
bool mqtt_property_next(struct mqtt_property_walk *w, struct mqtt_property *p);

#endif
