/* SPDX-License-Identifier: ISC */
/*
 * Reads a deny list's file: comma-separated values (RFC 4180) whose first line
 * names the columns. Each bad row is reported as "FILE:LINE: ...".
 *
 * `as' and `who' must be there; `reason' and `until' may be; other columns
 * (EMQX: by, at) are skipped. `until' is RFC 3339, seconds since 1970, empty or
 * "infinity". Fields may be quoted. A row whose until is "removed" takes back
 * the rows above it with the same `as' and `who': sallyportctl appends such
 * rows to large files, and drops them when it rewrites the file.
 *
 * A file that is not understood must never pass for a shorter list. So a
 * carriage return without a line feed, a column whose name is nearly one of
 * ours, and invisible characters in names are errors.
 */
#ifndef IDENTITY_DENY_FILE_H
#define IDENTITY_DENY_FILE_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/report.h"
#include "identity/deny_pattern.h"
#include "identity/deny_table.h"

#define IDENTITY_DENY_REASON_MAX 1024 /* bytes of a reason */

/* Rows reported in full; of the others only the number is reported. */
#define IDENTITY_DENY_COMPLAINTS 1000

/* The columns that are read. */
enum identity_deny_column {
	IDENTITY_DENY_COLUMN_AS,
	IDENTITY_DENY_COLUMN_WHO,
	IDENTITY_DENY_COLUMN_REASON,
	IDENTITY_DENY_COLUMN_UNTIL,
	IDENTITY_DENY_COLUMN_COUNT
};

/* The position of each column in a row; `count' if the file lacks it. */
struct identity_deny_columns {
	size_t at[IDENTITY_DENY_COLUMN_COUNT];
	size_t count; /* fields of the first line */
};

/* The state of a reader. Only `columns', `heading' and `bad' are for others. */
struct identity_deny_rows {
	struct identity_deny_columns columns;
	size_t heading; /* bytes up to the end of the first line */
	size_t bad; /* rows reported */
	const char *name; /* borrowed: what reports call the file */
	struct report *report; /* borrowed */
	const uint8_t *text; /* borrowed: the beginning */
	uint8_t *pos; /* what is left to read */
	uint8_t *end;
	unsigned line; /* of `pos', from 1 */
};

/* A good row; slices into the text. */
struct identity_deny_row {
	enum identity_deny_kind kind;
	struct slice value; /* column `who', as written */
	struct slice reason;
	int64_t until;
	unsigned line;
	size_t begin; /* where the row begins in the text, */
	size_t end; /* and ends, with its line end */
};

/*
 * Begins to read the `len' bytes at `text', which are changed while reading
 * (quotes are removed in place), and reads the first line. ERR_CONFIG: it does
 * not name the columns; the report says so. An empty text is an empty list.
 */
enum err identity_deny_rows_begin(struct identity_deny_rows *rows,
    uint8_t *text, size_t len, const char *name,
    struct report *report) MUST_CHECK;

/* As above for rows without a first line: their columns are as, who, reason,
 * until. */
void identity_deny_rows_begin_plain(struct identity_deny_rows *rows,
    uint8_t *text, size_t len, const char *name, struct report *report);

/* Reads the next row that is not empty, and the normal form of its value.
 * PARSE_MORE: there are no more rows. PARSE_BAD: the row was reported; the
 * next call continues after it. */
enum parse identity_deny_rows_next(struct identity_deny_rows *rows,
    struct identity_deny_row *row, struct identity_deny_key *key);

/* Returns OK, or ERR_CONFIG if a row was bad; reports how many were not
 * reported in full. */
enum err identity_deny_rows_end(struct identity_deny_rows *rows) MUST_CHECK;

/* Makes a row that a command gives: kind, value and key; reason and until are
 * none. ERR_CONFIG: `r' says what is wrong. */
enum err identity_deny_row_make(struct identity_deny_row *row,
    struct identity_deny_key *key, const char *as, const char *value,
    struct report *r) MUST_CHECK;

/* Reads the column `until'; all of its forms but "removed". */
bool identity_deny_until(struct slice text, int64_t *until);

/* The prefix lengths that networks of one family have. */
struct identity_deny_lengths {
	uint8_t bits[129];
	size_t count;
};

/* What a question has to look up beyond one key for each kind. It may say more
 * than the list still needs, but never less. */
struct identity_deny_needs {
	struct identity_deny_lengths v4;
	struct identity_deny_lengths v6;
	bool serial_with_issuer; /* a serial names its issuer */
};

/* What a file says. Read only. */
struct identity_deny_base {
	struct identity_deny_table table;
	struct identity_deny_patterns *patterns; /* counted */
	struct identity_deny_needs needs;
	struct stat file_stat; /* of the file, just before it was read */
	size_t obsolete_rows; /* rows that no longer count */
};

/* Notes in `n' what questions have to look up because of an entry. */
void identity_deny_needs_add(struct identity_deny_needs *n,
    enum identity_deny_kind kind, struct slice key);

/* Makes an empty base, or NULL. `hash' is that of the list it is for. */
struct identity_deny_base *identity_deny_base_new(const struct hash_key *hash);

/*
 * Reads the list at `path'; any thread. ERR_CONFIG: `r' has one line for each
 * bad row, "FILE:LINE: ..." (from the 1,001st on only their number).
 * ERR_SYSTEM: the file cannot be read; `r' says why. ERR_NO_MEMORY. *out is
 * NULL on error. Of several rows with the same `as' and `who' the longest
 * lasting one counts.
 */
enum err identity_deny_base_read(struct identity_deny_base **out,
    const struct hash_key *hash, const char *path, struct report *r) MUST_CHECK;

/* For tests: as above for the bytes of a file, which reports call `name'. */
enum err identity_deny_base_parse(struct identity_deny_base **out,
    const struct hash_key *hash, struct slice text, const char *name,
    struct report *r) MUST_CHECK;

/* True if two looks at a file saw the same version of it. */
bool identity_deny_same_version(const struct stat *a, const struct stat *b);

/* NULL is allowed. Any thread. */
void identity_deny_base_free(struct identity_deny_base *base);

#endif
