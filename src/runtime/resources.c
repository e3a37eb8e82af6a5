/* SPDX-License-Identifier: ISC */
#include "runtime/resources.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

/*
 * CPUs. A container with a limit of two CPUs still sees all CPUs of its node.
 * A worker for each would mean dozens of threads that use up the quota
 * together and then all stand still until the next period.
 *
 * Only version 2 of control groups is read; with version 1 the number of
 * workers has to be configured.
 */

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_OWN "/proc/self/cgroup"

/* Reads cpu.max of one group: "max 100000", or "150000 100000" for one and a
 * half CPUs. The root group has no such file. */
static size_t
group_quota(const char *root, const char *path)
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
resources_cpu_quota(const char *root, const char *path)
{
	char at[PATH_MAX];
	size_t least = SIZE_MAX;
	size_t quota;
	char *slash;

	snprintf(at, sizeof(at), "%s", path);
	while ((slash = strrchr(at, '/')) != NULL) {
		quota = group_quota(root, at);
		if (quota < least)
			least = quota;
		*slash = '\0';
	}
	quota = group_quota(root, "");
	return quota < least ? quota : least;
}

/* The control group of this process; "" if there is none. */
static void
own_group(char *path, size_t size)
{
	char line[PATH_MAX];
	FILE *f = fopen(CGROUP_OWN, "re");

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
resources_cpus(void)
{
	char path[PATH_MAX];
	size_t count = 1;
	size_t quota;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = (size_t)CPU_COUNT(&set);
	own_group(path, sizeof(path));
	quota = resources_cpu_quota(CGROUP_ROOT, path);
	return quota < count ? quota : count;
}

/*
 * Memory.
 */

/* Reads memory.max of one group: a number of bytes, or "max". */
static uint64_t
group_memory(const char *root, const char *path)
{
	char name[2 * PATH_MAX];
	unsigned long long bytes = 0;
	int fields;
	FILE *f;

	snprintf(name, sizeof(name), "%s%s/memory.max", root, path);
	f = fopen(name, "re");
	if (f == NULL)
		return UINT64_MAX;
	fields = fscanf(f, "%llu", &bytes);
	fclose(f);
	return fields == 1 && bytes > 0 ? bytes : UINT64_MAX;
}

uint64_t
resources_memory(void)
{
	uint64_t least =
	    (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit;
	char path[PATH_MAX];
	char *slash;

	own_group(path, sizeof(path));
	do {
		limit = group_memory(CGROUP_ROOT, path);
		if (limit < least)
			least = limit;
		slash = strrchr(path, '/');
		if (slash != NULL)
			*slash = '\0';
	} while (slash != NULL);
	return least;
}

/*
 * Descriptors and core files.
 */

/* Descriptors for reloads, log files, nameservers, probes and admin. */
#define SET_ASIDE 16

/* More than any machine has; stands for "no limit". */
#define FILES_MAX UINT64_C(200000000)

/* Descriptors that are open if there is no /proc to count them. */
#define OPEN_GUESS 32

void
resources_forbid_cores(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
}

uint64_t
resources_raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return 1024;
	if (r.rlim_cur < r.rlim_max) {
		rlim_t before = r.rlim_cur;

		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r) == -1)
			r.rlim_cur = before;
	}
	return r.rlim_cur < FILES_MAX ? r.rlim_cur : FILES_MAX;
}

static size_t
count_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	if (d == NULL)
		return OPEN_GUESS;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

uint32_t
resources_max_connections(uint64_t files, size_t more)
{
	uint64_t taken = count_open() + more + SET_ASIDE;

	return files < taken + 2 ? 1 : (uint32_t)((files - taken) / 2);
}

static uint32_t
within(uint64_t value, uint32_t min, uint32_t max)
{
	return value < min ? min : value > max ? max : (uint32_t)value;
}

uint32_t
resources_http_connections(uint64_t files)
{
	return within(files / 16, 32, 256);
}

uint32_t
resources_max_lingering(uint64_t files, size_t workers)
{
	return within(files / 64 / workers, 4, 1024);
}

/* The most that a client can make an unfinished handshake take, or a CONNECT
 * before it has shown who it is: certificates of 60 KiB, and 20 KiB or, with
 * the key exchange of TLS 1.3, some more for the library's state. */
#define HANDSHAKE_BYTES (96 * 1024)

/* Fewer would keep devices out. */
#define HANDSHAKES_MIN 64

uint32_t
resources_max_handshakes(uint64_t bytes)
{
	return within(bytes / HANDSHAKE_BYTES, HANDSHAKES_MIN, UINT32_MAX);
}

/*
 * Memory.
 */

/* Locks the pages of a mapping that are present, and those that will be. Pages
 * that are not in use stay absent: to fill them in would undo what
 * malloc_trim() has returned. Returns the bytes that could not be locked. */
static size_t
lock_mapping(unsigned long start, unsigned long end)
{
	size_t len = end - start;

	if (mlock2((const void *)start, len, MLOCK_ONFAULT) == 0 ||
	    (errno == ENOSYS && mlock((const void *)start, len) == 0))
		return 0;
	return len;
}

void
resources_lock_keys(const void *address)
{
	unsigned long at = (unsigned long)(uintptr_t)address;
	unsigned long start = 0;
	unsigned long end = 0;
	size_t missing = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    (strstr(line, "[heap]") != NULL ||
			(at >= start && at < end)))
			missing += lock_mapping(start, end);
	fclose(f);
	if (missing > 0)
		log_event(LOG_LEVEL_INFO, "keys",
		    "keys could be written to swap: raise LimitMEMLOCK, or "
		    "ulimit -l, by %zu bytes",
		    missing);
}

void
resources_unlock_keys(void)
{
	(void)munlockall();
}

#define TRIM_CHECK_MS 2000

/* Fewer connections do not leave enough memory to justify the walk over the
 * heaps. */
#define TRIM_MIN 200

/* Only glibc has it, and only glibc needs it. */
extern int malloc_trim(size_t) __attribute__((weak));

/*
 * Trims when half of the most connections are gone and their number no longer
 * falls. The walk locks one heap after another, each for about a millisecond
 * per 10 MB.
 */
static void
trim_if_idle(void *arg)
{
	struct resources_trim *t = arg;
	uint64_t now = throttle_counts(t->throttle).connections;

	if (now > t->peak)
		t->peak = now;
	if (t->peak >= TRIM_MIN && now <= t->peak / 2 && now >= t->before &&
	    malloc_trim != NULL) {
		(void)malloc_trim(0);
		t->peak = now;
	}
	t->before = now;
	timer_start(&t->timer, TRIM_CHECK_MS);
}

void
resources_trim_start(struct resources_trim *t, struct loop *loop,
    struct throttle *throttle)
{
	memset(t, 0, sizeof(*t));
	t->throttle = throttle;
	timer_init(&t->timer, loop, trim_if_idle, t);
	timer_start(&t->timer, TRIM_CHECK_MS);
}

void
resources_trim_stop(struct resources_trim *t)
{
	if (t->throttle != NULL)
		timer_stop(&t->timer);
}
