#include "ctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 1024
#define COLUMNS_MAX 16
#define CELL_WIDTH 64

/* A control: C0, DEL, or C1 as UTF-8 has it; also what turns the direction of
 * writing round (U+202A to U+202E, U+2066 to U+2069). Its length in bytes. */
static size_t
control_len(const unsigned char *p)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return 0;
}

/* Copies `text' without controls. */
static void
clean(char *out, size_t size, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = 0;
	size_t bad;

	while (*p != '\0' && len + 16 < size) {
		bad = control_len(p);
		if (bad == 0) {
			out[len++] = (char)*p++;
			continue;
		}
		while (bad-- > 0)
			len += (size_t)snprintf(out + len, size - len,
			    "\\x%02x", *p++);
	}
	out[len] = '\0';
}

void
table_text(FILE *f, const char *text)
{
	char out[CELL_MAX * 4];

	clean(out, sizeof(out), text);
	fputs(out, f);
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

/* Characters, not bytes: continuation bytes do not count. */
static size_t
width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			n++;
	return n;
}

/* Cuts what would make a column useless for all others, such as a PEM as a
 * user name: a hash in hex still fits. */
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

/* A column of a table on its way. */
struct layout {
	size_t wide;
	bool numbers; /* nothing but numbers: they end at the same place */
};

/* Writes a cell; the last one in a row may be as long as it is. */
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
