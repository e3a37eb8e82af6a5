/* SPDX-License-Identifier: ISC */
/*
 * A counter that one thread writes and any thread may read at any time. The
 * accesses are atomic and relaxed; an addition is a load and a store.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

static inline uint64_t
counter_get(const counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* Only the thread that owns the counter calls this and the two below. */
static inline void
counter_add(counter *c, uint64_t n)
{
	atomic_store_explicit(c, counter_get(c) + n, memory_order_relaxed);
}

static inline void
counter_set(counter *c, uint64_t n)
{
	atomic_store_explicit(c, n, memory_order_relaxed);
}

static inline void
counter_sub(counter *c, uint64_t n)
{
	counter_add(c, (uint64_t)0 - n);
}

#endif
