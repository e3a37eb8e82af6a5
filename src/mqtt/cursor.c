/* SPDX-License-Identifier: ISC */
#include "mqtt/cursor.h"

/*
 * Takes length bytes from chunk[at] on and returns how many. The header is
 * whole when c->seen is 0 again, and bad when it is over MQTT_VARINT_MAX.
 */
static inline size_t
take_length(struct mqtt_cursor *c, struct slice chunk, size_t at)
{
	size_t from = at;
	uint8_t byte;

	while (at < chunk.len && c->seen <= MQTT_VARINT_MAX) {
		byte = chunk.data[at++];
		c->length |= (uint32_t)(byte & 0x7f) << (7 * (c->seen - 1));
		c->seen++;
		if (byte < 0x80) {
			c->left = c->length;
			c->length = 0;
			c->seen = 0;
			break;
		}
	}
	return at - from;
}

/* Jumps over as much of the body as is in the chunk; returns how much. */
static inline size_t
take_body(struct mqtt_cursor *c, size_t here)
{
	size_t n = c->left < here ? c->left : here;

	c->left -= (uint32_t)n;
	return n;
}

enum mqtt_cursor_stop
mqtt_cursor_walk(struct mqtt_cursor *cursor, struct slice chunk, size_t *pos,
    unsigned stop)
{
	struct mqtt_cursor c = *cursor; /* a copy, to live in registers */
	enum mqtt_cursor_stop result = MQTT_CURSOR_END;
	size_t at = *pos, begin = *pos;
	unsigned type;

	stop |= MQTT_CURSOR_AT(MQTT_TYPE_RESERVED);
	while (result == MQTT_CURSOR_END) {
		at += take_body(&c, chunk.len - at);
		if (at == chunk.len)
			break;
		if (c.seen == 0) {
			begin = at;
			type = mqtt_packet_type(chunk.data[at]);
			if ((stop >> type & 1) != 0) {
				result = type == MQTT_TYPE_RESERVED
				    ? MQTT_CURSOR_BAD
				    : MQTT_CURSOR_PACKET;
				break;
			}
			c.seen = 1;
			at++;
		}
		at += take_length(&c, chunk, at);
		if (c.seen > MQTT_VARINT_MAX)
			result = MQTT_CURSOR_BAD;
	}
	*cursor = c;
	*pos = result == MQTT_CURSOR_END ? at : begin;
	return result;
}
