/* SPDX-License-Identifier: ISC */
/*
 * CONNECT written again: rows with the exact bytes before and after, then
 * every edit on every shape against the encoder of the test kit.
 */
#include "mqtt/connect_edit.h"

#include "alloc_kit.h"
#include "mqtt_kit.h"
#include "tap.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#define V31 "0006'MQIsdp'03"
#define V311 "0004'MQTT'04"
#define V5 "0004'MQTT'05"

/* What a row asks for, in short. */
struct wish {
	const char *username; /* NULL keeps, "" removes */
	const char *client_id; /* NULL keeps, "" removes */
	bool strip;
	bool no_auth;
	const char *add[4]; /* name, value, name, value */
	const char *drop[2];
};

static const struct row {
	const char *name;
	const char *before;
	struct wish wish;
	const char *after; /* NULL: the same */
} rows[] = {
	{ "nothing asked",
	    "10 1b" V311 "ee 000a 0002'id' 0001't' 0001'm' 0001'u' 0002 00ff",
	    { .username = NULL }, NULL },
	{ "nothing asked: a long Remaining Length stays",
	    "10 9000" V311 "02 000a 0004'name'", { .username = NULL }, NULL },
	{ "strip where there is none: a long Remaining Length stays",
	    "10 9000" V311 "02 000a 0004'name'", { .strip = true }, NULL },
	{ "something asked: it becomes short",
	    "10 9000" V311 "02 000a 0004'name'", { .client_id = "n" },
	    "10 0d" V311 "02 000a 0001'n'" },
	{ "a Username where none was: flag 7 is set",
	    "10 0e" V311 "02 003c 0002'id'", { .username = "dev-1" },
	    "10 15" V311 "82 003c 0002'id' 0005'dev-1'" },
	{ "3.1: a Username where none was", "10 10" V31 "02 003c 0002'id'",
	    { .username = "dev-1" },
	    "10 17" V31 "82 003c 0002'id' 0005'dev-1'" },
	{ "v5: a Username where none was", "10 0f" V5 "02 003c 00 0002'id'",
	    { .username = "dev-1" },
	    "10 16" V5 "82 003c 00 0002'id' 0005'dev-1'" },
	{ "a Username in place of another, password stripped",
	    "10 18" V311 "c2 003c 0002'id' 0003'bob' 0003'pwd'",
	    { .username = "dev-1", .strip = true },
	    "10 15" V311 "82 003c 0002'id' 0005'dev-1'" },
	{ "a Username in place of another, password kept",
	    "10 18" V311 "c2 003c 0002'id' 0003'bob' 0003'pwd'",
	    { .username = "dev-1" },
	    "10 1a" V311 "c2 003c 0002'id' 0005'dev-1' 0003'pwd'" },
	{ "password stripped, Username kept",
	    "10 18" V311 "c2 003c 0002'id' 0003'bob' 0003'pwd'",
	    { .strip = true }, "10 13" V311 "82 003c 0002'id' 0003'bob'" },
	{ "a password of no bytes stripped too",
	    "10 15" V311 "c2 003c 0002'id' 0003'bob' 0000", { .strip = true },
	    "10 13" V311 "82 003c 0002'id' 0003'bob'" },
	{ "both of no bytes: none is left behind",
	    "10 12" V311 "c2 003c 0002'id' 0000 0000", { .strip = true },
	    "10 0e" V311 "02 003c 0002'id'" },
	{ "v5: both of no bytes: none is left behind",
	    "10 13" V5 "c2 003c 00 0002'id' 0000 0000", { .strip = true },
	    "10 0f" V5 "02 003c 00 0002'id'" },
	{ "a Username of no bytes is the client's own otherwise",
	    "10 12" V311 "c2 003c 0002'id' 0000 0000", { .client_id = "x" },
	    "10 11" V311 "c2 003c 0001'x' 0000 0000" },
	{ "a Username removed takes the password below v5",
	    "10 18" V311 "c2 003c 0002'id' 0003'bob' 0003'pwd'",
	    { .username = "" }, "10 0e" V311 "02 003c 0002'id'" },
	{ "v5: a Username removed leaves the password",
	    "10 19" V5 "c2 003c 00 0002'id' 0003'bob' 0003'pwd'",
	    { .username = "" }, "10 14" V5 "42 003c 00 0002'id' 0003'pwd'" },
	{ "v5: a password alone is stripped",
	    "10 14" V5 "42 003c 00 0002'id' 0003'pwd'", { .strip = true },
	    "10 0f" V5 "02 003c 00 0002'id'" },
	{ "v5: a password alone gets a Username",
	    "10 14" V5 "42 003c 00 0002'id' 0003'pwd'", { .username = "u" },
	    "10 17" V5 "c2 003c 00 0002'id' 0001'u' 0003'pwd'" },
	{ "3.1: flagged and missing, a Username is put in",
	    "10 10" V31 "c2 003c 0002'id'", { .username = "u", .strip = true },
	    "10 13" V31 "82 003c 0002'id' 0001'u'" },
	{ "3.1: flagged and missing, password stripped",
	    "10 10" V31 "c2 003c 0002'id'", { .strip = true },
	    "10 10" V31 "82 003c 0002'id'" },
	{ "3.1: a Username flagged and missing, removed",
	    "10 10" V31 "82 003c 0002'id'", { .username = "" },
	    "10 10" V31 "02 003c 0002'id'" },
	{ "a ClientID in place of another, the will untouched",
	    "10 1b" V311 "ee 000a 0002'id' 0001't' 0001'm' 0001'u' 0002 00ff",
	    { .client_id = "device-001" },
	    "10 23" V311
	    "ee 000a 000a'device-001' 0001't' 0001'm' 0001'u' 0002 00ff" },
	{ "a ClientID where none was", "10 0c" V311 "02 0000 0000",
	    { .client_id = "d" }, "10 0d" V311 "02 0000 0001'd'" },
	{ "a ClientID of the same length", "10 0e" V311 "02 0000 0002'id'",
	    { .client_id = "me" }, "10 0e" V311 "02 0000 0002'me'" },
	{ "a Username of the same length",
	    "10 11" V311 "82 0000 0002'id' 0001'u'", { .username = "v" },
	    "10 11" V311 "82 0000 0002'id' 0001'v'" },
	{ "a ClientID removed", "10 0e" V311 "02 0000 0002'id'",
	    { .client_id = "" }, "10 0c" V311 "02 0000 0000" },
	{ "the bridge bit stays", "10 0e" V311 "02 003c 0002'id'",
	    { .username = "u" }, "10 11" V311 "82 003c 0002'id' 0001'u'" },
	{ "the bridge bit stays set", "10 0e 0004'MQTT'84 02 003c 0002'id'",
	    { .username = "u" },
	    "10 11 0004'MQTT'84 82 003c 0002'id' 0001'u'" },
	{ "3.1: the bridge bit stays set",
	    "10 10 0006'MQIsdp'83 02 003c 0002'id'", { .username = "u" },
	    "10 13 0006'MQIsdp'83 82 003c 0002'id' 0001'u'" },
	{ "v5: properties and will properties untouched",
	    "10 2d" V5 "ee 003c 0a 11 00000005 15 0002'am' 0002'id' "
	    "07 18 00000007 0101 0002'wt' 0000 0001'u' 0001'p'",
	    { .username = "dev", .strip = true },
	    "10 2c" V5 "ae 003c 0a 11 00000005 15 0002'am' 0002'id' "
	    "07 18 00000007 0101 0002'wt' 0000 0003'dev'" },
	{ "v5: a User Property added", "10 0f" V5 "02 003c 00 0002'id'",
	    { .add = { "k", "value" } },
	    "10 1a" V5 "02 003c 0b 26 0001'k' 0005'value' 0002'id'" },
	{ "v5: added behind the client's own",
	    "10 14" V5 "02 003c 05 11 00000001 0002'id'",
	    { .add = { "k", "v", "l", "" } },
	    "10 21" V5 "02 003c 12 11 00000001 26 0001'k' 0001'v' "
	    "26 0001'l' 0000 0002'id'" },
	{ "v5: dropped by name, others stay in order",
	    "10 28" V5 "02 003c 19 26 0001'a' 0001'1' 21 0005 "
	    "26 0001'b' 0001'2' 17 00 26 0001'a' 0000 0002'id'",
	    { .drop = { "a" } },
	    "10 1b" V5 "02 003c 0c 21 0005 26 0001'b' 0001'2' 17 00 0002'id'" },
	{ "v5: dropped and added: one of ours in place of theirs",
	    "10 16" V5 "02 003c 07 26 0001'a' 0001'1' 0002'id'",
	    { .drop = { "a" }, .add = { "a", "9" } },
	    "10 16" V5 "02 003c 07 26 0001'a' 0001'9' 0002'id'" },
	{ "v5: dropped all",
	    "10 16" V5 "02 003c 07 26 0001'a' 0001'1' 0002'id'",
	    { .drop = { "x", "a" } }, "10 0f" V5 "02 003c 00 0002'id'" },
	{ "v5: names are exact",
	    "10 16" V5 "02 003c 07 26 0001'a' 0001'1' 0002'id'",
	    { .drop = { "A", "aa" } }, NULL },
	{ "v5: those of the will are not dropped",
	    "10 1c" V5 "06 003c 00 0002'id' 07 26 0001'a' 0001'1' 0001't' "
	    "0000",
	    { .drop = { "a" } }, NULL },
	{ "3.1.1 has no properties to add", "10 0e" V311 "02 003c 0002'id'",
	    { .add = { "k", "v" }, .drop = { "k" } }, NULL },
	{ "3.1.1 has none beside a change either",
	    "10 0e" V311 "02 003c 0002'id'",
	    { .username = "u", .add = { "k", "v" } },
	    "10 11" V311 "82 003c 0002'id' 0001'u'" },
	{ "v5: Authentication Method and Data removed, others stay in order",
	    "10 22" V5 "02 003c 13 11 00000001 15 0003'abc' 16 0002'xy' "
	    "21 0005 0002'id'",
	    { .no_auth = true },
	    "10 17" V5 "02 003c 08 11 00000001 21 0005 0002'id'" },
	{ "v5: a method alone removed",
	    "10 15" V5 "02 003c 06 15 0003'abc' "
	    "0002'id'",
	    { .no_auth = true }, "10 0f" V5 "02 003c 00 0002'id'" },
	{ "v5: no method to remove",
	    "10 14" V5 "02 003c 05 11 00000001 0002'id'", { .no_auth = true },
	    NULL },
	{ "3.1.1 has no method", "10 0e" V311 "02 003c 0002'id'",
	    { .no_auth = true }, NULL },
	{ "all at once",
	    "10 25" V5 "c2 003c 07 26 0001'a' 0001'1' 000a'0123456789' "
	    "0002'me' 0001'p'",
	    { .username = "dev-1",
		.client_id = "c",
		.strip = true,
		.drop = { "a" },
		.add = { "b", "2" } },
	    "10 1c" V5 "82 003c 07 26 0001'b' 0001'2' 0001'c' 0005'dev-1'" },
};

/* An edit with room for what it borrows. */
struct filled {
	struct mqtt_connect_edit edit;
	struct mqtt_user_property add[2];
	struct slice drop[2];
};

static void
set_field(struct mqtt_edit_field *f, const char *text)
{
	if (text == NULL)
		return;
	f->what = text[0] == '\0' ? MQTT_REMOVE : MQTT_SET;
	f->value = slice_str(text);
}

static void
fill(struct filled *f, const struct wish *w)
{
	size_t i;

	memset(f, 0, sizeof(*f));
	set_field(&f->edit.username, w->username);
	set_field(&f->edit.client_id, w->client_id);
	f->edit.password = w->strip ? MQTT_REMOVE : MQTT_KEEP;
	f->edit.authentication = w->no_auth ? MQTT_REMOVE : MQTT_KEEP;
	for (i = 0; i < 2 && w->add[2 * i] != NULL; i++) {
		f->add[i].name = slice_str(w->add[2 * i]);
		f->add[i].value = slice_str(w->add[2 * i + 1]);
	}
	f->edit.add = f->add;
	f->edit.add_count = i;
	for (i = 0; i < 2 && w->drop[i] != NULL; i++)
		f->drop[i] = slice_str(w->drop[i]);
	f->edit.drop = f->drop;
	f->edit.drop_count = i;
}

/* Writes after other bytes, and parses the result again. */
static bool
is_written(struct slice before, const struct mqtt_connect_edit *edit,
    struct slice after)
{
	struct mqtt_connect c;
	struct buf out;
	const char *why = NULL;
	size_t used = 0;
	bool good;

	buf_init(&out, 0);
	good = mqtt_connect_parse(&c, before, &used, &why) == PARSE_OK &&
	    buf_append(&out, "xy", 2) == OK &&
	    mqtt_connect_write(&out, &c, edit) == OK &&
	    buf_len(&out) == 2 + after.len &&
	    memcmp(buf_data(&out), "xy", 2) == 0 &&
	    memcmp(buf_data(&out) + 2, after.data, after.len) == 0 &&
	    mqtt_connect_parse(&c, after, &used, &why) == PARSE_OK;
	if (!good) {
		diag("%s", why == NULL ? "not what was wanted" : why);
		tap_hex("want  ", after.data, after.len);
		tap_hex("got xy", buf_data(&out), buf_len(&out));
	}
	buf_fini(&out);
	return good;
}

static void
check_rows(void)
{
	struct kit_bytes before, after;
	struct filled f;
	size_t i;

	for (i = 0; i < LEN(rows); i++) {
		before = kit_hex(rows[i].before);
		after = kit_hex(
		    rows[i].after == NULL ? rows[i].before : rows[i].after);
		fill(&f, &rows[i].wish);
		ok(is_written(kit_slice(&before), &f.edit, kit_slice(&after)),
		    "%s", rows[i].name);
		kit_free(&before);
		kit_free(&after);
	}
}

/* What the wish makes of the fields, said once more and otherwise. */
static struct mqtt_kit_connect
wished(struct mqtt_kit_connect k, const struct wish *w)
{
	static const struct slice none;

	if (w->strip) {
		k.password = none;
		if (k.username.data != NULL && k.username.len == 0)
			k.username = none;
	}
	if (w->username != NULL)
		k.username =
		    w->username[0] == '\0' ? none : slice_str(w->username);
	if (k.username.data == NULL && k.level != 5)
		k.password = none;
	if (w->client_id != NULL)
		k.client_id = slice_str(w->client_id);
	return k;
}

static const unsigned levels[] = { 0x03, 0x83, 0x04, 0x84, 0x05 };
static const char *const names[] = { NULL, "", "u", "device-001" };

static bool
is_as_wished(const struct mqtt_kit_connect *k, const struct wish *w)
{
	struct mqtt_kit_connect want = wished(*k, w);
	struct kit_bytes before = mqtt_kit_connect(k),
			 after = mqtt_kit_connect(&want);
	struct filled f;
	bool good;

	fill(&f, w);
	good = is_written(kit_slice(&before), &f.edit, kit_slice(&after));
	kit_free(&before);
	kit_free(&after);
	return good;
}

/* All edits of the three fields on one packet; the number that went wrong. */
static unsigned
edit_all_ways(const struct mqtt_kit_connect *k)
{
	unsigned i, wrong = 0;
	struct wish w = { 0 };

	for (i = 0; i < LEN(names) * LEN(names) * 2; i++) {
		w.username = names[i % LEN(names)];
		w.client_id = names[i / LEN(names) % LEN(names)];
		w.strip = i >= LEN(names) * LEN(names);
		wrong += !is_as_wished(k, &w);
	}
	return wrong;
}

/* Each of the fields absent, empty, short: the digits of `shape'. */
static struct mqtt_kit_connect
shape_of(unsigned level, unsigned shape)
{
	static const struct slice values[] = { { NULL, 0 },
		{ (const uint8_t *)"", 0 }, { (const uint8_t *)"abc", 3 } };
	struct mqtt_kit_connect k = { .level = level, .keep_alive = 10 };

	k.username = values[shape % 3];
	k.password = values[shape / 3 % 3];
	k.will_topic = values[shape / 9 % 3];
	k.will_payload = k.will_topic;
	k.will_retain = k.will_topic.data != NULL;
	k.client_id = shape / 27 % 2 == 0 ? values[1] : values[2];
	k.properties = slice_make("\x11\0\0\0\1", 5);
	k.will_properties = slice_make("\x01\1", 2);
	return k;
}

static void
check_shapes(void)
{
	struct mqtt_kit_connect k;
	unsigned shape;
	size_t i;

	for (i = 0; i < LEN(levels); i++) {
		for (shape = 0; shape < 54; shape++) {
			k = shape_of(levels[i], shape);
			if (k.password.data != NULL &&
			    k.username.data == NULL && k.level != 5)
				continue;
			is_int(edit_all_ways(&k), 0, "level %02x, shape %u",
			    k.level, shape);
		}
	}
}

/* Where the new Remaining Length or property length changes its own size. */
static void
check_growth(void)
{
	static const size_t lens[] = { 1, 90, 100, 110, 120, 127, 128, 16350,
		16360, 16370, 16380, 16384, 65535 };
	struct mqtt_user_property add = { kit_run('k', 1), { NULL, 0 } };
	struct mqtt_connect_edit edit = { .add = &add, .add_count = 1 };
	struct mqtt_kit_connect k = { .level = 5, .clean = true };
	struct kit_bytes before, after, property;
	size_t i, more;

	before = mqtt_kit_connect(&k);
	for (i = 0; i < LEN(lens) * 20; i++) {
		more = i % 20;
		if (lens[i / 20] + more > MQTT_STRING_MAX)
			continue;
		add.value = kit_run('v', lens[i / 20] + more);
		property = kit_hex("26 0001'k'");
		kit_add_string(&property, add.value);
		k.properties = kit_slice(&property);
		after = mqtt_kit_connect(&k);
		ok(is_written(kit_slice(&before), &edit, kit_slice(&after)),
		    "a User Property of %zu", add.value.len);
		kit_free(&after);
		kit_free(&property);
	}
	kit_free(&before);
}

static void
expect_err(const struct mqtt_connect *c, const struct mqtt_connect_edit *edit,
    enum err want, const char *name)
{
	struct buf out;

	buf_init(&out, 0);
	is_int(mqtt_connect_write(&out, c, edit), want, "%s", name);
	ok(out.mem == NULL, "%s: nothing written", name);
}

static struct mqtt_connect_edit
set_username(struct slice value)
{
	struct mqtt_connect_edit edit = { .username = { MQTT_SET, value } };

	return edit;
}

static void
check_errors(void)
{
	struct kit_bytes b = kit_hex("10 0f" V5 "02 003c 00 0002'id'");
	struct mqtt_user_property add = { kit_run('k', 1), kit_run('v', 1) };
	struct mqtt_connect_edit edit;
	struct mqtt_connect c;
	const char *why;
	size_t used;

	if (mqtt_connect_parse(&c, kit_slice(&b), &used, &why) != PARSE_OK)
		return;
	edit = set_username(kit_run('u', 65536));
	expect_err(&c, &edit, ERR_LIMIT, "a Username of 65536");
	edit = set_username(slice_make("", 0));
	expect_err(&c, &edit, ERR_MALFORMED, "a Username of nothing");
	edit = set_username(slice_make("a\0b", 3));
	expect_err(&c, &edit, ERR_MALFORMED, "a Username with U+0000");
	edit = (struct mqtt_connect_edit){ .client_id = { MQTT_SET,
					       kit_run('c', 65536) } };
	expect_err(&c, &edit, ERR_LIMIT, "a ClientID of 65536");
	edit.client_id.value = slice_str("\xed\xa0\x80");
	expect_err(&c, &edit, ERR_MALFORMED, "a ClientID with a surrogate");
	edit = (struct mqtt_connect_edit){ .add = &add, .add_count = 1 };
	add.value = kit_run('v', 65536);
	expect_err(&c, &edit, ERR_LIMIT, "a property value of 65536");
	add.value = slice_str("\xff");
	expect_err(&c, &edit, ERR_MALFORMED, "a property value not UTF-8");
	add.name = slice_str("\xff");
	add.value = slice_str("v");
	expect_err(&c, &edit, ERR_MALFORMED, "a property name not UTF-8");
	kit_free(&b);
}

/* 4,096 properties of 65,535 + 65,535: more than a header can say. */
static void
check_too_large(void)
{
	static struct mqtt_user_property add[4096];
	struct mqtt_connect_edit edit = { .add = add, .add_count = LEN(add) };
	struct kit_bytes b = kit_hex("10 0f" V5 "02 003c 00 0002'id'");
	struct mqtt_connect c;
	const char *why;
	size_t i, used;

	for (i = 0; i < LEN(add); i++) {
		add[i].name = kit_run('n', 65535);
		add[i].value = kit_run('v', 65535);
	}
	if (mqtt_connect_parse(&c, kit_slice(&b), &used, &why) != PARSE_OK)
		return;
	expect_err(&c, &edit, ERR_LIMIT, "512 MiB of User Properties");
	/* 2,047 x 131,075, this one, and 18 bytes around = 268,435,455 */
	edit.add_count = 2048;
	add[2047].value.len = 59372;
	alloc_kit_fail(1);
	expect_err(&c, &edit, ERR_NO_MEMORY, "fits, were there memory");
	alloc_kit_fail(0);
	add[2047].value.len++;
	expect_err(&c, &edit, ERR_LIMIT, "one byte more");
	kit_free(&b);
}

static void
check_cap(void)
{
	struct kit_bytes b = kit_hex("10 0f" V5 "02 003c 00 0002'id'");
	struct mqtt_connect_edit edit = set_username(kit_run('u', 10));
	struct mqtt_connect c;
	struct buf out;
	const char *why;
	size_t used;

	if (mqtt_connect_parse(&c, kit_slice(&b), &used, &why) != PARSE_OK)
		return;
	buf_init(&out, 28);
	is_int(mqtt_connect_write(&out, &c, &edit), ERR_LIMIT,
	    "one byte over the buffer's cap");
	ok(buf_len(&out) == 0, "leaves it as it was");
	buf_fini(&out);
	buf_init(&out, 29);
	is_int(mqtt_connect_write(&out, &c, &edit), OK, "exactly the cap");
	is_int((long long)buf_len(&out), 29, "is filled");
	buf_fini(&out);
	kit_free(&b);
}

int
main(void)
{
	check_rows();
	check_shapes();
	check_growth();
	check_errors();
	check_too_large();
	check_cap();
	return done_testing();
}
