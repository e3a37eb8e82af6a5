/*
 * Comma-separated values (RFC 4180), a row at a time. Works in place: fields
 * are slices into the text, from which quotes are taken out on the way.
 */
#ifndef IDENTITY_CSV_H
#define IDENTITY_CSV_H

#include "base/err.h"
#include "base/slice.h"

/* More fields than this in a row are refused. */
#define IDENTITY_CSV_FIELDS 16

struct identity_csv {
	uint8_t *pos; /* borrowed: the text that is left */
	uint8_t *end;
	unsigned line; /* of `pos', from 1 */
};

struct identity_csv_row {
	const uint8_t *begin; /* of the row; it ends at csv->pos */
	unsigned line; /* where it begins */
	size_t count;
	struct slice fields[IDENTITY_CSV_FIELDS];
	bool quoted[IDENTITY_CSV_FIELDS];
	const char *why; /* after PARSE_BAD; static */
};

/* Begins to read the `len' bytes at `text', which it will change. A byte
 * order mark is passed over. */
void identity_csv_init(struct identity_csv *csv, uint8_t *text, size_t len);

/*
 * Reads the next row that is not empty. PARSE_MORE: there is none. PARSE_BAD:
 * row->line and row->why; the next call goes on at the line behind it.
 */
enum parse identity_csv_read(struct identity_csv *csv,
    struct identity_csv_row *row);

#endif
