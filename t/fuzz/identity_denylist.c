/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a deny list's file. What loads can be shown and asked, finds
 * its own entries, and is the same when written out and read again.
 */
#include <string.h>

#include "../lib/denylist.h"
#include "base/buf.h"
#include "fuzz/fuzz.h"

/* Looks up an entry by the text that it is shown as. */
static void
check_entry(struct identity_denylist *l, const struct identity_deny *e)
{
	const struct slice none = { NULL, 0 };
	struct identity_deny found;
	int64_t now = e->until - 1;

	must(e->kind < IDENTITY_DENY_KIND_COUNT && e->value.len > 0);
	must(e->until != INT64_MIN);
	if (e->kind == IDENTITY_DENY_KIND_USERNAME)
		must(identity_denylist_match_names(l, e->value, none, now,
		    &found));
	if (e->kind == IDENTITY_DENY_KIND_CLIENTID)
		must(identity_denylist_match_names(l, none, e->value, now,
		    &found));
	if (e->kind == IDENTITY_DENY_KIND_CLIENTID_RE)
		(void)identity_denylist_match_names(l, none,
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
check_again(struct identity_denylist *l)
{
	struct identity_deny_cursor at = { 0 }, other = { 0 };
	struct identity_denylist *again;
	struct identity_deny a, b;
	struct report r;
	struct buf out;

	buf_init(&out, 0);
	must(buf_append(&out, "as,who,reason\n", 14) == OK);
	while (identity_denylist_next(l, &at, &a)) {
		check_entry(l, &a);
		put(&out, slice_str(identity_deny_word(a.kind)), ',');
		put(&out, a.value, ',');
		put(&out, a.reason, '\n');
	}
	report_init(&r);
	again = denylist_make(buf_slice(&out), "again", &r);
	must(again != NULL);
	must(identity_denylist_count(again) == identity_denylist_count(l));
	memset(&at, 0, sizeof(at));
	while (identity_denylist_next(l, &at, &a)) {
		must(identity_denylist_next(again, &other, &b));
		must(a.kind == b.kind && slice_equal(a.value, b.value));
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

	report_init(&r);
	l = denylist_make(slice_make(data, size), "f", &r);
	must((l == NULL) == (r.count > 0));
	if (l != NULL)
		check_again(l);
	identity_denylist_put(l);
	report_fini(&r);
	return 0;
}
