/* SPDX-License-Identifier: ISC */
/*
 * When a list is asked for again.
 */
#include "fetch/plan.h"

#include "tap.h"

#define HOUR_MS 3600000
#define NOW 1800000000

static const struct {
	const char *what;
	struct plan_pause s;
	uint64_t want; /* milliseconds, give or take a tenth */
} rows[] = {
	{ "a list without nextUpdate", { HOUR_MS, 0, INT64_MAX, NOW, 0 },
	    HOUR_MS },
	{ "far from nextUpdate", { HOUR_MS, 0, NOW + 86400, NOW, 0 }, HOUR_MS },
	{ "half of what is left", { HOUR_MS, 0, NOW + 1200, NOW, 0 }, 600000 },
	{ "near nextUpdate", { HOUR_MS, 0, NOW + 10, NOW, 0 },
	    PLAN_PAUSE_LEAST_MS },
	{ "after nextUpdate", { HOUR_MS, 0, NOW - 10, NOW, 0 },
	    PLAN_PAUSE_LEAST_MS },
	{ "a short interval", { 1000, 0, NOW + 1, NOW, 0 }, 1000 },
	{ "first failure", { HOUR_MS, 1, NOW + 86400, NOW, 0 },
	    PLAN_PAUSE_LEAST_MS },
	{ "second failure", { HOUR_MS, 2, NOW + 86400, NOW, 0 },
	    2 * PLAN_PAUSE_LEAST_MS },
	{ "fourth failure", { HOUR_MS, 4, NOW + 86400, NOW, 0 },
	    8 * PLAN_PAUSE_LEAST_MS },
	{ "many failures", { HOUR_MS, 4000000000, NOW, NOW, 0 }, HOUR_MS },
	{ "failures and a short interval", { 1000, 9, NOW, NOW, 0 }, 1000 },
};

int
main(void)
{
	uint64_t least, most, pause;
	struct plan_pause s;
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s = rows[i].s;
		least = UINT64_MAX;
		most = 0;
		for (k = 0; k < 10000; k++) {
			s.random = k * UINT64_C(0x9e3779b97f4a7c15);
			pause = plan_pause(&s);
			least = pause < least ? pause : least;
			most = pause > most ? pause : most;
		}
		ok(least >= rows[i].want - rows[i].want / 10 &&
			least < rows[i].want - rows[i].want / 11,
		    "%s: a tenth less", rows[i].what);
		ok(most <= rows[i].want + rows[i].want / 10 &&
			most > rows[i].want + rows[i].want / 11,
		    "%s: a tenth more", rows[i].what);
	}
	return done_testing();
}
