/* SPDX-License-Identifier: ISC */
/*
 * What happened lately, kept in the daemon so that an operator who opens the
 * status page during an incident sees how it began: 10 minutes in steps of 2
 * seconds, and 24 hours in steps of 5 minutes. Counters are read across threads
 * on the main thread's timer; workers are not asked. It takes some 200 KiB.
 */
#ifndef ADMIN_HISTORY_H
#define ADMIN_HISTORY_H

#include "io/timer.h"
#include "runtime/master.h"
#include "session/counters.h"

#define HISTORY_FINE_STEP_MS 2000
#define HISTORY_FINE_POINTS 300
#define HISTORY_COARSE_STEPS 150 /* fine steps in a coarse one: 5 minutes */
#define HISTORY_COARSE_POINTS 288

/* What happened between the previous point and this one. */
struct history_point {
	int64_t at; /* the end, in milliseconds since 1970 */
	uint32_t span_ms;
	uint32_t sessions; /* live ones at the end */
	uint32_t sessions_max; /* the most at any fine step */
	uint32_t accepted; /* connections */
	uint32_t opened; /* sessions that were relayed */
	uint32_t ended[REASON_COUNT];
	uint32_t accept_pauses; /* for lack of descriptors or memory */
	uint32_t accept_shed;
	uint32_t log_dropped; /* lines */
	uint64_t bytes_up;
	uint64_t bytes_down;
	float handshake_ms[2]; /* p50 and p99; below 0: there was none */
	float connack_ms[2];
};

/* A ring of points. */
struct history_ring {
	struct history_point *points; /* owned */
	size_t size; /* points that fit */
	size_t count; /* points there are */
	size_t next; /* where the next one goes */
	struct counters before; /* as they were at the last point */
	uint64_t before_dropped; /* log_dropped() then */
	uint64_t before_ms; /* clock_mono_ms() then */
	uint32_t sessions_max; /* since then */
};

struct history {
	const struct master *master; /* borrowed */
	struct timer timer;
	struct history_ring fine;
	struct history_ring coarse;
	unsigned steps; /* fine steps since the last coarse one */
};

/* Begins to record on the master's loop. ERR_NO_MEMORY; call history_fini() in
 * any case. Workers must exist. */
enum err history_init(struct history *h, const struct master *m) MUST_CHECK;

/* Stops and frees. A zeroed one is fine. */
void history_fini(struct history *h);

/* Point i of `count', oldest first. */
const struct history_point *history_point(const struct history_ring *r,
    size_t i);

/* The value, in milliseconds, that the share `q' of the observations between
 * `before' and `now' does not exceed, interpolated; negative if there were
 * none. Above the last bound it is that bound. */
double history_quantile(const struct histogram *now,
    const struct histogram *before, double q);

#endif
