/* SPDX-License-Identifier: ISC */
#include "mqtt/packet.h"

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
	enum parse verdict;
	size_t used = 0;

	if (in.len == 0)
		return PARSE_MORE;
	verdict = mqtt_varint_parse(slice_make(in.data + 1, in.len - 1),
	    &h->remaining, &used);
	h->first = in.data[0];
	h->len = (uint8_t)(1 + used);
	return verdict;
}
