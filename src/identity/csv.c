#include "identity/csv.h"

void
identity_csv_init(struct identity_csv *csv, uint8_t *text, size_t len)
{
	csv->pos = text;
	csv->end = len == 0 ? text : text + len;
	csv->line = 1;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		csv->pos += 3;
}

/* How many bytes of line end stand at `p'; 0 inside a line. */
static size_t
line_end(const struct identity_csv *csv, const uint8_t *p)
{
	if (p < csv->end && *p == '\n')
		return 1;
	return csv->end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

static bool
field_ends(const struct identity_csv *csv, const uint8_t *p)
{
	return p == csv->end || *p == ',' || line_end(csv, p) > 0;
}

static struct slice
take_plain(struct identity_csv *csv)
{
	uint8_t *begin = csv->pos;

	while (!field_ends(csv, csv->pos))
		csv->pos++;
	return slice_make(begin, (size_t)(csv->pos - begin));
}

/* A field in quotes; two of them inside stand for one. */
static const char *
take_quoted(struct identity_csv *csv, struct slice *field)
{
	uint8_t *begin = ++csv->pos, *to = begin;

	for (;; csv->pos++) {
		if (csv->pos == csv->end)
			return "a quote is opened and never closed";
		if (*csv->pos == '"') {
			csv->pos++;
			if (csv->pos == csv->end || *csv->pos != '"')
				break;
		}
		csv->line += *csv->pos == '\n';
		*to++ = *csv->pos;
	}
	*field = slice_make(begin, (size_t)(to - begin));
	return field_ends(csv, csv->pos) ? NULL
					 : "text follows a closing quote";
}

/* All fields up to the end of the line; what is wrong, or NULL. */
static const char *
take_fields(struct identity_csv *csv, struct identity_csv_row *row)
{
	const char *why;
	size_t i;

	for (i = 0; i < IDENTITY_CSV_FIELDS; i++) {
		row->quoted[i] = csv->pos < csv->end && *csv->pos == '"';
		if (row->quoted[i]) {
			why = take_quoted(csv, &row->fields[i]);
			if (why != NULL)
				return why;
		} else {
			row->fields[i] = take_plain(csv);
		}
		row->count = i + 1;
		if (csv->pos == csv->end || *csv->pos != ',')
			return NULL;
		csv->pos++;
	}
	return "too many fields";
}

/* Passes over what is left of a line, and its end. */
static void
skip_line(struct identity_csv *csv)
{
	while (csv->pos < csv->end && line_end(csv, csv->pos) == 0)
		csv->pos++;
	if (csv->pos < csv->end) {
		csv->pos += line_end(csv, csv->pos);
		csv->line++;
	}
}

enum parse
identity_csv_read(struct identity_csv *csv, struct identity_csv_row *row)
{
	while (csv->pos < csv->end && line_end(csv, csv->pos) > 0)
		skip_line(csv);
	if (csv->pos == csv->end)
		return PARSE_MORE;
	row->begin = csv->pos;
	row->line = csv->line;
	row->count = 0;
	row->why = take_fields(csv, row);
	skip_line(csv);
	return row->why == NULL ? PARSE_OK : PARSE_BAD;
}
