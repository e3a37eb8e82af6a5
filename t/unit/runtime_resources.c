/* SPDX-License-Identifier: ISC */
/*
 * The quota of control groups, in trees like those the kernel shows.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/resources.h"
#include "tap.h"

static char root[] = "/tmp/sallyport-cpus-XXXXXX";

static void
limit(const char *path, const char *text)
{
	char name[PATH_MAX];
	FILE *f;

	snprintf(name, sizeof(name), "%s%s/cpu.max", root, path);
	f = fopen(name, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void
group(const char *path)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s%s", root, path);
	if (mkdir(name, 0700) == -1)
		abort();
}

static void
ungroup(const char *path)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s%s/cpu.max", root, path);
	(void)unlink(name);
	snprintf(name, sizeof(name), "%s%s", root, path);
	if (rmdir(name) == -1)
		abort();
}

static void
words(void)
{
	static const struct {
		const char *text;
		size_t cpus;
	} rows[] = {
		{ "max 100000\n", SIZE_MAX },
		{ "100000 100000\n", 1 },
		{ "150000 100000\n", 2 },
		{ "400000 100000\n", 4 },
		{ "1000 100000\n", 1 },
		{ "", SIZE_MAX },
		{ "100000\n", SIZE_MAX },
		{ "0 100000\n", SIZE_MAX },
		{ "100000 0\n", SIZE_MAX },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		limit("", rows[i].text);
		ok(resources_cpu_quota(root, "/") == rows[i].cpus, "%zu: %.*s",
		    i, (int)strcspn(rows[i].text, "\n"), rows[i].text);
	}
}

static void
levels(void)
{
	limit("", "max 100000\n");
	limit("/pods/one", "300000 100000\n");
	is_int((long long)resources_cpu_quota(root, "/pods/one"), 3, "its own");
	limit("/pods", "200000 100000\n");
	is_int((long long)resources_cpu_quota(root, "/pods/one"), 2,
	    "a tighter one above it");
	limit("/pods", "800000 100000\n");
	is_int((long long)resources_cpu_quota(root, "/pods/one"), 3,
	    "a wider one above it");
	is_int((long long)resources_cpu_quota(root, "/pods"), 8,
	    "not what is below");
	ok(resources_cpu_quota(root, "") == SIZE_MAX,
	    "no group: the root alone");
	is_int((long long)resources_cpu_quota(root, "/pods/gone"), 8,
	    "a group that is not there");
}

/* Limits as systemd and container engines set them: none, billions. */
static void
files(void)
{
	uint64_t limit = resources_raise_files();

	ok(limit > 0 && limit <= 200000000, "files: a number to reckon with");
	ok(resources_max_connections(limit, 2) >= 1, "room for one at least");
	ok(resources_max_connections(200000000, 2) > 99000000,
	    "no limit: room for all");
	is_int(resources_max_connections(0, 2), 1, "no room: one");
	is_int(resources_max_connections(20, 100), 1,
	    "fewer than are taken: one");
}

int
main(void)
{
	if (mkdtemp(root) == NULL)
		abort();
	group("/pods");
	group("/pods/one");
	words();
	levels();
	files();
	ok(resources_cpus() >= 1 &&
		resources_cpus() <= (size_t)sysconf(_SC_NPROCESSORS_CONF),
	    "this machine's: %zu", resources_cpus());
	ungroup("/pods/one");
	ungroup("/pods");
	ungroup("");
	return done_testing();
}
