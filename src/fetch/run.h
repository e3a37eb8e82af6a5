/* SPDX-License-Identifier: ISC */
/*
 * The life of sallyport-fetch: once through all sources, started by a timer, or
 * a loop that decides itself when to download. The configuration is read again
 * before each round.
 */
#ifndef FETCH_RUN_H
#define FETCH_RUN_H

#include <stdbool.h>

/* What the command line asks for. */
struct run_options {
	const char *file; /* the ini file */
	const char *metrics; /* the file to write them to; NULL: none */
	const char *user; /* to become if root; NULL: user of [daemon] */
	bool check; /* only check the configuration */
	bool stay;
};

/* Exit codes, those of sysexits.h. If several apply, the last of this list
 * counts. */
enum run_exit {
	RUN_EXIT_OK = 0,
	RUN_EXIT_FAILED = 75, /* EX_TEMPFAIL: a download failed */
	RUN_EXIT_REFUSED = 65, /* EX_DATAERR: a download is no good list */
	RUN_EXIT_OUTDATED =
	    69, /* EX_UNAVAILABLE: a file has no list in force */
	RUN_EXIT_UNWRITTEN = 73, /* EX_CANTCREAT: a file cannot be written */
	RUN_EXIT_SYSTEM = 71, /* EX_OSERR: out of memory and the like */
	RUN_EXIT_CONFIG = 78 /* EX_CONFIG: the ini file has an error */
};

/* Runs. Returns an enum run_exit. */
int run(const struct run_options *options);

#endif
