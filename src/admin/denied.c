/* SPDX-License-Identifier: ISC */
/*
 * The command denied, and which entries a request selects.
 */
#include "admin/denied.h"

#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/reply.h"
#include "base/clock.h"

#define LIMIT_DEFAULT 1000
#define SORT_MAX 100000 /* entries that are sorted */

bool
denied_select(struct denied_selection *s, struct http_call *call,
    const struct http_request *r)
{
	s->as = http_request_param(r, "as");
	s->who = http_request_param(r, "who");
	s->match = http_request_param(r, "match");
	s->expired = http_request_param(r, "expired");
	s->now = clock_wall_s();
	if (s->expired == NULL || strcmp(s->expired, "yes") == 0 ||
	    strcmp(s->expired, "no") == 0)
		return true;
	reply_error(call, 400, "expired is yes or no");
	return false;
}

static bool
contains(struct slice text, const char *part)
{
	return text.len > 0 &&
	    memmem(text.data, text.len, part, strlen(part)) != NULL;
}

bool
denied_matches(const struct denied_selection *s, const struct identity_deny *d)
{
	if (s->as != NULL && strcmp(s->as, identity_deny_word(d->kind)) != 0)
		return false;
	if (s->who != NULL && !slice_equal(slice_str(s->who), d->value))
		return false;
	if (s->match != NULL && !contains(d->value, s->match) &&
	    !contains(d->reason, s->match))
		return false;
	return s->expired == NULL ||
	    (s->now >= d->until) == (s->expired[0] == 'y');
}

/*
 * Showing the list.
 */

/* `from' is where an entry is: "file" or "fleet"; NULL: there is no fleet. */
static json_t *
show(const struct identity_deny *d, int64_t now, const char *from)
{
	json_t *o;

	o = json_pack("{s:s,s:o,s:o,s:o,s:b}", "as",
	    identity_deny_word(d->kind), "who", reply_text(d->value), "reason",
	    reply_text(d->reason), "until", reply_when(d->until), "expired",
	    (int)(now >= d->until));
	if (from != NULL)
		json_object_set_new(o, "from", json_string(from));
	return o;
}

/* An entry that is to be sorted. */
struct sorted {
	const struct identity_denylist *list; /* borrowed */
	struct identity_deny_cursor at;
	int64_t until;
};

enum order {
	ORDER_FILE,
	ORDER_WHO,
	ORDER_AS,
	ORDER_UNTIL
};

/* What compare() needs to know. */
struct sorting {
	enum order order;
	bool descending;
};

static int
compare_text(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int d = len == 0 ? 0 : memcmp(a.data, b.data, len);

	return d != 0 ? d : (a.len > b.len) - (a.len < b.len);
}

static int
compare(const void *x, const void *y, void *arg)
{
	const struct sorting *s = arg;
	const struct sorted *a = x, *b = y;
	struct identity_deny_cursor at = a->at, bt = b->at;
	struct identity_deny e, f;
	int d = (a->until > b->until) - (a->until < b->until);

	if (s->order != ORDER_UNTIL &&
	    identity_denylist_next(a->list, &at, &e) &&
	    identity_denylist_next(b->list, &bt, &f)) {
		d = s->order == ORDER_AS ? strcmp(identity_deny_word(e.kind),
					       identity_deny_word(f.kind))
					 : 0;
		if (d == 0)
			d = compare_text(e.value, f.value);
	}
	return s->descending ? -d : d;
}

static bool
read_order(const char *text, struct sorting *s)
{
	static const char *const words[] = { "file", "who", "as", "until" };
	size_t i;

	s->descending = text[0] == '-';
	text += s->descending;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			s->order = (enum order)i;
			return true;
		}
	}
	return false;
}

void
denied_sort_fields(const char *sort, const char *fields[2], bool *descending)
{
	static const char *const of[][2] = { [ORDER_FILE] = { NULL, NULL },
		[ORDER_WHO] = { "who", NULL },
		[ORDER_AS] = { "as", "who" },
		[ORDER_UNTIL] = { "until", NULL } };
	struct sorting s = { ORDER_FILE, false };

	(void)read_order(sort, &s);
	*descending = s.descending;
	memcpy(fields, of[s.order], sizeof(of[s.order]));
}

/* A page of the entries that match. */
struct page {
	size_t offset;
	size_t limit;
	size_t matched;
	size_t matched_fleet; /* of them, in the fleet's list */
	/* The file's list and the fleet's, each borrowed; it may be NULL. */
	const struct identity_denylist *lists[2];
	json_t *rows; /* owned */
};

static void
add_to_page(struct page *p, const struct identity_denylist *l,
    const struct identity_deny *d, int64_t now)
{
	const char *from = l == p->lists[0] ? "file" : "fleet";

	p->matched_fleet += l == p->lists[1];
	if (p->matched++ >= p->offset && json_array_size(p->rows) < p->limit)
		json_array_append_new(p->rows,
		    show(d, now, p->lists[1] == NULL ? NULL : from));
}

static void
list_in_order_of_file(const struct denied_selection *s, struct page *p)
{
	struct identity_deny_cursor cursor;
	struct identity_deny d;
	size_t i;

	for (i = 0; i < 2; i++) {
		memset(&cursor, 0, sizeof(cursor));
		while (p->lists[i] != NULL &&
		    identity_denylist_next(p->lists[i], &cursor, &d))
			if (denied_matches(s, &d))
				add_to_page(p, p->lists[i], &d, s->now);
	}
}

/* Adds the entries of a list that match to `found'. False: too many. */
static bool
collect_sorted(struct sorted *found, size_t *count,
    const struct identity_denylist *l, const struct denied_selection *s)
{
	struct identity_deny_cursor cursor = { 0 }, at = { 0 };
	struct identity_deny d;

	while (l != NULL && identity_denylist_next(l, &cursor, &d)) {
		if (denied_matches(s, &d)) {
			if (*count == SORT_MAX)
				return false;
			found[*count].list = l;
			found[*count].at = at;
			found[(*count)++].until = d.until;
		}
		at = cursor;
	}
	return true;
}

/* False: too many entries to sort, or out of memory. */
static bool
list_sorted(const struct sorting *sorting, const struct denied_selection *s,
    struct page *p)
{
	struct sorted *found = malloc(SORT_MAX * sizeof(*found));
	struct identity_deny d;
	size_t count = 0;
	size_t i;

	if (found == NULL || !collect_sorted(found, &count, p->lists[0], s) ||
	    !collect_sorted(found, &count, p->lists[1], s)) {
		free(found);
		return false;
	}
	qsort_r(found, count, sizeof(*found), compare, (void *)sorting);
	for (i = 0; i < count; i++)
		if (identity_denylist_next(found[i].list, &found[i].at, &d))
			add_to_page(p, found[i].list, &d, s->now);
	free(found);
	return true;
}

static bool
read_page(struct page *p, struct sorting *sorting, struct http_call *call,
    const struct http_request *r)
{
	const char *offset = http_request_param(r, "offset");
	const char *sort = http_request_param(r, "sort");
	char *end = NULL;

	p->limit = LIMIT_DEFAULT;
	if (!http_request_limit(r, &p->limit)) {
		reply_error(call, 400, "limit is a number up to %d",
		    HTTP_LIMIT_MAX);
		return false;
	}
	if (offset != NULL)
		p->offset = (size_t)strtoul(offset, &end, 10);
	if (offset != NULL &&
	    (offset[0] < '0' || offset[0] > '9' || *end != '\0')) {
		reply_error(call, 400, "offset is a number");
		return false;
	}
	if (sort != NULL && !read_order(sort, sorting)) {
		reply_error(call, 400,
		    "sort is file, who, as or until, with - in front to "
		    "reverse it");
		return false;
	}
	return true;
}

void
denied_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	const struct snapshot *snapshot = a->master->snapshot;
	struct sorting sorting = { ORDER_FILE, false };
	struct page p = {
		.lists = { snapshot->denylist, snapshot->fleet_denied },
	};
	struct denied_selection s;
	json_t *body;

	if (!denied_select(&s, call, r) || !read_page(&p, &sorting, call, r))
		return;
	p.rows = json_array();
	if (sorting.order == ORDER_FILE && !sorting.descending) {
		list_in_order_of_file(&s, &p);
	} else if (!list_sorted(&sorting, &s, &p)) {
		json_decref(p.rows);
		reply_error(call, 422,
		    "too many entries to sort (100,000 at most): give a "
		    "filter");
		return;
	}
	body = json_pack("{s:s,s:I,s:I,s:I,s:o}", "file",
	    snapshot->config->denylist.file, "count",
	    (json_int_t)(identity_denylist_count(snapshot->denylist) +
		identity_denylist_count(snapshot->fleet_denied)),
	    "matched", (json_int_t)p.matched, "offset", (json_int_t)p.offset,
	    "denied", p.rows);
	if (snapshot->fleet_denied != NULL) {
		json_object_set_new(body, "count_fleet",
		    json_integer((json_int_t)identity_denylist_count(
			snapshot->fleet_denied)));
		json_object_set_new(body, "matched_fleet",
		    json_integer((json_int_t)p.matched_fleet));
	}
	reply_json(call, 200, body);
}
