#include "ctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 1024
#define COLUMNS_MAX 16

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

static void
put_cell(FILE *f, const char *text, size_t wide, bool last)
{
	fputs(text, f);
	if (last)
		fputc('\n', f);
	else
		fprintf(f, "%*s", (int)(wide - width(text)) + 2, "");
}

void
table_print(FILE *f, const struct table_column *columns, size_t count,
    json_t *rows)
{
	size_t wide[COLUMNS_MAX];
	char cell[CELL_MAX];
	json_t *row;
	size_t i;
	size_t n;

	if (json_array_size(rows) == 0)
		return;
	for (n = 0; n < count; n++)
		wide[n] = width(columns[n].heading);
	json_array_foreach(rows, i, row)
	{
		for (n = 0; n < count; n++) {
			write_cell(cell, &columns[n], row);
			if (width(cell) > wide[n])
				wide[n] = width(cell);
		}
	}
	for (n = 0; n < count; n++)
		put_cell(f, columns[n].heading, wide[n], n + 1 == count);
	json_array_foreach(rows, i, row)
	{
		for (n = 0; n < count; n++) {
			write_cell(cell, &columns[n], row);
			put_cell(f, cell, wide[n], n + 1 == count);
		}
	}
}
