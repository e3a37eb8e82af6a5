/* SPDX-License-Identifier: ISC */
/*
 * The two clocks: monotonic for deadlines and ages, wall time for the dates of
 * certificates.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_mono_ms(void);

/* CLOCK_MONOTONIC in `ms' milliseconds, for pthread_cond_timedwait(). */
struct timespec clock_mono_after(uint64_t ms);

/* Seconds since 1970 of CLOCK_REALTIME. */
int64_t clock_wall_s(void);

#endif
