/*
 * A token bucket as one number (GCRA): the time at which the bucket would be
 * full again. Taking is an atomic operation, so threads may share one without
 * a lock. Time is given by the caller in milliseconds of any clock that does
 * not go back.
 */
#ifndef BASE_RATELIMIT_H
#define BASE_RATELIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	_Atomic uint64_t full_at; /* microseconds */
	_Atomic uint32_t rate; /* tokens a second; 0 = no limit */
	_Atomic uint32_t burst; /* tokens that may be taken at once, >= 1 */
};

/* Makes a full bucket. `rate' 0: no limit; `burst' 0: a fiftieth of the rate,
 * but at least one, so that no second sees much more than the rate. */
void ratelimit_init(struct ratelimit *r, uint32_t rate, uint32_t burst);

/* Changes the limits of a bucket in use, from any thread. */
void ratelimit_set(struct ratelimit *r, uint32_t rate, uint32_t burst);

/* Milliseconds until a token will be there; 0: now. Takes none. */
uint64_t ratelimit_wait(struct ratelimit *r, uint64_t now_ms);

/* Takes a token even if there is none: later takers wait for it. */
void ratelimit_take(struct ratelimit *r, uint64_t now_ms);

/* Takes a token if there is one and returns 0, else the milliseconds until
 * there will be one. */
uint64_t ratelimit_try(struct ratelimit *r, uint64_t now_ms);

/* Is the bucket full: as good as a new one? */
bool ratelimit_is_full(struct ratelimit *r, uint64_t now_ms);

/* Gives back a token that was taken and turned out not to be needed. */
void ratelimit_give(struct ratelimit *r);

#endif
