/* SPDX-License-Identifier: ISC */
/*
 * One-shot timers over libevent. A file of its own, because objects of every
 * folder embed a timer without needing the rest of the loop.
 */
#include "io/timer.h"

#include <event2/event.h>

static void
fired(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->fire(t->arg); /* t may be gone */
}

void
timer_init(struct timer *t, struct loop *loop, void (*fire)(void *), void *arg)
{
	t->fire = fire;
	t->arg = arg;
	event_assign(&t->event, loop_base(loop), -1, 0, fired, t);
}

void
timer_start(struct timer *t, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	/* Out of memory: a deadline that is too early is better than none. */
	if (event_add(&t->event, &tv) == -1)
		event_active(&t->event, EV_TIMEOUT, 0);
}

void
timer_stop(struct timer *t)
{
	event_del(&t->event);
}
