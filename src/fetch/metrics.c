/* SPDX-License-Identifier: ISC */
#include "fetch/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/list_file.h"

/* Room for the labels of a source: a path may have 4096 bytes, and each may be
 * written as two. */
#define LABELS_MAX 8448

/* One metric: a row of the table below. */
struct metric {
	const char *name;
	const char *help;
	int64_t (*value)(const struct metrics_row *row);
};

static int64_t
up(const struct metrics_row *row)
{
	return row->result->outcome <= FETCH_UNCHANGED;
}

static int64_t
in_force(const struct metrics_row *row)
{
	return row->result->in_force;
}

static int64_t
success(const struct metrics_row *row)
{
	return row->success;
}

static int64_t
this_update(const struct metrics_row *row)
{
	return row->result->summary.this_update;
}

static int64_t
next_update(const struct metrics_row *row)
{
	return row->result->summary.next_update;
}

static int64_t
revoked(const struct metrics_row *row)
{
	return (int64_t)row->result->summary.revoked;
}

static int64_t
bytes(const struct metrics_row *row)
{
	return (int64_t)row->result->bytes;
}

static const char success_name[] = "sallyport_fetch_last_success_seconds";

static const struct metric metrics[] = {
	{ "sallyport_fetch_up",
	    "1 if the last attempt found a good list, new or unchanged.", up },
	{ "sallyport_fetch_in_force",
	    "1 if the file holds a list that is in force.", in_force },
	{ success_name, "Time of the last attempt that found a good list.",
	    success },
	{ "sallyport_fetch_this_update_seconds",
	    "thisUpdate of the newest list in the file.", this_update },
	{ "sallyport_fetch_next_update_seconds",
	    "nextUpdate of the list in the file that ends first.",
	    next_update },
	{ "sallyport_fetch_revoked", "Revoked certificates in the file.",
	    revoked },
	{ "sallyport_fetch_download_bytes",
	    "Bytes of the last download; 0 if nothing was sent.", bytes },
};
#define METRIC_COUNT (sizeof(metrics) / sizeof(metrics[0]))

/* Writes {fetch="NAME",file="PATH"}. */
static void
write_labels(char out[LABELS_MAX], const struct plan_source *source)
{
	const char *from = source->path;
	size_t len = (size_t)snprintf(out, LABELS_MAX, "{fetch=\"%s\",file=\"",
	    config_name(&source->section->head));

	for (; *from != '\0' && len < LABELS_MAX - 4; from++) {
		if (*from == '"' || *from == '\\')
			out[len++] = '\\';
		out[len++] = *from;
	}
	memcpy(out + len, "\"}", 3);
}

static void
write_metric(FILE *out, const struct metric *m, const struct metrics_row *rows,
    size_t count)
{
	char labels[LABELS_MAX];
	int64_t value;
	size_t i;

	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", m->name, m->help,
	    m->name);
	for (i = 0; i < count; i++) {
		if (!rows[i].ran)
			continue;
		value = m->value(&rows[i]);
		write_labels(labels, rows[i].source);
		if (value == INT64_MAX)
			fprintf(out, "%s%s +Inf\n", m->name, labels);
		else
			fprintf(out, "%s%s %lld\n", m->name, labels,
			    (long long)value);
	}
}

enum err
metrics_write(const char *path, const struct metrics_row *rows, size_t count,
    char *why)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);
	enum err err;

	if (out == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < METRIC_COUNT; i++)
		write_metric(out, &metrics[i], rows, count);
	err = fclose(out) == 0 ? OK : ERR_NO_MEMORY;
	if (err == OK)
		err = list_file_replace(path, slice_make(text, len), why);
	free(text);
	return err;
}

int64_t
metrics_success(const char *text, const struct plan_source *source)
{
	char labels[LABELS_MAX];
	const char *at = text;
	size_t len;

	write_labels(labels, source);
	len = strlen(labels);
	while ((at = strstr(at, success_name)) != NULL) {
		at += sizeof(success_name) - 1;
		if (strncmp(at, labels, len) == 0 && at[len] == ' ')
			return strtoll(at + len, NULL, 10);
	}
	return 0;
}
