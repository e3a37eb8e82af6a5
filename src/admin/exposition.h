/*
 * Metrics as text: the Prometheus format 0.0.4, and OpenMetrics 1.0.0, which
 * differ in how a counter's family is named and in the end mark. It knows no
 * metric.
 */
#ifndef ADMIN_EXPOSITION_H
#define ADMIN_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct exposition {
	struct buf out;
	bool openmetrics;
	bool failed; /* memory ran out */
	const char *name; /* of the present family, without _total */
	bool counter; /* it is one */
	bool now; /* a histogram of what is, not of what was */
};

/* Makes `e' empty. */
void exposition_init(struct exposition *e, bool openmetrics);

/* Frees what it owns. */
void exposition_fini(struct exposition *e);

/* Begins a family. `name' (static, without _total) and `help' (no newline or
 * backslash); `type' is counter, gauge, histogram or gaugehistogram, which the
 * text format does not know: there it is a histogram. */
void exposition_family(struct exposition *e, const char *name, const char *type,
    const char *help);

/* One label; `value' may be any bytes that a C string can hold. */
struct exposition_label {
	const char *key;
	const char *value;
};

/* A sample of the present family; at most `count' labels. */
void exposition_sample(struct exposition *e,
    const struct exposition_label *labels, size_t count, double value);

/* A family with one sample without labels. */
void exposition_single(struct exposition *e, const char *name, const char *type,
    const char *help, double value);

/*
 * The present family's histogram: `counts' of `bound_count' + 1 buckets, not
 * cumulative, the last one above all `bounds'; `sum' is that of the values.
 */
void exposition_histogram(struct exposition *e, const double *bounds,
    const uint64_t *counts, size_t bound_count, double sum);

/* Ends the text. */
void exposition_end(struct exposition *e);

/* The format's Content-Type; static. */
const char *exposition_type(const struct exposition *e);

#endif
