/* SPDX-License-Identifier: ISC */
/*
 * The life of the daemon, from a checked configuration to the exit code.
 */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "runtime/master.h"
#include "session/snapshot.h"

/* Exit codes, beside 0 and those of sysexits.h. */
#define RUNTIME_EXIT_CONFIG 78 /* EX_CONFIG: nothing was started */
#define RUNTIME_EXIT_SYSTEM 71 /* EX_OSERR: the system refused something */

/* Loads `file' and all it names; warnings and complaints go to stderr.
 * Anything but OK: *out is NULL and nothing can be started. */
enum err runtime_load(struct snapshot **out, const char *file) MUST_CHECK;

/*
 * Checks `file' and all it names, as for a start, but binds and starts
 * nothing. Complaints go to stderr, good news to stdout. Returns the exit
 * code.
 */
int runtime_check(const char *file);

/*
 * Runs the daemon on `file', with `service' (NULL: none), until a signal
 * ends it. Returns the exit code.
 * The signals are described in master.h and sallyport(8).
 */
int runtime_run(const char *file, const struct master_service *service);

struct runtime_take_over {
	const char *path; /* the running program's admin socket; empty: the one
			   * that the configuration names */
	bool background; /* return 0 in the calling process when it is ready */
};

/* The same, taking over from the program that runs. */
int runtime_take_over(const char *file, const struct master_service *service,
    const struct runtime_take_over *how);

#endif
