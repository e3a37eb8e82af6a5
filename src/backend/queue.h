/*
 * Those who wait for an endpoint of one pool, first come, first served, and
 * what became of the tries. All wait for the same: an endpoint that may be
 * tried, a token of the pace, and the end of a rest after a want of our own.
 */
#ifndef BACKEND_QUEUE_H
#define BACKEND_QUEUE_H

#include "backend/pick.h"
#include "backend/table.h"
#include "base/list.h"
#include "io/timer.h"

/* Someone who waits; embedded in the dial. list_init() its node. */
struct backend_waiter {
	struct list node;
	uint64_t hash; /* of the ClientID */
	uint64_t tried; /* bit n: not the endpoint in slot n */
	bool held; /* it had to wait; counted once */
	/* An endpoint to dial now, counted for the callee; NULL: there is
	 * none and waiting is no use (BACKEND_REFUSE). Must not call the
	 * dial's owner from inside. */
	void (*go)(struct backend_waiter *w, struct backend_endpoint *e);
};

struct backend_queue {
	struct loop *loop; /* borrowed */
	const struct backend_options *o; /* borrowed from the pool */
	struct backend_table *table; /* borrowed from the pool */
	/* Told when a try failed: what the name stands for may be old. */
	void (*failed)(void *arg, const struct backend_endpoint *e);
	void *arg; /* borrowed: the pool */
	bool resolving; /* a lookup under way may bring endpoints */
	struct list waiting;
	struct timer timer; /* the queue is looked at when it fires */
	uint64_t rest_until; /* nobody goes before this, ms */
	uint64_t turn; /* of round robin */
	uint64_t noise; /* state of the jitter */
	struct backend_counts counts;
};

/* An empty queue. The caller then sets `failed' and `arg', and ends it with
 * backend_queue_fini(). */
void backend_queue_init(struct backend_queue *q, struct loop *loop,
    const struct backend_options *o, struct backend_table *table);

/* Nobody may be waiting any more. */
void backend_queue_fini(struct backend_queue *q);

/* Looks whether somebody can go: something has changed. */
void backend_queue_pump(struct backend_queue *q);

/* Queues `w', whose turn may come inside the call. ERR_LIMIT: the queue is
 * full, and w is not in it. */
enum err backend_queue_wait(struct backend_queue *q,
    struct backend_waiter *w) MUST_CHECK;

/* Takes `w' out of the queue; harmless when it is not in it. */
void backend_queue_leave(struct backend_queue *q, struct backend_waiter *w);

/* Another endpoint for one whose try just failed. Counted for the caller;
 * NULL: wait again. */
struct backend_endpoint *backend_queue_next(struct backend_queue *q,
    const struct backend_waiter *w);

/* How long the try that `w' is about to make may take when `left_ms' remain
 * for all. */
uint64_t backend_queue_share(struct backend_queue *q,
    const struct backend_waiter *w, uint64_t left_ms);

enum backend_outcome {
	BACKEND_DIALLED,
	BACKEND_FAILED, /* its fault: leave it alone for a while */
	BACKEND_NO_FAULT, /* ours, or it is full: all wait a little */
	BACKEND_GIVEN_UP /* no answer was waited for */
};

/* Tells what became of a try, and takes the caller's count of `e'. `why' is
 * text for BACKEND_FAILED, else not looked at. */
void backend_queue_note(struct backend_queue *q, struct backend_endpoint *e,
    enum backend_outcome outcome, const char *why);

/* Tells what a probe of `e' found; `why' NULL: that it works. */
void backend_queue_probed(struct backend_queue *q, struct backend_endpoint *e,
    const char *why);

/* The next number for jitter. */
uint32_t backend_queue_noise(struct backend_queue *q);

#endif
