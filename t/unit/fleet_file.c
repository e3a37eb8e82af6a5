/* SPDX-License-Identifier: ISC */
/*
 * A deny list file that belongs to the fleet: which edits become changes, what
 * an old file does not undo, and that replicas with different files agree.
 */
#include <stdlib.h>
#include <string.h>

#include "fleet/file.h"
#include "tap.h"

struct replica {
	struct identity_denylist *shared;
	struct fleet_list list;
	struct fleet_file_changes changes;
};

static struct loop *loop;

static void
replica_init(struct replica *r)
{
	if (identity_denylist_new(&r->shared) != OK ||
	    fleet_list_init(&r->list, r->shared, loop, "") != OK)
		abort();
}

static void
replica_fini(struct replica *r)
{
	fleet_list_fini(&r->list);
	identity_denylist_put(r->shared);
}

/* Rows without their first line, as a file that was changed at `ms'. */
static enum err
file_at(struct replica *r, const char *rows, int64_t ms, bool at_start)
{
	struct identity_deny_base *base;
	struct fleet_file_version v;
	char text[1024];
	struct report why;
	enum err err;

	report_init(&why);
	snprintf(text, sizeof(text), "as,who,reason,until\n%s", rows);
	if (identity_deny_base_parse(&base, identity_denylist_hash(r->shared),
		slice_str(text), "file", &why) != OK)
		abort();
	v.rows = &base->table;
	v.ms = ms;
	v.at_start = at_start;
	err = fleet_file_take(&r->list, &v, &r->changes, &why);
	if (fleet_list_apply(&r->list) != OK)
		abort();
	identity_deny_base_free(base);
	report_fini(&why);
	return err;
}

static enum err
file(struct replica *r, const char *rows)
{
	return file_at(r, rows, 0, false);
}

/* What a command decides, or another replica has. */
static void
decide(struct replica *r, const char *who, int64_t until, const char *reason)
{
	const struct hash_key *hash = identity_denylist_hash(r->shared);
	struct identity_deny_table t;
	struct identity_deny_lookup what = identity_deny_lookup_make(hash,
	    IDENTITY_DENY_KIND_CN, slice_str(who));

	identity_deny_table_init(&t, hash);
	if (identity_deny_table_set(&t, &what, slice_str(reason), until) !=
		OK ||
	    fleet_list_decide(&r->list, &t, 0) != OK ||
	    fleet_list_apply(&r->list) != OK)
		abort();
	identity_deny_table_fini(&t);
}

static void
allow(struct replica *r, const char *who)
{
	decide(r, who, IDENTITY_DENY_REMOVED, "");
}

/* All that `from' knows reaches `to'. */
static void
tell(struct replica *from, struct replica *to)
{
	char stamp[FLEET_STAMP_LEN + 1];
	struct buf field, value;
	size_t i;

	for (i = 0; i < from->list.denials.state.count; i++) {
		buf_init(&field, 0);
		buf_init(&value, 0);
		fleet_stamp_text(stamp, from->list.denials.notes[i].stamp);
		if (fleet_denials_field(&from->list.denials, i, &field) != OK ||
		    buf_append(&value, stamp, FLEET_STAMP_LEN) != OK ||
		    buf_append(&value, " ", 1) != OK ||
		    fleet_denials_value(&from->list.denials, i, &value) != OK)
			abort();
		fleet_list_take(&to->list, buf_slice(&field),
		    buf_slice(&value));
		buf_fini(&field);
		buf_fini(&value);
	}
	if (fleet_list_apply(&to->list) != OK)
		abort();
}

/* The names that are denied, in the order a to z; each has one letter. */
static const char *
denied(const struct replica *r)
{
	static char out[64];
	struct identity_deny d;
	size_t len = 0;
	char who;

	for (who = 'a'; who <= 'z'; who++)
		if (identity_denylist_find(r->shared, IDENTITY_DENY_KIND_CN,
			slice_make(&who, 1), &d))
			out[len++] = who;
	out[len] = '\0';
	return out;
}

/* A replica that starts with the copy that `r' has written. */
static void
restart(struct replica *r)
{
	struct replica next;
	struct buf out;

	buf_init(&out, 0);
	replica_init(&next);
	if (fleet_denials_save(&r->list.denials, &r->list.position, &out) !=
		OK ||
	    fleet_denials_load(&next.list.denials, &next.list.position,
		buf_slice(&out), fleet_list_now()) != OK)
		abort();
	next.list.incomplete = true; /* the copy is to be put in force */
	if (fleet_list_apply(&next.list) != OK)
		abort();
	next.list.incomplete = false;
	buf_fini(&out);
	replica_fini(r);
	/* The list is embedded: nothing in it points to itself, but a timer
	 * that was not started. */
	*r = next;
}

static void
test_difference(void)
{
	struct replica r;

	replica_init(&r);
	decide(&r, "x", IDENTITY_DENY_FOREVER, "by a command");
	ok(file(&r, "cn,a,,\ncn,b,,\ncn,c,,\n") == OK, "the first version");
	is_str(denied(&r), "abcx", "its rows are denied");
	is_int((long long)r.list.queue_len, 4, "and sent");
	ok(file(&r, "cn,b,,\ncn,c,,\ncn,d,,\n") == OK, "another one");
	is_str(denied(&r), "bcdx", "the difference counts");
	is_int((long long)r.list.queue_len, 6, "and nothing else is sent");
	is_int((long long)r.changes.taken_back, 1, "one taken back");
	ok(file(&r, "cn,b,,\ncn,c,,\ncn,d,,\n") == OK, "the same");
	is_int((long long)r.list.queue_len, 6, "sends nothing");
	allow(&r, "b");
	ok(file(&r, "cn,b,,\ncn,c,,\n") == OK, "a row that was allowed");
	is_str(denied(&r), "cx", "stays allowed");
	ok(file(&r, "cn,b,now,\ncn,c,,\n") == OK, "unless it is edited");
	is_str(denied(&r), "bcx", "then it is denied again");
	decide(&r, "c", IDENTITY_DENY_FOREVER, "by a command, too");
	ok(file(&r, "cn,b,now,\n") == OK, "a row that a command denies, too");
	is_str(denied(&r), "bcx", "is not taken back with its row");
	is_int((long long)r.changes.kept, 1, "but told");
	replica_fini(&r);
}

static void
test_empty(void)
{
	struct replica r;

	replica_init(&r);
	ok(file(&r, "") == OK, "an empty file to begin with");
	ok(file(&r, "cn,a,,\ncn,b,,\n") == OK, "rows");
	ok(file(&r, "") == ERR_CONFIG, "a file that has lost all is refused");
	is_str(denied(&r), "ab", "and takes back nothing");
	ok(file(&r, "cn,c,,\n") == OK, "one that has other rows is not");
	is_str(denied(&r), "c", "and counts");
	ok(file(&r, "") == OK, "the last row may go");
	is_str(denied(&r), "", "and is taken back");
	ok(file(&r, "cn,a,,\ncn,b,,\n") == OK, "rows again");
	allow(&r, "a");
	allow(&r, "b");
	ok(file(&r, "") == OK, "nothing is denied by them any more");
	ok(file(&r, "cn,a,,\n") == OK, "a row comes back");
	is_str(denied(&r), "a", "and is denied");
	replica_fini(&r);
}

static void
test_restart(void)
{
	struct replica r, other;
	int64_t now = fleet_list_now();

	replica_init(&r);
	replica_init(&other);
	ok(file(&r, "cn,a,,\ncn,b,,\n") == OK, "a version");
	tell(&r, &other);
	restart(&r);
	is_str(denied(&r), "ab", "from the copy");
	ok(file_at(&r, "cn,a,,\ncn,b,,\n", now, true) == OK, "the same file");
	is_int((long long)(r.changes.denied + r.changes.taken_back), 0,
	    "changes nothing");
	restart(&r);
	allow(&other, "a");
	tell(&other, &r);
	ok(file_at(&r, "cn,a,,\n", now + 60000, true) == OK,
	    "an edit while it was stopped");
	is_str(denied(&r), "", "is a change; what was allowed stays so");
	ok(file(&r, "cn,b,,\n") == OK, "another one");
	is_str(denied(&r), "b", "is, too");
	restart(&r);
	ok(file_at(&r, "cn,a,,\ncn,b,,\n", now - 60000, true) == OK,
	    "an older file");
	is_str(denied(&r), "b", "undoes nothing");
	is_int((long long)r.changes.late, 1, "and it is told");
	fleet_file_forget(&r.list);
	ok(file_at(&r, "cn,a,,\ncn,c,,\n", now + 60000, true) == OK,
	    "a file of which nothing is known");
	is_str(denied(&r), "bc", "adds, and undoes nothing");
	replica_fini(&r);
	replica_fini(&other);
}

/* Both files are first ones, and name the same client. */
static void
test_agree(const char *one, const char *two, int64_t until)
{
	struct replica a, b;
	struct identity_deny d, e;

	replica_init(&a);
	replica_init(&b);
	ok(file_at(&a, one, 1, true) == OK && file_at(&b, two, 2, true) == OK,
	    "two files that begin");
	tell(&a, &b);
	tell(&b, &a);
	ok(identity_denylist_find(a.shared, IDENTITY_DENY_KIND_CN,
	       slice_str("a"), &d) &&
		identity_denylist_find(b.shared, IDENTITY_DENY_KIND_CN,
		    slice_str("a"), &e) &&
		d.until == e.until && slice_equal(d.reason, e.reason),
	    "they agree");
	ok(d.until == until, "the longer one counts");
	replica_fini(&a);
	replica_fini(&b);
}

int
main(void)
{
	loop = loop_new();
	if (loop == NULL)
		abort();
	test_difference();
	test_empty();
	test_restart();
	test_agree("cn,a,,4000000000\n", "cn,a,,4000000001\n", 4000000001);
	test_agree("cn,a,,\n", "cn,a,,4000000001\n", IDENTITY_DENY_FOREVER);
	test_agree("cn,a,x,\n", "cn,a,y,\n", IDENTITY_DENY_FOREVER);
	test_agree("cn,a,,4000000000000000\n", "cn,a,,7\n", 4000000000000000);
	loop_free(loop);
	return done_testing();
}
