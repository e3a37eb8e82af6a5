#include "admin/control.h"

#include <stdlib.h>
#include <string.h>

#include "admin/reply.h"
#include "admin/worker_query.h"

/* How often to ask whether a sweep is over. */
#define SWEEP_ASK_MS 20

/* How far a worker has come. Asked behind the reload, so that it had that. */
struct progress {
	uint64_t generation;
	bool sweeping; /* live sessions are still being judged */
};

static void
work(struct worker *w, const void *question, void *answer)
{
	const struct session_manager *d = worker_sessions(w);
	struct progress *p = answer;

	(void)question;
	p->generation = d->snapshot->generation;
	p->sweeping = d->sweep_what != 0;
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
done(struct worker_query *a)
{
	const struct progress *p;
	size_t i;

	for (i = 0; i < a->count; i++) {
		p = worker_query_answer(a, i);
		if (p->generation < a->context) {
			reply_error(a->call, 503,
			    "a worker ran out of memory and keeps the old "
			    "configuration");
			return;
		}
		if (p->sweeping) {
			worker_query_repeat(a, SWEEP_ASK_MS);
			return;
		}
	}
	reply_json(a->call, 200,
	    json_pack("{s:I,s:o}", "generation", (json_int_t)a->context,
		"warnings", json_incref(*(json_t **)a->question)));
}

static void
free_question(void *question)
{
	json_decref(*(json_t **)question);
}

static const struct worker_query_kind reload_kind = {
	.answer_size = sizeof(struct progress),
	.work = work,
	.done = done,
	.free_question = free_question,
};

void
control_reload(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	json_t **question;
	struct report say;
	enum err err;

	report_init(&say);
	err = master_reload(a->master, &say);
	if (err != OK) {
		reply_json(call, 409,
		    json_pack("{s:s,s:I,s:o}", "error",
			"refused; what was in force stays in force",
			"generation",
			(json_int_t)a->master->snapshot->generation,
			"complaints", lines_of(&say)));
		report_fini(&say);
		return;
	}
	question = malloc(sizeof(*question));
	if (question == NULL) {
		reply_json(call, 503, NULL);
	} else {
		*question = lines_of(&say);
		worker_query_send(a, call, r, &reload_kind, question,
		    a->master->snapshot->generation);
	}
	report_fini(&say);
}

void
control_drain(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	struct master *m = a->master;
	const struct config_daemon *d = &m->snapshot->config->daemon;

	(void)r;
	if (m->state != MASTER_SERVING) {
		reply_error(call, 409, "it is draining already");
		return;
	}
	master_drain(m);
	reply_json(call, 200,
	    json_pack("{s:b,s:I,s:I}", "draining", 1, "drain_delay_ms",
		(json_int_t)d->drain_delay, "drain_timeout_ms",
		(json_int_t)d->drain_timeout));
}

void
control_log(struct admin *a, struct http_call *call,
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
