/* SPDX-License-Identifier: ISC */
#include "mqtt_kit.h"

static unsigned
flags_of(const struct mqtt_kit_connect *k)
{
	unsigned flags = k->clean ? 0x02 : 0;

	if (k->will_topic.data != NULL)
		flags |= 0x04 | k->will_qos << 3 | (k->will_retain ? 0x20 : 0);
	if (k->password.data != NULL)
		flags |= 0x40;
	if (k->username.data != NULL)
		flags |= 0x80;
	return flags;
}

static void
add_properties(struct kit_bytes *b, unsigned level, struct slice properties)
{
	if (level != 5)
		return;
	kit_add_varint(b, properties.len);
	kit_add(b, properties.data, properties.len);
}

struct kit_bytes
mqtt_kit_connect(const struct mqtt_kit_connect *k)
{
	const char *name = (k->level & 0x7f) == 3 ? "MQIsdp" : "MQTT";
	struct kit_bytes body = kit_copy("", 0), packet = kit_copy("", 0);

	kit_add_string(&body, slice_str(name));
	kit_add_u8(&body, k->level);
	kit_add_u8(&body, flags_of(k));
	kit_add_u16(&body, k->keep_alive);
	add_properties(&body, k->level, k->properties);
	kit_add_string(&body, k->client_id);
	if (k->will_topic.data != NULL) {
		add_properties(&body, k->level, k->will_properties);
		kit_add_string(&body, k->will_topic);
		kit_add_string(&body, k->will_payload);
	}
	if (k->username.data != NULL)
		kit_add_string(&body, k->username);
	if (k->password.data != NULL)
		kit_add_string(&body, k->password);
	kit_add_u8(&packet, 0x10);
	kit_add_varint(&packet, body.len);
	kit_add(&packet, body.data, body.len);
	kit_free(&body);
	return packet;
}
