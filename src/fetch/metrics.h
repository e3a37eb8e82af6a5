/* SPDX-License-Identifier: ISC */
/*
 * Metrics as a file for the textfile collector of node_exporter.
 */
#ifndef FETCH_METRICS_H
#define FETCH_METRICS_H

#include "fetch/fetch.h"

/* What is known of a source; `ran' is false before its first download. */
struct metrics_row {
	const struct plan_source *source;
	const struct fetch_result *result;
	bool ran;
	int64_t success; /* seconds since 1970; 0: never, or not known */
};

/* Writes `path'. ERR_SYSTEM with `why' (LIST_FILE_WHY_MAX bytes),
 * ERR_NO_MEMORY. */
enum err metrics_write(const char *path, const struct metrics_row *rows,
    size_t count, char *why) MUST_CHECK;

/*
 * The time of the last success that the metrics file `text' gives for the
 * source, or 0. A run for a timer knows only by this what earlier runs did.
 */
int64_t metrics_success(const char *text, const struct plan_source *source);

#endif
