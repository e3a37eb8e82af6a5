/* SPDX-License-Identifier: ISC */
/*
 * What every MQTT packet has in common: its type, the fixed header, and the
 * Variable Byte Integer (MQTT 5, 1.5.5 and 2.1). Nothing here looks into a
 * packet's body.
 */
#ifndef MQTT_PACKET_H
#define MQTT_PACKET_H

#include "base/err.h"
#include "base/slice.h"

/* The high four bits of a packet's first byte (2.1.2). */
enum mqtt_type {
	MQTT_TYPE_RESERVED,
	MQTT_TYPE_CONNECT,
	MQTT_TYPE_CONNACK,
	MQTT_TYPE_PUBLISH,
	MQTT_TYPE_PUBACK,
	MQTT_TYPE_PUBREC,
	MQTT_TYPE_PUBREL,
	MQTT_TYPE_PUBCOMP,
	MQTT_TYPE_SUBSCRIBE,
	MQTT_TYPE_SUBACK,
	MQTT_TYPE_UNSUBSCRIBE,
	MQTT_TYPE_UNSUBACK,
	MQTT_TYPE_PINGREQ,
	MQTT_TYPE_PINGRESP,
	MQTT_TYPE_DISCONNECT,
	MQTT_TYPE_AUTH
};

/* The protocol level of a CONNECT without the bridge bit: the version. */
enum mqtt_level {
	MQTT_LEVEL_UNKNOWN = 0,
	MQTT_LEVEL_31 = 3, /* MQIsdp */
	MQTT_LEVEL_311 = 4,
	MQTT_LEVEL_5 = 5
};

#define MQTT_VARINT_MAX 4 /* bytes */
#define MQTT_REMAINING_MAX 268435455 /* the largest four bytes can say */
#define MQTT_STRING_MAX 65535 /* its length is 16 bits */
#define MQTT_HEADER_MAX (1 + MQTT_VARINT_MAX)

static inline enum mqtt_type
mqtt_packet_type(uint8_t first)
{
	return (enum mqtt_type)(first >> 4);
}

/*
 * Reads the varint `in' begins with. PARSE_OK: `value', and `used' = 1 to 4
 * bytes, which may be more than needed: that is malformed in MQTT 5
 * [MQTT-1.5.5-1] and legal before, so the caller compares with
 * mqtt_varint_len(). PARSE_BAD: the fourth byte says a fifth follows.
 */
enum parse mqtt_varint_parse(struct slice in, uint32_t *value, size_t *used);

/* Bytes the shortest form of `value' (<= MQTT_REMAINING_MAX) takes. */
static inline size_t
mqtt_varint_len(uint32_t value)
{
	if (value < 1U << 14)
		return value < 1U << 7 ? 1 : 2;
	return value < 1U << 21 ? 3 : 4;
}

/* Writes the shortest form of `value' (<= MQTT_REMAINING_MAX) to `out', which
 * has mqtt_varint_len(value) bytes, and returns the place behind it. */
uint8_t *mqtt_varint_write(uint8_t *out, uint32_t value);

/* A length (<= MQTT_STRING_MAX) in two bytes, then the bytes; returns the
 * place behind them. `out' has 2 + s.len bytes. */
uint8_t *mqtt_string_write(uint8_t *out, struct slice s);

struct mqtt_header {
	uint32_t remaining; /* bytes behind the header */
	uint8_t first; /* type and flags */
	uint8_t len; /* of the header: 2 to 5 */
};

/* Reads a fixed header; BAD only for a remaining length over four bytes. */
enum parse mqtt_header_parse(struct mqtt_header *h, struct slice in);

/* Bytes of the whole packet; at most 5 + MQTT_REMAINING_MAX. */
static inline size_t
mqtt_header_total(const struct mqtt_header *h)
{
	return (size_t)h->len + h->remaining;
}

#endif
