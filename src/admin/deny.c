#include "admin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "admin/reply.h"
#include "base/clock.h"
#include "base/time.h"
#include "identity/deny_reader.h"
#include "identity/denyfile.h"

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

/* Leaves what the deny list itself understands as it is, and turns "1h" from
 * now into a date; false for anything else. */
static bool
read_until(const char *text, char out[TIME_TEXT_MAX], const char **until)
{
	size_t len = strlen(text);
	int64_t seconds;
	uint64_t ms;

	*until = text;
	if (identity_deny_until(slice_str(text), &seconds))
		return true;
	if (len == 0 || strchr("smhd", text[len - 1]) == NULL ||
	    !sessions_age_parse(text, &ms))
		return false;
	time_write(clock_wall_s() + (int64_t)(ms / 1000), out);
	*until = out;
	return true;
}

void
deny_add_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	char when[TIME_TEXT_MAX];
	struct identity_deny_request entry;
	struct report why;
	const char *path;
	enum err err;

	entry.as = http_request_param(r, "as");
	entry.who = http_request_param(r, "who");
	entry.reason = or_empty(http_request_param(r, "reason"));
	path = file_of(a, call, entry.as, entry.who);
	if (path == NULL)
		return;
	if (!read_until(or_empty(http_request_param(r, "until")), when,
		&entry.until)) {
		reply_error(call, 422,
		    "until is how long from now (1h), a time "
		    "(2027-01-31T12:00:00Z), seconds since 1970, or infinity");
		return;
	}
	report_init(&why);
	err = identity_denyfile_add(path, &entry, &why);
	if (err != OK)
		refuse(call, err, &why);
	else
		commands_reload(a, call, r);
	report_fini(&why);
}

void
deny_remove_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	const char *as = http_request_param(r, "as");
	const char *who = http_request_param(r, "who");
	const char *path = file_of(a, call, as, who);
	struct report why;
	enum err err;

	if (path == NULL)
		return;
	report_init(&why);
	err = identity_denyfile_remove(path, as, who, &why);
	if (err != OK)
		refuse(call, err, &why);
	else
		commands_reload(a, call, r);
	report_fini(&why);
}

static json_t *
show(const struct identity_deny *d, int64_t now)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:b}", "as",
	    identity_deny_word(d->kind), "who", reply_text(d->who), "reason",
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
	return who == NULL || slice_equal(slice_str(who), d->who);
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
	struct identity_deny d;
	size_t matched = 0;
	size_t i;

	if (!http_request_limit(r, &limit)) {
		reply_error(call, 400, "limit is a number up to 100000");
		return;
	}
	rows = json_array();
	for (i = 0; i < count; i++) {
		identity_denylist_show(snapshot->denylist, i, &d);
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
