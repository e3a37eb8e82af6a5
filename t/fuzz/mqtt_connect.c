/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a CONNECT: read it; what is good must come out of an edit that
 * changes nothing as it went in, and out of one that changes all as a good
 * CONNECT with just that.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "mqtt/connect.h"
#include "mqtt/connect_edit.h"

static void
check_slices(const struct mqtt_connect *c)
{
	check_inside(c->intro, c->raw);
	check_inside(c->properties, c->raw);
	check_inside(c->client_id, c->raw);
	check_inside(c->will, c->raw);
	check_inside(c->username, c->raw);
	check_inside(c->password, c->raw);
}

/* Writes `c' if `edit' allows it; `out' stays empty if not. */
static void
write_edited(struct buf *out, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	buf_init(out, 0);
	must((mqtt_connect_write(out, c, edit) == OK) == (buf_len(out) > 0));
}

static void
check_unchanged(const struct mqtt_connect *c)
{
	struct mqtt_connect_edit edit = { 0 };
	struct buf out;

	write_edited(&out, c, &edit);
	if (buf_len(&out) == c->raw.len)
		must(slice_equal(buf_slice(&out), c->raw));
	buf_fini(&out);
}

static void
check_changed(const struct mqtt_connect *c)
{
	struct mqtt_connect_edit edit = {
		.username = { MQTT_SET, slice_str("device-001") },
		.client_id = { MQTT_SET, slice_str("device-001") },
		.password = MQTT_REMOVE,
	};
	struct mqtt_connect again;
	const char *why;
	struct buf out;
	size_t used;

	write_edited(&out, c, &edit);
	if (buf_len(&out) > 0) {
		must(mqtt_connect_parse(&again, buf_slice(&out), &used, &why) ==
		    PARSE_OK);
		must(used == buf_len(&out));
		must(slice_equal(again.username, edit.username.value));
		must(slice_equal(again.client_id, edit.client_id.value));
		must(!again.has_password);
		must(slice_equal(again.will, c->will));
		must(slice_equal(again.properties, c->properties));
	}
	buf_fini(&out);
}

/* With our own User Property in place of the client's of that name, and then
 * without ours: what is left is what the client sent but for those. */
static void
check_property(const struct mqtt_connect *c)
{
	struct mqtt_user_property ours = { slice_str("k"), slice_str("ours") };
	struct mqtt_connect_edit edit = {
		.drop = &ours.name,
		.drop_count = 1,
	};
	struct mqtt_connect with, without;
	const char *why;
	struct buf first, second, third;
	size_t used;

	write_edited(&first, c, &edit);
	edit.add = &ours;
	edit.add_count = 1;
	write_edited(&second, c, &edit);
	must(mqtt_connect_parse(&without, buf_slice(&first), &used, &why) ==
	    PARSE_OK);
	must(without.user_property_count <= c->user_property_count);
	must(slice_equal(without.will, c->will));
	must(mqtt_connect_parse(&with, buf_slice(&second), &used, &why) ==
	    PARSE_OK);
	must(with.user_property_count ==
	    without.user_property_count + (c->level == MQTT_LEVEL_5));
	edit.add_count = 0;
	write_edited(&third, &with, &edit);
	must(slice_equal(buf_slice(&third), buf_slice(&first)));
	buf_fini(&first);
	buf_fini(&second);
	buf_fini(&third);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	struct mqtt_connect_peek peek;
	enum mqtt_level level;
	struct mqtt_connect c;
	const char *why = NULL;
	size_t used;
	enum parse parsed;

	(void)mqtt_connect_peek(&peek, in);
	(void)mqtt_connect_level(in, &level);
	parsed = mqtt_connect_parse(&c, in, &used, &why);
	if (parsed == PARSE_BAD)
		must(c.reason != REASON_NONE && why != NULL);
	if (parsed != PARSE_OK)
		return 0;
	must(used <= size && c.raw.len == used);
	check_slices(&c);
	check_unchanged(&c);
	check_changed(&c);
	check_property(&c);
	return 0;
}
