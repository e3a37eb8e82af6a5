#include "admin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "admin/reply.h"
#include "base/clock.h"
#include "base/time.h"
#include "identity/deny_edit.h"

#define LIMIT_DEFAULT 1000

static const char *
or_empty(const char *value)
{
	return value == NULL ? "" : value;
}

/* The deny list's path, or NULL and the call is answered: also when as or who
 * is missing. */
static const char *
file_of(struct admin *a, struct http_call *call, const char *as,
    const char *who)
{
	const char *path = a->master->snapshot->config->denylist.file;

	if (as == NULL || who == NULL || *who == '\0')
		reply_error(call, 400, "as and who must be given");
	else if (path[0] == '\0')
		reply_error(call, 409,
		    "there is no deny list: set [denylist] file");
	else
		return path;
	return NULL;
}

/* What denyfile said, as an answer. */
static void
refuse(struct http_call *call, enum err err, const struct report *why)
{
	const char *text = why->kept > 0 ? why->lines[0] : err_text(err);

	switch (err) {
	case ERR_CONFIG:
		reply_error(call, 422, "%s", text);
		break;
	case ERR_NOT_FOUND:
		reply_error(call, 404, "no such entry");
		break;
	default:
		reply_error(call, 500, "%s", text);
		break;
	}
}

/* Reads an until: a time from now (1h), or what the file may say. */
static bool
read_until(const char *text, int64_t now, int64_t *until)
{
	size_t len = strlen(text);
	uint64_t ms;

	if (identity_deny_until(slice_str(text), until))
		return true;
	if (len == 0 || strchr("smhd", text[len - 1]) == NULL ||
	    !sessions_age_parse(text, &ms))
		return false;
	*until = now + (int64_t)(ms / 1000);
	return true;
}

/* Writes a change to the file and puts it in force. */
static enum err
make_change(struct admin *a, const struct identity_deny_change *c,
    struct report *why)
{
	struct snapshot *s = a->master->snapshot;
	struct identity_deny_edit e = {
		.path = s->config->denylist.file,
		.change = c,
		.report = why,
		.idle = identity_denylist_idle(s->denylist),
	};
	enum err err = identity_deny_edit_run(&e);

	if (err == OK)
		err = identity_denylist_apply(s->denylist, &c->entries);
	return err;
}

/* Changes one entry, and answers. */
static void
change_entry(struct admin *a, struct http_call *call,
    const struct http_request *r, int64_t until)
{
	const char *as = http_request_param(r, "as");
	const char *who = http_request_param(r, "who");
	struct identity_denylist *l = a->master->snapshot->denylist;
	struct identity_deny_change c;
	struct identity_deny_key key;
	struct identity_deny_row row;
	struct report why;
	enum err err;

	if (file_of(a, call, as, who) == NULL)
		return;
	report_init(&why);
	identity_deny_change_init(&c, l);
	err = identity_deny_row_make(&row, &key, as, who, &why);
	row.reason = slice_str(or_empty(http_request_param(r, "reason")));
	row.until = until;
	if (err == OK)
		err = identity_denylist_plan(l, &c, &row, &key, &why);
	if (err == OK && until == IDENTITY_DENY_REMOVED && c.removed == 0)
		err = ERR_NOT_FOUND;
	if (err == OK && c.entries.count > 0)
		err = make_change(a, &c, &why);
	if (err != OK)
		refuse(call, err, &why);
	else
		commands_reload(a, call, r);
	identity_deny_change_fini(&c);
	report_fini(&why);
}

void
deny_add_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	int64_t now = clock_wall_s();
	int64_t until;

	if (!read_until(or_empty(http_request_param(r, "until")), now,
		&until)) {
		reply_error(call, 422,
		    "until is how long from now (1h), a time "
		    "(2027-01-31T12:00:00Z), seconds since 1970, or infinity");
		return;
	}
	change_entry(a, call, r, until);
}

void
deny_remove_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	change_entry(a, call, r, IDENTITY_DENY_REMOVED);
}

static json_t *
show(const struct identity_deny *d, int64_t now)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:b}", "as",
	    identity_deny_word(d->kind), "who", reply_text(d->value), "reason",
	    reply_text(d->reason), "until", reply_when(d->until), "expired",
	    (int)(now >= d->until));
}

/* Is the entry asked for? */
static bool
selects(const struct http_request *r, const struct identity_deny *d)
{
	const char *as = http_request_param(r, "as");
	const char *who = http_request_param(r, "who");

	if (as != NULL && strcmp(as, identity_deny_word(d->kind)) != 0)
		return false;
	return who == NULL || slice_equal(slice_str(who), d->value);
}

void
deny_list_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	const struct snapshot *snapshot = a->master->snapshot;
	size_t count = identity_denylist_count(snapshot->denylist);
	size_t limit = LIMIT_DEFAULT;
	int64_t now = clock_wall_s();
	json_t *rows;
	struct identity_deny_cursor cursor = { 0 };
	struct identity_deny d;
	size_t matched = 0;

	if (!http_request_limit(r, &limit)) {
		reply_error(call, 400, "limit is a number up to 100000");
		return;
	}
	rows = json_array();
	while (count > 0 &&
	    identity_denylist_next(snapshot->denylist, &cursor, &d)) {
		if (!selects(r, &d))
			continue;
		matched++;
		if (json_array_size(rows) < limit)
			json_array_append_new(rows, show(&d, now));
	}
	reply_json(call, 200,
	    json_pack("{s:s,s:I,s:I,s:o}", "file",
		snapshot->config->denylist.file, "count", (json_int_t)count,
		"matched", (json_int_t)matched, "denied", rows));
}
