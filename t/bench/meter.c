/* SPDX-License-Identifier: ISC */
/*
 * CPU and memory of a tree of processes, from the kernel's CPU clocks and
 * /proc. Linux only.
 */
#include "meter.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pid_t
parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	/* The second field is the name, in parentheses. */
	if (fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

static int
has(const struct meter *m, pid_t pid)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->pids[i] == pid)
			return 1;
	return 0;
}

/* One pass over all processes; how many it found. */
static size_t
add_children(struct meter *m)
{
	size_t before = m->count;
	struct dirent *e;
	DIR *d = opendir("/proc");
	pid_t pid;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL && m->count < METER_PIDS) {
		pid = (pid_t)atoi(e->d_name);
		if (pid > 0 && !has(m, pid) && has(m, parent_of(pid)))
			m->pids[m->count++] = pid;
	}
	closedir(d);
	return m->count - before;
}

void
meter_init(struct meter *m, pid_t root)
{
	m->count = 0;
	if (root == 0)
		return;
	m->pids[m->count++] = root;
	while (add_children(m) > 0)
		continue;
}

uint64_t
meter_cpu_ns(const struct meter *m)
{
	uint64_t sum = 0;
	struct timespec t;
	clockid_t clock;
	size_t i;

	for (i = 0; i < m->count; i++)
		if (clock_getcpuclockid(m->pids[i], &clock) == 0 &&
		    clock_gettime(clock, &t) == 0)
			sum += (uint64_t)t.tv_sec * 1000000000 +
			    (uint64_t)t.tv_nsec;
	return sum;
}

static uint64_t
pss_of(pid_t pid)
{
	unsigned long long kib = 0;
	char line[256];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(line, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %llu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

uint64_t
meter_pss_kib(const struct meter *m)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < m->count; i++)
		sum += pss_of(m->pids[i]);
	return sum;
}

uint64_t
meter_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
