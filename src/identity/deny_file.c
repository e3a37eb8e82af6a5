/* SPDX-License-Identifier: ISC */
#include "identity/deny_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/time.h"

/* A row with more fields is refused. */
#define FIELDS_MAX 16

/* The fields of one line, quotes removed. */
struct fields {
	const uint8_t *begin; /* of the line; it ends at rows->pos */
	unsigned line; /* where it begins */
	size_t count;
	struct slice text[FIELDS_MAX];
	bool quoted[FIELDS_MAX];
	const char *why; /* after PARSE_BAD; static */
};

static const char *const column_names[IDENTITY_DENY_COLUMN_COUNT] = {
	[IDENTITY_DENY_COLUMN_AS] = "as",
	[IDENTITY_DENY_COLUMN_WHO] = "who",
	[IDENTITY_DENY_COLUMN_REASON] = "reason",
	[IDENTITY_DENY_COLUMN_UNTIL] = "until",
};

/* All words of column `as', to suggest. */
static const char kinds[] =
#define K(id, word, what) " " word
    IDENTITY_DENY_KINDS(K)
#undef K
    ;

__attribute__((format(printf, 3, 4))) static void
complain(struct identity_deny_rows *rows, unsigned line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (++rows->bad > IDENTITY_DENY_COMPLAINTS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_add(rows->report, "%s:%u: %s", rows->name, line, text);
}

/* A value as reports show it: cut, and without what a terminal may obey. */
#define SHOWN_MAX 64
static const char *
shown(struct slice s, char out[SHOWN_MAX + 4])
{
	size_t i, n = s.len < SHOWN_MAX ? s.len : SHOWN_MAX;

	for (i = 0; i < n; i++)
		out[i] =
		    (char)(s.data[i] < 0x20 || s.data[i] >= 0x7f ? '?'
								 : s.data[i]);
	memcpy(out + n, s.len > n ? "..." : "", s.len > n ? 4 : 1);
	return out;
}

/* Reports `row': "FILE:LINE: cn "x" WHY". */
static void
refuse_row(struct identity_deny_rows *rows, const struct identity_deny_row *row,
    const char *why)
{
	char value[SHOWN_MAX + 4];

	complain(rows, row->line, "%s \"%s\" %s", identity_deny_word(row->kind),
	    shown(row->value, value), why);
}

/* Returns how many bytes of line end are at `p'; 0 inside a line. */
static size_t
line_end(const struct identity_deny_rows *rows, const uint8_t *p)
{
	if (p < rows->end && *p == '\n')
		return 1;
	return rows->end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

static bool
field_ends(const struct identity_deny_rows *rows, const uint8_t *p)
{
	return p == rows->end || *p == ',' || line_end(rows, p) > 0;
}

/* A field without quotes. Returns NULL, or what is wrong. */
static const char *
take_plain(struct identity_deny_rows *rows, struct slice *field)
{
	uint8_t *begin = rows->pos;

	for (; !field_ends(rows, rows->pos); rows->pos++)
		if (*rows->pos == '\r')
			return "a carriage return without a line feed (save "
			       "the file with LF or CRLF line ends)";
	*field = slice_make(begin, (size_t)(rows->pos - begin));
	return NULL;
}

/* A field in quotes, in which two quotes stand for one. Returns NULL, or what
 * is wrong. */
static const char *
take_quoted(struct identity_deny_rows *rows, struct slice *field)
{
	uint8_t *begin = ++rows->pos, *to = begin;

	for (;; rows->pos++) {
		if (rows->pos == rows->end)
			return "a quote is opened and never closed";
		if (*rows->pos == '"') {
			rows->pos++;
			if (rows->pos == rows->end || *rows->pos != '"')
				break;
		}
		rows->line += *rows->pos == '\n';
		*to++ = *rows->pos;
	}
	*field = slice_make(begin, (size_t)(to - begin));
	return field_ends(rows, rows->pos) ? NULL
					   : "text follows a closing quote";
}

/* All fields up to the end of the line. Returns NULL, or what is wrong. */
static const char *
take_fields(struct identity_deny_rows *rows, struct fields *f)
{
	const char *why;
	size_t i;

	for (i = 0; i < FIELDS_MAX; i++) {
		f->quoted[i] = rows->pos < rows->end && *rows->pos == '"';
		why = f->quoted[i] ? take_quoted(rows, &f->text[i])
				   : take_plain(rows, &f->text[i]);
		if (why != NULL)
			return why;
		f->count = i + 1;
		if (rows->pos == rows->end || *rows->pos != ',')
			return NULL;
		rows->pos++;
	}
	return "too many fields";
}

/* Skips the rest of a line, and its end. */
static void
skip_line(struct identity_deny_rows *rows)
{
	while (rows->pos < rows->end && line_end(rows, rows->pos) == 0)
		rows->pos++;
	if (rows->pos < rows->end) {
		rows->pos += line_end(rows, rows->pos);
		rows->line++;
	}
}

/* Reads the next line that is not empty. */
static enum parse
read_fields(struct identity_deny_rows *rows, struct fields *f)
{
	while (rows->pos < rows->end && line_end(rows, rows->pos) > 0)
		skip_line(rows);
	if (rows->pos == rows->end)
		return PARSE_MORE;
	f->begin = rows->pos;
	f->line = rows->line;
	f->count = 0;
	f->why = take_fields(rows, f);
	skip_line(rows);
	return f->why == NULL ? PARSE_OK : PARSE_BAD;
}

static struct slice
trimmed(struct slice s)
{
	while (s.len > 0 && s.data[0] == ' ')
		s = slice_make(s.data + 1, s.len - 1);
	while (s.len > 0 && s.data[s.len - 1] == ' ')
		s.len--;
	return s;
}

/* True if `a' is `name' but for upper case. */
static bool
equals_ignoring_case(struct slice a, const char *name)
{
	size_t i;

	if (a.len != strlen(name))
		return false;
	for (i = 0; i < a.len; i++)
		if ((a.data[i] | 0x20) != name[i])
			return false;
	return true;
}

/* Notes the place of column `c'. Returns NULL, or what is wrong with it. */
static const char *
find_column(struct identity_deny_rows *rows, const struct fields *f,
    enum identity_deny_column c)
{
	struct identity_deny_columns *columns = &rows->columns;
	struct slice field;
	size_t i;

	columns->at[c] = f->count;
	for (i = 0; i < f->count; i++) {
		field = trimmed(f->text[i]);
		if (!equals_ignoring_case(field, column_names[c]))
			continue;
		if (!slice_equal(field, slice_str(column_names[c])))
			return "write the names of the columns in lower case";
		if (columns->at[c] < f->count)
			return "a column is named twice";
		columns->at[c] = i;
	}
	return NULL;
}

/* Reads the names of the columns. Returns NULL, or what is wrong. */
static const char *
read_heading(struct identity_deny_rows *rows, const struct fields *f)
{
	const char *why = NULL;
	size_t i;
	int c;

	rows->columns.count = f->count;
	for (i = 0; i < f->count && why == NULL; i++) {
		if (memchr(f->text[i].data, ';', f->text[i].len) != NULL)
			why = "separate the columns by commas, not semicolons";
		else if (memchr(f->text[i].data, '\t', f->text[i].len) != NULL)
			why = "separate the columns by commas, not tabs";
		else if (identity_deny_has_invisible(f->text[i]))
			why = "the name of a column holds an invisible "
			      "character";
	}
	for (c = 0; c < IDENTITY_DENY_COLUMN_COUNT && why == NULL; c++)
		why = find_column(rows, f, (enum identity_deny_column)c);
	if (why == NULL &&
	    (rows->columns.at[IDENTITY_DENY_COLUMN_AS] == f->count ||
		rows->columns.at[IDENTITY_DENY_COLUMN_WHO] == f->count))
		why = "the columns as and who are missing";
	return why;
}

static void
set_text(struct identity_deny_rows *rows, uint8_t *text, size_t len)
{
	rows->text = text;
	rows->pos = text;
	rows->end = len == 0 ? text : text + len;
	rows->line = 1;
	/* A byte order mark at the very beginning is harmless. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		rows->pos += 3;
}

enum err
identity_deny_rows_begin(struct identity_deny_rows *rows, uint8_t *text,
    size_t len, const char *name, struct report *report)
{
	const char *why = NULL;
	struct fields f;

	memset(rows, 0, sizeof(*rows));
	rows->name = name;
	rows->report = report;
	set_text(rows, text, len);
	switch (read_fields(rows, &f)) {
	case PARSE_MORE:
		return OK;
	case PARSE_OK:
		why = read_heading(rows, &f);
		rows->heading = (size_t)(rows->pos - text);
		break;
	case PARSE_BAD:
		why = f.why;
		break;
	}
	if (why == NULL)
		return OK;
	complain(rows, f.line,
	    "the first line must name the columns (as,who,reason,until): %s",
	    why);
	return ERR_CONFIG;
}

void
identity_deny_rows_begin_plain(struct identity_deny_rows *rows, uint8_t *text,
    size_t len, const char *name, struct report *report)
{
	size_t i;

	memset(rows, 0, sizeof(*rows));
	rows->name = name;
	rows->report = report;
	set_text(rows, text, len);
	rows->columns.count = IDENTITY_DENY_COLUMN_COUNT;
	for (i = 0; i < IDENTITY_DENY_COLUMN_COUNT; i++)
		rows->columns.at[i] = i;
}

bool
identity_deny_until(struct slice text, int64_t *until)
{
	text = trimmed(text);
	if (text.len == 0 || slice_equal(text, slice_str("infinity"))) {
		*until = IDENTITY_DENY_FOREVER;
		return true;
	}
	return time_parse(text, until);
}

enum err
identity_deny_row_make(struct identity_deny_row *row,
    struct identity_deny_key *key, const char *as, const char *value,
    struct report *r)
{
	const char *why;

	memset(row, 0, sizeof(*row));
	row->until = IDENTITY_DENY_FOREVER;
	row->value = slice_str(value);
	if (!identity_deny_kind_of(slice_str(as), &row->kind)) {
		report_add(r, "no such kind: %s (there are%s)", as, kinds);
		return ERR_CONFIG;
	}
	why = identity_deny_key_parse(key, row->kind, row->value);
	if (why == NULL)
		return OK;
	report_add(r, "%s %s", as, why);
	return ERR_CONFIG;
}

static bool
read_until(struct slice text, int64_t *until)
{
	if (!slice_equal(trimmed(text), slice_str("removed")))
		return identity_deny_until(text, until);
	*until = IDENTITY_DENY_REMOVED;
	return true;
}

/* The field of a column; empty if the row is too short for it. */
static struct slice
column(const struct identity_deny_rows *rows, const struct fields *f,
    enum identity_deny_column c)
{
	size_t at = rows->columns.at[c];

	return at < f->count ? f->text[at] : slice_make(NULL, 0);
}

/* Spaces around a value without quotes are usually a slip, and would make an
 * entry that never matches. */
static bool
is_padded(const struct identity_deny_rows *rows, const struct fields *f,
    struct slice value)
{
	size_t at = rows->columns.at[IDENTITY_DENY_COLUMN_WHO];

	return at < f->count && !f->quoted[at] &&
	    trimmed(value).len < value.len;
}

/* Makes a row of its fields. */
static enum parse
read_row(struct identity_deny_rows *rows, const struct fields *f,
    struct identity_deny_row *row, struct identity_deny_key *key)
{
	struct slice as = trimmed(column(rows, f, IDENTITY_DENY_COLUMN_AS));
	struct slice until = column(rows, f, IDENTITY_DENY_COLUMN_UNTIL);
	char text[SHOWN_MAX + 4];
	const char *why = NULL;

	row->value = column(rows, f, IDENTITY_DENY_COLUMN_WHO);
	row->reason = column(rows, f, IDENTITY_DENY_COLUMN_REASON);
	row->line = f->line;
	row->begin = (size_t)(f->begin - rows->text);
	row->end = (size_t)(rows->pos - rows->text);
	if (!identity_deny_kind_of(as, &row->kind)) {
		complain(rows, row->line, "no such kind: \"%s\" (there are%s)",
		    shown(as, text), kinds);
		return PARSE_BAD;
	}
	if (f->count > rows->columns.count)
		why = "has more fields than the first line names (quote "
		      "what holds a comma)";
	else if (is_padded(rows, f, row->value))
		why = "has spaces around it (quote it if they belong to it)";
	else if (row->reason.len > IDENTITY_DENY_REASON_MAX)
		why = "has a reason over 1,024 bytes";
	else if (!read_until(until, &row->until))
		why = "has a bad until (write 2030-12-31T23:59:59Z, seconds "
		      "since 1970, or infinity)";
	else
		why = identity_deny_key_parse(key, row->kind, row->value);
	if (why != NULL)
		refuse_row(rows, row, why);
	return why == NULL ? PARSE_OK : PARSE_BAD;
}

enum parse
identity_deny_rows_next(struct identity_deny_rows *rows,
    struct identity_deny_row *row, struct identity_deny_key *key)
{
	struct fields f;

	switch (read_fields(rows, &f)) {
	case PARSE_MORE:
		return PARSE_MORE;
	case PARSE_OK:
		return read_row(rows, &f, row, key);
	case PARSE_BAD:
		break;
	}
	complain(rows, f.line, "%s", f.why);
	return PARSE_BAD;
}

enum err
identity_deny_rows_end(struct identity_deny_rows *rows)
{
	if (rows->bad > IDENTITY_DENY_COMPLAINTS)
		report_add(rows->report, "%s: %zu more bad rows", rows->name,
		    rows->bad - IDENTITY_DENY_COMPLAINTS);
	return rows->bad == 0 ? OK : ERR_CONFIG;
}

static void
add_length(struct identity_deny_lengths *lengths, uint8_t bits)
{
	if (memchr(lengths->bits, bits, lengths->count) == NULL)
		lengths->bits[lengths->count++] = bits;
}

void
identity_deny_needs_add(struct identity_deny_needs *n,
    enum identity_deny_kind kind, struct slice key)
{
	if (kind == IDENTITY_DENY_KIND_PEERHOST_NET)
		add_length(key.data[0] == 4 ? &n->v4 : &n->v6,
		    key.data[IDENTITY_DENY_HOST_LEN]);
	if (kind == IDENTITY_DENY_KIND_SERIAL &&
	    memchr(key.data, '@', key.len) != NULL)
		n->serial_with_issuer = true;
}

bool
identity_deny_same_version(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

struct identity_deny_base *
identity_deny_base_new(const struct hash_key *hash)
{
	struct identity_deny_base *base = calloc(1, sizeof(*base));

	if (base != NULL)
		identity_deny_table_init(&base->table, hash);
	return base;
}

void
identity_deny_base_free(struct identity_deny_base *base)
{
	if (base == NULL)
		return;
	identity_deny_patterns_put(base->patterns);
	identity_deny_table_fini(&base->table);
	free(base);
}

/* Reports what is wrong with an expression; ERR_CONFIG if anything is. */
static enum err
check_pattern(struct identity_deny_rows *rows,
    const struct identity_deny_row *row)
{
	char why[256], text[300];
	enum err err;

	if (!identity_deny_is_pattern(row->kind))
		return OK;
	err = identity_deny_pattern_check(row->value, why, sizeof(why));
	if (err != ERR_CONFIG)
		return err;
	snprintf(text, sizeof(text), "is not a regular expression: %s", why);
	refuse_row(rows, row, text);
	return err;
}

/* Adds a row. ERR_CONFIG: it was reported. */
static enum err
add_row(struct identity_deny_base *base, struct identity_deny_rows *rows,
    const struct identity_deny_row *row, const struct identity_deny_key *key)
{
	struct identity_deny_lookup what = identity_deny_lookup_make(
	    &base->table.hash, row->kind, slice_make(key->bytes, key->len));
	const struct identity_deny_entry *have =
	    identity_deny_table_find(&base->table, &what);
	enum err err = check_pattern(rows, row);

	if (err != OK)
		return err;
	if (row->until == IDENTITY_DENY_REMOVED
		? have == NULL
		: have != NULL && have->until >= row->until)
		return OK;
	identity_deny_needs_add(&base->needs, row->kind, what.key);
	if (identity_deny_is_pattern(row->kind))
		err = identity_deny_patterns_set(&base->patterns,
		    &(struct identity_deny_pattern){ row->kind, what.key,
			row->reason, row->until });
	if (err == ERR_LIMIT) {
		refuse_row(rows, row,
		    "is one regular expression too many: a list may have "
		    "1,000");
		return ERR_CONFIG;
	}
	if (err == OK)
		err = identity_deny_table_set(&base->table, &what, row->reason,
		    row->until);
	return err;
}

/* All rows; bad ones are reported, and the next is read. */
static enum err
add_rows(struct identity_deny_base *base, struct identity_deny_rows *rows)
{
	struct identity_deny_row row;
	struct identity_deny_key key;
	enum parse parse;
	enum err err;

	for (;;) {
		parse = identity_deny_rows_next(rows, &row, &key);
		if (parse == PARSE_MORE)
			return identity_deny_rows_end(rows);
		if (parse == PARSE_BAD)
			continue;
		base->obsolete_rows++;
		err = add_row(base, rows, &row, &key);
		if (err != OK && err != ERR_CONFIG)
			return err;
	}
}

/* An estimate of the rows in a text: its line feeds. */
static size_t
count_lines(const uint8_t *text, size_t len)
{
	const uint8_t *end = text + len;
	size_t n = 0;

	while (len > 0 &&
	    (text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		text++;
		n++;
	}
	return n;
}

/* Reads `text', which is changed. */
static enum err
fill(struct identity_deny_base *base, uint8_t *text, size_t len,
    const char *name, struct report *r)
{
	struct identity_deny_rows rows;
	enum err err;

	err = identity_deny_table_reserve(&base->table, count_lines(text, len));
	if (err == OK)
		err = identity_deny_rows_begin(&rows, text, len, name, r);
	if (err == OK)
		err = add_rows(base, &rows);
	if (err == OK) {
		identity_deny_table_trim(&base->table);
		base->obsolete_rows -= base->table.count - base->table.removed;
	}
	if (err == ERR_LIMIT)
		report_add(r, "%s: larger than 4 GiB in memory", name);
	return err == ERR_LIMIT ? ERR_CONFIG : err;
}

enum err
identity_deny_base_read(struct identity_deny_base **out,
    const struct hash_key *hash, const char *path, struct report *r)
{
	struct identity_deny_base *base = identity_deny_base_new(hash);
	uint8_t *text = NULL;
	size_t len;
	enum err err = ERR_NO_MEMORY;

	*out = NULL;
	if (base == NULL)
		return err;
	if (stat(path, &base->file_stat) == -1)
		memset(&base->file_stat, 0, sizeof(base->file_stat));
	err = file_read(&text, &len, path, SIZE_MAX);
	if (err != OK && err != ERR_NO_MEMORY) {
		report_add(r, "%s: cannot read it: %s", path, file_error(err));
		err = ERR_SYSTEM;
	}
	if (err == OK)
		err = fill(base, text, len, path, r);
	free(text);
	if (err == OK)
		*out = base;
	else
		identity_deny_base_free(base);
	return err;
}

enum err
identity_deny_base_parse(struct identity_deny_base **out,
    const struct hash_key *hash, struct slice text, const char *name,
    struct report *r)
{
	struct identity_deny_base *base = identity_deny_base_new(hash);
	uint8_t *copy = malloc(text.len + 1);
	enum err err = ERR_NO_MEMORY;

	*out = NULL;
	if (base != NULL && copy != NULL) {
		if (text.len > 0)
			memcpy(copy, text.data, text.len);
		err = fill(base, copy, text.len, name, r);
	}
	free(copy);
	if (err == OK)
		*out = base;
	else
		identity_deny_base_free(base);
	return err;
}
