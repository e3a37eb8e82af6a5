/* SPDX-License-Identifier: ISC */
/*
 * A query to all workers. It is posted to each worker's loop, answered on the
 * worker's thread, and the answers come back to the master's loop, where the
 * HTTP call is answered. A call waits for at most a few seconds.
 *
 * Queries that look at every session are expensive. One of them runs at a time,
 * and the workers get a pause after each of four times its duration, however
 * many clients ask. A worker that has much to do for an answer does it in
 * slices, so that its sessions wait for one slice at most.
 */
#ifndef ADMIN_WORKER_QUERY_H
#define ADMIN_WORKER_QUERY_H

#include <stdatomic.h>

#include "admin/admin.h"

struct worker_query;

/* One kind of query, and what it does on which thread. */
struct worker_query_kind {
	size_t answer_size; /* bytes of one worker's answer */
	bool costly; /* it looks at every session */
	/* On the worker's thread: fills the zeroed `answer'. All workers share
	 * the question, so it is only read. False: there is more to do; it is
	 * called again, with the same answer, in the next turn of the loop. */
	bool (*work)(struct worker *w, const void *question, void *answer);
	/* Main thread, once all workers have answered: replies to q->call. */
	void (*done)(struct worker_query *q);
	/* Main thread; free what the answer and the question own, not the
	 * objects themselves. Either may be NULL. */
	void (*free_answer)(void *answer);
	void (*free_question)(void *question);
};

enum worker_query_state {
	WORKER_QUERY_QUEUED, /* expensive; another one is running */
	WORKER_QUERY_SENT, /* the workers have it, and the call waits */
	WORKER_QUERY_LATE, /* the workers have it; the call got a 503 */
	WORKER_QUERY_PAUSED, /* between two rounds; see worker_query_repeat() */
	WORKER_QUERY_ORPHANED /* the workers have it, and admin has stopped */
};

struct worker_query {
	struct list node; /* in admin->queries, unless orphaned */
	enum worker_query_state state;
	struct admin *admin; /* borrowed; void once orphaned */
	struct loop *home; /* borrowed: the main thread's */
	struct http_call *call; /* to be answered in SENT; may be NULL */
	const struct http_request *request; /* lives as long as the call */
	const struct worker_query_kind *kind; /* static */
	void *question; /* owned; may be NULL */
	struct timer timer; /* the deadline, or the end of the pause */
	struct worker_query_part *parts; /* owned, one per worker */
	size_t count; /* of workers */
	size_t waiting; /* workers that have not answered yet */
	uint64_t sent_at; /* clock_mono_ms() */
	uint64_t repeat_ms; /* what done() asked for; 0: no further round */
	atomic_uint slices; /* that workers have done and that were not the
			     * last ones of their parts */
	unsigned slices_seen; /* when the deadline began */
};

/* Asks all workers and takes over `question' (from malloc(), or NULL) in any
 * case. When memory runs out, or a worker neither answers nor makes progress in
 * time, the call is answered with 503 and done() is not called. */
void worker_query_send(struct admin *admin, struct http_call *call,
    const struct http_request *request, const struct worker_query_kind *kind,
    void *question);

/* True if the workers still have a query whose time is over. */
bool worker_query_is_late(const struct admin *admin);

/* Worker i's answer; for done(). */
void *worker_query_answer(const struct worker_query *q, size_t i);

/* From done(), instead of replying: asks all workers once more in `ms' > 0
 * milliseconds and then calls done() again. */
void worker_query_repeat(struct worker_query *q, uint64_t ms);

/* Prepares admin->queries and its timer, before the first query. */
void worker_query_init(struct admin *admin);

/* Gives up all queries, because their calls are about to be freed. Answers that
 * are on their way are dropped. */
void worker_query_abandon_all(struct admin *admin);

#endif
