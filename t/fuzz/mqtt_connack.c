/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a CONNACK, the first of them saying for which version: what is
 * good and accepts a v5 client can be told a ClientID once, says all it said
 * before, and is then not told another.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "mqtt/connack.h"
#include "mqtt/property.h"

/* `b' is `a' with an Assigned Client Identifier after its properties. */
static void
check_told(const struct mqtt_connack *a, const struct mqtt_connack *b,
    struct slice client_id)
{
	size_t added = 1 + 2 + client_id.len;

	must(b->has_assigned_client_id);
	must(b->flags == a->flags && b->code == a->code);
	must(b->properties.len == a->properties.len + added);
	must(slice_equal(slice_make(b->properties.data, a->properties.len),
	    a->properties));
	must(b->properties.data[a->properties.len] ==
	    MQTT_PROPERTY_ASSIGNED_CLIENT_ID);
	must(memcmp(b->properties.data + b->properties.len - client_id.len,
		 client_id.data, client_id.len) == 0);
}

static void
check_assign(const struct mqtt_connack *a, uint32_t most)
{
	struct slice id = slice_str("device-001");
	struct mqtt_connack told;
	const char *why;
	struct buf out, never;
	size_t used;
	enum err err;

	buf_init(&out, 0);
	buf_init(&never, 0);
	err = mqtt_connack_assign(&out, a, id, most);
	must((err == ERR_EXISTS) ==
	    (a->level == MQTT_LEVEL_5 && a->code == 0 &&
		a->has_assigned_client_id));
	must((err == OK) == (buf_len(&out) > 0));
	if (err == OK) {
		must(most == 0 || buf_len(&out) <= most);
		must(mqtt_connack_parse(&told, buf_slice(&out), a->level, &used,
			 &why) == PARSE_OK);
		must(used == buf_len(&out));
		check_told(a, &told, id);
		must(mqtt_connack_assign(&never, &told, id, 0) == ERR_EXISTS);
	}
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mqtt_level levels[] = { MQTT_LEVEL_31, MQTT_LEVEL_311,
		MQTT_LEVEL_5, MQTT_LEVEL_5 };
	struct mqtt_connack a;
	const char *why = NULL;
	size_t used = 0;
	struct slice in;
	enum parse parsed;

	if (size == 0)
		return 0;
	in = slice_make(data + 1, size - 1);
	parsed = mqtt_connack_parse(&a, in, levels[data[0] % 4], &used, &why);
	must((parsed == PARSE_BAD) == (why != NULL));
	if (parsed != PARSE_OK)
		return 0;
	must(used <= in.len);
	check_inside(a.properties, slice_make(in.data, used));
	check_assign(&a, 0);
	check_assign(&a, data[0]);
	return 0;
}
