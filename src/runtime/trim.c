/* SPDX-License-Identifier: ISC */
#include "runtime/trim.h"

#include <malloc.h>
#include <string.h>

#define LOOK_MS 2000

/* Fewer do not leave enough behind to be worth the walk over the heaps. */
#define WORTH 200

/* Other C libraries than glibc have no such thing, and less need of it. */
extern int malloc_trim(size_t) __attribute__((weak));

/*
 * Half of the most are gone, and no more are going just now. The walk locks
 * one heap after the other, each for about a millisecond in 10 MB.
 */
static void
look(void *arg)
{
	struct trim *t = arg;
	uint64_t now = throttle_counts(t->throttle).connections;

	if (now > t->peak)
		t->peak = now;
	if (t->peak >= WORTH && now <= t->peak / 2 && now >= t->before &&
	    malloc_trim != NULL) {
		(void)malloc_trim(0);
		t->peak = now;
	}
	t->before = now;
	timer_start(&t->timer, LOOK_MS);
}

void
trim_start(struct trim *t, struct loop *loop, struct throttle *throttle)
{
	memset(t, 0, sizeof(*t));
	t->throttle = throttle;
	timer_init(&t->timer, loop, look, t);
	timer_start(&t->timer, LOOK_MS);
}

void
trim_stop(struct trim *t)
{
	if (t->throttle != NULL)
		timer_stop(&t->timer);
}
