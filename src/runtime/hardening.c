/* SPDX-License-Identifier: ISC */
#include "runtime/hardening.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

/* Descriptors for reloads, log files, nameservers, probes and admin. */
#define SET_ASIDE 16

/* More than any machine has; stands for "no limit". */
#define FILES_MAX UINT64_C(200000000)

void
hardening_forbid_cores(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
}

uint64_t
hardening_raise_files(void)
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

/* Locks the pages of one mapping that are present, and those that will be.
 * Pages that are not in use stay absent: a lock that filled them in would undo
 * what malloc_trim() has returned. Returns the bytes that were not locked. */
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
hardening_lock_keys(const void *address)
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
hardening_unlock_keys(void)
{
	(void)munlockall();
}

/* Descriptors open now. */
static size_t
count_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	if (d == NULL)
		return 32;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

uint32_t
hardening_room(uint64_t files, size_t more)
{
	uint64_t taken = count_open() + more + SET_ASIDE;

	return files < taken + 2 ? 1 : (uint32_t)((files - taken) / 2);
}
