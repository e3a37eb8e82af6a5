/* Rows of a CSV file. */
#include "identity/csv.h"

#include "mqtt_kit.h"
#include "tap.h"

/* Rows as "line:[field][field]", "line!" for a bad one. */
static const struct {
	const char *name;
	const char *text;
	const char *want;
} rows[] = {
	{ "nothing", "", "" },
	{ "plain", "a,b\nc,d\n", "1:[a][b]2:[c][d]" },
	{ "no last line end", "a,b\nc,d", "1:[a][b]2:[c][d]" },
	{ "CRLF", "a,b\r\nc,d\r\n", "1:[a][b]2:[c][d]" },
	{ "blank lines", "\n\r\na\n\n\nb\n", "3:[a]6:[b]" },
	{ "byte order mark",
	    "\xef\xbb\xbf"
	    "a,b\n",
	    "1:[a][b]" },
	{ "empty fields", ",\n,,\na,\n", "1:[][]2:[][][]3:[a][]" },
	{ "quotes", "\"a,b\",\"c\"\"d\"\n", "1:[a,b][c\"d]" },
	{ "empty quotes", "\"\",\"\"\"\"\n", "1:[][\"]" },
	{ "line end in quotes", "\"a\nb\",c\nd\n", "1:[a\nb][c]3:[d]" },
	{ "CRLF in quotes", "\"a\r\nb\"\nd", "1:[a\r\nb]3:[d]" },
	{ "quote inside", "a\"b,c\n", "1:[a\"b][c]" },
	{ "spaces stay", " a , \"b\"\n", "1:[ a ][ \"b\"]" },
	{ "CR inside a line", "a\rb,c\n", "1:[a\rb][c]" },
	{ "text behind quotes", "\"a\"b,c\nd\n", "1!2:[d]" },
	{ "space behind quotes", "\"a\" ,c\nd\n", "1!2:[d]" },
	{ "quotes never closed", "a\n\"b,c\nd\n", "1:[a]2!" },
	{ "quote at the end", "\"", "1!" },
	{ "too many fields", ",,,,,,,,,,,,,,,,\na\n", "1!2:[a]" },
	{ "just as many as may be", ",,,,,,,,,,,,,,,\n",
	    "1:[][][][][][][][][][][][][][][][]" },
};

static void
write_row(char *out, size_t size, const struct identity_csv_row *row)
{
	size_t i, n = (size_t)snprintf(out, size, "%u:", row->line);

	for (i = 0; i < row->count; i++)
		n += (size_t)snprintf(out + n, size - n, "[%.*s]",
		    (int)row->fields[i].len, (const char *)row->fields[i].data);
}

static void
read_all(struct kit_bytes *text, char *out, size_t size)
{
	struct identity_csv csv;
	struct identity_csv_row row;
	enum parse parse;
	size_t n;

	out[0] = '\0';
	identity_csv_init(&csv, text->data, text->len);
	while ((parse = identity_csv_read(&csv, &row)) != PARSE_MORE) {
		n = strlen(out);
		if (parse == PARSE_BAD)
			snprintf(out + n, size - n, "%u!", row.line);
		else
			write_row(out + n, size - n, &row);
	}
}

static void
test_rows(void)
{
	struct kit_bytes text;
	char got[256];
	size_t i, j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text = kit_copy(rows[i].text, strlen(rows[i].text));
		read_all(&text, got, sizeof(got));
		is_str(got, rows[i].want, "%s", rows[i].name);
		kit_free(&text);
		for (j = 0; j < strlen(rows[i].text); j++) {
			text = kit_copy(rows[i].text, j);
			read_all(&text, got, sizeof(got));
			kit_free(&text);
		}
	}
}

int
main(void)
{
	test_rows();
	return done_testing();
}
