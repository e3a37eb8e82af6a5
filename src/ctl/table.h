/* SPDX-License-Identifier: ISC */
/*
 * Tables for people, and text that is safe to print: names come from clients
 * and may contain what would control the operator's terminal.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <jansson.h>
#include <stdio.h>

#include "base/err.h"

/* How a column prints its values. */
enum table_format {
	TABLE_TEXT, /* as they are; numbers, too */
	TABLE_NAME, /* the same; a number is a name, so aligned left */
	TABLE_AGE, /* seconds as 3h 12m */
	TABLE_BYTES, /* 1.2M */
	TABLE_SHORT /* the first 16 characters */
};

struct table_column {
	const char *heading;
	const char *field; /* of a row */
	enum table_format format;
};

/* Prints `rows', an array of objects; nothing if it is empty. Columns of
 * numbers are aligned right. Long cells are cut, except in the last column. */
void table_print(FILE *f, const struct table_column *columns, size_t count,
    json_t *rows);

/* Prints text; what could control a terminal becomes \xNN. */
void table_text(FILE *f, const char *text);

/* Prints a JSON value, indented; in its strings, what could control a terminal
 * becomes \uNNNN, which means the same to every parser. */
enum err table_json(FILE *f, const json_t *value) MUST_CHECK;

/* Writes `seconds' as 41s, 12m 3s, 3h 12m or 12d 4h. */
void table_age(char *out, size_t size, long long seconds);

#endif
