/* SPDX-License-Identifier: ISC */
/*
 * The token bucket: what it lets through in how long, alone and shared.
 */
#include "base/ratelimit.h"

#include <pthread.h>

#include "tap.h"

/* How many a greedy taker gets in `ms' milliseconds from `start'. */
static unsigned
drain(struct ratelimit *r, uint64_t start, uint64_t ms)
{
	unsigned n = 0;
	uint64_t now;

	for (now = start; now < start + ms; now++)
		while (ratelimit_try(r, now) == 0)
			n++;
	return n;
}

static void
test_rate(void)
{
	static const struct {
		uint32_t rate, burst;
		unsigned want; /* in ten seconds, the first burst included */
	} rows[] = {
		{ 1, 1, 10 },
		{ 10, 0, 100 },
		{ 10, 5, 104 },
		{ 100, 0, 1001 },
		{ 100, 1, 1000 },
		{ 1000, 100, 10099 },
		{ 5000, 0, 50095 },
	};
	struct ratelimit r;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ratelimit_init(&r, rows[i].rate, rows[i].burst);
		is_int(drain(&r, 1000, 10000), rows[i].want,
		    "rate %u, burst %u", rows[i].rate, rows[i].burst);
	}
	/* Steps are rounded up to whole microseconds, never down. */
	ratelimit_init(&r, 3000, 300);
	ok(drain(&r, 1000, 10000) <= 30300, "never above an odd rate");
}

static void
test_waits(void)
{
	struct ratelimit r;

	ratelimit_init(&r, 10, 2);
	is_int(ratelimit_wait(&r, 500), 0, "a new bucket is full");
	is_int(ratelimit_try(&r, 500), 0, "first of two");
	is_int(ratelimit_try(&r, 500), 0, "second");
	is_int(ratelimit_try(&r, 500), 100, "the third in 100 ms");
	is_int(ratelimit_wait(&r, 550), 50, "in 50 ms of them");
	ok(!ratelimit_is_full(&r, 699), "not full again yet");
	ok(ratelimit_is_full(&r, 700), "full again");
	ratelimit_take(&r, 1000);
	ratelimit_take(&r, 1000);
	ratelimit_take(&r, 1000);
	is_int(ratelimit_wait(&r, 1000), 200, "what is taken anyway is owed");
	ratelimit_give(&r);
	is_int(ratelimit_wait(&r, 1000), 100, "what is given back is not");
	ratelimit_set(&r, 0, 0);
	is_int(ratelimit_try(&r, 1000), 0, "no rate, no wait");
	ratelimit_give(&r);
	is_int(ratelimit_wait(&r, 0), 0, "nor after giving");
}

struct share {
	struct ratelimit *r;
	unsigned got;
};

static void *
take_part(void *arg)
{
	struct share *s = arg;

	s->got = drain(s->r, 1000, 1000);
	return NULL;
}

static void
test_shared(void)
{
	struct ratelimit r;
	struct share shares[4];
	pthread_t threads[4];
	unsigned sum = 0;
	int i;

	ratelimit_init(&r, 5000, 100);
	for (i = 0; i < 4; i++) {
		shares[i] = (struct share){ &r, 0 };
		pthread_create(&threads[i], NULL, take_part, &shares[i]);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		sum += shares[i].got;
	}
	is_int(sum, 100 + 5000 - 5, "four threads share one bucket's second");
}

int
main(void)
{
	test_rate();
	test_waits();
	test_shared();
	return done_testing();
}
