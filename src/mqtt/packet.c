/* SPDX-License-Identifier: ISC */
#include "mqtt/packet.h"

#include "base/utf8.h"

enum parse
mqtt_varint_parse(struct slice in, uint32_t *value, size_t *used)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < MQTT_VARINT_MAX; i++) {
		if (i == in.len)
			return PARSE_MORE;
		sum |= (uint32_t)(in.data[i] & 0x7f) << (7 * i);
		if (in.data[i] < 0x80) {
			*value = sum;
			*used = i + 1;
			return PARSE_OK;
		}
	}
	return PARSE_BAD;
}

uint8_t *
mqtt_varint_write(uint8_t *out, uint32_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

uint8_t *
mqtt_string_write(uint8_t *out, struct slice s)
{
	out[0] = (uint8_t)(s.len >> 8);
	out[1] = (uint8_t)s.len;
	if (s.len > 0)
		memcpy(out + 2, s.data, s.len);
	return out + 2 + s.len;
}

enum parse
mqtt_header_parse(struct mqtt_header *h, struct slice in)
{
	enum parse parsed;
	size_t used = 0;

	if (in.len == 0)
		return PARSE_MORE;
	parsed = mqtt_varint_parse(slice_make(in.data + 1, in.len - 1),
	    &h->remaining, &used);
	h->first = in.data[0];
	h->len = (uint8_t)(1 + used);
	return parsed;
}

/*
 * The reader of fields.
 */

bool
mqtt_reader_fail(struct mqtt_reader *r, enum reason reason, const char *why)
{
	r->reason = reason;
	r->why = why;
	return false;
}

/* Takes `len' bytes. */
static bool
take_bytes(struct mqtt_reader *r, size_t len, struct slice *value)
{
	if (len > r->rest.len)
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "a field runs past the end of the packet [MQTT-3.1.4-1]");
	*value = slice_make(r->rest.data, len);
	r->rest = slice_make(r->rest.data + len, r->rest.len - len);
	return true;
}

bool
mqtt_reader_u8(struct mqtt_reader *r, uint8_t *value)
{
	struct slice s;

	if (!take_bytes(r, 1, &s))
		return false;
	*value = s.data[0];
	return true;
}

bool
mqtt_reader_u16(struct mqtt_reader *r, uint16_t *value)
{
	struct slice s;

	if (!take_bytes(r, 2, &s))
		return false;
	*value = (uint16_t)(s.data[0] << 8 | s.data[1]);
	return true;
}

bool
mqtt_reader_u32(struct mqtt_reader *r, uint32_t *value)
{
	struct slice s;

	if (!take_bytes(r, 4, &s))
		return false;
	*value = (uint32_t)s.data[0] << 24 | (uint32_t)s.data[1] << 16 |
	    (uint32_t)s.data[2] << 8 | s.data[3];
	return true;
}

bool
mqtt_reader_varint(struct mqtt_reader *r, uint32_t *value)
{
	struct slice s;
	size_t used = 0;

	if (mqtt_varint_parse(r->rest, value, &used) != PARSE_OK)
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "a Variable Byte Integer is incomplete [MQTT 1.5.5]");
	if (used != mqtt_varint_len(*value))
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "a Variable Byte Integer is longer than necessary "
		    "[MQTT-1.5.5-1]");
	return take_bytes(r, used, &s);
}

bool
mqtt_reader_binary(struct mqtt_reader *r, struct slice *value)
{
	uint16_t len;

	return mqtt_reader_u16(r, &len) && take_bytes(r, len, value);
}

bool
mqtt_reader_string(struct mqtt_reader *r, struct slice *value, const char *why)
{
	if (!mqtt_reader_binary(r, value))
		return false;
	if (!utf8_valid(*value))
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED, why);
	return true;
}

bool
mqtt_reader_properties(struct mqtt_reader *r, struct slice *value)
{
	uint32_t len;

	return mqtt_reader_varint(r, &len) && take_bytes(r, len, value);
}

/*
 * The cursor.
 */

/*
 * Takes length bytes from chunk[at] on and returns how many. The header is
 * complete when c->seen is 0 again, and bad when it exceeds MQTT_VARINT_MAX.
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

/* Skips what the chunk has of the body; returns how many bytes. */
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
	struct mqtt_cursor c =
	    *cursor; /* a copy that can be kept in registers */
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
