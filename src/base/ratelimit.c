/* SPDX-License-Identifier: ISC */
#include "base/ratelimit.h"

#define SECOND 1000000u

void
ratelimit_init(struct ratelimit *r, uint32_t rate, uint32_t burst)
{
	atomic_init(&r->full_at, 0);
	ratelimit_set(r, rate, burst);
}

void
ratelimit_set(struct ratelimit *r, uint32_t rate, uint32_t burst)
{
	if (burst == 0)
		burst = rate / 50;
	if (burst == 0)
		burst = 1;
	atomic_store_explicit(&r->burst, burst, memory_order_relaxed);
	atomic_store_explicit(&r->rate, rate, memory_order_relaxed);
}

/* Microseconds per token; 0: no limit. */
static uint64_t
interval(struct ratelimit *r)
{
	uint32_t rate = atomic_load_explicit(&r->rate, memory_order_relaxed);

	return rate == 0 ? 0 : (SECOND + rate - 1) / rate;
}

/* Microseconds from `now' until one more token may be taken. */
static uint64_t
wait_us(struct ratelimit *r, uint64_t full_at, uint64_t now, uint64_t step)
{
	uint64_t burst = atomic_load_explicit(&r->burst, memory_order_relaxed);
	/* A token is available while the bucket needs at most burst - 1 steps
	 * to be full. */
	uint64_t bound = now + (burst - 1) * step;

	return full_at > bound ? full_at - bound : 0;
}

uint64_t
ratelimit_wait(struct ratelimit *r, uint64_t now_ms)
{
	uint64_t step = interval(r);
	uint64_t full_at;

	if (step == 0)
		return 0;
	full_at = atomic_load_explicit(&r->full_at, memory_order_relaxed);
	return (wait_us(r, full_at, now_ms * 1000, step) + 999) / 1000;
}

/* The next full_at after one token is taken. */
static uint64_t
taken(uint64_t full_at, uint64_t now, uint64_t step)
{
	return (full_at > now ? full_at : now) + step;
}

void
ratelimit_take(struct ratelimit *r, uint64_t now_ms)
{
	uint64_t step = interval(r);
	uint64_t old;

	if (step == 0)
		return;
	old = atomic_load_explicit(&r->full_at, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&r->full_at, &old,
	    taken(old, now_ms * 1000, step), memory_order_relaxed,
	    memory_order_relaxed))
		;
}

uint64_t
ratelimit_try(struct ratelimit *r, uint64_t now_ms)
{
	uint64_t step = interval(r);
	uint64_t now = now_ms * 1000;
	uint64_t old, wait;

	if (step == 0)
		return 0;
	old = atomic_load_explicit(&r->full_at, memory_order_relaxed);
	do {
		wait = wait_us(r, old, now, step);
		if (wait > 0)
			return (wait + 999) / 1000;
	} while (!atomic_compare_exchange_weak_explicit(&r->full_at, &old,
	    taken(old, now, step), memory_order_relaxed, memory_order_relaxed));
	return 0;
}

bool
ratelimit_is_full(struct ratelimit *r, uint64_t now_ms)
{
	return atomic_load_explicit(&r->full_at, memory_order_relaxed) <=
	    now_ms * 1000;
}

void
ratelimit_give(struct ratelimit *r)
{
	uint64_t step = interval(r);
	uint64_t old;

	old = atomic_load_explicit(&r->full_at, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&r->full_at, &old,
	    old > step ? old - step : 0, memory_order_relaxed,
	    memory_order_relaxed))
		;
}
