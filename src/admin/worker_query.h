/*
 * A question to all workers. It travels to each through its mailbox, is
 * answered on the worker's thread, and the answers come back to the master's
 * loop. The HTTP call waits meanwhile, but not for ever.
 */
#ifndef ADMIN_WORKER_QUERY_H
#define ADMIN_WORKER_QUERY_H

#include "admin/admin.h"

struct worker_query;

/* One kind of question: what it does where. */
struct worker_query_kind {
	size_t answer_size; /* of one worker's answer */
	/* It looks at every session. One of these at a time, and then workers
	 * have a rest of four times as long, however many ask. */
	bool costly;
	/* On the worker's thread: fills the zeroed `answer'. The question is
	 * shared by all of them, so it may only be read. */
	void (*work)(struct worker *w, const void *question, void *answer);
	/* Main thread, once, when all have answered: replies to the call. */
	void (*done)(struct worker_query *a);
	/* Each may be NULL; main thread. */
	void (*free_answer)(void *answer);
	void (*free_question)(void *question);
};

struct worker_query {
	struct list node; /* in admin->asks */
	struct admin *admin; /* borrowed; NULL once that has ended */
	struct loop *home; /* borrowed: the main thread's, outlives all else */
	struct http_call *call; /* NULL: nobody waits any more */
	const struct http_request *request; /* lives as long as the call */
	const struct worker_query_kind *kind; /* static */
	void *question; /* owned; may be NULL */
	uint64_t context; /* the asker's, for done() */
	struct timer limit;
	struct worker_query_part *parts; /* owned, one a worker */
	size_t count; /* of workers */
	size_t waiting; /* for so many */
	uint64_t sent_at; /* clock_mono_ms() */
	uint64_t again_ms; /* see ask_again() */
	bool queued; /* costly, and not yet its turn */
};

/* Asks, taking `question' over in any case. When it cannot, or a worker does
 * not answer in time, the call gets a 503. */
void worker_query_send(struct admin *admin, struct http_call *call,
    const struct http_request *request, const struct worker_query_kind *kind,
    void *question, uint64_t context);

/* Worker i's answer, in done(). */
void *worker_query_answer(const struct worker_query *a, size_t i);

/* From done(), instead of replying: asks all workers once more in `ms' > 0
 * milliseconds, and then calls done() again. */
void worker_query_repeat(struct worker_query *a, uint64_t ms);

/* Before the first question. */
void worker_query_init(struct admin *admin);

/* All calls are about to be void; answers on their way go nowhere. */
void worker_query_abandon_all(struct admin *admin);

#endif
