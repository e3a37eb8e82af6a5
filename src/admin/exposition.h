/* SPDX-License-Identifier: ISC */
/*
 * Writes metrics as text: the Prometheus format 0.0.4 or OpenMetrics 1.0.0.
 * They differ in the name of a counter's family, in gauge histograms and in the
 * end mark. It knows no particular metric.
 */
#ifndef ADMIN_EXPOSITION_H
#define ADMIN_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct exposition {
	struct buf out;
	bool openmetrics;
	bool failed; /* memory ran out; the text is incomplete */
	const char *name; /* of the current family, without _total */
	bool counter; /* the family is a counter */
	bool gauge_histogram; /* a histogram of current values */
};

/* Prepares `e' for the first family. */
void exposition_init(struct exposition *e, bool openmetrics);

/* Frees what `e' owns. */
void exposition_fini(struct exposition *e);

/* Begins a family. `name' is static and without _total; `help' contains no
 * newline or backslash; `type' is counter, gauge, histogram or gaugehistogram.
 * The text format has no gaugehistogram and gets a histogram instead. */
void exposition_family(struct exposition *e, const char *name, const char *type,
    const char *help);

/* One label; `value' may contain any bytes. */
struct exposition_label {
	const char *key;
	const char *value;
};

/* Writes a sample of the current family, with `count' labels. */
void exposition_sample(struct exposition *e,
    const struct exposition_label *labels, size_t count, double value);

/* Writes a family with one sample that has no labels. */
void exposition_single(struct exposition *e, const char *name, const char *type,
    const char *help, double value);

/*
 * Writes the current family's histogram: `counts' has `bound_count' + 1
 * buckets, not cumulative, of which the last lies above all `bounds'; `sum' is
 * the sum of the observed values.
 */
void exposition_histogram(struct exposition *e, const double *bounds,
    const uint64_t *counts, size_t bound_count, double sum);

/* Ends the text, once. */
void exposition_end(struct exposition *e);

/* The Content-Type of the format; static. */
const char *exposition_type(const struct exposition *e);

#endif
