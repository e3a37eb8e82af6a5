/* SPDX-License-Identifier: ISC */
#include "mqtt/disconnect.h"

#include "base/utf8.h"
#include "mqtt/property.h"

#define FIRST_BYTE (MQTT_TYPE_DISCONNECT << 4)

static uint8_t *
put_u32(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 24);
	out[1] = (uint8_t)(value >> 16);
	out[2] = (uint8_t)(value >> 8);
	out[3] = (uint8_t)value;
	return out + 4;
}

static size_t
properties_len(const struct mqtt_disconnect *d)
{
	size_t len = d->has_session_expiry ? 1 + 4 : 0;

	if (d->server_reference.len > 0)
		len += 1 + 2 + d->server_reference.len;
	return len;
}

/* Bytes after the fixed header. An empty body means code 0 (3.14.2.1); in all
 * other bodies the empty property list is written, because some clients
 * require it. */
static size_t
body_len(const struct mqtt_disconnect *d)
{
	size_t len = properties_len(d);

	if (d->level < MQTT_LEVEL_5)
		return 0;
	if (d->code == MQTT_DISCONNECT_NORMAL && len == 0)
		return 0;
	return 1 + mqtt_varint_len((uint32_t)len) + len;
}

static void
put_body(uint8_t *out, const struct mqtt_disconnect *d)
{
	*out++ = d->code;
	out = mqtt_varint_write(out, (uint32_t)properties_len(d));
	if (d->has_session_expiry) {
		*out++ = MQTT_PROPERTY_SESSION_EXPIRY;
		out = put_u32(out, d->session_expiry);
	}
	if (d->server_reference.len > 0) {
		*out++ = MQTT_PROPERTY_SERVER_REFERENCE;
		(void)mqtt_string_write(out, d->server_reference);
	}
}

enum err
mqtt_disconnect_write(struct buf *out, const struct mqtt_disconnect *d)
{
	size_t body, total;
	uint8_t *room;

	if (d->server_reference.len > MQTT_STRING_MAX)
		return ERR_LIMIT;
	if (!utf8_valid(d->server_reference))
		return ERR_MALFORMED;
	body = body_len(d);
	total = 1 + mqtt_varint_len((uint32_t)body) + body;
	if (out->cap != 0 && total > out->cap - buf_len(out))
		return ERR_LIMIT;
	room = buf_reserve(out, total);
	if (room == NULL)
		return ERR_NO_MEMORY;
	*room++ = FIRST_BYTE;
	room = mqtt_varint_write(room, (uint32_t)body);
	if (body > 0)
		put_body(room, d);
	buf_commit(out, total);
	return OK;
}
