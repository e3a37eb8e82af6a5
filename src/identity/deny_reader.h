/*
 * Reads the rows of a deny list's CSV file and complains about each bad one
 * by FILE:LINE. What the columns mean is said in identity/denylist.h.
 */
#ifndef IDENTITY_DENY_READER_H
#define IDENTITY_DENY_READER_H

#include "base/err.h"
#include "base/report.h"
#include "identity/csv.h"
#include "identity/deny_key.h"

/* An `until' that never comes. */
#define IDENTITY_DENY_FOREVER INT64_MAX

#define IDENTITY_DENY_REASON_MAX 1024 /* bytes of one reason */

/* Complaints in full; of further rows only the number is told. */
#define IDENTITY_DENY_COMPLAINTS 1000

/* The columns we read. */
enum identity_deny_column {
	IDENTITY_DENY_AS,
	IDENTITY_DENY_WHO,
	IDENTITY_DENY_REASON,
	IDENTITY_DENY_UNTIL,
	IDENTITY_DENY_COLUMN_COUNT
};

struct identity_deny_reader {
	struct identity_csv csv;
	const char *name; /* borrowed: of the file, for complaints */
	struct report *report; /* borrowed */
	size_t bad; /* rows complained of */
	const uint8_t *text; /* borrowed: where it begins */
	size_t heading; /* bytes of the text the heading takes */
	size_t columns; /* fields of the heading */
	size_t at[IDENTITY_DENY_COLUMN_COUNT]; /* >= columns: not there */
};

/* A good row; slices into the text. */
struct identity_deny_row {
	enum identity_deny_kind kind;
	struct slice who; /* as written */
	struct slice reason;
	int64_t until;
	unsigned line;
	size_t begin; /* where the row stood in the text, */
	size_t end; /* and ended, line end included */
};

/*
 * Begins to read `text', which is changed, and reads the heading. ERR_CONFIG:
 * it is none, and `report' was told. A text of no bytes is a list of nobody.
 */
enum err identity_deny_reader_init(struct identity_deny_reader *rd,
    uint8_t *text, size_t len, const char *name,
    struct report *report) MUST_CHECK;

/* The next row and its key. PARSE_MORE: there is none. PARSE_BAD: `report'
 * was told why; go on with the next. */
enum parse identity_deny_reader_next(struct identity_deny_reader *rd,
    struct identity_deny_row *row, struct identity_deny_key *key);

/* Complains about `row'. */
void identity_deny_reader_complain(struct identity_deny_reader *rd,
    const struct identity_deny_row *row, const char *why);

/* OK, or ERR_CONFIG when a row was bad; tells how many were not named. */
enum err identity_deny_reader_end(struct identity_deny_reader *rd) MUST_CHECK;

/* Reads an `until': RFC 3339, seconds, "infinity" or nothing. */
bool identity_deny_until(struct slice text, int64_t *until);

/* Reads all of the file at `path'; *text is owned by the caller. ERR_SYSTEM
 * (errno; `report' was told), ERR_NO_MEMORY. */
enum err identity_deny_slurp(const char *path, uint8_t **text, size_t *len,
    struct report *report) MUST_CHECK;

#endif
