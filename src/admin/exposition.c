/* SPDX-License-Identifier: ISC */
#include "admin/exposition.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 512

void
exposition_init(struct exposition *e, bool openmetrics)
{
	memset(e, 0, sizeof(*e));
	buf_init(&e->out, 0);
	e->openmetrics = openmetrics;
}

void
exposition_fini(struct exposition *e)
{
	buf_fini(&e->out);
}

static void
add(struct exposition *e, const char *text)
{
	if (buf_append(&e->out, text, strlen(text)) != OK)
		e->failed = true;
}

__attribute__((format(printf, 2, 3))) static void
addf(struct exposition *e, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add(e, text);
}

void
exposition_family(struct exposition *e, const char *name, const char *type,
    const char *help)
{
	const char *end;

	e->name = name;
	e->counter = strcmp(type, "counter") == 0;
	e->gauge_histogram = strcmp(type, "gaugehistogram") == 0;
	if (e->gauge_histogram && !e->openmetrics)
		type = "histogram";
	end = e->counter && !e->openmetrics ? "_total" : "";
	addf(e, "# HELP %s%s %s\n", name, end, help);
	addf(e, "# TYPE %s%s %s\n", name, end, type);
}

/* Writes a label's value; backslash, quote and newline are escaped. */
static void
add_value(struct exposition *e, const char *value)
{
	char one[3] = { 0 };

	for (; *value != '\0'; value++) {
		one[0] = *value;
		one[1] = '\0';
		if (*value == '\n')
			memcpy(one, "\\n", 2);
		else if (*value == '\\' || *value == '"') {
			one[0] = '\\';
			one[1] = *value;
		}
		add(e, one);
	}
}

/* Whole numbers are written in full; %g would round them above a million. */
static void
add_number(struct exposition *e, double value)
{
	if (value >= 0 && value < 9e15 && value == (double)(uint64_t)value)
		addf(e, " %llu\n", (unsigned long long)value);
	else
		addf(e, " %.9g\n", value);
}

void
exposition_sample(struct exposition *e, const struct exposition_label *labels,
    size_t count, double value)
{
	size_t i;

	addf(e, "%s%s", e->name, e->counter ? "_total" : "");
	for (i = 0; i < count; i++) {
		addf(e, "%c%s=\"", i == 0 ? '{' : ',', labels[i].key);
		add_value(e, labels[i].value);
		add(e, "\"");
	}
	if (count > 0)
		add(e, "}");
	add_number(e, value);
}

void
exposition_single(struct exposition *e, const char *name, const char *type,
    const char *help, double value)
{
	exposition_family(e, name, type, help);
	exposition_sample(e, NULL, 0, value);
}

/* OpenMetrics requires bounds as floating point numbers: 1.0, not 1. Both
 * formats get them, so that queries do not depend on the format. */
static void
write_bound(char *out, size_t size, double bound)
{
	bool whole = bound == (double)(uint64_t)bound;

	snprintf(out, size, whole ? "%.1f" : "%g", bound);
}

void
exposition_histogram(struct exposition *e, const double *bounds,
    const uint64_t *counts, size_t bound_count, double sum)
{
	const char *prefix = e->gauge_histogram && e->openmetrics ? "g" : "";
	char bound[32] = "+Inf";
	uint64_t count = 0;
	size_t i;

	for (i = 0; i <= bound_count; i++) {
		count += counts[i];
		if (i < bound_count)
			write_bound(bound, sizeof(bound), bounds[i]);
		else
			strcpy(bound, "+Inf");
		addf(e, "%s_bucket{le=\"%s\"} %llu\n", e->name, bound,
		    (unsigned long long)count);
	}
	addf(e, "%s_%ssum", e->name, prefix);
	add_number(e, sum);
	addf(e, "%s_%scount %llu\n", e->name, prefix,
	    (unsigned long long)count);
}

void
exposition_end(struct exposition *e)
{
	if (e->openmetrics)
		add(e, "# EOF\n");
}

const char *
exposition_type(const struct exposition *e)
{
	return e->openmetrics
	    ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	    : "text/plain; version=0.0.4; charset=utf-8";
}
