/* SPDX-License-Identifier: ISC */
#include "mqtt_kit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct kit_bytes
kit_copy(const void *data, size_t len)
{
	struct kit_bytes b = { must(malloc(len == 0 ? 1 : len)), len };

	if (len > 0)
		memcpy(b.data, data, len);
	return b;
}

void
kit_free(struct kit_bytes *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
}

void
kit_add(struct kit_bytes *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	b->data = must(realloc(b->data, b->len + len));
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void
kit_add_u8(struct kit_bytes *b, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	kit_add(b, &byte, 1);
}

void
kit_add_u16(struct kit_bytes *b, unsigned value)
{
	kit_add_u8(b, value >> 8);
	kit_add_u8(b, value & 0xff);
}

void
kit_add_varint(struct kit_bytes *b, size_t value)
{
	do {
		kit_add_u8(b, (unsigned)(value % 128 + (value > 127) * 128));
		value /= 128;
	} while (value > 0);
}

void
kit_add_string(struct kit_bytes *b, struct slice s)
{
	kit_add_u16(b, (unsigned)s.len);
	kit_add(b, s.data, s.len);
}

struct kit_bytes
kit_hex(const char *text)
{
	struct kit_bytes b = kit_copy("", 0);
	const char *end;
	char digits[3] = "";

	while (*text != '\0') {
		if (*text == ' ') {
			text++;
		} else if (*text == '\'') {
			end = must(strchr(text + 1, '\''));
			kit_add(&b, text + 1, (size_t)(end - text) - 1);
			text = end + 1;
		} else {
			if (!isxdigit((unsigned char)text[0]) ||
			    !isxdigit((unsigned char)text[1]))
				abort();
			memcpy(digits, text, 2);
			kit_add_u8(&b, (unsigned)strtoul(digits, NULL, 16));
			text += 2;
		}
	}
	return b;
}

struct slice
kit_run(char c, size_t len)
{
	static char store[256][70000];
	char *s = store[(unsigned char)c];

	if (len > sizeof(store[0]))
		abort();
	if (s[0] == '\0')
		memset(s, c, sizeof(store[0]));
	return slice_make(s, len);
}

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
