/* SPDX-License-Identifier: ISC */
/*
 * The command denied, and which entries a request selects.
 */
#include "admin/denied.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/reply.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/heap.h"

#define LIMIT_DEFAULT 1000
#define SORT_MAX 100000 /* entries that are sorted */
#define SORT_MAX_TEXT "100,000"

/* A long list is looked through in slices, so that the main thread does other
 * things, too. */
#define SLICE_MS 2
#define PAUSE_MS 1

/* When the list changes meanwhile, the listing begins again, so often at most.
 * After that an entry may be shown twice, or not. */
#define RESTARTS_MAX 3

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
	size_t place; /* in the order of the lists */
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
compare(const void *x, const void *y, const void *arg)
{
	const struct sorted *a = x, *b = y;
	const struct sorting *s = arg;
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
	if (d == 0)
		return a->place < b->place ? -1 : 1;
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

/* What the listing does next. */
enum step {
	STEP_WALK, /* through the lists */
	STEP_SHOW /* what was kept to be sorted */
};

/* A listing, made in slices. It shows a page of the entries that match. */
struct listing {
	struct list node; /* in admin->listings */
	struct admin *admin; /* borrowed */
	struct http_call *call; /* to be answered */
	struct timer timer; /* to the next slice */
	struct denied_selection selection; /* its texts live as long as the
					    * call */
	struct sorting sorting;
	size_t offset;
	size_t limit;
	/* The file's list and the fleet's, each counted; it may be NULL. */
	struct identity_denylist *lists[2];
	uint64_t versions[2]; /* of the lists when the walk began */
	unsigned restarts;

	enum step step;
	size_t list; /* the walk is in this one */
	struct identity_deny_cursor at;
	struct sorted *found; /* owned; to be sorted */
	size_t found_count;
	size_t passed; /* of these, before and on the page */
	size_t matched; /* so far */
	size_t matched_fleet; /* of them, in the fleet's list */
	size_t shown;
	struct buf rows; /* JSON, with commas between */
};

static void
listing_free(struct listing *l)
{
	list_remove(&l->node);
	timer_stop(&l->timer);
	identity_denylist_put(l->lists[0]);
	identity_denylist_put(l->lists[1]);
	buf_fini(&l->rows);
	free(l->found);
	free(l);
}

void
denied_stop(struct admin *a)
{
	struct list *node;
	struct list *next;

	list_each(node, next, &a->listings)
		listing_free(list_entry(node, struct listing, node));
}

/* Begins from the beginning. */
static void
restart(struct listing *l)
{
	size_t i;

	l->step = STEP_WALK;
	l->list = 0;
	memset(&l->at, 0, sizeof(l->at));
	l->found_count = 0;
	l->passed = 0;
	l->matched = 0;
	l->matched_fleet = 0;
	l->shown = 0;
	buf_fini(&l->rows);
	for (i = 0; i < 2; i++)
		l->versions[i] = identity_denylist_version(l->lists[i]);
}

/* True if a list has changed since the walk began: then positions in it do not
 * mean what they did. */
static bool
is_outdated(const struct listing *l)
{
	return identity_denylist_version(l->lists[0]) != l->versions[0] ||
	    identity_denylist_version(l->lists[1]) != l->versions[1];
}

static bool
is_sorted(const struct listing *l)
{
	return l->sorting.order != ORDER_FILE || l->sorting.descending;
}

/* Adds a row to the page. False: out of memory. */
static bool
add_row(struct listing *l, const struct identity_denylist *from,
    const struct identity_deny *d)
{
	const char *name = from == l->lists[0] ? "file" : "fleet";
	char *text;
	bool good;

	text = reply_write(
	    show(d, l->selection.now, l->lists[1] == NULL ? NULL : name));
	good = text != NULL &&
	    (l->shown == 0 || buf_append(&l->rows, ",", 1) == OK) &&
	    buf_append(&l->rows, text, strlen(text)) == OK;
	free(text);
	l->shown++;
	return good;
}

/* The entries to be sorted form a heap, the first one on top. So the work is
 * spread over all slices, and what lies after the page is never sorted. */
static struct heap
heap_of(const struct listing *l)
{
	struct heap heap = { l->found, sizeof(*l->found), compare,
		&l->sorting };

	return heap;
}

/* Keeps an entry to be sorted. False: there are too many. */
static bool
keep_to_sort(struct listing *l, struct identity_deny_cursor at, int64_t until)
{
	struct heap heap;
	struct sorted *s;

	if (l->found_count == SORT_MAX)
		return false;
	s = &l->found[l->found_count++];
	s->list = l->lists[l->list];
	s->at = at;
	s->until = until;
	s->place = l->found_count;
	heap = heap_of(l);
	heap_push(&heap, l->found_count);
	return true;
}

/* Answers with an error and ends the listing. */
static void
give_up(struct listing *l, unsigned status, const char *why)
{
	struct http_call *call = l->call;

	listing_free(l);
	reply_error(call, status, "%s", why);
}

static void
finish(struct listing *l)
{
	size_t count = identity_denylist_count(l->lists[0]);
	size_t fleet = identity_denylist_count(l->lists[1]);
	json_t *o = json_pack("{s:s,s:I,s:I,s:I}", "file",
	    l->admin->master->snapshot->config->denylist.file, "count",
	    (json_int_t)(count + fleet), "matched", (json_int_t)l->matched,
	    "offset", (json_int_t)l->offset);
	struct buf head;
	char *text;
	bool good;

	if (l->lists[1] != NULL) {
		json_object_set_new(o, "count_fleet",
		    json_integer((json_int_t)fleet));
		json_object_set_new(o, "matched_fleet",
		    json_integer((json_int_t)l->matched_fleet));
	}
	text = reply_write(o);
	buf_init(&head, 0);
	/* The rows take the place of the closing brace. */
	good = text != NULL &&
	    buf_append(&head, text, strlen(text) - 1) == OK &&
	    buf_append(&head, ",\"denied\":[", sizeof(",\"denied\":[")) == OK &&
	    buf_append(&l->rows, "]}", 2) == OK;
	reply_long(l->call, 200, good ? (const char *)buf_data(&head) : NULL,
	    &l->rows);
	buf_fini(&head);
	free(text);
	listing_free(l);
}

/* The entry that comes next. False after the last one. */
static bool
next_entry(struct listing *l, struct identity_deny_cursor *at,
    struct identity_deny *d)
{
	for (; l->list < 2; l->list++) {
		*at = l->at;
		if (l->lists[l->list] != NULL &&
		    identity_denylist_next(l->lists[l->list], &l->at, d))
			return true;
		memset(&l->at, 0, sizeof(l->at));
	}
	return false;
}

/* One step of the walk. True if there is more to do; otherwise l may be
 * gone. */
static bool
walk(struct listing *l)
{
	struct identity_deny_cursor at;
	struct identity_deny d;

	if (!next_entry(l, &at, &d)) {
		l->step = STEP_SHOW;
		return true;
	}
	if (!denied_matches(&l->selection, &d))
		return true;
	l->matched++;
	l->matched_fleet += l->list == 1;
	if (!is_sorted(l)) {
		if (l->matched <= l->offset || l->shown >= l->limit ||
		    add_row(l, l->lists[l->list], &d))
			return true;
		give_up(l, 503, "out of memory");
		return false;
	}
	if (keep_to_sort(l, at, d.until))
		return true;
	give_up(l, 422,
	    "too many entries to sort (" SORT_MAX_TEXT " at most): give a "
	    "filter");
	return false;
}

/* The same for the next one of the entries that were kept, in order. */
static bool
show_sorted(struct listing *l)
{
	size_t left = l->found_count - l->passed;
	struct heap heap = heap_of(l);
	struct identity_deny d;
	struct sorted *s;

	if (left == 0 || l->shown >= l->limit) {
		finish(l);
		return false;
	}
	heap_pop(&heap, left);
	s = &l->found[left - 1];
	l->passed++;
	/* The list may have become shorter. */
	if (l->passed <= l->offset ||
	    !identity_denylist_next(s->list, &s->at, &d) ||
	    add_row(l, s->list, &d))
		return true;
	give_up(l, 503, "out of memory");
	return false;
}

static void
run_slice(void *arg)
{
	struct listing *l = arg;
	uint64_t end = clock_mono_ms() + SLICE_MS;
	unsigned n = 0;

	if (is_outdated(l) && l->restarts++ < RESTARTS_MAX)
		restart(l);
	while (l->step == STEP_WALK ? walk(l) : show_sorted(l))
		/* Looking at the clock takes as long as an entry. */
		if (++n % 16 == 0 && clock_mono_ms() >= end) {
			timer_start(&l->timer, PAUSE_MS);
			return;
		}
}

static bool
read_page(struct listing *l, struct http_call *call,
    const struct http_request *r)
{
	const char *offset = http_request_param(r, "offset");
	const char *sort = http_request_param(r, "sort");
	char *end = NULL;

	l->limit = LIMIT_DEFAULT;
	if (!http_request_limit(r, &l->limit)) {
		reply_error(call, 400, "limit is a number up to %d",
		    HTTP_LIMIT_MAX);
		return false;
	}
	if (offset != NULL)
		l->offset = (size_t)strtoul(offset, &end, 10);
	if (offset != NULL &&
	    (offset[0] < '0' || offset[0] > '9' || *end != '\0')) {
		reply_error(call, 400, "offset is a number");
		return false;
	}
	if (sort != NULL && !read_order(sort, &l->sorting)) {
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
	struct listing *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		reply_error(call, 503, "out of memory");
		return;
	}
	l->admin = a;
	l->call = call;
	list_init(&l->node);
	list_append(&a->listings, &l->node);
	timer_init(&l->timer, a->master->loop, run_slice, l);
	buf_init(&l->rows, 0);
	l->lists[0] = identity_denylist_get(snapshot->denylist);
	l->lists[1] = identity_denylist_get(snapshot->fleet_denied);
	if (!denied_select(&l->selection, call, r) || !read_page(l, call, r)) {
		listing_free(l);
		return;
	}
	if (is_sorted(l)) {
		l->found = malloc(SORT_MAX * sizeof(*l->found));
		if (l->found == NULL) {
			give_up(l, 503, "out of memory");
			return;
		}
	}
	restart(l);
	run_slice(l);
}
