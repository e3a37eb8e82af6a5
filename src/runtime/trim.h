/* SPDX-License-Identifier: ISC */
/*
 * Gives memory back to the system when many sessions have gone: what they
 * held lies scattered over the heaps, and the C library by itself only
 * returns what is at their ends.
 */
#ifndef RUNTIME_TRIM_H
#define RUNTIME_TRIM_H

#include "accept/throttle.h"
#include "io/timer.h"

struct trim {
	struct timer timer;
	struct throttle *throttle; /* borrowed: knows how many are in */
	uint64_t peak; /* the most that were in since the last time */
	uint64_t before; /* how many were in at the last look */
};

/* Begins to look every few seconds, on the loop of the caller's thread. */
void trim_start(struct trim *t, struct loop *loop, struct throttle *throttle);

/* Ends it. A zeroed one is fine. */
void trim_stop(struct trim *t);

#endif
