/* SPDX-License-Identifier: ISC */
/*
 * Quantiles of latency between two states of a histogram.
 */
#include "admin/history.h"

#include <math.h>
#include <string.h>

#include "tap.h"

/* Counts `count' observations of `ms' milliseconds. */
static void
add(struct histogram *h, uint64_t ms, unsigned count)
{
	static const uint64_t bounds[] = {
#define X(bound) bound,
		COUNTERS_BUCKETS(X)
#undef X
	};
	size_t i = 0;

	while (i + 1 < COUNTERS_BUCKET_COUNT && ms > bounds[i])
		i++;
	counter_add(&h->buckets[i], count);
}

static void
is_near(double got, double want, const char *what)
{
	ok(fabs(got - want) < 0.01, "%s: %.2f, wanted %.2f", what, got, want);
}

int
main(void)
{
	struct histogram before;
	struct histogram now;

	memset(&before, 0, sizeof(before));
	memset(&now, 0, sizeof(now));
	ok(history_quantile(&now, &before, .5) < 0, "none observed");
	add(&now, 1, 100);
	is_near(history_quantile(&now, &before, .5), .5,
	    "half of the first bucket");
	is_near(history_quantile(&now, &before, .99), .99, "99 % of it");
	add(&now, 100, 100);
	is_near(history_quantile(&now, &before, .5), 1, "the first bucket");
	is_near(history_quantile(&now, &before, .75), 75,
	    "half of the bucket of 50 to 100 ms");
	before = now;
	ok(history_quantile(&now, &before, .5) < 0, "none since then");
	add(&now, 2, 10);
	is_near(history_quantile(&now, &before, 1), 2, "only what is new");
	add(&now, 60000, 1000);
	is_near(history_quantile(&now, &before, .99), 10000,
	    "above the last bound it is that bound");
	return done_testing();
}
