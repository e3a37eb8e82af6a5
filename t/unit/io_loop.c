/* SPDX-License-Identifier: ISC */
/*
 * The loop's batching: turns that come fast are spread, few are let off. Its
 * timers, also where memory runs out. And that a watch which always has more
 * keeps no other from its turn.
 */
#include "io/loop.h"
#include "io/timer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/watch.h"
#include "tap.h"

#define DELAY 100

static unsigned short_rests;

/* In place of the C library's, for the loop: counts the rests. */
int
usleep(useconds_t us)
{
	struct timespec t = { 0, (long)us * 1000 };

	if (us < 1000)
		short_rests++;
	return nanosleep(&t, NULL);
}

/* A message that posts itself until it has had so many turns. */
struct ball {
	struct loop_message message; /* first: cast from it */
	struct loop *loop;
	unsigned left;
	bool reads; /* each turn has a small read */
};

static void
bounce(struct loop_message *m)
{
	struct ball *b = list_entry(m, struct ball, message);

	if (b->reads)
		loop_count_small_read(b->loop);
	if (--b->left == 0)
		loop_stop(b->loop);
	else
		loop_post(b->loop, &b->message);
}

/* Ends the loop after so many turns of at least a millisecond each. */
struct walker {
	struct timer timer;
	struct loop *loop;
	unsigned left;
};

static void
step(void *arg)
{
	struct walker *w = arg;

	if (--w->left == 0)
		loop_stop(w->loop);
	else
		timer_start(&w->timer, 1);
}

static void
walk(struct loop *loop, unsigned turns)
{
	struct walker w = { .loop = loop, .left = turns };

	timer_init(&w.timer, loop, step, &w);
	timer_start(&w.timer, 1);
	loop_run(loop);
}

/* Milliseconds that so many turns take. */
static uint64_t
time_turns(struct loop *loop, unsigned turns, bool reads)
{
	struct ball b = { { { NULL, NULL }, bounce }, loop, turns, reads };
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

/* A watch that always has more, and those who want their turn beside it. */
struct glutton {
	struct loop_message message;
	struct loop_garbage garbage;
	struct loop *loop;
	struct watch watch;
	struct timer timer;
	uint64_t until; /* it gives up then */
	unsigned reads;
	bool is_posted, is_freed, is_timed;
};

static void
be_freed(void *memory)
{
	((struct glutton *)memory)->is_freed = true;
}

static void
gorge(enum watch_event event, void *arg)
{
	struct glutton *g = arg;

	(void)event;
	if (g->reads++ == 0)
		loop_free_later(g->loop, &g->garbage, g, be_freed);
	if (clock_mono_ms() < g->until)
		loop_defer(g->loop, &g->watch.read_again);
	else
		loop_stop(g->loop);
}

static void
be_posted(struct loop_message *m)
{
	list_entry(m, struct glutton, message)->is_posted = true;
}

static void
be_timed(void *arg)
{
	struct glutton *g = arg;

	g->is_timed = true;
	loop_stop(g->loop);
}

static void
test_glutton(struct loop *loop)
{
	struct glutton g = {
		.message.run = be_posted,
		.loop = loop,
		.until = clock_mono_ms() + 2000,
	};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	watch_init(&g.watch, loop, pair[0], gorge, &g);
	watch_read(&g.watch, true);
	loop_defer(loop, &g.watch.read_again);
	timer_init(&g.timer, loop, be_timed, &g);
	timer_start(&g.timer, 50);
	loop_post(loop, &g.message);
	loop_run(loop);
	ok(g.is_timed, "a timer fires beside a watch that always has more");
	ok(g.is_posted, "and what was posted runs");
	ok(g.is_freed, "and what closed is freed");
	timer_stop(&g.timer);
	watch_fini(&g.watch);
	close(pair[1]);
}

/* Two pieces of deferred work, each of which defers the other. */
struct pair {
	struct loop *loop;
	struct loop_deferred ping, pong;
	unsigned pings, pongs;
	struct timer timer;
};

static void
run_ping(struct loop_deferred *d)
{
	struct pair *p = list_entry(d, struct pair, ping);

	p->pings++;
	loop_defer(p->loop, &p->pong);
	loop_defer(p->loop, &p->pong);
}

static void
run_pong(struct loop_deferred *d)
{
	struct pair *p = list_entry(d, struct pair, pong);

	if (++p->pongs == 1000)
		loop_stop(p->loop);
	loop_defer(p->loop, &p->ping);
}

static void
run_rival(struct loop_deferred *d)
{
	struct pair *p = list_entry(d, struct pair, ping);

	p->pings++;
	loop_deferred_cancel(&p->pong);
}

static void
test_deferred(struct loop *loop)
{
	struct pair p = { .loop = loop };

	loop_deferred_init(&p.ping, run_ping);
	loop_deferred_init(&p.pong, run_pong);
	loop_defer(loop, &p.ping);
	loop_run(loop);
	ok(p.pings == 1000 && p.pongs == 1000,
	    "what is deferred twice runs once: %u and %u", p.pings, p.pongs);

	loop_deferred_cancel(&p.ping);
	timer_init(&p.timer, loop, stop, loop);
	timer_start(&p.timer, 20);
	loop_run(loop);
	ok(p.pings == 1000, "what is cancelled does not run");

	loop_deferred_init(&p.ping, run_rival);
	loop_defer(loop, &p.ping);
	loop_defer(loop, &p.pong);
	timer_start(&p.timer, 20);
	loop_run(loop);
	ok(p.pings == 1001 && p.pongs == 1000,
	    "nor what another cancels in the same turn");
}

static void
read_one(enum watch_event event, void *arg)
{
	struct glutton *g = arg;
	uint8_t byte;
	enum err err;

	(void)event;
	if (++g->reads == 3)
		memory_is_out = false;
	if (watch_recv(&g->watch, &byte, 1, &err) == 1)
		loop_stop(g->loop);
}

static void
test_unarmed(struct loop *loop)
{
	struct glutton g = { .loop = loop };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	watch_init(&g.watch, loop, pair[0], read_one, &g);
	timer_init(&g.timer, loop, be_timed, &g);
	timer_start(&g.timer, 2000);
	memory_is_out = true;
	watch_read(&g.watch, true);
	if (write(pair[1], "12", 2) != 2)
		abort();
	loop_run(loop);
	ok(!g.is_timed, "a watch that had no memory to be armed reads on");
	memory_is_out = false;
	loop_run(loop);
	ok(!g.is_timed, "and is armed when there is some");
	timer_stop(&g.timer);
	watch_fini(&g.watch);
	close(pair[1]);
}

/* As if the process was stopped. */
static void
stand_still(uint64_t ms)
{
	uint64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until)
		;
}

/* Milliseconds until a deadline of `ms' passes for which the process stands
 * still at first for `still'. */
static uint64_t
time_deadline(struct loop *loop, uint64_t ms, uint64_t still)
{
	uint64_t start = clock_mono_ms();
	struct timer timer;

	timer_init(&timer, loop, stop, loop);
	timer_start_deadline(&timer, ms);
	stand_still(still);
	loop_run(loop);
	return clock_mono_ms() - start;
}

static void
test_deadlines(struct loop *loop)
{
	struct timer timer;
	uint64_t ms;

	ms = time_deadline(loop, 50, 0);
	ok(ms >= 50, "a deadline passes in its time: %u ms", (unsigned)ms);
	ms = time_deadline(loop, 300, 550);
	ok(ms >= 790, "the time of a standstill is given back: %u ms",
	    (unsigned)ms);
	ms = time_deadline(loop, 50, 600);
	ok(ms >= 645 && ms < 5000, "but no more than it had: %u ms",
	    (unsigned)ms);

	timer_init(&timer, loop, stop, loop);
	timer_start_deadline(&timer, 60000);
	ms = timer_left(&timer);
	ok(ms > 30000 && ms <= 60000, "what is left: %u ms", (unsigned)ms);
	timer_start_deadline(&timer, 300);
	stand_still(700);
	ms = timer_left(&timer);
	ok(ms > 0 && ms <= 300, "after a standstill: %u ms", (unsigned)ms);
	stand_still(310);
	is_int((long long)timer_left(&timer), 0, "once only");
	timer_stop(&timer);
	timer_start_deadline(&timer, 60000);
	timer_start(&timer, 1);
	loop_run(loop);
	ok(true, "a deadline that becomes a timer is one");
}

/* Small reads come one after the other: the loop rests, so that it finds
 * several events at once. With a few thousand a second, or when none of so many
 * turns has a small read, it never does. */
static void
test_rest(struct loop *loop)
{
	int i;

	short_rests = 0;
	for (i = 0; i < 20 && short_rests == 0; i++)
		time_turns(loop, 5000, true);
	ok(short_rests > 0, "a loop with many small reads rests: %u times",
	    short_rests);
	walk(loop, 500);
	short_rests = 0;
	walk(loop, 500);
	time_turns(loop, 5000, false);
	is_int(short_rests, 0, "one with few, or none, does not");
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

	ms = time_turns(loop, 1000, true);
	ok(ms < 5000, "a new loop waits for nobody: %u ms", (unsigned)ms);

	test_deadlines(loop);
	test_glutton(loop);
	test_deferred(loop);
	test_unarmed(loop);
	test_rest(loop);

	loop_set_batching(loop, DELAY);
	ms = time_turns(loop, LOOP_BATCH_BURST / 2, true);
	ok(ms < DELAY, "a few turns are let off: %u ms", (unsigned)ms);
	ms = time_turns(loop, LOOP_BATCH_BURST + 4, true);
	ok(ms >= 3 * DELAY, "of many, each waits: %u ms", (unsigned)ms);

	loop_set_batching(loop, 0);
	ms = time_turns(loop, 1000, true);
	ok(ms < 5000, "and none when it is off again: %u ms", (unsigned)ms);

	loop_free(loop);
	return done_testing();
}
