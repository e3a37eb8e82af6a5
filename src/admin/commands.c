/* SPDX-License-Identifier: ISC */
/*
 * The commands of the admin socket as one table, and those that change the
 * daemon as a whole: reload, drain, log.
 */
#include "admin/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/denied.h"
#include "admin/replicas.h"
#include "admin/reply.h"
#include "admin/worker_query.h"

/* How often to ask whether the sweep that a reload causes is over. */
#define SWEEP_POLL_MS 20

/* A command. GET only looks, POST changes something. */
struct command {
	const char *path;
	enum http_method method;
	const char *params; /* the keys it knows, a blank around each */
	command_fn *run;
};

#define FILTERS \
	" sid user client_id cert peer listener backend min_age max_age " \
	"limit "

static const struct command commands[] = {
	{ "/status", HTTP_GET, " fleet ", status_run },
	{ "/sessions", HTTP_GET, FILTERS "sort fleet ", sessions_list_run },
	{ "/kick", HTTP_POST, FILTERS "all fleet ", sessions_kick_run },
	{ "/denied", HTTP_GET, " as who match expired sort offset limit fleet ",
	    denied_run },
	{ "/deny", HTTP_POST,
	    " as who until for reason all dry_run rows file batch more local ",
	    deny_add_run },
	{ "/allow", HTTP_POST,
	    " as who match expired all dry_run rows file batch more local ",
	    deny_remove_run },
	{ "/cert", HTTP_GET, " limit fleet ", status_cert_run },
	{ "/history", HTTP_GET, " range since ", history_run },
	{ "/metrics", HTTP_GET, " ", metrics_run },
	{ "/reload", HTTP_POST, " fleet ", commands_reload },
	{ "/drain", HTTP_POST, " fleet ", commands_drain },
	{ "/log", HTTP_POST, " level ", commands_log },
	{ "/take-over", HTTP_POST, " ", successor_run },
};

/* The first parameter that the command does not know, or NULL. */
static const char *
unknown_param(const struct command *c, const struct http_request *r)
{
	const char *found;
	const char *key;
	size_t len;
	size_t i;

	for (i = 0; i < r->param_count; i++) {
		key = r->params[i].key;
		len = strlen(key);
		if (len == 0 || strchr(key, ' ') != NULL)
			return key;
		found = c->params;
		while ((found = strstr(found, key)) != NULL &&
		    (found[-1] != ' ' || found[len] != ' '))
			found++;
		if (found == NULL)
			return key;
	}
	return NULL;
}

static const struct command *
find(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].path, path) == 0)
			return &commands[i];
	return NULL;
}

/* Refuses parameters that are not exactly as they must be: a misspelt filter
 * must not match every session. True if the call has been answered. */
static bool
refuse_params(struct http_call *call, const struct command *c,
    const struct http_request *r)
{
	const char *unknown = unknown_param(c, r);
	size_t i;

	if (unknown != NULL) {
		reply_error(call, 400, "%s has no parameter \"%s\", only:%s",
		    r->path, unknown, c->params);
		return true;
	}
	if (r->repeated != NULL) {
		reply_error(call, 400, "\"%s\" is given twice", r->repeated);
		return true;
	}
	for (i = 0; i < r->param_count; i++) {
		if (r->params[i].value == NULL) {
			reply_error(call, 400, "\"%s\" needs a value",
			    r->params[i].key);
			return true;
		}
	}
	return false;
}

/* True if the client may use commands that change something: root, the users
 * that started and that run the daemon, and with admin_access = full every user
 * who may open the socket. */
static bool
may_change(const struct admin *a, const struct http_request *r)
{
	const struct config_daemon *d = &a->master->snapshot->config->daemon;

	return r->peer_uid == 0 || r->peer_uid == a->owner ||
	    r->peer_uid == geteuid() ||
	    d->admin_access == CONFIG_ADMIN_ACCESS_FULL;
}

/* Logs a command that changes something; `from' is the replica that asked for
 * it, or NULL. */
static void
audit(const struct http_request *r, const char *from)
{
	struct log_line line;
	size_t i;

	log_begin(&line, LOG_LEVEL_INFO, "admin");
	log_str(&line, "command", r->path + 1);
	if (from != NULL)
		log_str(&line, "from", from);
	for (i = 0; i < r->param_count; i++)
		if (strcmp(r->params[i].key, "rows") != 0)
			log_str(&line, r->params[i].key, r->params[i].value);
	log_end(&line);
}

void
commands_handle(struct http_call *call, const struct http_request *r, void *arg)
{
	const struct command *c = find(r->path);
	enum http_method method = r->method == HTTP_HEAD ? HTTP_GET : r->method;
	bool changes;

	if (c == NULL) {
		reply_error(call, 404, "no such command: %s", r->path);
		return;
	}
	if (method != c->method) {
		reply_error(call, 405, "%s needs %s", r->path,
		    c->method == HTTP_POST ? "POST" : "GET");
		return;
	}
	if (refuse_params(call, c, r))
		return;
	changes = may_change(arg, r);
	if (method == HTTP_POST && !changes) {
		reply_error(call, 403,
		    "%s changes something, and the members of admin_group may "
		    "only read ([daemon] admin_access)",
		    r->path + 1);
		return;
	}
	/* Readers must not take all connections of those who may change. */
	if (!changes && !http_call_claim(call)) {
		reply_error(call, 503, "too many requests at once");
		return;
	}
	if (method == HTTP_POST)
		audit(r, NULL);
	if (http_request_param(r, "fleet") != NULL)
		replicas_run(arg, call, r);
	else
		c->run(arg, call, r);
}

void
commands_run_for_fleet(struct admin *a, struct http_call *call,
    const char *from)
{
	const struct http_request *r = http_call_request(call);
	const struct command *c = find(r->path);

	/* Commands that a fleet may ask for have this parameter; elsewhere it
	 * has no effect. */
	if (c == NULL || strstr(c->params, " fleet ") == NULL ||
	    http_request_param(r, "fleet") != NULL) {
		reply_error(call, 404, "no such command for a fleet: %s",
		    r->path);
		return;
	}
	if (refuse_params(call, c, r))
		return;
	if (c->method == HTTP_POST && from != NULL)
		audit(r, from);
	c->run(a, call, r);
}

/*
 * reload
 */

struct reload {
	json_t *warnings; /* owned */
	uint64_t generation; /* the new one */
};

/* How far a worker has come. The query is posted after the reload, so a worker
 * that answers has already taken the new snapshot, or failed to. */
struct progress {
	uint64_t generation;
	bool sweeping; /* live sessions are still being judged */
};

static bool
work(struct worker *w, const void *question, void *answer)
{
	const struct session_manager *m = worker_sessions(w);
	struct progress *p = answer;

	(void)question;
	p->generation = m->snapshot->generation;
	p->sweeping = m->sweep_what != 0;
	return true;
}

static json_t *
lines_of(const struct report *r)
{
	json_t *lines = json_array();
	size_t i;

	for (i = 0; i < r->kept; i++)
		json_array_append_new(lines,
		    reply_text(slice_str(r->lines[i])));
	return lines;
}

static void
done(struct worker_query *q)
{
	const struct reload *reload = q->question;
	const struct progress *p;
	size_t i;

	for (i = 0; i < q->count; i++) {
		p = worker_query_answer(q, i);
		if (p->generation < reload->generation) {
			reply_error(q->call, 503,
			    "a worker ran out of memory and keeps the old "
			    "configuration");
			return;
		}
		if (p->sweeping) {
			worker_query_repeat(q, SWEEP_POLL_MS);
			return;
		}
	}
	reply_json(q->call, 200,
	    json_pack("{s:I,s:O}", "generation", (json_int_t)reload->generation,
		"warnings", reload->warnings));
}

static void
free_reload(void *question)
{
	json_decref(((struct reload *)question)->warnings);
}

static const struct worker_query_kind reload_kind = {
	.answer_size = sizeof(struct progress),
	.work = work,
	.done = done,
	.free_question = free_reload,
};

/* A call that waits for a reload to be put in force or refused. */
struct pending_reload {
	struct reload_waiter waiter;
	struct admin *admin; /* borrowed */
	struct http_call *call; /* to be answered */
	const struct http_request *request; /* lives as long as the call */
};

static void
refuse_reload(struct http_call *call, const struct reload_result *result)
{
	reply_json(call, 409,
	    json_pack("{s:s,s:I,s:o,s:o}", "error",
		"refused; the old configuration stays in force", "generation",
		(json_int_t)result->generation, "complaints",
		lines_of(result->complaints), "warnings",
		lines_of(result->warnings)));
}

/* Every worker has been sent the new snapshot: asks how far they have come. */
static void
reload_ended(struct reload_waiter *waiter, const struct reload_result *result)
{
	struct pending_reload *p =
	    list_entry(waiter, struct pending_reload, waiter);
	struct reload *reload;

	if (result->err != OK) {
		refuse_reload(p->call, result);
		free(p);
		return;
	}
	reload = malloc(sizeof(*reload));
	if (reload == NULL) {
		reply_json(p->call, 503, NULL);
	} else {
		reload->warnings = lines_of(result->warnings);
		reload->generation = result->generation;
		worker_query_send(p->admin, p->call, p->request, &reload_kind,
		    reload);
	}
	free(p);
}

void
commands_reload(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct pending_reload *p = malloc(sizeof(*p));

	if (p == NULL) {
		reply_json(call, 503, NULL);
		return;
	}
	p->waiter.done = reload_ended;
	p->admin = a;
	p->call = call;
	p->request = r;
	master_reload(a->master, RELOAD_COMMAND, &p->waiter);
}

void
commands_drain(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct master *m = a->master;
	const struct config_daemon *d = &m->snapshot->config->daemon;

	(void)r;
	if (m->state != MASTER_SERVING && m->state != MASTER_REPLACED) {
		reply_error(call, 409, "already draining");
		return;
	}
	master_drain(m);
	reply_json(call, 200,
	    json_pack("{s:b,s:I,s:I}", "draining", 1, "drain_delay_ms",
		(json_int_t)d->drain_delay, "drain_timeout_ms",
		(json_int_t)d->drain_timeout));
}

void
commands_log(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	static const struct {
		const char *word;
		enum log_level level;
	} rows[] = {
		{ "error", LOG_LEVEL_ERROR },
		{ "warn", LOG_LEVEL_WARN },
		{ "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },
	};
	const char *word = http_request_param(r, "level");
	size_t i;

	(void)a;
	for (i = 0; word != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].word, word) != 0)
			continue;
		log_set_level(rows[i].level);
		reply_json(call, 200, json_pack("{s:s}", "level", word));
		return;
	}
	reply_error(call, 400, "level is error, warn, info or debug");
}
