/*
 * A one-shot timer that lives inside its owner.
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

/* Starts or restarts `t' to fire in `ms' milliseconds; in the next turn where
 * memory runs out, so that no deadline is ever lost. */
void timer_start(struct timer *t, uint64_t ms);

/* Stops `t'; harmless when it is not running. */
void timer_stop(struct timer *t);

#endif
