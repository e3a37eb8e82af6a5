/*
 * The loop's batching: turns that come fast are spread, few are let off. And
 * its timers, also where memory runs out.
 */
#include "io/loop.h"

#include <event2/event.h>

#include "base/clock.h"
#include "io/timer.h"
#include "tap.h"

#define DELAY 100

/* A message that posts itself until it has had so many turns. */
struct ball {
	struct loop_message message; /* first: cast from it */
	struct loop *loop;
	unsigned left;
};

static void
bounce(struct loop_message *m)
{
	struct ball *b = list_entry(m, struct ball, message);

	if (--b->left == 0)
		loop_stop(b->loop);
	else
		loop_post(b->loop, &b->message);
}

/* Milliseconds that so many turns take. */
static uint64_t
time_turns(struct loop *loop, unsigned turns)
{
	struct ball b = { { { NULL, NULL }, bounce }, loop, turns };
	uint64_t start = clock_mono_ms();

	loop_post(loop, &b.message);
	loop_run(loop);
	return clock_mono_ms() - start;
}

int __real_event_add(struct event *e, const struct timeval *tv);
int __wrap_event_add(struct event *e, const struct timeval *tv);

static bool memory_is_out;

int
__wrap_event_add(struct event *e, const struct timeval *tv)
{
	return memory_is_out ? -1 : __real_event_add(e, tv);
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

/* Milliseconds until a timer of `ms' fires. */
static uint64_t
time_timer(struct loop *loop, uint64_t ms)
{
	uint64_t start = clock_mono_ms();
	struct timer timer;

	timer_init(&timer, loop, stop, loop);
	timer_start(&timer, ms);
	memory_is_out = false;
	loop_run(loop);
	return clock_mono_ms() - start;
}

int
main(void)
{
	struct loop *loop = loop_new();
	uint64_t ms;

	ms = time_timer(loop, 50);
	ok(ms >= 49, "a timer fires in its time: %u ms", (unsigned)ms);
	memory_is_out = true;
	ms = time_timer(loop, 60000);
	ok(ms < 30000, "and at once without memory: %u ms", (unsigned)ms);

	ms = time_turns(loop, 1000);
	ok(ms < 5000, "a new loop waits for nobody: %u ms", (unsigned)ms);

	loop_set_batching(loop, DELAY);
	ms = time_turns(loop, LOOP_BATCH_BURST / 2);
	ok(ms < DELAY, "a few turns are let off: %u ms", (unsigned)ms);
	ms = time_turns(loop, LOOP_BATCH_BURST + 4);
	ok(ms >= 3 * DELAY, "of many, each waits: %u ms", (unsigned)ms);

	loop_set_batching(loop, 0);
	ms = time_turns(loop, 1000);
	ok(ms < 5000, "and none when it is off again: %u ms", (unsigned)ms);

	loop_free(loop);
	return done_testing();
}
