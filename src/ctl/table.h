/*
 * Tables for people: columns as wide as they need to be, and text that cannot
 * upset a terminal, whatever a client put into its names.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <jansson.h>
#include <stdio.h>

/* A column: its heading and the row's field; a format for some. */
enum table_format {
	TABLE_TEXT, /* as it is; numbers too */
	TABLE_NAME, /* the same, but a number in it names something */
	TABLE_AGE, /* seconds as 3h 12m */
	TABLE_BYTES, /* 1.2M */
	TABLE_SHORT /* the first 16 characters */
};

struct table_column {
	const char *heading;
	const char *field;
	enum table_format format;
};

/* Prints `rows' (an array of objects); nothing when it is empty. Columns of
 * numbers are flush right; long cells are cut, but for the last column's. */
void table_print(FILE *f, const struct table_column *columns, size_t count,
    json_t *rows);

/* Prints a string with controls and bad bytes as \xNN. */
void table_text(FILE *f, const char *text);

/* Writes `seconds' as 41s, 12m 3s, 3h 12m or 12d 4h. */
void table_age(char *out, size_t size, long long seconds);

#endif
