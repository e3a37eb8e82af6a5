/* SPDX-License-Identifier: ISC */
/*
 * What a tree of processes has used: CPU time in nanoseconds and memory. The
 * CPU time is the kernel's own sum for a process, threads that have ended
 * included, and has no ticks in it.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define METER_PIDS 64

struct meter {
	pid_t pids[METER_PIDS];
	size_t count;
};

/* Finds `root' and all below it, as they are now; 0 = no process is measured.
 */
void meter_init(struct meter *m, pid_t root);

/* Nanoseconds of CPU, user and system, that the tree has used so far. */
uint64_t meter_cpu_ns(const struct meter *m);

/* The tree's proportional set size in KiB. */
uint64_t meter_pss_kib(const struct meter *m);

/* Monotonic nanoseconds. */
uint64_t meter_now_ns(void);

#endif
