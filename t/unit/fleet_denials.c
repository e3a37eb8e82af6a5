/* SPDX-License-Identifier: ISC */
/*
 * The fleet's deny list of one replica: what it refuses to read, that the order
 * of arrival does not matter, and that a copy is whole or nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "fleet/denials.h"
#include "tap.h"

/* 2026-11-28, in ms; and stamps around it. */
#define NOW INT64_C(1795824000000)

static struct fleet_entry entry;
static const struct hash_key hash = { 1, 2 };

static const char *
parse(const char *field, const char *value)
{
	return fleet_entry_parse(&entry, slice_str(field), slice_str(value),
	    NOW);
}

static const char *
stamp(int64_t ms)
{
	static char text[2][FLEET_STAMP_LEN + 1];
	static int turn;

	turn = 1 - turn;
	fleet_stamp_text(text[turn], ms << 20);
	return text[turn];
}

static const struct {
	const char *name;
	const char *field;
	const char *value;
} bad[] = {
	{ "no kind", "device", "0000000000000001 never " },
	{ "an unknown kind", "colour red", "0000000000000001 never " },
	{ "no value", "cn ", "0000000000000001 never " },
	{ "a value of another kind", "sha256 xyz", "0000000000000001 never " },
	{ "an address that is none", "peerhost 1.2.3",
	    "0000000000000001 never " },
	{ "a bad expression", "clientid_re (((", "0000000000000001 never " },
	{ "nothing", "cn a", "" },
	{ "no stamp", "cn a", "never stolen" },
	{ "a short stamp", "cn a", "000000000000001 never " },
	{ "a stamp of 0", "cn a", "0000000000000000 never " },
	{ "a negative stamp", "cn a", "ffffffffffffffff never " },
	{ "no digits", "cn a", "000000000000000g never " },
	{ "no time", "cn a", "0000000000000001 " },
	{ "a time that is none", "cn a", "0000000000000001 soon x" },
	{ "an endless time", "cn a", "0000000000000001 9999999999999999999 x" },
	{ "taken back in the far future", "cn a", "3fffffffffffffff - " },
};

static void
test_bad(void)
{
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(parse(bad[i].field, bad[i].value) != NULL, "refused: %s",
		    bad[i].name);
}

static void
test_good(void)
{
	ok(parse("cn device 7", "0000000000000001 never a b") == NULL,
	    "a value and a reason with blanks");
	ok(entry.until == IDENTITY_DENY_FOREVER, "for ever");
	ok(slice_equal(entry.reason, slice_str("a b")), "the reason");
	ok(parse("cn a", "0000000000000001 1795824000 ") == NULL &&
		entry.until == 1795824000,
	    "until a time");
	ok(parse("cn a", "3fffffffffffffff never ") == NULL &&
		entry.stamp == (NOW + 24 * 3600 * 1000) << 20,
	    "a stamp from the far future is cut");
	ok(parse("cn a", "0000000000000001 - x") == NULL &&
		entry.until == IDENTITY_DENY_REMOVED && entry.reason.len == 0,
	    "taken back");
}

struct change {
	const char *field;
	const char *rest;
	int64_t ms;
};

static const struct change changes[] = {
	{ "cn a", "never first", 1 },
	{ "cn a", "- ", 2 },
	{ "cn b", "- ", 3 },
	{ "cn b", "never again", 4 },
	{ "peerhost_net 192.0.2.0/24", "never ", 5 },
	{ "cn a", "1795824000 third", 6 },
};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

static void
take(struct fleet_denials *d, const struct change *c)
{
	enum fleet_effect effect;
	char value[128];

	snprintf(value, sizeof(value), "%s %s", stamp(c->ms), c->rest);
	if (parse(c->field, value) != NULL ||
	    fleet_denials_set(d, &entry, &effect, NULL) != OK)
		abort();
}

/* The entries and stamps as one text, sorted by kind of order: by key. */
static void
describe(const struct fleet_denials *d, char out[1024])
{
	static const char *const fields[] = { "cn a", "cn b",
		"peerhost_net 192.0.2.0/24" };
	struct buf field, value;
	size_t i, n;

	out[0] = '\0';
	for (n = 0; n < 3; n++) {
		for (i = 0; i < d->state.count; i++) {
			buf_init(&field, 0);
			buf_init(&value, 0);
			if (fleet_denials_field(d, i, &field) != OK ||
			    fleet_denials_value(d, i, &value) != OK)
				abort();
			if (slice_equal(buf_slice(&field),
				slice_str(fields[n])))
				snprintf(out + strlen(out), 1024 - strlen(out),
				    "%s %lld %.*s;", fields[n],
				    (long long)(d->notes[i].stamp >> 20),
				    (int)buf_len(&value),
				    (const char *)buf_data(&value));
			buf_fini(&field);
			buf_fini(&value);
		}
	}
}

static void
test_order(void)
{
	static const size_t orders[][CHANGES] = { { 0, 1, 2, 3, 4, 5 },
		{ 5, 4, 3, 2, 1, 0 }, { 1, 0, 3, 2, 5, 4 },
		{ 5, 0, 1, 3, 2, 4 } };
	struct fleet_denials d;
	char text[1024];
	size_t i, n;

	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		fleet_denials_init(&d, &hash);
		for (n = 0; n < CHANGES; n++) {
			take(&d, &changes[orders[i][n]]);
			take(&d, &changes[orders[i][n]]); /* and once more */
		}
		describe(&d, text);
		is_str(text,
		    "cn a 6 1795824000 third;cn b 4 never again;"
		    "peerhost_net 192.0.2.0/24 5 never ;",
		    "order %zu: the same list", i);
		is_int((long long)d.active, 3, "three of them deny");
		fleet_denials_fini(&d);
	}
}

static void
test_stamps(void)
{
	struct fleet_denials d;
	int64_t a, b;

	fleet_denials_init(&d, &hash);
	a = fleet_denials_stamp(&d, NOW);
	b = fleet_denials_stamp(&d, NOW - 5000);
	ok(b > a, "stamps grow when the clock goes back");
	take(&d, &(struct change){ "cn a", "never ", NOW + 60000 });
	ok(fleet_denials_stamp(&d, NOW) > (NOW + 60000) << 20,
	    "and pass what others have given");
	fleet_denials_fini(&d);
}

static void
test_copy(void)
{
	struct fleet_position position = { "epoch", "17-3", true }, read;
	struct fleet_denials d, e;
	char text[1024], copy[1024];
	struct buf out;
	uint8_t *exact;
	size_t i, n = 0;

	fleet_denials_init(&d, &hash);
	for (i = 0; i < CHANGES; i++)
		take(&d, &changes[i]);
	d.notes[1].pending = true;
	d.notes[1].file_row = 0x89abcdef;
	buf_init(&out, 0);
	ok(fleet_denials_save(&d, &position, &out) == OK, "saved");
	describe(&d, text);
	fleet_denials_init(&e, &hash);
	ok(fleet_denials_load(&e, &read, buf_slice(&out), NOW) == OK, "loaded");
	describe(&e, copy);
	is_str(copy, text, "the same list");
	is_str(read.id, "17-3", "the same place in the stream");
	ok(e.notes[1].pending && !e.notes[0].pending, "what was not sent");
	ok(read.file_known && e.notes[1].file_row == 0x89abcdef &&
		e.notes[0].file_row == 0,
	    "what the file had");
	fleet_denials_fini(&e);
	for (i = 0; i < buf_len(&out); i++) {
		exact = malloc(i + 1);
		memcpy(exact, buf_data(&out), i);
		fleet_denials_init(&e, &hash);
		n += fleet_denials_load(&e, &read, slice_make(exact, i), NOW) ==
		    ERR_MALFORMED;
		fleet_denials_fini(&e);
		free(exact);
	}
	is_int((long long)n, (long long)buf_len(&out), "no part of it passes");
	n = buf_len(&out) - 30;
	buf_data(&out)[n] ^= 1;
	fleet_denials_init(&e, &hash);
	ok(fleet_denials_load(&e, &read, buf_slice(&out), NOW) != OK,
	    "nor one that was changed");
	fleet_denials_fini(&e);
	fleet_denials_fini(&d);
	buf_fini(&out);
}

/* As the first version of this program has written it. */
static void
test_old_copy(void)
{
	char text[256] = "sallyport-fleet 1 e 1-1 1\n"
			 "4 24 1\ncn a0000000000000001 never x\n";
	struct fleet_position read;
	struct fleet_denials d;

	snprintf(text + strlen(text), 64, "end %016llx\n",
	    (unsigned long long)hash_fnv(HASH_FNV_BEGIN, slice_str(text)));
	fleet_denials_init(&d, &hash);
	ok(fleet_denials_load(&d, &read, slice_str(text), NOW) == OK,
	    "a copy without notes of the file");
	ok(d.active == 1 && d.notes[0].pending && d.notes[0].file_row == 0 &&
		!read.file_known,
	    "is read");
	fleet_denials_fini(&d);
}

static void
test_ids(void)
{
	ok(fleet_id_is_good(slice_str("0-0")), "an id");
	ok(fleet_id_is_good(slice_str("1795824000000-12")), "a long one");
	ok(!fleet_id_is_good(slice_str("")), "none");
	ok(!fleet_id_is_good(slice_str("-1")), "no milliseconds");
	ok(!fleet_id_is_good(slice_str("1-")), "no number");
	ok(!fleet_id_is_good(slice_str("1-2-3")), "too many parts");
	ok(!fleet_id_is_good(slice_str("1-2\r\nX")), "a command behind it");
}

int
main(void)
{
	test_bad();
	test_good();
	test_order();
	test_stamps();
	test_copy();
	test_old_copy();
	test_ids();
	return done_testing();
}
