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
};

/* Makes `t' ready, not running. `fire' is called on the loop's thread. */
void timer_init(struct timer *t, struct loop *loop, void (*fire)(void *),
    void *arg);

/* Starts or restarts `t' to fire in `ms' milliseconds. If memory runs out it
 * fires at once, so that no deadline is ever lost. */
void timer_start(struct timer *t, uint64_t ms);

/* Stops `t'; harmless when it is not running. */
void timer_stop(struct timer *t);

#endif
