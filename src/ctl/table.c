/* SPDX-License-Identifier: ISC */
#include "ctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define CELL_MAX 1024
#define COLUMNS_MAX 16
#define CELL_WIDTH 64

/* The length of the character at `p'. *safe says whether it may be printed;
 * what is not UTF-8 is one unsafe byte. */
static size_t
examine(const char *p, uint32_t *code, bool *safe)
{
	size_t len = utf8_decode(slice_make(p, strnlen(p, 4)), code);

	*safe = len > 0 && !utf8_is_unsafe(*code);
	return len > 0 ? len : 1;
}

/* Copies `text' with \xNN for what must not be printed. */
static void
clean(char *out, size_t size, const char *text)
{
	uint32_t code;
	size_t used = 0;
	size_t len;
	bool safe;

	for (; *text != '\0' && used + 17 < size; text += len) {
		len = examine(text, &code, &safe);
		if (safe) {
			memcpy(out + used, text, len);
			used += len;
			continue;
		}
		len = 1; /* byte by byte */
		used += (size_t)snprintf(out + used, size - used, "\\x%02x",
		    (unsigned char)*text);
	}
	out[used] = '\0';
}

void
table_text(FILE *f, const char *text)
{
	char out[CELL_MAX * 4];

	clean(out, sizeof(out), text);
	fputs(out, f);
}

enum err
table_json(FILE *f, const json_t *value)
{
	char *text =
	    json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	const char *p = text;
	uint32_t code;
	size_t len;
	bool safe;

	if (text == NULL)
		return ERR_NO_MEMORY;
	for (; *p != '\0'; p += len) {
		len = examine(p, &code, &safe);
		if (safe || *p == '\n')
			fwrite(p, 1, len, f);
		else
			fprintf(f, "\\u%04X", (unsigned)code);
	}
	fputc('\n', f);
	free(text);
	return OK;
}

void
table_age(char *out, size_t size, long long s)
{
	if (s < 60)
		snprintf(out, size, "%llds", s);
	else if (s < 3600)
		snprintf(out, size, "%lldm %llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%lldh %lldm", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%lldd %lldh", s / 86400, s / 3600 % 24);
}

static void
write_bytes(char *out, size_t size, double n)
{
	static const char *const units[] = { "", "K", "M", "G", "T", "P" };
	size_t i = 0;

	while (n >= 1000 && i < 5) {
		n /= 1024;
		i++;
	}
	snprintf(out, size, i == 0 || n >= 100 ? "%.0f%s" : "%.1f%s", n,
	    units[i]);
}

static void
write_cell(char *out, const struct table_column *c, const json_t *row)
{
	const json_t *v = json_object_get(row, c->field);
	json_int_t n = json_integer_value(v);

	strcpy(out, "-");
	if (json_is_boolean(v))
		strcpy(out, json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v) && c->format == TABLE_AGE)
		table_age(out, CELL_MAX, (long long)n);
	else if (json_is_integer(v) && c->format == TABLE_BYTES)
		write_bytes(out, CELL_MAX, (double)n);
	else if (json_is_integer(v))
		snprintf(out, CELL_MAX, "%lld", (long long)n);
	else if (json_is_string(v) && json_string_length(v) > 0)
		clean(out, CELL_MAX, json_string_value(v));
	if (c->format == TABLE_SHORT && strlen(out) > 16)
		out[16] = '\0';
}

/* The number of characters; continuation bytes of UTF-8 do not count. */
static size_t
width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			n++;
	return n;
}

/* Cuts a cell that would make the table too wide, for example a PEM certificate
 * as a user name. A SHA-256 in hex fits. */
static void
cut(char *text)
{
	size_t n = 0;
	char *p;

	if (width(text) <= CELL_WIDTH)
		return;
	for (p = text; *p != '\0'; p++)
		if (((unsigned char)*p & 0xc0) != 0x80 && ++n > CELL_WIDTH - 3)
			break;
	strcpy(p, "...");
}

/* How a column is printed, known once all rows have been measured. */
struct layout {
	size_t wide;
	bool numbers; /* all cells are numbers: aligned right */
};

/* Writes a cell; only the last one of a row is never cut. */
static void
fill_cell(char *cell, const struct table_column *c, bool last,
    const json_t *row)
{
	write_cell(cell, c, row);
	if (!last)
		cut(cell);
}

static void
measure(struct layout *l, const struct table_column *c, bool last, json_t *rows)
{
	char cell[CELL_MAX];
	json_t *row;
	size_t i;

	l->wide = width(c->heading);
	l->numbers = c->format == TABLE_TEXT;
	json_array_foreach(rows, i, row)
	{
		fill_cell(cell, c, last, row);
		if (width(cell) > l->wide)
			l->wide = width(cell);
		if (!json_is_integer(json_object_get(row, c->field)))
			l->numbers = false;
	}
}

static void
put_cell(FILE *f, const char *text, const struct layout *l, bool last)
{
	int pad = (int)(l->wide - width(text));

	if (l->numbers)
		fprintf(f, "%*s%s", pad, "", text);
	else if (last)
		fputs(text, f);
	else
		fprintf(f, "%s%*s", text, pad, "");
	fputs(last ? "\n" : "  ", f);
}

void
table_print(FILE *f, const struct table_column *columns, size_t count,
    json_t *rows)
{
	struct layout layout[COLUMNS_MAX];
	char cell[CELL_MAX];
	json_t *row;
	size_t i;
	size_t n;

	if (json_array_size(rows) == 0)
		return;
	for (n = 0; n < count; n++)
		measure(&layout[n], &columns[n], n + 1 == count, rows);
	for (n = 0; n < count; n++)
		put_cell(f, columns[n].heading, &layout[n], n + 1 == count);
	json_array_foreach(rows, i, row)
	{
		for (n = 0; n < count; n++) {
			fill_cell(cell, &columns[n], n + 1 == count, row);
			put_cell(f, cell, &layout[n], n + 1 == count);
		}
	}
}
