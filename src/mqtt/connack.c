/* SPDX-License-Identifier: ISC */
#include "mqtt/connack.h"

#include "base/utf8.h"
#include "mqtt/property.h"

#define FIRST_BYTE (MQTT_TYPE_CONNACK << 4)
#define FLAGS_AND_CODE 2 /* bytes; before MQTT 5 there is nothing else */

static bool
take_properties(struct mqtt_reader *r, struct mqtt_connack *a)
{
	struct mqtt_property_walk w;
	struct mqtt_property p;

	if (a->level < MQTT_LEVEL_5 || r->rest.len == 0)
		return true;
	if (!mqtt_reader_properties(r, &a->properties))
		return false;
	mqtt_property_walk_init(&w, a->properties, MQTT_PROPERTIES_CONNACK);
	while (mqtt_property_next(&w, &p)) {
		if (p.id == MQTT_PROPERTY_ASSIGNED_CLIENT_ID)
			a->has_assigned_client_id = true;
	}
	if (w.reader.why != NULL)
		return mqtt_reader_fail(r, w.reader.reason, w.reader.why);
	return true;
}

static bool
take_body(struct mqtt_reader *r, struct mqtt_connack *a)
{
	if (!mqtt_reader_u8(r, &a->flags) || !mqtt_reader_u8(r, &a->code) ||
	    !take_properties(r, a))
		return false;
	if (r->rest.len != 0)
		return mqtt_reader_fail(r, REASON_MQTT_MALFORMED,
		    "bytes follow the last field of the CONNACK");
	return true;
}

static enum parse
take_header(struct mqtt_header *h, struct slice in, const char **why)
{
	enum parse parsed = mqtt_header_parse(h, in);

	if (in.len > 0 && in.data[0] != FIRST_BYTE) {
		*why = "not a CONNACK";
		return PARSE_BAD;
	}
	if (parsed == PARSE_BAD)
		*why = "the Remaining Length has more than four bytes";
	else if (parsed == PARSE_OK && in.len < mqtt_header_total(h))
		parsed = PARSE_MORE;
	return parsed;
}

enum parse
mqtt_connack_parse(struct mqtt_connack *a, struct slice in,
    enum mqtt_level level, size_t *used, const char **why)
{
	struct mqtt_header h;
	struct mqtt_reader r;
	enum parse parsed;

	memset(a, 0, sizeof(*a));
	a->level = level;
	parsed = take_header(&h, in, why);
	if (parsed != PARSE_OK)
		return parsed;
	mqtt_reader_init(&r, slice_make(in.data + h.len, h.remaining));
	if (!take_body(&r, a)) {
		*why = r.why;
		return PARSE_BAD;
	}
	*used = mqtt_header_total(&h);
	return PARSE_OK;
}

static enum err
check_assign(const struct mqtt_connack *a, struct slice client_id)
{
	if (a->level < MQTT_LEVEL_5 || a->code != 0)
		return ERR_REFUSED;
	if (a->has_assigned_client_id)
		return ERR_EXISTS;
	if (client_id.len > MQTT_STRING_MAX)
		return ERR_LIMIT;
	if (client_id.len == 0 || !utf8_valid(client_id))
		return ERR_MALFORMED;
	return OK;
}

static void
put_assigned(uint8_t *out, const struct mqtt_connack *a, struct slice client_id,
    size_t remaining, size_t properties_len)
{
	*out++ = FIRST_BYTE;
	out = mqtt_varint_write(out, (uint32_t)remaining);
	*out++ = a->flags;
	*out++ = a->code;
	out = mqtt_varint_write(out, (uint32_t)properties_len);
	if (a->properties.len > 0)
		memcpy(out, a->properties.data, a->properties.len);
	out += a->properties.len;
	*out++ = MQTT_PROPERTY_ASSIGNED_CLIENT_ID;
	(void)mqtt_string_write(out, client_id);
}

enum err
mqtt_connack_assign(struct buf *out, const struct mqtt_connack *a,
    struct slice client_id, uint32_t maximum_packet_size)
{
	enum err err = check_assign(a, client_id);
	size_t properties_len, remaining, total;
	uint8_t *room;

	if (err != OK)
		return err;
	properties_len = a->properties.len + 1 + 2 + client_id.len;
	if (properties_len > MQTT_REMAINING_MAX)
		return ERR_LIMIT;
	remaining = FLAGS_AND_CODE + mqtt_varint_len((uint32_t)properties_len) +
	    properties_len;
	if (remaining > MQTT_REMAINING_MAX)
		return ERR_LIMIT;
	total = 1 + mqtt_varint_len((uint32_t)remaining) + remaining;
	if ((maximum_packet_size != 0 && total > maximum_packet_size) ||
	    (out->cap != 0 && total > out->cap - buf_len(out)))
		return ERR_LIMIT;
	room = buf_reserve(out, total);
	if (room == NULL)
		return ERR_NO_MEMORY;
	put_assigned(room, a, client_id, remaining, properties_len);
	buf_commit(out, total);
	return OK;
}

size_t
mqtt_connack_refuse(uint8_t out[8], enum mqtt_level level, enum reason reason)
{
	bool v5 = level == MQTT_LEVEL_5;

	if (level == MQTT_LEVEL_UNKNOWN)
		return 0;
	out[0] = FIRST_BYTE;
	out[1] = v5 ? 3 : 2;
	out[2] = 0; /* no session is present */
	out[3] = v5 ? reason_v5(reason) : reason_v3(reason);
	out[4] = 0; /* v5: no properties */
	return out[3] == 0 ? 0 : 2 + (size_t)out[1];
}

size_t
mqtt_connack_redirect(uint8_t *out, size_t room, uint8_t code,
    struct slice reference)
{
	size_t properties = 1 + 2 + reference.len;
	size_t remaining =
	    FLAGS_AND_CODE + mqtt_varint_len((uint32_t)properties) + properties;
	size_t total = 1 + mqtt_varint_len((uint32_t)remaining) + remaining;

	if (reference.len > MQTT_STRING_MAX || total > room)
		return 0;
	*out++ = FIRST_BYTE;
	out = mqtt_varint_write(out, (uint32_t)remaining);
	*out++ = 0; /* no session is present */
	*out++ = code;
	out = mqtt_varint_write(out, (uint32_t)properties);
	*out++ = MQTT_PROPERTY_SERVER_REFERENCE;
	(void)mqtt_string_write(out, reference);
	return total;
}
