/* SPDX-License-Identifier: ISC */
/*
 * Fetching one list: download, judge, replace, and say what happened in the
 * log. Each step is a file of its own; here is their order.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "fetch/plan.h"

/* From the best to the worst, apart from the last two. */
enum fetch_outcome {
	FETCH_NEW, /* the file was replaced */
	FETCH_UNCHANGED, /* what is in place is as new as what the server has */
	FETCH_FAILED, /* no server answered as it should */
	FETCH_REFUSED, /* what came is no list to be used */
	FETCH_UNWRITTEN, /* the file cannot be read or written */
	FETCH_STOPPED, /* stop() said so */
	FETCH_NO_MEMORY /* set by the caller of fetch_run() */
};

struct fetch_result {
	enum fetch_outcome outcome;
	bool in_force; /* the file now holds a list in force */
	struct crl_summary summary; /* of the file */
	size_t bytes; /* of the last download */
	uint64_t took; /* milliseconds */
};

/* True as soon as the process is to end. */
typedef bool fetch_stop(void *arg);

/* Fetches one list and logs the result. Several threads may fetch, each another
 * list. ERR_NO_MEMORY. */
enum err fetch_run(const struct plan_source *source, fetch_stop *stop,
    void *arg, struct fetch_result *out) MUST_CHECK;

#endif
