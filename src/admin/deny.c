/* SPDX-License-Identifier: ISC */
/*
 * The commands deny and allow; denied.c has the third. What changes the list
 * goes to runtime/denylist.h, which answers when the change is in force, for
 * live sessions as well.
 *
 * One entry is given as `as' and `who'; many as `rows', lines of a deny list's
 * file, or with `as' one value on each line. Rows that do not fit into one
 * request come in several, with the same `batch' and `more' in all but the
 * last: they are collected here and become one change.
 */
#include "admin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "admin/denied.h"
#include "admin/reply.h"
#include "admin/session_filter.h"
#include "base/clock.h"
#include "base/time.h"
#include "runtime/denylist.h"

#define BATCH_MAX 1000000 /* entries of one change */
#define BATCH_IDLE_S 30 /* an unfinished batch makes way for another one */

/* A change on its way: from the first request to the answer. With a fleet,
 * `list' is the fleet's, unless the request is for this replica alone; and what
 * is taken back goes from the file's list as well. */
struct deny_batch {
	struct admin *admin; /* borrowed */
	struct identity_denylist *list; /* counted */
	struct identity_deny_change change; /* owned */
	struct identity_denylist *file; /* counted; NULL: not concerned */
	struct identity_deny_change of_file; /* owned; if file is not NULL */
	struct fleet *fleet; /* borrowed; NULL: `list' is a file's */
	bool sent; /* the Redis server has the change */
	char *id; /* owned; NULL: not shared by several requests */
	int64_t used_at; /* wall clock */
	size_t line; /* of the next row, from 1 */
	struct identity_deny_columns columns; /* of rows; count 0: unknown */
	bool dry_run;
	struct http_call *call; /* to be answered */
};

/* What one request gives for all of its entries. */
struct deny_defaults {
	const char *as; /* NULL: none */
	const char *reason; /* "" for none */
	int64_t until; /* IDENTITY_DENY_REMOVED: take back */
	int64_t now; /* seconds since 1970 */
	bool all; /* patterns that match every client are meant */
	const char *file; /* what complaints about rows call it */
};

static const char *
or_empty(const char *value)
{
	return value == NULL ? "" : value;
}

static bool
is_given(const struct http_request *r, const char *key)
{
	return http_request_param(r, key) != NULL;
}

static void
batch_free(struct deny_batch *b)
{
	if (b == NULL)
		return;
	identity_deny_change_fini(&b->change);
	identity_denylist_put(b->list);
	identity_deny_change_fini(&b->of_file);
	identity_denylist_put(b->file);
	free(b->id);
	free(b);
}

/* Answers with the first complaint. */
static void
refuse(struct http_call *call, enum err err, const struct report *why)
{
	const char *text = why->kept > 0 ? why->lines[0] : err_text(err);
	json_t *lines = json_array();
	unsigned status;
	size_t i;

	switch (err) {
	case ERR_CONFIG:
	case ERR_LIMIT:
		status = 422;
		break;
	case ERR_NOT_FOUND:
		status = 404;
		break;
	case ERR_CLOSED:
	case ERR_NO_MEMORY:
		status = 503;
		break;
	default:
		status = 500;
	}
	for (i = 1; i < why->kept; i++)
		json_array_append_new(lines,
		    reply_text(slice_str(why->lines[i])));
	reply_json(call, status,
	    json_pack("{s:o,s:o}", "error", reply_text(slice_str(text)),
		"complaints", lines));
}

/*
 * Reading a request.
 */

/* Reads how long an entry is to last: `for', or `until', which may also be a
 * time from now (1h). Returns NULL, or what is wrong. */
static const char *
read_until(const struct http_request *r, int64_t now, int64_t *until)
{
	const char *text = http_request_param(r, "for");
	uint64_t ms;

	*until = IDENTITY_DENY_FOREVER;
	if (text != NULL && is_given(r, "until"))
		return "give for or until, not both";
	if (text != NULL) {
		if (text[0] == '\0' ||
		    strchr("smhd", text[strlen(text) - 1]) == NULL ||
		    !session_filter_age_parse(text, &ms))
			return "for is a number with s, m, h or d: 2h";
		*until = now + (int64_t)(ms / 1000);
		return NULL;
	}
	text = or_empty(http_request_param(r, "until"));
	if (!identity_deny_until(slice_str(text), until)) {
		if (strchr("smhd", text[strlen(text) - 1]) == NULL ||
		    !session_filter_age_parse(text, &ms))
			return "until is a time (2027-01-31T12:00:00Z), "
			       "seconds since 1970, how long from now (1h), "
			       "or infinity";
		*until = now + (int64_t)(ms / 1000);
	}
	if (*until <= now)
		return "until is in the past, so nothing would be denied (for "
		       "a time from now write --for 1h)";
	return NULL;
}

/* Names that have nothing in common. An expression that is found in all of
 * them is found in every name. */
static const char *const unlike[] = { "a", "Z", "7", "-", "_", ".", " ", "/",
	"q9x2-mmv.17", "\xc3\xa9", "DEVICE", "0000000000000000" };

/* True if an entry denies every client, or all of one family of addresses. */
static bool
matches_all(const struct identity_deny_row *row,
    const struct identity_deny_key *key)
{
	struct identity_deny_patterns *set = NULL;
	const struct identity_deny_pattern *found;
	struct identity_deny_pattern p = { row->kind, row->value,
		slice_make(NULL, 0), IDENTITY_DENY_FOREVER };
	bool all = true;
	size_t i;

	if (row->kind == IDENTITY_DENY_KIND_PEERHOST_NET)
		return key->bytes[IDENTITY_DENY_HOST_LEN] == 0;
	if (!identity_deny_is_pattern(row->kind) ||
	    identity_deny_patterns_set(&set, &p) != OK)
		return false;
	for (i = 0; i < sizeof(unlike) / sizeof(unlike[0]) && all; i++)
		all = identity_deny_patterns_match(set, row->kind,
			  slice_str(unlike[i]), 0,
			  &found) == IDENTITY_DENY_MATCH_YES;
	identity_deny_patterns_put(set);
	return all;
}

/* Plans an entry in one list or in both; one that both lose counts once. */
static enum err
plan(struct deny_batch *b, const struct identity_deny_row *row,
    const struct identity_deny_key *key, struct report *why)
{
	size_t before = b->change.removed;
	size_t of_file = b->of_file.removed;
	enum err err =
	    identity_denylist_plan(b->list, &b->change, row, key, why);

	if (err != OK || b->file == NULL)
		return err;
	err = identity_denylist_plan(b->file, &b->of_file, row, key, why);
	if (err == OK && b->of_file.removed > of_file) {
		if (b->change.removed == before) {
			b->change.removed++;
			b->change.unchanged--;
		}
		if (b->change.until == 0)
			b->change.until = b->of_file.until;
	}
	return err;
}

/* Adds one entry to the batch. ERR_CONFIG: `why' says what is wrong. */
static enum err
add_entry(struct deny_batch *b, const struct deny_defaults *d,
    struct identity_deny_row *row, const struct identity_deny_key *key,
    struct report *why)
{
	if (d->until == IDENTITY_DENY_REMOVED) {
		row->until = IDENTITY_DENY_REMOVED;
		row->reason = slice_make(NULL, 0);
	} else {
		if (row->until == IDENTITY_DENY_FOREVER)
			row->until = d->until;
		if (row->reason.len == 0)
			row->reason = slice_str(d->reason);
		if (row->reason.len > IDENTITY_DENY_REASON_MAX) {
			report_add(why, "the reason is over 1,024 bytes");
			return ERR_CONFIG;
		}
		if (row->until <= d->now) {
			report_add(why, "until is in the past");
			return ERR_CONFIG;
		}
		if (!d->all && matches_all(row, key)) {
			report_add(why,
			    "%s %.*s matches every client (if that is meant, "
			    "say all)",
			    identity_deny_word(row->kind),
			    (int)(row->value.len < 64 ? row->value.len : 64),
			    (const char *)row->value.data);
			return ERR_CONFIG;
		}
	}
	if (b->change.entries.count >= BATCH_MAX) {
		report_add(why, "more than 1,000,000 entries at once");
		return ERR_LIMIT;
	}
	return plan(b, row, key, why);
}

/* Puts file and line in front of what add_entry() reported. */
static void
report_line(struct report *why, const char *file, size_t line,
    const struct report *entry)
{
	size_t i;

	for (i = 0; i < entry->kept; i++)
		report_add(why, "%s:%zu: %s", file, line, entry->lines[i]);
}

/* Adds one value for each line of `text'. */
static enum err
add_values(struct deny_batch *b, const struct deny_defaults *d, char *text,
    struct report *why)
{
	static struct identity_deny_key key; /* only the main thread is here */
	struct identity_deny_row row;
	struct report entry;
	enum err result = OK;
	enum err err;
	char *next;

	for (; text != NULL && *text != '\0'; text = next) {
		next = strchr(text, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (text[0] != '\0' && text[strlen(text) - 1] == '\r')
			text[strlen(text) - 1] = '\0';
		report_init(&entry);
		err = OK;
		if (text[0] != '\0') {
			err = identity_deny_row_make(&row, &key, d->as, text,
			    &entry);
			if (err == OK)
				err = add_entry(b, d, &row, &key, &entry);
		}
		report_line(why, d->file, b->line++, &entry);
		report_fini(&entry);
		if (err != OK)
			result = err;
		if (err != OK && err != ERR_CONFIG)
			break;
	}
	return result;
}

/* Begins to read rows. The first request of a batch may name the columns. */
static enum err
begin_rows(struct deny_batch *b, struct identity_deny_rows *rows,
    const char *file, char *text, struct report *why)
{
	enum identity_deny_kind kind;
	size_t first = strcspn(text, ",\r\n");
	enum err err = OK;

	if (b->line == 1 &&
	    !identity_deny_kind_of(slice_make(text, first), &kind)) {
		err = identity_deny_rows_begin(rows, (uint8_t *)text,
		    strlen(text), file, why);
	} else {
		identity_deny_rows_begin_plain(rows, (uint8_t *)text,
		    strlen(text), file, why);
		rows->line = (unsigned)b->line;
		if (b->columns.count > 0)
			rows->columns = b->columns;
	}
	b->columns = rows->columns;
	return err;
}

/* Adds rows of a deny list's file. */
static enum err
add_rows(struct deny_batch *b, const struct deny_defaults *d, char *text,
    struct report *why)
{
	static struct identity_deny_key key;
	struct identity_deny_rows rows;
	struct identity_deny_row row;
	struct report entry;
	enum parse parse;
	enum err result = OK;
	enum err err;

	err = begin_rows(b, &rows, d->file, text, why);
	if (err != OK)
		return err;
	while (err == OK || err == ERR_CONFIG) {
		parse = identity_deny_rows_next(&rows, &row, &key);
		if (parse == PARSE_MORE)
			break;
		if (parse == PARSE_BAD)
			continue;
		report_init(&entry);
		err = add_entry(b, d, &row, &key, &entry);
		report_line(why, d->file, row.line, &entry);
		report_fini(&entry);
		if (err != OK)
			result = err;
	}
	b->line = rows.line;
	err = identity_deny_rows_end(&rows);
	return result == OK ? err : result;
}

/* Adds the one entry of `as' and `who'. */
static enum err
add_one(struct deny_batch *b, const struct deny_defaults *d, const char *who,
    struct report *why)
{
	static struct identity_deny_key key;
	struct identity_deny_row row;
	enum err err;

	err = identity_deny_row_make(&row, &key, d->as, who, why);
	return err == OK ? add_entry(b, d, &row, &key, why) : err;
}

/*
 * Batches.
 */

/* The lists that a request changes. */
static void
choose_lists(struct admin *a, struct deny_batch *b,
    const struct http_request *r)
{
	const struct snapshot *s = a->master->snapshot;
	bool has_file =
	    s->config->denylist.file[0] != '\0' && s->fleet_file == NULL;

	b->admin = a;
	b->fleet = is_given(r, "local") ? NULL : a->master->fleet;
	b->list = identity_denylist_get(
	    b->fleet != NULL ? s->fleet_denied : s->denylist);
	if (b->fleet != NULL && has_file && strcmp(r->path, "/allow") == 0)
		b->file = identity_denylist_get(s->denylist);
}

/* The batch that a request belongs to, new or begun; NULL: answered. */
static struct deny_batch *
find_batch(struct admin *a, struct http_call *call,
    const struct http_request *r, int64_t now)
{
	const char *id = http_request_param(r, "batch");
	struct deny_batch *b = a->deny_batch;

	if (id != NULL && b != NULL && strcmp(b->id, id) == 0) {
		a->deny_batch = NULL;
		return b;
	}
	if (id != NULL && b != NULL) {
		if (now < b->used_at + BATCH_IDLE_S) {
			reply_error(call, 503,
			    "another list is being read; try again");
			return NULL;
		}
		batch_free(b);
		a->deny_batch = NULL;
	}
	b = calloc(1, sizeof(*b));
	if (b != NULL && id != NULL)
		b->id = strdup(id);
	if (b == NULL || (id != NULL && b->id == NULL)) {
		free(b);
		reply_json(call, 503, NULL);
		return NULL;
	}
	choose_lists(a, b, r);
	b->line = 1;
	identity_deny_change_init(&b->change, b->list);
	if (b->file != NULL)
		identity_deny_change_init(&b->of_file, b->file);
	return b;
}

void
deny_stop(struct admin *a)
{
	batch_free(a->deny_batch);
	a->deny_batch = NULL;
}

/* The answer to a change. */
static json_t *
outcome(const struct deny_batch *b, uint64_t ended)
{
	const struct identity_deny_change *c = &b->change;
	json_t *o;

	o = json_pack("{s:b,s:I,s:I,s:I,s:I,s:o,s:o,s:I}", "dry_run",
	    b->dry_run, "added", (json_int_t)c->added, "changed",
	    (json_int_t)c->changed, "removed", (json_int_t)c->removed,
	    "unchanged", (json_int_t)c->unchanged, "until",
	    reply_when(c->now_until), "until_before", reply_when(c->until),
	    b->dry_run ? "sessions_matching" : "sessions_ended",
	    (json_int_t)ended);
	if (b->fleet != NULL && !b->dry_run)
		json_object_set_new(o, "fleet",
		    json_string(b->sent ? "sent" : "waiting"));
	return o;
}

static void
changed(void *arg, const struct denylist_result *result)
{
	struct deny_batch *b = arg;

	if (result->err != OK)
		refuse(b->call, result->err, result->why);
	else
		reply_json(b->call, 200, outcome(b, result->ended));
	batch_free(b);
}

static void
fleet_changed(void *arg, const struct fleet_changed *result)
{
	struct deny_batch *b = arg;
	struct report none;

	report_init(&none);
	b->sent = result->sent;
	if (result->err != OK)
		refuse(b->call, result->err, &none);
	else
		reply_json(b->call, 200, outcome(b, result->ended));
	report_fini(&none);
	batch_free(b);
}

/* Takes the entries out of a change; the numbers stay, for the answer. */
static struct identity_deny_change
move_out(struct identity_deny_change *c)
{
	struct identity_deny_change moved = *c;

	memset(&c->entries, 0, sizeof(c->entries));
	memset(&c->replaced, 0, sizeof(c->replaced));
	return moved;
}

static void
commit_to_fleet(struct deny_batch *b)
{
	struct identity_deny_change moved = move_out(&b->change);

	if (moved.entries.count > 0) {
		fleet_change(b->fleet, &moved.entries, fleet_changed, b);
	} else {
		b->sent = true;
		reply_json(b->call, 200, outcome(b, 0));
		batch_free(b);
	}
	identity_deny_change_fini(&moved);
}

/* The file has lost what was taken back; now the fleet. */
static void
file_changed(void *arg, const struct denylist_result *result)
{
	struct deny_batch *b = arg;

	if (result->err == OK) {
		commit_to_fleet(b);
		return;
	}
	refuse(b->call, result->err, result->why);
	batch_free(b);
}

/* Puts a batch in force, and answers the call then. Takes over `b'. */
static void
commit(struct admin *a, struct http_call *call, struct deny_batch *b)
{
	const struct snapshot *s = a->master->snapshot;
	struct identity_deny_change moved;

	b->call = call;
	if (b->list != (b->fleet != NULL ? s->fleet_denied : s->denylist) ||
	    (b->file != NULL && b->file != s->denylist)) {
		reply_error(call, 409, "the deny list was replaced meanwhile");
		batch_free(b);
	} else if (b->change.entries.count + b->of_file.entries.count == 0) {
		b->sent = true;
		reply_json(call, 200, outcome(b, 0));
		batch_free(b);
	} else if (b->dry_run) {
		denylist_count(a->master->denylist, &b->change, changed, b);
	} else if (b->of_file.entries.count > 0) {
		moved = move_out(&b->of_file);
		denylist_change(a->master->denylist, &moved, file_changed, b);
	} else if (b->fleet != NULL) {
		commit_to_fleet(b);
	} else {
		moved = move_out(&b->change);
		denylist_change(a->master->denylist, &moved, changed, b);
	}
}

/* Reads the entries of a request into its batch. */
static enum err
add_request(struct deny_batch *b, const struct http_request *r,
    const struct deny_defaults *d, struct report *why)
{
	const char *rows = http_request_param(r, "rows");
	char *copy;
	enum err err;

	if (rows == NULL)
		return add_one(b, d, http_request_param(r, "who"), why);
	copy = strdup(rows);
	if (copy == NULL)
		return ERR_NO_MEMORY;
	err = d->as != NULL ? add_values(b, d, copy, why)
			    : add_rows(b, d, copy, why);
	free(copy);
	return err;
}

/* One request of deny or allow. */
static void
take_request(struct admin *a, struct http_call *call,
    const struct http_request *r, const struct deny_defaults *d)
{
	struct deny_batch *b = find_batch(a, call, r, d->now);
	struct report why;
	enum err err;

	if (b == NULL)
		return;
	report_init(&why);
	err = add_request(b, r, d, &why);
	b->dry_run = is_given(r, "dry_run");
	b->used_at = d->now;
	if (err != OK) {
		refuse(call, err, &why);
		batch_free(b);
	} else if (b->id != NULL && is_given(r, "more")) {
		a->deny_batch = b;
		reply_json(call, 200,
		    json_pack("{s:I}", "collected",
			(json_int_t)b->change.entries.count));
	} else if (d->until == IDENTITY_DENY_REMOVED && b->id == NULL &&
	    b->change.removed == 0) {
		reply_error(call, 404, "no such entry");
		batch_free(b);
	} else {
		commit(a, call, b);
	}
	report_fini(&why);
}

/* Answers a request for which there is no list; true if there is one. */
static bool
has_list(struct admin *a, struct http_call *call, const struct http_request *r)
{
	const struct master *m = a->master;

	if (m->snapshot->fleet_file != NULL && is_given(r, "local")) {
		reply_error(call, 409,
		    "the deny list's file belongs to the fleet: "
		    "[denylist] shared");
		return false;
	}
	if (m->snapshot->config->denylist.file[0] != '\0' ||
	    (m->fleet != NULL && !is_given(r, "local")))
		return true;
	reply_error(call, 409, "there is no deny list: set [denylist] file");
	return false;
}

/* Answers a request that cannot be carried out; true if it can. */
static bool
is_complete(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	bool one = is_given(r, "as") &&
	    or_empty(http_request_param(r, "who"))[0] != '\0';

	if (is_given(r, "rows") ? is_given(r, "who") : !one)
		reply_error(call, 400,
		    "give as and who, or rows (with as: one value a line)");
	else
		return has_list(a, call, r);
	return false;
}

/* Returns how error messages call the rows of a request. */
static const char *
rows_name(const struct http_request *r)
{
	return is_given(r, "file") ? http_request_param(r, "file") : "rows";
}

void
deny_add_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct deny_defaults d = {
		.as = http_request_param(r, "as"),
		.reason = or_empty(http_request_param(r, "reason")),
		.now = clock_wall_s(),
		.all = is_given(r, "all"),
		.file = rows_name(r),
	};
	const char *why = read_until(r, d.now, &d.until);

	if (!is_complete(a, call, r))
		return;
	if (why != NULL)
		reply_error(call, 422, "%s", why);
	else
		take_request(a, call, r, &d);
}

/* allow by filters: adds all selected entries of one list to a change. */
static enum err
take_back_selected(struct deny_batch *b, const struct identity_denylist *list,
    const struct denied_selection *s, struct report *why)
{
	struct identity_deny_cursor cursor = { 0 };
	struct deny_defaults d = { .until = IDENTITY_DENY_REMOVED };
	static struct identity_deny_key key;
	struct identity_deny_row row;
	struct identity_deny e;
	enum err err = OK;

	while (err == OK && identity_denylist_next(list, &cursor, &e)) {
		if (!denied_matches(s, &e))
			continue;
		memset(&row, 0, sizeof(row));
		row.kind = e.kind;
		row.value = e.value;
		/* What is in the list has been read before. */
		if (identity_deny_key_parse(&key, e.kind, e.value) != NULL)
			continue;
		err = add_entry(b, &d, &row, &key, why);
	}
	return err;
}

static void
remove_selected(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct deny_batch *b;
	struct denied_selection s;
	struct report why;
	enum err err;

	if (!denied_select(&s, call, r))
		return;
	if (s.as == NULL && s.match == NULL && s.expired == NULL &&
	    !is_given(r, "all")) {
		reply_error(call, 400,
		    "give as and who, rows, or a filter; all takes back every "
		    "entry");
		return;
	}
	b = find_batch(a, call, r, s.now);
	if (b == NULL)
		return;
	report_init(&why);
	b->dry_run = is_given(r, "dry_run");
	err = take_back_selected(b, b->list, &s, &why);
	if (err == OK && b->file != NULL)
		err = take_back_selected(b, b->file, &s, &why);
	if (err != OK || b->change.removed == 0) {
		refuse(call, err == OK ? ERR_NOT_FOUND : err, &why);
		batch_free(b);
	} else {
		commit(a, call, b);
	}
	report_fini(&why);
}

void
deny_remove_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct deny_defaults d = {
		.as = http_request_param(r, "as"),
		.reason = "",
		.until = IDENTITY_DENY_REMOVED,
		.now = clock_wall_s(),
		.file = rows_name(r),
	};

	if (!is_given(r, "who") && !is_given(r, "rows")) {
		if (has_list(a, call, r))
			remove_selected(a, call, r);
	} else if (is_complete(a, call, r))
		take_request(a, call, r, &d);
}
