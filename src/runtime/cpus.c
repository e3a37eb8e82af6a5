/* SPDX-License-Identifier: ISC */
/*
 * A container with a limit of two CPUs still sees all of its node. A worker
 * for each would make dozens of threads, which use up the quota together and
 * then all stand still until the next period.
 *
 * Only the second version of control groups is looked at; with the first one
 * the number of workers is to be configured.
 */
#include "runtime/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROOT "/sys/fs/cgroup"
#define OWN "/proc/self/cgroup"

/* What one group's cpu.max says: "max 100000", or "150000 100000" for one CPU
 * and a half. The tree's root has no such file. */
static size_t
quota_of(const char *root, const char *path)
{
	char name[PATH_MAX];
	unsigned long long quota = 0;
	unsigned long long period = 0;
	int fields;
	FILE *f;

	snprintf(name, sizeof(name), "%s%s/cpu.max", root, path);
	f = fopen(name, "re");
	if (f == NULL)
		return SIZE_MAX;
	fields = fscanf(f, "%llu %llu", &quota, &period);
	fclose(f);
	if (fields != 2 || quota == 0 || period == 0)
		return SIZE_MAX;
	return (size_t)(quota / period + (quota % period != 0));
}

size_t
cpus_quota(const char *root, const char *path)
{
	char at[PATH_MAX];
	size_t least = SIZE_MAX;
	size_t one;
	char *slash;

	snprintf(at, sizeof(at), "%s", path);
	while ((slash = strrchr(at, '/')) != NULL) {
		one = quota_of(root, at);
		if (one < least)
			least = one;
		*slash = '\0';
	}
	one = quota_of(root, "");
	return one < least ? one : least;
}

/* The group of this process, "" where there are none. */
static void
own_group(char *path, size_t size)
{
	char line[PATH_MAX];
	FILE *f = fopen(OWN, "re");

	path[0] = '\0';
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) == 0)
			snprintf(path, size, "%s", line + 3);
	}
	fclose(f);
}

size_t
cpus_usable(void)
{
	char path[PATH_MAX];
	size_t count = 1;
	size_t quota;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = (size_t)CPU_COUNT(&set);
	own_group(path, sizeof(path));
	quota = cpus_quota(ROOT, path);
	return quota < count ? quota : count;
}
