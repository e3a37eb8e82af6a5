/* SPDX-License-Identifier: ISC */
#include "mqtt/connect_edit.h"

#include "base/utf8.h"
#include "mqtt/property.h"

/* The offset of the connect flags from the end of the intro. */
#define FLAGS_FROM_END 3

/* What the new packet will consist of; computed before a byte is written. */
struct plan {
	bool same; /* nothing changes: the client's bytes are kept */
	bool has_username;
	bool has_password;
	uint8_t flags;
	struct slice username;
	struct slice client_id;
	size_t properties_len;
	size_t remaining;
	size_t total;
};

static enum err
check_string(struct slice s)
{
	if (s.len > MQTT_STRING_MAX)
		return ERR_LIMIT;
	return utf8_valid(s) ? OK : ERR_MALFORMED;
}

static enum err
check_edit(const struct mqtt_connect_edit *edit)
{
	enum err err = OK;
	size_t i;

	if (edit->username.what == MQTT_SET)
		err = edit->username.value.len == 0
		    ? ERR_MALFORMED
		    : check_string(edit->username.value);
	if (err == OK && edit->client_id.what == MQTT_SET)
		err = check_string(edit->client_id.value);
	for (i = 0; err == OK && i < edit->add_count; i++) {
		err = check_string(edit->add[i].name);
		if (err == OK)
			err = check_string(edit->add[i].value);
	}
	return err;
}

static bool
is_dropped(const struct mqtt_property *p, const struct mqtt_connect_edit *edit)
{
	size_t i;

	if (p->id == MQTT_PROPERTY_AUTH_METHOD ||
	    p->id == MQTT_PROPERTY_AUTH_DATA)
		return edit->authentication == MQTT_REMOVE;
	if (p->id != MQTT_PROPERTY_USER)
		return false;
	for (i = 0; i < edit->drop_count; i++) {
		if (slice_equal(p->name, edit->drop[i]))
			return true;
	}
	return false;
}

/* True if the client's properties have to be examined; mostly they need not. */
static bool
may_drop(const struct mqtt_connect *c, const struct mqtt_connect_edit *edit)
{
	return (edit->drop_count > 0 && c->user_property_count > 0) ||
	    (edit->authentication == MQTT_REMOVE && c->has_authentication);
}

/* Bytes of the client's properties that are kept. */
static size_t
kept_len(const struct mqtt_connect *c, const struct mqtt_connect_edit *edit)
{
	size_t len = c->properties.len;
	struct mqtt_property_walk w;
	struct mqtt_property p;

	if (!may_drop(c, edit))
		return len;
	mqtt_property_walk_init(&w, c->properties, MQTT_PROPERTIES_CONNECT);
	while (mqtt_property_next(&w, &p)) {
		if (is_dropped(&p, edit))
			len -= p.raw.len;
	}
	return len;
}

/* Bytes of the added User Properties: each has an identifier and two strings.
 */
static size_t
added_len(const struct mqtt_connect_edit *edit)
{
	size_t i, len = 0;

	for (i = 0; i < edit->add_count; i++)
		len +=
		    1 + 2 + edit->add[i].name.len + 2 + edit->add[i].value.len;
	return len;
}

static void
plan_credentials(struct plan *plan, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	bool strip = edit->password == MQTT_REMOVE;

	plan->flags = c->flags;
	plan->username = c->username;
	plan->has_username = c->has_username;
	plan->has_password = c->has_password;
	if (edit->username.what == MQTT_SET) {
		plan->username = edit->username.value;
		plan->has_username = true;
		plan->flags |= MQTT_FLAG_USERNAME;
	} else if (edit->username.what == MQTT_REMOVE ||
	    (strip && c->has_username && c->username.len == 0)) {
		plan->has_username = false;
		plan->flags &= (uint8_t)~MQTT_FLAG_USERNAME;
	}
	if (c->level < MQTT_LEVEL_5 && (plan->flags & MQTT_FLAG_USERNAME) == 0)
		strip = true;
	if (strip) {
		plan->has_password = false;
		plan->flags &= (uint8_t)~MQTT_FLAG_PASSWORD;
	}
}

static void
plan_client_id(struct plan *plan, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	plan->client_id = c->client_id;
	if (edit->client_id.what == MQTT_SET)
		plan->client_id = edit->client_id.value;
	else if (edit->client_id.what == MQTT_REMOVE)
		plan->client_id.len = 0;
}

static void
plan_properties(struct plan *plan, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	plan->properties_len = c->properties.len;
	if (c->level == MQTT_LEVEL_5)
		plan->properties_len = kept_len(c, edit) + added_len(edit);
}

static bool
is_same(const struct plan *plan, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	return edit->username.what != MQTT_SET && plan->flags == c->flags &&
	    plan->has_username == c->has_username &&
	    plan->has_password == c->has_password &&
	    edit->client_id.what != MQTT_SET &&
	    plan->client_id.len == c->client_id.len &&
	    plan->properties_len == c->properties.len &&
	    (edit->add_count == 0 || c->level < MQTT_LEVEL_5);
}

static size_t
body_len(const struct plan *plan, const struct mqtt_connect *c)
{
	size_t len = c->intro.len + 2 + plan->client_id.len + c->will.len;

	if (c->level == MQTT_LEVEL_5)
		len += mqtt_varint_len((uint32_t)plan->properties_len) +
		    plan->properties_len;
	if (plan->has_username)
		len += 2 + plan->username.len;
	if (plan->has_password)
		len += 2 + c->password.len;
	return len;
}

static enum err
make_plan(struct plan *plan, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	enum err err = check_edit(edit);

	if (err != OK)
		return err;
	plan_credentials(plan, c, edit);
	plan_client_id(plan, c, edit);
	plan_properties(plan, c, edit);
	if (plan->properties_len > MQTT_REMAINING_MAX)
		return ERR_LIMIT;
	plan->same = is_same(plan, c, edit);
	plan->remaining = body_len(plan, c);
	if (plan->remaining > MQTT_REMAINING_MAX)
		return ERR_LIMIT;
	plan->total = plan->same
	    ? c->raw.len
	    : 1 + mqtt_varint_len((uint32_t)plan->remaining) + plan->remaining;
	return OK;
}

static uint8_t *
put_slice(uint8_t *out, struct slice s)
{
	if (s.len > 0)
		memcpy(out, s.data, s.len);
	return out + s.len;
}

static uint8_t *
put_kept(uint8_t *out, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	struct mqtt_property_walk w;
	struct mqtt_property p;

	if (!may_drop(c, edit))
		return put_slice(out, c->properties);
	mqtt_property_walk_init(&w, c->properties, MQTT_PROPERTIES_CONNECT);
	while (mqtt_property_next(&w, &p)) {
		if (!is_dropped(&p, edit))
			out = put_slice(out, p.raw);
	}
	return out;
}

static uint8_t *
put_properties(uint8_t *out, const struct plan *plan,
    const struct mqtt_connect *c, const struct mqtt_connect_edit *edit)
{
	size_t i;

	out = mqtt_varint_write(out, (uint32_t)plan->properties_len);
	out = put_kept(out, c, edit);
	for (i = 0; i < edit->add_count; i++) {
		*out++ = MQTT_PROPERTY_USER;
		out = mqtt_string_write(out, edit->add[i].name);
		out = mqtt_string_write(out, edit->add[i].value);
	}
	return out;
}

static void
put_packet(uint8_t *out, const struct plan *plan, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	*out++ = c->raw.data[0];
	out = mqtt_varint_write(out, (uint32_t)plan->remaining);
	out = put_slice(out, c->intro);
	out[-FLAGS_FROM_END] = plan->flags;
	if (c->level == MQTT_LEVEL_5)
		out = put_properties(out, plan, c, edit);
	out = mqtt_string_write(out, plan->client_id);
	out = put_slice(out, c->will);
	if (plan->has_username)
		out = mqtt_string_write(out, plan->username);
	if (plan->has_password)
		(void)mqtt_string_write(out, c->password);
}

enum err
mqtt_connect_write(struct buf *out, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit)
{
	struct plan plan;
	enum err err = make_plan(&plan, c, edit);
	uint8_t *room;

	if (err != OK)
		return err;
	if (plan.same)
		return buf_append(out, c->raw.data, c->raw.len);
	if (out->cap != 0 && plan.total > out->cap - buf_len(out))
		return ERR_LIMIT;
	room = buf_reserve(out, plan.total);
	if (room == NULL)
		return ERR_NO_MEMORY;
	put_packet(room, &plan, c, edit);
	buf_commit(out, plan.total);
	return OK;
}
