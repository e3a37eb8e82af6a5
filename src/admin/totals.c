#include "admin/totals.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A struct counters is nothing but counters. */
void
totals_counters(const struct master *m, struct counters *sum)
{
	size_t count = sizeof(*sum) / sizeof(counter);
	counter *to = (counter *)(void *)sum;
	const counter *from;
	size_t i;
	size_t w;

	memset(sum, 0, sizeof(*sum));
	for (w = 0; w < m->worker_count; w++) {
		from = (const counter *)(const void *)&worker_sessions(
		    m->workers[w])
			   ->counters;
		for (i = 0; i < count; i++)
			counter_add(&to[i], counter_get(&from[i]));
	}
}

/* The listeners found so far. */
struct tally {
	struct totals_listener *rows;
	size_t count;
};

static void
add_listener_state(const struct listener_state *e, void *arg)
{
	struct totals_listener *rows;
	struct tally *t = arg;
	size_t i;
	int stage;

	for (i = 0; i < t->count; i++)
		if (strcmp(t->rows[i].name, e->name) == 0)
			break;
	if (i == t->count) {
		rows = realloc(t->rows, (i + 1) * sizeof(*rows));
		if (rows == NULL)
			return;
		t->rows = rows;
		t->count++;
		memset(&rows[i], 0, sizeof(rows[i]));
		rows[i].name = e->name;
	}
	t->rows[i].accepted += counter_get(&e->accepted);
	for (stage = 0; stage < STAGE_COUNT; stage++)
		t->rows[i].live[stage] += counter_get(&e->live[stage]);
}

size_t
totals_listeners(const struct master *m, struct totals_listener **out)
{
	struct tally t = { NULL, 0 };
	size_t w;

	for (w = 0; w < m->worker_count; w++)
		worker_each_listener(m->workers[w], add_listener_state, &t);
	*out = t.rows;
	return t.count;
}

static uint64_t
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	uint64_t n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			n++;
	closedir(d);
	return n - 1; /* without the folder's own */
}

static void
read_memory(struct totals_process *out)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size;
	unsigned long long resident;

	if (f == NULL)
		return;
	if (fscanf(f, "%llu %llu", &size, &resident) == 2) {
		out->virtual_size = size * page;
		out->resident = resident * page;
	}
	fclose(f);
}

void
totals_process(struct totals_process *out)
{
	struct timespec cpu;
	struct rlimit fds;

	memset(out, 0, sizeof(*out));
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
		out->cpu_s = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0)
		out->max_fds = fds.rlim_cur;
	out->open_fds = count_fds();
	read_memory(out);
}
