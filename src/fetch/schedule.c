/* SPDX-License-Identifier: ISC */
/*
 * A file of its own, because a unit test has to link it without libcurl.
 */
#include "fetch/schedule.h"

/* 2^20 minutes are more than any interval. */
#define DOUBLED_MAX 20

static uint64_t
after_failure(const struct schedule *s, uint64_t least)
{
	unsigned doubled = s->failures - 1;

	return least << (doubled < DOUBLED_MAX ? doubled : DOUBLED_MAX);
}

static uint64_t
after_success(const struct schedule *s)
{
	uint64_t left;

	if (s->next_update == INT64_MAX)
		return s->interval;
	left = s->next_update > s->now
	    ? (uint64_t)(s->next_update - s->now) * 1000
	    : 0;
	return left / 2 < s->interval ? left / 2 : s->interval;
}

uint64_t
schedule_pause(const struct schedule *s)
{
	uint64_t least =
	    s->interval < SCHEDULE_LEAST_MS ? s->interval : SCHEDULE_LEAST_MS;
	uint64_t pause =
	    s->failures > 0 ? after_failure(s, least) : after_success(s);

	if (pause > s->interval)
		pause = s->interval;
	if (pause < least)
		pause = least;
	return pause - pause / 10 + s->random % (pause / 5 + 1);
}
