/* SPDX-License-Identifier: ISC */
#include "mqtt/reader.h"

#include "mqtt/utf8.h"

bool
mqtt_reader_fail(struct mqtt_reader *r, enum reason reason, const char *why)
{
	r->reason = reason;
	r->why = why;
	return false;
}

bool
mqtt_reader_bytes(struct mqtt_reader *r, size_t len, struct slice *value)
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

	if (!mqtt_reader_bytes(r, 1, &s))
		return false;
	*value = s.data[0];
	return true;
}

bool
mqtt_reader_u16(struct mqtt_reader *r, uint16_t *value)
{
	struct slice s;

	if (!mqtt_reader_bytes(r, 2, &s))
		return false;
	*value = (uint16_t)(s.data[0] << 8 | s.data[1]);
	return true;
}

bool
mqtt_reader_u32(struct mqtt_reader *r, uint32_t *value)
{
	struct slice s;

	if (!mqtt_reader_bytes(r, 4, &s))
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
		    "a Variable Byte Integer has no end [MQTT 1.5.5]");
	if (used != mqtt_varint_len(*value))
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "a Variable Byte Integer is longer than it need be "
		    "[MQTT-1.5.5-1]");
	return mqtt_reader_bytes(r, used, &s);
}

bool
mqtt_reader_binary(struct mqtt_reader *r, struct slice *value)
{
	uint16_t len;

	return mqtt_reader_u16(r, &len) && mqtt_reader_bytes(r, len, value);
}

bool
mqtt_reader_string(struct mqtt_reader *r, struct slice *value, const char *why)
{
	if (!mqtt_reader_binary(r, value))
		return false;
	if (!mqtt_utf8_valid(*value))
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED, why);
	return true;
}

bool
mqtt_reader_properties(struct mqtt_reader *r, struct slice *value)
{
	uint32_t len;

	return mqtt_reader_varint(r, &len) && mqtt_reader_bytes(r, len, value);
}
