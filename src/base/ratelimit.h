/* SPDX-License-Identifier: ISC */
/*
 * A token bucket as a single number (GCRA): the time at which the bucket will
 * be full again. Taking a token is one atomic operation, so threads share a
 * bucket without a lock. The caller passes the time in milliseconds, of any
 * clock that does not go back.
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

/* Makes a full bucket. `rate' 0: no limit. `burst' 0: a fiftieth of the rate,
 * but at least one, so that one second never brings much more than the rate. */
void ratelimit_init(struct ratelimit *r, uint32_t rate, uint32_t burst);

/* Changes the limits of a bucket in use, from any thread. */
void ratelimit_set(struct ratelimit *r, uint32_t rate, uint32_t burst);

/* Milliseconds until a token is available; 0: now. Takes none. */
uint64_t ratelimit_wait(struct ratelimit *r, uint64_t now_ms);

/* Takes a token even if none is available; later callers wait longer. */
void ratelimit_take(struct ratelimit *r, uint64_t now_ms);

/* Takes a token and returns 0, or returns the milliseconds until one will be
 * available. */
uint64_t ratelimit_try(struct ratelimit *r, uint64_t now_ms);

/* True if the bucket is full, so that it could be replaced by a new one. */
bool ratelimit_is_full(struct ratelimit *r, uint64_t now_ms);

/* Returns a token that was taken and not needed. */
void ratelimit_give(struct ratelimit *r);

#endif
