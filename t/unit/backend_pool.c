/* SPDX-License-Identifier: ISC */
/*
 * Dials that wait: for a broker that is away, for their turn, for the pace,
 * and what is left of those that give up.
 */
#include "backend/pool.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dial_kit.h"
#include "net_kit.h"
#include "tap.h"

static void
close_filler(int *filler)
{
	int i;

	for (i = 0; i < 4; i++)
		close(filler[i]);
}

/* The broker restarts: all wait, one tries, all get in. */
static void
test_hold(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.timeout_ms = 3000,
		.backoff_ms = 20,
		.backoff_max_ms = 40 };
	struct dial_kit_comeback later = { .at = net_kit_refused() };
	const char *const addresses[] = { dial_kit_text(&later.at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	int good = 0;
	int i;

	dial_kit_come_back(&later, loop, 150);
	ok(dial_kit_all(s, DIAL_KIT_MANY), "%d dials while the broker is away",
	    DIAL_KIT_MANY);
	for (i = 0; i < DIAL_KIT_MANY; i++)
		good += s->call[i].reason == REASON_NONE;
	is_int(good, DIAL_KIT_MANY, "all get in when it is back");
	is_int((long long)backend_pool_counts(s->pool)->waiting, 0,
	    "no dial waits any more");
	is_int((long long)backend_pool_counts(s->pool)->held, DIAL_KIT_MANY,
	    "all had waited");
	dial_kit_end(s);
	close(later.listener);
}

/* While a broker is away it sees one try now and then, not a storm. */
static void
test_trials(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.timeout_ms = 300,
		.backoff_ms = 50,
		.backoff_max_ms = 50 };
	struct sockaddr_storage at = net_kit_refused();
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	struct dial_kit_endpoint t;

	dial_kit_start(s, 0, "", "");
	net_kit_turns(loop);
	s->stop_at = 1;
	ok(dial_kit_all(s, 100), "100 dials to a broker that is away");
	t = dial_kit_endpoint(s);
	is_int(t.count, 1, "one endpoint");
	ok(t.failed >= 3 && t.failed <= 10, "%d tries in 300 ms",
	    (int)t.failed);
	is_int(t.state, BACKEND_DOWN, "it is down");
	is_str(t.error, "Connection refused", "and it says why");
	is_str(t.endpoint, addresses[0], "and where");
	dial_kit_end(s);
}

static void
test_queue(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.timeout_ms = 120,
		.queue = 3 };
	struct sockaddr_storage at = net_kit_refused();
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	int i, busy = 0;

	dial_kit_start(s, 0, "", "");
	net_kit_turns(loop);
	s->stop_at = 1;
	ok(dial_kit_all(s, 8), "eight dials, three may wait");
	for (i = 0; i < 8; i++)
		busy += s->call[i].reason == REASON_BACKEND_BUSY;
	is_int(busy, 5, "five are told that it is busy");
	is_str(s->call[7].text, "too many wait for backend test", "and why");
	is_int((long long)backend_pool_counts(s->pool)->busy, 5, "counted");
	dial_kit_end(s);
}

static void
test_pace(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.connect_rate = backend_connect_rate_new(100) };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 50);
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s;
	uint64_t began, took;

	s = dial_kit_begin(loop, addresses, &o);
	began = clock_mono_ms();
	ok(dial_kit_all(s, 21), "21 dials at 100 a second");
	took = clock_mono_ms() - began;
	/* Two may go at once. */
	ok(took >= 185 && took < 1000, "take 190 ms: %d", (int)took);
	dial_kit_end(s);
	o.timeout_ms = 55;
	s = dial_kit_begin(loop, addresses, &o);
	ok(dial_kit_all(s, 20), "some do not get their turn in time");
	is_int(s->call[19].reason, REASON_BACKEND_BUSY, "they hear busy");
	dial_kit_end(s);
	backend_connect_rate_put(o.connect_rate);
	close(listener);
}

static void
test_cancel(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.timeout_ms = 150,
		.backoff_ms = 1000 };
	struct sockaddr_storage hole;
	int filler[4];
	int hole_fd = net_kit_black_hole(&hole, filler);
	const char *const addresses[] = { dial_kit_text(&hole), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);

	dial_kit_start(s, 0, "", "");
	dial_kit_start(s, 1, "", "");
	net_kit_turns(loop);
	backend_dial_cancel(s->call[0].dial); /* while trying */
	backend_dial_cancel(s->call[0].dial); /* twice in one turn */
	backend_dial_cancel(NULL);
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "the other goes on");
	is_int(s->call[0].calls, 0, "the cancelled one is not told");
	is_int(s->call[1].calls, 1, "the other is");
	/* It is down now: dials wait. */
	dial_kit_start(s, 2, "", "");
	backend_dial_cancel(s->call[2].dial);
	dial_kit_start(s, 3, "", "");
	net_kit_turns(loop);
	backend_dial_cancel(s->call[3].dial);
	is_int((long long)backend_pool_counts(s->pool)->waiting, 0,
	    "cancelled ones do not wait");
	ok(!net_kit_run(loop, 200), "nor hear anything");
	is_int(s->call[2].calls + s->call[3].calls, 0, "ever");
	dial_kit_end(s);
	close_filler(filler);
	close(hole_fd);
}

/* Trials go round; a dial that leaves during one does not take it along. */
static void
test_cancel_trial(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.timeout_ms = 4000,
		.attempt_ms = 20,
		.backoff_ms = 1,
		.backoff_max_ms = 1 };
	struct sockaddr_storage at;
	int filler[4];
	int listener = net_kit_black_hole(&at, filler);
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	struct dial_kit_endpoint t;
	int i;

	for (i = 0; i < 3; i++)
		dial_kit_start(s, i, "", "");
	do {
		(void)net_kit_run(loop, 2);
		t = dial_kit_endpoint(s);
	} while (t.state != BACKEND_TRIAL);
	ok(true, "an endpoint is on trial");
	for (i = 0; i < 2; i++)
		backend_dial_cancel(s->call[i].dial);
	close_filler(filler);
	close(accept(listener, NULL, NULL));
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "two of three leave");
	is_int(s->call[2].reason, REASON_NONE, "the third gets through");
	dial_kit_end(s);
	close(listener);
}

static void
test_cancel_inside(struct loop *loop)
{
	struct backend_options o = { .hold = true };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);

	dial_kit_start(s, 0, "", "");
	dial_kit_start(s, 1, "", "");
	s->call[0].cancel = &s->call[1];
	s->call[1].cancel = &s->call[0];
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "one cancels the other");
	net_kit_turns(loop);
	is_int(s->call[0].calls + s->call[1].calls, 1, "which hears nothing");
	dial_kit_end(s);
	close(listener);
}

int
main(void)
{
	struct loop *loop = loop_new();

	log_set_level(LOG_LEVEL_ERROR);
	test_hold(loop);
	test_trials(loop);
	test_queue(loop);
	test_pace(loop);
	test_cancel(loop);
	test_cancel_trial(loop);
	test_cancel_inside(loop);
	loop_free(loop);
	return done_testing();
}
