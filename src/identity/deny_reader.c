#include "identity/deny_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"

static const char *const column_names[IDENTITY_DENY_COLUMN_COUNT] = {
	[IDENTITY_DENY_AS] = "as",
	[IDENTITY_DENY_WHO] = "who",
	[IDENTITY_DENY_REASON] = "reason",
	[IDENTITY_DENY_UNTIL] = "until",
};

/* All words of `as', for whoever wrote another. */
static const char kinds[] =
#define K(id, word, who) " " word
    IDENTITY_DENY_KINDS(K)
#undef K
    ;

__attribute__((format(printf, 3, 4))) static void
complain(struct identity_deny_reader *rd, unsigned line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (++rd->bad > IDENTITY_DENY_COMPLAINTS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_add(rd->report, "%s:%u: %s", rd->name, line, text);
}

/* A value for a complaint: cut, and without what a terminal may obey. */
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

void
identity_deny_reader_complain(struct identity_deny_reader *rd,
    const struct identity_deny_row *row, const char *why)
{
	char who[SHOWN_MAX + 4];

	complain(rd, row->line, "%s \"%s\" %s", identity_deny_word(row->kind),
	    shown(row->who, who), why);
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

static void
read_heading(struct identity_deny_reader *rd,
    const struct identity_csv_row *row)
{
	struct slice field;
	size_t i, c;

	rd->columns = row->count;
	for (c = 0; c < IDENTITY_DENY_COLUMN_COUNT; c++) {
		rd->at[c] = rd->columns;
		for (i = row->count; i > 0; i--) {
			field = trimmed(row->fields[i - 1]);
			if (slice_equal(field, slice_str(column_names[c])))
				rd->at[c] = i - 1;
		}
	}
}

enum err
identity_deny_reader_init(struct identity_deny_reader *rd, uint8_t *text,
    size_t len, const char *name, struct report *report)
{
	struct identity_csv_row row;

	memset(rd, 0, sizeof(*rd));
	rd->name = name;
	rd->report = report;
	rd->text = text;
	identity_csv_init(&rd->csv, text, len);
	switch (identity_csv_read(&rd->csv, &row)) {
	case PARSE_MORE:
		return OK;
	case PARSE_OK:
		read_heading(rd, &row);
		rd->heading = (size_t)(rd->csv.pos - text);
		if (rd->at[IDENTITY_DENY_AS] < rd->columns &&
		    rd->at[IDENTITY_DENY_WHO] < rd->columns)
			return OK;
		break;
	case PARSE_BAD:
		break;
	}
	complain(rd, row.line,
	    "the first line must name the columns "
	    "(as,who,reason,until)");
	return ERR_CONFIG;
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

static struct slice
column(const struct identity_deny_reader *rd,
    const struct identity_csv_row *row, enum identity_deny_column which)
{
	return rd->at[which] < row->count ? row->fields[rd->at[which]]
					  : slice_make(NULL, 0);
}

/* Spaces around an unquoted value are a slip more often than not, and would
 * make an entry that never matches. */
static bool
is_padded(const struct identity_deny_reader *rd,
    const struct identity_csv_row *row, struct slice who)
{
	return rd->at[IDENTITY_DENY_WHO] < row->count &&
	    !row->quoted[rd->at[IDENTITY_DENY_WHO]] &&
	    trimmed(who).len < who.len;
}

/* The fields of a row made sense of. */
static enum parse
read_row(struct identity_deny_reader *rd, const struct identity_csv_row *csv,
    struct identity_deny_row *row, struct identity_deny_key *key)
{
	struct slice as = trimmed(column(rd, csv, IDENTITY_DENY_AS));
	struct slice until = column(rd, csv, IDENTITY_DENY_UNTIL);
	char text[SHOWN_MAX + 4];
	const char *why = NULL;

	row->who = column(rd, csv, IDENTITY_DENY_WHO);
	row->reason = column(rd, csv, IDENTITY_DENY_REASON);
	row->line = csv->line;
	row->begin = (size_t)(csv->begin - rd->text);
	row->end = (size_t)(rd->csv.pos - rd->text);
	if (!identity_deny_kind_of(as, &row->kind)) {
		complain(rd, row->line, "no such kind: \"%s\" (there are%s)",
		    shown(as, text), kinds);
		return PARSE_BAD;
	}
	if (csv->count > rd->columns)
		why = "has more fields than the first line names (quote "
		      "what holds a comma)";
	else if (is_padded(rd, csv, row->who))
		why = "has spaces around it (quote it if they belong to it)";
	else if (row->reason.len > IDENTITY_DENY_REASON_MAX)
		why = "has a reason over 1,024 bytes";
	else if (!identity_deny_until(until, &row->until))
		why = "has a bad until (write 2030-12-31T23:59:59Z, seconds "
		      "since 1970, or infinity)";
	else
		why = identity_deny_key_parse(key, row->kind, row->who);
	if (why != NULL)
		identity_deny_reader_complain(rd, row, why);
	return why == NULL ? PARSE_OK : PARSE_BAD;
}

enum parse
identity_deny_reader_next(struct identity_deny_reader *rd,
    struct identity_deny_row *row, struct identity_deny_key *key)
{
	struct identity_csv_row csv;

	switch (identity_csv_read(&rd->csv, &csv)) {
	case PARSE_MORE:
		return PARSE_MORE;
	case PARSE_OK:
		return read_row(rd, &csv, row, key);
	case PARSE_BAD:
		break;
	}
	complain(rd, csv.line, "%s", csv.why);
	return PARSE_BAD;
}

enum err
identity_deny_reader_end(struct identity_deny_reader *rd)
{
	if (rd->bad > IDENTITY_DENY_COMPLAINTS)
		report_add(rd->report, "%s: %zu more bad rows", rd->name,
		    rd->bad - IDENTITY_DENY_COMPLAINTS);
	return rd->bad == 0 ? OK : ERR_CONFIG;
}

/* Reads from `fd' what stat() promised, or less. */
static enum err
read_all(int fd, uint8_t **text, size_t *len)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return ERR_SYSTEM;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return ERR_SYSTEM;
	}
	*text = malloc((size_t)st.st_size + 1);
	if (*text == NULL)
		return ERR_NO_MEMORY;
	for (*len = 0; *len < (size_t)st.st_size; *len += (size_t)n) {
		n = read(fd, *text + *len, (size_t)st.st_size - *len);
		if (n == -1)
			return ERR_SYSTEM;
		if (n == 0)
			break;
	}
	return OK;
}

enum err
identity_deny_slurp(const char *path, uint8_t **text, size_t *len,
    struct report *report)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum err err = ERR_SYSTEM;
	int saved;

	*text = NULL;
	*len = 0;
	if (fd != -1)
		err = read_all(fd, text, len);
	saved = errno;
	if (fd != -1)
		close(fd);
	if (err == OK)
		return OK;
	free(*text);
	*text = NULL;
	if (err == ERR_SYSTEM)
		report_add(report, "%s: cannot read it: %s", path,
		    saved == EINVAL ? "not a plain file" : strerror(saved));
	errno = saved;
	return err;
}
