/*
 * The workers' counters added up, and what the process uses. Main thread.
 */
#ifndef ADMIN_TOTALS_H
#define ADMIN_TOTALS_H

#include "runtime/master.h"
#include "session/counters.h"

/* Adds all workers' counters up into `sum'. */
void totals_counters(const struct master *m, struct counters *sum);

/* One listener of the daemon. */
struct totals_listener {
	const char *name; /* lives as long as the workers */
	uint64_t accepted;
	uint64_t live[STAGE_COUNT];
};

/* All of them, in the order they were bound; *out is the caller's to free().
 * Returns how many; 0 also when memory runs out. */
size_t totals_listeners(const struct master *m, struct totals_listener **out);

struct totals_process {
	double cpu_s; /* used so far */
	uint64_t resident; /* bytes */
	uint64_t virtual_size; /* bytes */
	uint64_t open_fds;
	uint64_t max_fds;
};

/* What the system knows of this process; what cannot be found out is 0. */
void totals_process(struct totals_process *out);

#endif
