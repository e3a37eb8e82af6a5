#include "admin/worker_query.h"

#include <stdlib.h>
#include <string.h>

#include "admin/reply.h"
#include "base/clock.h"

/* A worker that needs longer than this is stuck. */
#define LIMIT_MS 5000
#define REST 4 /* times as long as the costly question took */

/* One worker's part: the same message goes there and back. */
struct worker_query_part {
	struct loop_message message;
	struct worker_query *ask; /* borrowed */
	struct worker *worker; /* borrowed */
	void *answer; /* owned */
};

void *
worker_query_answer(const struct worker_query *a, size_t i)
{
	return a->parts[i].answer;
}

static void
worker_query_free(struct worker_query *a)
{
	size_t i;

	for (i = 0; i < a->count; i++) {
		if (a->kind->free_answer != NULL && a->parts[i].answer != NULL)
			a->kind->free_answer(a->parts[i].answer);
		free(a->parts[i].answer);
	}
	if (a->kind->free_question != NULL && a->question != NULL)
		a->kind->free_question(a->question);
	free(a->question);
	free(a->parts);
	free(a);
}

static void send_all(struct worker_query *a);

/* The pause is over: asks anew. */
static void
rested(void *arg)
{
	struct worker_query *a = arg;
	size_t i;

	for (i = 0; i < a->count; i++) {
		if (a->kind->free_answer != NULL)
			a->kind->free_answer(a->parts[i].answer);
		memset(a->parts[i].answer, 0, a->kind->answer_size);
	}
	send_all(a);
}

static void
rest(struct worker_query *a)
{
	list_append(&a->admin->asks, &a->node);
	timer_init(&a->limit, a->home, rested, a);
	timer_start(&a->limit, a->again_ms);
	a->again_ms = 0;
}

void
worker_query_repeat(struct worker_query *a, uint64_t ms)
{
	a->again_ms = ms;
}

static void
came_back(struct loop_message *m)
{
	struct worker_query_part *part =
	    list_entry(m, struct worker_query_part, message);
	struct worker_query *a = part->ask;

	a->waiting--;
	if (a->waiting > 0)
		return;
	if (a->admin != NULL)
		list_remove(&a->node);
	if (a->admin != NULL && a->kind->costly)
		timer_start(&a->admin->rest,
		    REST * (clock_mono_ms() - a->sent_at) + 1);
	if (a->call != NULL) {
		timer_stop(&a->limit);
		a->kind->done(a);
	}
	if (a->again_ms > 0)
		rest(a);
	else
		worker_query_free(a);
}

/* On the worker's thread. */
static void
work(struct loop_message *m)
{
	struct worker_query_part *part =
	    list_entry(m, struct worker_query_part, message);
	struct worker_query *a = part->ask;
	struct loop *home = a->home;

	a->kind->work(part->worker, a->question, part->answer);
	part->message.run = came_back;
	loop_post(home, &part->message); /* part may be gone */
}

/* The answers may still come; whoever waited is told that they are late. */
static void
too_late(void *arg)
{
	struct worker_query *a = arg;
	struct http_call *call = a->call;

	a->call = NULL;
	if (a->queued) {
		list_remove(&a->node);
		worker_query_free(a);
		reply_error(call, 503, "too many ask at once");
		return;
	}
	log_event(LOG_LEVEL_ERROR, "admin_timeout",
	    "%zu of %zu workers do not answer", a->waiting, a->count);
	reply_error(call, 503, "%zu of %zu workers do not answer", a->waiting,
	    a->count);
}

static struct worker_query *
worker_query_new(struct admin *admin, const struct worker_query_kind *kind)
{
	const struct master *m = admin->master;
	struct worker_query *a = calloc(1, sizeof(*a));
	size_t i;

	if (a == NULL)
		return NULL;
	a->admin = admin;
	a->home = m->loop;
	a->kind = kind;
	a->parts = calloc(m->worker_count, sizeof(*a->parts));
	if (a->parts == NULL) {
		free(a);
		return NULL;
	}
	a->count = m->worker_count;
	for (i = 0; i < a->count; i++) {
		a->parts[i].ask = a;
		a->parts[i].worker = m->workers[i];
		a->parts[i].answer = calloc(1, kind->answer_size);
		if (a->parts[i].answer == NULL) {
			worker_query_free(a);
			return NULL;
		}
	}
	return a;
}

/* `a' is in the list; the limit runs from now on. */
static void
send_all(struct worker_query *a)
{
	size_t i;

	a->waiting = a->count;
	a->sent_at = clock_mono_ms();
	timer_init(&a->limit, a->home, too_late, a);
	timer_start(&a->limit, LIMIT_MS);
	for (i = 0; i < a->count; i++) {
		a->parts[i].message.run = work;
		loop_post(worker_sessions(a->parts[i].worker)->loop,
		    &a->parts[i].message);
	}
}

static void
wait_turn(struct worker_query *a)
{
	a->queued = true;
	timer_init(&a->limit, a->home, too_late, a);
	timer_start(&a->limit, LIMIT_MS);
}

/* The workers have had their rest: whoever has waited longest is next. */
static void
next_turn(void *arg)
{
	struct admin *admin = arg;
	struct list *node;
	struct list *next;
	struct worker_query *a;

	list_each(node, next, &admin->asks) {
		a = list_entry(node, struct worker_query, node);
		if (!a->queued)
			continue;
		a->queued = false;
		timer_stop(&a->limit);
		send_all(a);
		return;
	}
	admin->busy = false;
}

void
worker_query_init(struct admin *admin)
{
	list_init(&admin->asks);
	timer_init(&admin->rest, admin->master->loop, next_turn, admin);
}

void
worker_query_send(struct admin *admin, struct http_call *call,
    const struct http_request *request, const struct worker_query_kind *kind,
    void *question, uint64_t context)
{
	struct worker_query *a = worker_query_new(admin, kind);

	if (a == NULL) {
		if (kind->free_question != NULL && question != NULL)
			kind->free_question(question);
		free(question);
		reply_error(call, 503, "out of memory");
		return;
	}
	a->call = call;
	a->request = request;
	a->question = question;
	a->context = context;
	list_init(&a->node);
	list_append(&admin->asks, &a->node);
	if (kind->costly && admin->busy) {
		wait_turn(a);
		return;
	}
	admin->busy = admin->busy || kind->costly;
	send_all(a);
}

void
worker_query_abandon_all(struct admin *admin)
{
	struct list *node;
	struct list *next;
	struct worker_query *a;

	list_each(node, next, &admin->asks) {
		a = list_entry(node, struct worker_query, node);
		list_remove(&a->node);
		timer_stop(&a->limit);
		a->call = NULL;
		a->admin = NULL;
		if (a->waiting == 0)
			worker_query_free(a);
	}
	timer_stop(&admin->rest);
}
