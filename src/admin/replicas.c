/* SPDX-License-Identifier: ISC */
/*
 * A question is {"path": "/kick", "params": {"user": "x"}}, an answer is the
 * status and the body of the command: "200 {...}". Both come from a stranger,
 * the Redis server: only commands of the table and their parameters are taken,
 * and of an answer only what has the expected type.
 */
#include "admin/replicas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/denied.h"
#include "admin/reply.h"
#include "admin/session_filter.h"

/* How long the others may take to answer. A worker that hangs is reported after
 * 5 seconds (admin/worker_query.c); a reload may read large CRLs. */
#define ANSWER_MS 5500
#define RELOAD_MS 20000
#define ROWS_DEFAULT 1000
#define DEVICES_DEFAULT 20

struct broadcast;

/* What the replicas' answers become. */
struct kind {
	const char *path;
	bool here_last; /* this replica comes after all others */
	uint64_t ms;
	/* Adds what the replicas say to `out'. */
	void (*merge)(struct broadcast *b, json_t *out);
};

/* A command that several replicas carry out, on its way. */
struct broadcast {
	struct admin *admin; /* borrowed */
	struct http_call *call; /* to be answered */
	const struct http_request *request; /* lives as long as the call */
	const struct kind *kind;
	const char *to; /* of the request */
	const char *name; /* of this replica; the fleet's */
	json_t *question; /* owned */
	json_t *known; /* owned: names of others that are asked */
	json_t *parts; /* owned: [{"replica", "status", "body"}] */
	json_t *missing; /* owned: names */
	const char *lost; /* why the others were not asked; NULL: they were */
	size_t asked;
	int steps; /* done so far, of this replica and the others */
	bool here; /* this replica is meant, too */
	bool others; /* so are others, or another process of this name */
};

static void next(struct broadcast *b);

static void
free_broadcast(struct broadcast *b)
{
	json_decref(b->question);
	json_decref(b->known);
	json_decref(b->parts);
	json_decref(b->missing);
	free(b);
}

/*
 * Merging.
 */

/* How rows are sorted. */
struct order {
	const char *fields[2]; /* NULL: none */
	bool null_last; /* a row without the field comes last */
	bool descending;
};

static int
compare_field(const json_t *x, const json_t *y, const char *field,
    bool null_last)
{
	const json_t *a = json_object_get(x, field);
	const json_t *b = json_object_get(y, field);
	const char *s = json_string_value(a);
	const char *t = json_string_value(b);

	if (json_is_integer(a) && json_is_integer(b))
		return (json_integer_value(a) > json_integer_value(b)) -
		    (json_integer_value(a) < json_integer_value(b));
	if (null_last && (s == NULL || t == NULL))
		return (s == NULL) - (t == NULL);
	return strcmp(s == NULL ? "" : s, t == NULL ? "" : t);
}

static int
compare_rows(const void *x, const void *y, void *arg)
{
	const struct order *o = arg;
	const json_t *a = *(const json_t *const *)x;
	const json_t *b = *(const json_t *const *)y;
	int d = 0;
	size_t i;

	for (i = 0; i < 2 && d == 0 && o->fields[i] != NULL; i++)
		d = compare_field(a, b, o->fields[i], o->null_last);
	return o->descending ? -d : d;
}

/* Sorts rows, and cuts a page out of them; takes `rows' over. */
static json_t *
cut_page(json_t *rows, const struct order *o, size_t offset, size_t limit)
{
	size_t count = json_array_size(rows);
	json_t **all = calloc(count + 1, sizeof(json_t *));
	json_t *page = json_array();
	size_t i;

	for (i = 0; all != NULL && i < count; i++)
		all[i] = json_array_get(rows, i);
	if (all != NULL && o->fields[0] != NULL)
		qsort_r(all, count, sizeof(all[0]), compare_rows, (void *)o);
	for (i = offset; all != NULL && i < count && i - offset < limit; i++)
		json_array_append(page, all[i]);
	free(all);
	json_decref(rows);
	return page;
}

/* All rows of a field, with the names of their replicas. */
static json_t *
collect(struct broadcast *b, const char *field)
{
	json_t *rows = json_array();
	json_t *part, *row;
	size_t i, n;

	json_array_foreach(b->parts, i, part)
	{
		json_array_foreach(
		    json_object_get(json_object_get(part, "body"), field), n,
		    row)
		{
			if (!json_is_object(row) || n >= HTTP_LIMIT_MAX)
				continue;
			json_object_set(row, "replica",
			    json_object_get(part, "replica"));
			json_array_append(rows, row);
		}
	}
	return rows;
}

/* A number of one answer, or 0. */
static json_int_t
number_of(const json_t *part, const char *field)
{
	json_int_t n = json_integer_value(
	    json_object_get(json_object_get(part, "body"), field));

	return n < 0 || n > (json_int_t)1 << 40 ? 0 : n;
}

static json_int_t
sum(const struct broadcast *b, const char *field)
{
	json_int_t total = 0;
	json_t *part;
	size_t i;

	json_array_foreach(b->parts, i, part) total += number_of(part, field);
	return total;
}

static void
merge_sessions(struct broadcast *b, json_t *out)
{
	const char *sort = http_request_param(b->request, "sort");
	struct order o = { { NULL, NULL }, false, false };
	size_t limit = ROWS_DEFAULT;

	if (sort != NULL)
		o.fields[0] = session_filter_sort_field(sort, &o.descending);
	(void)http_request_limit(b->request, &limit);
	json_object_set_new(out, "matched", json_integer(sum(b, "matched")));
	json_object_set_new(out, "sessions",
	    cut_page(collect(b, "sessions"), &o, 0, limit));
}

/* Keeps one of several equal rows: all replicas report the entries of the
 * fleet's list. */
static json_t *
without_repeats(json_t *rows)
{
	json_t *seen = json_object();
	json_t *kept = json_array();
	const char *from;
	char *name;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		from = json_string_value(json_object_get(row, "from"));
		if (from == NULL || strcmp(from, "fleet") != 0) {
			json_array_append(kept, row);
			continue;
		}
		if (asprintf(&name, "%s %s",
			json_string_value(json_object_get(row, "as")),
			json_string_value(json_object_get(row, "who"))) == -1)
			continue;
		if (json_object_get(seen, name) == NULL) {
			json_object_set_new(seen, name, json_true());
			json_object_del(row, "replica");
			json_array_append(kept, row);
		}
		free(name);
	}
	json_decref(seen);
	json_decref(rows);
	return kept;
}

/* Returns a number in which the fleet's entries, which all replicas have, count
 * once. */
static json_int_t
sum_entries(const struct broadcast *b, const char *all, const char *shared)
{
	json_int_t max = 0;
	json_int_t total = 0;
	json_t *part;
	size_t i;

	json_array_foreach(b->parts, i, part)
	{
		total += number_of(part, all) - number_of(part, shared);
		if (number_of(part, shared) > max)
			max = number_of(part, shared);
	}
	return total + max;
}

/* The parameter "offset"; 0 if it is missing, or not a number: then every
 * replica refuses it. */
static size_t
offset_of(const struct http_request *r)
{
	const char *text = http_request_param(r, "offset");
	unsigned long n;

	if (text == NULL || text[strspn(text, "0123456789")] != '\0')
		return 0;
	n = strtoul(text, NULL, 10);
	return n > HTTP_LIMIT_MAX ? HTTP_LIMIT_MAX : n;
}

static void
merge_denied(struct broadcast *b, json_t *out)
{
	const char *sort = http_request_param(b->request, "sort");
	struct order o = { { NULL, NULL }, false, false };
	size_t limit = ROWS_DEFAULT;
	size_t offset = offset_of(b->request);

	if (sort != NULL)
		denied_sort_fields(sort, o.fields, &o.descending);
	o.null_last = o.fields[0] != NULL && strcmp(o.fields[0], "until") == 0;
	(void)http_request_limit(b->request, &limit);
	json_object_set_new(out, "count",
	    json_integer(sum_entries(b, "count", "count_fleet")));
	json_object_set_new(out, "matched",
	    json_integer(sum_entries(b, "matched", "matched_fleet")));
	json_object_set_new(out, "offset", json_integer((json_int_t)offset));
	json_object_set_new(out, "denied",
	    cut_page(without_repeats(collect(b, "denied")), &o, offset, limit));
}

static void
merge_cert(struct broadcast *b, json_t *out)
{
	struct order first = { { "cert_not_after", NULL }, true, false };
	size_t limit = DEVICES_DEFAULT;

	(void)http_request_limit(b->request, &limit);
	json_object_set_new(out, "certificates", collect(b, "certificates"));
	json_object_set_new(out, "crls", collect(b, "crls"));
	json_object_set_new(out, "devices",
	    cut_page(collect(b, "devices"), &first, 0, limit));
}

/* Adds the answers of all replicas, each with the replica's name. */
static void
merge_each(struct broadcast *b, json_t *out)
{
	json_t *rows = json_array();
	json_t *part, *row;
	size_t i;

	json_array_foreach(b->parts, i, part)
	{
		row = json_object_get(part, "body");
		json_object_set(row, "replica",
		    json_object_get(part, "replica"));
		json_array_append(rows, row);
	}
	json_object_set_new(out, "replicas", rows);
}

static const struct kind kinds[] = {
	{ "/status", false, ANSWER_MS, merge_each },
	{ "/sessions", false, ANSWER_MS, merge_sessions },
	{ "/kick", false, ANSWER_MS, merge_sessions },
	{ "/denied", false, ANSWER_MS, merge_denied },
	{ "/cert", false, ANSWER_MS, merge_cert },
	{ "/reload", false, RELOAD_MS, merge_each },
	/* Its connection to the Redis server ends with it. */
	{ "/drain", true, ANSWER_MS, merge_each },
};

/*
 * The answer.
 */

/* True for an answer that says what it should. */
static bool
is_good(const json_t *part)
{
	json_int_t status = json_integer_value(json_object_get(part, "status"));

	return status == 200 ||
	    (status == 404 &&
		json_is_integer(
		    json_object_get(json_object_get(part, "body"), "matched")));
}

/* Takes the answers that are errors out of the parts. */
static json_t *
take_failed(struct broadcast *b)
{
	json_t *failed = json_array();
	json_t *part, *row;
	size_t i = 0;

	while ((part = json_array_get(b->parts, i)) != NULL) {
		if (is_good(part)) {
			i++;
			continue;
		}
		row = json_object_get(part, "body");
		json_object_set(row, "replica",
		    json_object_get(part, "replica"));
		json_object_set(row, "status", json_object_get(part, "status"));
		json_array_append(failed, row);
		json_array_remove(b->parts, i);
	}
	return failed;
}

/* The status of the answer. */
static unsigned
status_of(const struct broadcast *b, const json_t *failed, const json_t *out)
{
	const json_t *first = json_array_get(failed, 0);

	if (json_array_size(b->parts) == 0)
		return first == NULL ? 503
				     : (unsigned)json_integer_value(
					   json_object_get(first, "status"));
	if (strcmp(b->kind->path, "/kick") == 0 &&
	    json_integer_value(json_object_get(out, "matched")) == 0)
		return 404;
	return 200;
}

/* True if no replica has done what it was asked for. */
static void
add_error(const struct broadcast *b, const json_t *failed, json_t *out)
{
	const json_t *first = json_array_get(failed, 0);
	const char *why = json_string_value(json_object_get(first, "error"));
	const char *name = json_string_value(json_object_get(first, "replica"));

	if (first == NULL)
		json_object_set_new(out, "error",
		    json_sprintf("no replica has answered%s%s",
			b->lost == NULL ? "" : ": ",
			b->lost == NULL ? "" : b->lost));
	else
		json_object_set_new(out, "error",
		    json_sprintf("%s: %s", name,
			why == NULL ? "refused" : why));
}

static void
sort_parts(struct broadcast *b)
{
	static const struct order by_name = { { "replica", NULL }, false,
		false };

	b->parts = cut_page(b->parts, &by_name, 0, SIZE_MAX);
}

static void
finish(struct broadcast *b)
{
	json_t *out = json_object();
	json_t *failed;
	json_t *fleet;
	size_t count;

	sort_parts(b);
	count = json_array_size(b->parts);
	failed = take_failed(b);
	fleet = json_pack("{s:I,s:I,s:b,s:O,s:O,s:s?}", "asked",
	    (json_int_t)b->asked, "answered", (json_int_t)count, "complete",
	    json_array_size(b->parts) == b->asked, "missing", b->missing,
	    "failed", failed, "error", b->lost);
	json_object_set_new(out, "fleet", fleet);
	if (json_array_size(b->parts) == 0)
		add_error(b, failed, out);
	else
		b->kind->merge(b, out);
	reply_json(b->call, status_of(b, failed, out), out);
	json_decref(failed);
	free_broadcast(b);
}

/*
 * Asking.
 */

static void
add_part(struct broadcast *b, const char *name, unsigned status, json_t *body)
{
	json_t *part;

	if (!json_is_object(body)) {
		json_decref(body);
		status = 502;
		body = json_pack("{s:s}", "error",
		    "its answer cannot be understood");
	}
	part = json_pack("{s:s,s:i,s:o}", "replica", name, "status",
	    (int)status, "body", body);
	if (part != NULL)
		json_array_append_new(b->parts, part);
}

/* An answer of another replica. */
static void
answered(void *arg, const char *name, struct slice text)
{
	unsigned status = 0;
	size_t i;

	for (i = 0; i < 3 && i < text.len && text.data[i] >= '0' &&
	     text.data[i] <= '9';
	     i++)
		status = status * 10 + (unsigned)(text.data[i] - '0');
	if (i < 3 || text.len < 4 || text.data[3] != ' ' || status < 200 ||
	    status > 599) {
		add_part(arg, name, 502, NULL);
		return;
	}
	add_part(arg, name, status,
	    json_loadb((const char *)text.data + 4, text.len - 4,
		JSON_REJECT_DUPLICATES, NULL));
}

/* As far as is known, the others were not asked. */
static void
count_all_missing(struct broadcast *b, const char *why)
{
	b->lost = why;
	b->asked += json_array_size(b->known);
	json_array_extend(b->missing, b->known);
}

static void
all_answered(void *arg, const char *why, const struct fleet_rpc_part *parts,
    size_t count)
{
	struct broadcast *b = arg;
	size_t i;

	if (why != NULL)
		count_all_missing(b, why);
	else
		b->asked += count;
	for (i = 0; why == NULL && i < count; i++)
		if (!parts[i].answered)
			json_array_append_new(b->missing,
			    json_string(parts[i].name));
	next(b);
}

static const struct fleet_rpc_asker asker = { answered, all_answered };

static void
ask_others(struct broadcast *b)
{
	struct fleet_rpc *rpc = fleet_get_rpc(b->admin->master->fleet);
	char *text = json_dumps(b->question, JSON_COMPACT);
	struct fleet_rpc_request r = {
		.text = slice_str(text == NULL ? "" : text),
		.to = b->to,
		.ms = b->kind->ms,
		.asker = &asker,
		.arg = b,
	};
	enum err err =
	    text == NULL || rpc == NULL ? ERR_CLOSED : fleet_rpc_ask(rpc, &r);

	free(text);
	if (err == OK)
		return;
	count_all_missing(b, "the question could not be sent");
	next(b);
}

/* Fills a request from a question. False if it is not one. */
static bool
read_question(struct http_request *r, json_t *question)
{
	const char *path = json_string_value(json_object_get(question, "path"));
	json_t *params = json_object_get(question, "params");
	const char *name;
	json_t *value;

	memset(r, 0, sizeof(*r));
	r->method = HTTP_POST;
	r->path = path;
	r->peer_uid = HTTP_NO_UID;
	if (path == NULL || path[0] != '/' || !json_is_object(params) ||
	    json_object_size(params) > HTTP_PARAMS_MAX)
		return false;
	json_object_foreach(params, name, value)
	{
		if (!json_is_string(value))
			return false;
		r->params[r->param_count].key = name;
		r->params[r->param_count++].value = json_string_value(value);
	}
	return true;
}

/* This replica's own answer. */
static void
answered_here(void *arg, const struct http_reply *reply)
{
	struct broadcast *b = arg;
	json_t *body;

	if (reply == NULL) {
		free_broadcast(b);
		return;
	}
	body = json_loadb((const char *)reply->body.data, reply->body.len, 0,
	    NULL);
	/* What is wrong here is wrong everywhere: no replica is asked. */
	if (reply->status == 400 && b->steps == 1) {
		reply_json(b->call, 400, body);
		free_broadcast(b);
		return;
	}
	add_part(b, b->name, reply->status, body);
	b->asked++;
	next(b);
}

static void
run_here(struct broadcast *b)
{
	struct http_request r;
	struct http_call *call = NULL;
	struct http_reply busy = { .status = 503 };

	busy.body = slice_str("{\"error\":\"too many requests at once\"}");
	if (read_question(&r, b->question))
		call =
		    http_call_new(b->admin->fleet_calls, &r, answered_here, b);
	if (call == NULL)
		answered_here(b, &busy);
	else
		commands_run_for_fleet(b->admin, call, NULL);
}

/* Goes to the next step: this replica, the others, the answer. */
static void
next(struct broadcast *b)
{
	bool here;

	while (b->steps < 2) {
		here = (b->steps == 0) != b->kind->here_last;
		b->steps++;
		if (here && b->here) {
			run_here(b); /* b may be gone */
			return;
		}
		if (!here && b->others) {
			ask_others(b); /* b may be gone */
			return;
		}
	}
	finish(b);
}

/*
 * The request.
 */

/* The first name of `to' that no replica has, or NULL. */
static const char *
unknown_name(const char *to, const struct fleet_status *s, char *out,
    size_t size)
{
	bool found;
	size_t i;

	while (strcmp(to, "*") != 0 && *to != '\0') {
		snprintf(out, size, "%.*s", (int)strcspn(to, ","), to);
		found = strcmp(out, s->name) == 0;
		for (i = 0; i < s->replica_count && !found; i++)
			found = strcmp(out, s->replicas[i].name) == 0;
		if (!found)
			return out;
		to += strcspn(to, ",");
		to += *to == ',';
	}
	return NULL;
}

/* True if the request cannot be served; it has been answered. */
static bool
refuse(struct admin *a, struct http_call *call, const struct http_request *r)
{
	const char *to = http_request_param(r, "fleet");
	char name[FLEET_RPC_NAME_MAX + 2];
	const char *why;
	struct fleet_status s;

	if (a->master->fleet == NULL) {
		reply_error(call, 409,
		    "there is no fleet here: the configuration has no "
		    "[fleet] address");
		return true;
	}
	fleet_get_status(a->master->fleet, &s);
	why = fleet_rpc_why_not(fleet_get_rpc(a->master->fleet));
	if (why != NULL) {
		reply_error(call, 503,
		    "the other replicas cannot be asked, the fleet's Redis "
		    "server cannot be reached%s%s (without --fleet the command "
		    "is for this replica)",
		    why[0] == '\0' ? "" : ": ", why);
		return true;
	}
	why = unknown_name(to, &s, name, sizeof(name));
	if (why != NULL || to[0] == '\0') {
		reply_error(call, 404, "there is no replica \"%s\"",
		    why == NULL ? "" : why);
		return true;
	}
	if (http_request_param(r, "sid") != NULL && strpbrk(to, "*,") != NULL) {
		reply_error(call, 400,
		    "a sid belongs to one replica: give its name, "
		    "--fleet=NAME");
		return true;
	}
	return false;
}

/* Makes the request for the other replicas: the same one, but for the rows of
 * this page and of all before it. */
static json_t *
make_question(const struct http_request *r)
{
	json_t *params = json_object();
	bool pages = strcmp(r->path, "/denied") == 0;
	size_t limit = ROWS_DEFAULT;
	size_t i;

	for (i = 0; i < r->param_count; i++)
		if (strcmp(r->params[i].key, "fleet") != 0)
			json_object_set_new(params, r->params[i].key,
			    json_string(r->params[i].value));
	if (pages && http_request_limit(r, &limit) && offset_of(r) > 0) {
		limit += offset_of(r);
		json_object_del(params, "offset");
		json_object_set_new(params, "limit",
		    json_sprintf("%zu",
			limit > HTTP_LIMIT_MAX ? HTTP_LIMIT_MAX : limit));
	}
	/* A value that is not UTF-8 was left out. */
	if (json_object_size(params) + 1 + (pages ? 1 : 0) < r->param_count) {
		json_decref(params);
		return NULL;
	}
	return json_pack("{s:s,s:o}", "path", r->path, "params", params);
}

static struct broadcast *
new_broadcast(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct broadcast *b = calloc(1, sizeof(*b));
	struct fleet_status s;
	size_t i;

	if (b == NULL)
		return NULL;
	b->admin = a;
	b->call = call;
	b->request = r;
	b->to = http_request_param(r, "fleet");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].path, r->path) == 0)
			b->kind = &kinds[i];
	b->question = make_question(r);
	b->known = json_array();
	b->parts = json_array();
	b->missing = json_array();
	fleet_get_status(a->master->fleet, &s);
	b->name = s.name;
	b->here = fleet_rpc_is_for(b->to, s.name);
	b->others = s.replica_count > 1;
	for (i = 0; i < s.replica_count; i++)
		if (strcmp(s.replicas[i].name, s.name) != 0 &&
		    fleet_rpc_is_for(b->to, s.replicas[i].name))
			json_array_append_new(b->known,
			    json_string(s.replicas[i].name));
	if (b->kind != NULL && b->question != NULL && b->known != NULL &&
	    b->parts != NULL && b->missing != NULL)
		return b;
	free_broadcast(b);
	return NULL;
}

void
replicas_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct broadcast *b;

	if (refuse(a, call, r))
		return;
	b = new_broadcast(a, call, r);
	if (b == NULL)
		reply_error(call, 400,
		    "a value is not UTF-8, or there is no memory");
	else
		next(b);
}

/*
 * Being asked.
 */

/* A question of another replica, while the command runs. */
struct asked {
	struct admin *admin; /* borrowed */
	struct fleet_question question;
	json_t *json; /* owned */
};

static void
send_answer(struct admin *a, const struct fleet_question *q, unsigned status,
    struct slice body)
{
	struct fleet_rpc *rpc = fleet_get_rpc(a->master->fleet);
	char head[16];
	struct buf text;

	if (rpc == NULL)
		return; /* the daemon is stopping */
	if (body.len + 4 > FLEET_RPC_ANSWER_MAX) {
		status = 413;
		body = slice_str("{\"error\":\"its answer has more than 4 MiB: "
				 "lower --limit\"}");
	}
	buf_init(&text, 0);
	snprintf(head, sizeof(head), "%03u ", status % 1000);
	if (buf_append(&text, head, 4) == OK &&
	    buf_append(&text, body.data, body.len) == OK)
		fleet_rpc_answer(rpc, q, buf_slice(&text));
	buf_fini(&text);
}

static void
done(void *arg, const struct http_reply *reply)
{
	struct asked *asked = arg;

	if (reply != NULL)
		send_answer(asked->admin, &asked->question, reply->status,
		    reply->body);
	json_decref(asked->json);
	free(asked);
}

void
replicas_asked(void *arg, const struct fleet_question *question,
    const char *from, struct slice text)
{
	struct admin *a = arg;
	struct asked *asked = calloc(1, sizeof(*asked));
	struct http_call *call = NULL;
	struct http_request r;

	if (asked == NULL)
		return;
	asked->admin = a;
	asked->question = *question;
	asked->json = json_loadb((const char *)text.data, text.len,
	    JSON_REJECT_DUPLICATES, NULL);
	if (!read_question(&r, asked->json)) {
		json_decref(asked->json);
		free(asked);
		send_answer(a, question, 400,
		    slice_str("{\"error\":\"the question is malformed\"}"));
		return;
	}
	call = http_call_new(a->fleet_calls, &r, done, asked);
	if (call != NULL) {
		commands_run_for_fleet(a, call, from);
		return;
	}
	json_decref(asked->json);
	free(asked);
	send_answer(a, question, 503,
	    slice_str("{\"error\":\"too many questions at once\"}"));
}
