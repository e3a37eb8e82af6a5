/* SPDX-License-Identifier: ISC */
/*
 * A one-shot timer, embedded in its owner. A file of its own although it is
 * short: most objects have a timer and use nothing else of libevent.
 */
#ifndef IO_TIMER_H
#define IO_TIMER_H

#include <event2/event_struct.h>
#include <stdint.h>

#include "io/loop.h"

struct timer {
	struct event event;
	void (*fire)(void *arg);
	void *arg; /* borrowed: the owner */
	uint64_t due; /* a deadline: monotonic ms at which it passes */
	uint64_t grace; /* a deadline: ms that it may still be extended by */
};

/* Makes `t' ready, not running. `fire' is called on the loop's thread. */
void timer_init(struct timer *t, struct loop *loop, void (*fire)(void *),
    void *arg);

/* Starts or restarts `t' to fire in `ms' milliseconds. If memory runs out it
 * fires at once, so that no deadline is ever lost. */
void timer_start(struct timer *t, uint64_t ms);

/*
 * The same for the deadline of a peer, which must not pass while what the peer
 * sent in time waits in the socket, because the process was stopped (SIGSTOP, a
 * frozen container) or starved of CPU. When it is due, the loop asks the kernel
 * once more before `fire' is called. And if the process stood still until after
 * that moment, the time is given back, once and at most `ms'.
 */
void timer_start_deadline(struct timer *t, uint64_t ms);

/* Milliseconds until the deadline `t' passes, what is given back included. */
uint64_t timer_left(struct timer *t);

/* Stops `t'; harmless when it is not running. */
void timer_stop(struct timer *t);

#endif
