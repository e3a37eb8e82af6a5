/*
 * Any bytes as a deny list's file. What loads can be shown and asked, finds
 * its own entries, and is the same when written out and read again.
 */
#include <string.h>

#include "base/buf.h"
#include "fuzz/fuzz.h"
#include "identity/denylist.h"

/* Asks for an entry by the text it is shown as. */
static void
check_entry(const struct identity_denylist *l, size_t i)
{
	struct identity_deny e, found;
	int64_t now;

	identity_denylist_show(l, i, &e);
	must(e.kind < IDENTITY_DENY_COUNT && e.who.len > 0);
	must(e.until != INT64_MIN);
	now = e.until - 1;
	if (e.kind == IDENTITY_DENY_USERNAME)
		must(identity_denylist_match_names(l, e.who,
		    slice_make(NULL, 0), now, &found));
	if (e.kind == IDENTITY_DENY_CLIENTID)
		must(identity_denylist_match_names(l, slice_make(NULL, 0),
		    e.who, now, &found));
	if (e.kind == IDENTITY_DENY_CLIENTID_RE)
		(void)identity_denylist_match_names(l, slice_make(NULL, 0),
		    slice_str("device-001-aaaaaaaaaaaaaaaaaaaaaa!"), now,
		    &found);
}

/* One field, always quoted. */
static void
put(struct buf *out, struct slice s, char end)
{
	size_t i;

	must(buf_append(out, "\"", 1) == OK);
	for (i = 0; i < s.len; i++) {
		if (s.data[i] == '"')
			must(buf_append(out, "\"", 1) == OK);
		must(buf_append(out, s.data + i, 1) == OK);
	}
	must(buf_append(out, "\"", 1) == OK);
	must(buf_append(out, &end, 1) == OK);
}

static void
check_again(const struct identity_denylist *l)
{
	struct identity_denylist *again;
	struct identity_deny a, b;
	struct report r;
	struct buf out;
	size_t i;

	buf_init(&out, 0);
	must(buf_append(&out, "as,who,reason\n", 14) == OK);
	for (i = 0; i < identity_denylist_count(l); i++) {
		identity_denylist_show(l, i, &a);
		put(&out, slice_str(identity_deny_word(a.kind)), ',');
		put(&out, a.who, ',');
		put(&out, a.reason, '\n');
	}
	report_init(&r);
	must(identity_denylist_parse(&again, buf_slice(&out), "again", &r) ==
	    OK);
	must(identity_denylist_count(again) == identity_denylist_count(l));
	for (i = 0; i < identity_denylist_count(l); i++) {
		identity_denylist_show(l, i, &a);
		identity_denylist_show(again, i, &b);
		must(a.kind == b.kind && slice_equal(a.who, b.who));
		must(slice_equal(a.reason, b.reason));
	}
	identity_denylist_put(again);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct identity_denylist *l;
	struct report r;
	size_t i;

	report_init(&r);
	if (identity_denylist_parse(&l, slice_make(data, size), "f", &r) !=
	    OK) {
		must(l == NULL && r.count > 0);
		report_fini(&r);
		return 0;
	}
	must(r.count == 0);
	for (i = 0; i < identity_denylist_count(l); i++)
		check_entry(l, i);
	check_again(l);
	identity_denylist_put(l);
	return 0;
}
