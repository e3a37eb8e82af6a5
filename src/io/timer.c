/* SPDX-License-Identifier: ISC */
/*
 * One-shot timers over libevent. A file of its own, because objects of every
 * folder embed a timer without needing the rest of the loop.
 */
#include "io/timer.h"

#include <event2/event.h>

#include "base/clock.h"

/* A deadline that is noticed so late was not missed by the peer alone. */
#define STANDSTILL_MS 200

static void
start(struct timer *t, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	/* Out of memory: a deadline that is too early is better than none. */
	if (event_add(&t->event, &tv) == -1)
		event_active(&t->event, EV_TIMEOUT, 0);
}

/* Starts a deadline that is due once more. */
static void
extend(struct timer *t, uint64_t now, uint64_t late)
{
	uint64_t ms = late < STANDSTILL_MS ? 1 : late;

	if (ms > t->grace)
		ms = t->grace;
	t->grace = 0;
	t->due = now + ms;
	start(t, ms);
}

static void
fired(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;
	uint64_t now;

	(void)fd;
	(void)what;
	if (t->grace == 0) {
		t->fire(t->arg); /* t may be gone */
		return;
	}
	now = clock_mono_ms();
	extend(t, now, now > t->due ? now - t->due : 0);
}

void
timer_init(struct timer *t, struct loop *loop, void (*fire)(void *), void *arg)
{
	t->fire = fire;
	t->arg = arg;
	t->due = 0;
	t->grace = 0;
	event_assign(&t->event, loop_base(loop), -1, 0, fired, t);
}

void
timer_start(struct timer *t, uint64_t ms)
{
	t->grace = 0;
	start(t, ms);
}

void
timer_start_deadline(struct timer *t, uint64_t ms)
{
	t->due = clock_mono_ms() + ms;
	t->grace = ms;
	start(t, ms);
}

uint64_t
timer_left(struct timer *t)
{
	uint64_t now = clock_mono_ms();

	if (t->grace > 0 && now >= t->due + STANDSTILL_MS)
		extend(t, now, now - t->due);
	return t->due > now ? t->due - now : 0;
}

void
timer_stop(struct timer *t)
{
	event_del(&t->event);
}
