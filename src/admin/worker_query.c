/* SPDX-License-Identifier: ISC */
#include "admin/worker_query.h"

#include <stdlib.h>
#include <string.h>

#include "admin/reply.h"
#include "base/clock.h"

/* A worker that has neither answered nor made progress for this time is stuck.
 */
#define DEADLINE_MS 5000
/* After an expensive query, workers are left alone for this many times as long
 * as it took. */
#define PAUSE_FACTOR 4

/* One worker's part. The same message travels there and back. */
struct worker_query_part {
	struct loop_message message;
	struct worker_query *query; /* borrowed */
	struct worker *worker; /* borrowed */
	void *answer; /* owned */
};

void *
worker_query_answer(const struct worker_query *q, size_t i)
{
	return q->parts[i].answer;
}

static void
free_question(const struct worker_query_kind *kind, void *question)
{
	if (kind->free_question != NULL && question != NULL)
		kind->free_question(question);
	free(question);
}

static void
free_query(struct worker_query *q)
{
	size_t i;

	for (i = 0; i < q->count; i++) {
		if (q->kind->free_answer != NULL && q->parts[i].answer != NULL)
			q->kind->free_answer(q->parts[i].answer);
		free(q->parts[i].answer);
	}
	free_question(q->kind, q->question);
	free(q->parts);
	free(q);
}

static void send_all(struct worker_query *q);

/* The pause between two rounds is over. */
static void
start_round(void *arg)
{
	struct worker_query *q = arg;
	size_t i;

	for (i = 0; i < q->count; i++) {
		if (q->kind->free_answer != NULL)
			q->kind->free_answer(q->parts[i].answer);
		memset(q->parts[i].answer, 0, q->kind->answer_size);
	}
	send_all(q);
}

static void
pause_query(struct worker_query *q)
{
	q->state = WORKER_QUERY_PAUSED;
	list_append(&q->admin->queries, &q->node);
	timer_init(&q->timer, q->home, start_round, q);
	timer_start(&q->timer, q->repeat_ms);
	q->repeat_ms = 0;
}

void
worker_query_repeat(struct worker_query *q, uint64_t ms)
{
	q->repeat_ms = ms;
}

/* All workers have answered. */
static void
complete(struct worker_query *q)
{
	uint64_t took = clock_mono_ms() - q->sent_at;

	if (q->state == WORKER_QUERY_ORPHANED) {
		free_query(q);
		return;
	}
	list_remove(&q->node);
	if (q->kind->costly)
		timer_start(&q->admin->query_pause, PAUSE_FACTOR * took + 1);
	if (q->state == WORKER_QUERY_SENT) {
		timer_stop(&q->timer);
		q->kind->done(q);
	}
	if (q->repeat_ms > 0)
		pause_query(q);
	else
		free_query(q);
}

static void
take_answer(struct loop_message *m)
{
	struct worker_query_part *part =
	    list_entry(m, struct worker_query_part, message);
	struct worker_query *q = part->query;

	if (--q->waiting == 0)
		complete(q);
}

/* On the worker's thread. */
static void
work(struct loop_message *m)
{
	struct worker_query_part *part =
	    list_entry(m, struct worker_query_part, message);
	struct worker_query *q = part->query;
	struct loop *home = q->home;

	if (!q->kind->work(part->worker, q->question, part->answer)) {
		atomic_fetch_add(&q->slices, 1);
		loop_post(worker_sessions(part->worker)->loop, &part->message);
		return;
	}
	part->message.run = take_answer;
	loop_post(home, &part->message); /* part and q may be gone */
}

/* The deadline of a queued or sent query. The answers of a sent one may still
 * come, so it stays until they have. */
static void
on_deadline(void *arg)
{
	struct worker_query *q = arg;
	struct http_call *call = q->call;
	unsigned slices = atomic_load(&q->slices);

	if (q->state == WORKER_QUERY_SENT && slices != q->slices_seen) {
		q->slices_seen = slices;
		timer_start_deadline(&q->timer, DEADLINE_MS);
		return;
	}
	q->call = NULL;
	if (q->state == WORKER_QUERY_QUEUED) {
		list_remove(&q->node);
		free_query(q);
		reply_error(call, 503, "too many requests at once");
		return;
	}
	q->state = WORKER_QUERY_LATE;
	log_event(LOG_LEVEL_ERROR, "admin_timeout",
	    "%zu of %zu workers do not answer", q->waiting, q->count);
	reply_error(call, 503, "%zu of %zu workers do not answer", q->waiting,
	    q->count);
}

static struct worker_query *
new_query(struct admin *admin, const struct worker_query_kind *kind)
{
	const struct master *m = admin->master;
	struct worker_query *q = calloc(1, sizeof(*q));
	size_t i;

	if (q == NULL)
		return NULL;
	q->admin = admin;
	q->home = m->loop;
	q->kind = kind;
	q->parts = calloc(m->worker_count, sizeof(*q->parts));
	if (q->parts == NULL) {
		free(q);
		return NULL;
	}
	q->count = m->worker_count;
	for (i = 0; i < q->count; i++) {
		q->parts[i].query = q;
		q->parts[i].worker = m->workers[i];
		q->parts[i].answer = calloc(1, kind->answer_size);
		if (q->parts[i].answer == NULL) {
			free_query(q);
			return NULL;
		}
	}
	return q;
}

/* Posts the query, which is in the list. The deadline starts now. */
static void
send_all(struct worker_query *q)
{
	size_t i;

	q->state = WORKER_QUERY_SENT;
	q->waiting = q->count;
	q->sent_at = clock_mono_ms();
	timer_init(&q->timer, q->home, on_deadline, q);
	timer_start_deadline(&q->timer, DEADLINE_MS);
	for (i = 0; i < q->count; i++) {
		q->parts[i].message.run = work;
		loop_post(worker_sessions(q->parts[i].worker)->loop,
		    &q->parts[i].message);
	}
}

/* The pause after an expensive query is over: sends the one that has waited
 * longest. */
static void
send_next(void *arg)
{
	struct admin *admin = arg;
	struct worker_query *q;
	struct list *node;
	struct list *next;

	list_each(node, next, &admin->queries) {
		q = list_entry(node, struct worker_query, node);
		if (q->state != WORKER_QUERY_QUEUED)
			continue;
		timer_stop(&q->timer);
		send_all(q);
		return;
	}
	admin->costly_running = false;
}

void
worker_query_init(struct admin *admin)
{
	list_init(&admin->queries);
	timer_init(&admin->query_pause, admin->master->loop, send_next, admin);
}

bool
worker_query_is_late(const struct admin *admin)
{
	const struct list *node;

	for (node = admin->queries.next; node != &admin->queries;
	     node = node->next)
		if (list_entry(node, struct worker_query, node)->state ==
		    WORKER_QUERY_LATE)
			return true;
	return false;
}

void
worker_query_send(struct admin *admin, struct http_call *call,
    const struct http_request *request, const struct worker_query_kind *kind,
    void *question)
{
	struct worker_query *q = new_query(admin, kind);

	if (q == NULL) {
		free_question(kind, question);
		reply_error(call, 503, "out of memory");
		return;
	}
	q->call = call;
	q->request = request;
	q->question = question;
	list_init(&q->node);
	list_append(&admin->queries, &q->node);
	if (kind->costly && admin->costly_running) {
		q->state = WORKER_QUERY_QUEUED;
		timer_init(&q->timer, q->home, on_deadline, q);
		timer_start_deadline(&q->timer, DEADLINE_MS);
		return;
	}
	admin->costly_running = admin->costly_running || kind->costly;
	send_all(q);
}

void
worker_query_abandon_all(struct admin *admin)
{
	struct worker_query *q;
	struct list *node;
	struct list *next;

	list_each(node, next, &admin->queries) {
		q = list_entry(node, struct worker_query, node);
		list_remove(&q->node);
		timer_stop(&q->timer);
		if (q->state == WORKER_QUERY_QUEUED ||
		    q->state == WORKER_QUERY_PAUSED)
			free_query(q);
		else
			q->state = WORKER_QUERY_ORPHANED;
	}
	timer_stop(&admin->query_pause);
}
