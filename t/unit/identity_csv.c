/* Rows of a CSV file, and points in time as text. */
#include "identity/csv.h"

#include "identity/when.h"
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

static const struct {
	const char *text;
	bool good;
	long long want;
} times[] = {
	{ "0", true, 0 },
	{ "1735171200", true, 1735171200 },
	{ "999999999999999999", true, 999999999999999999 },
	{ "9999999999999999999", false, 0 },
	{ "1970-01-01T00:00:00Z", true, 0 },
	{ "1969-12-31T23:59:59Z", true, -1 },
	{ "2000-02-29T12:00:00Z", true, 951825600 },
	{ "2021-10-25T21:53:47+08:00", true, 1635170027 },
	{ "2021-10-25T21:53:47-08:00", true, 1635227627 },
	{ "2021-10-25T21:53:47.123456Z", true, 1635198827 },
	{ "2021-10-25 21:53:47Z", true, 1635198827 },
	{ "2021-10-25t21:53:47z", true, 1635198827 },
	{ "2016-12-31T23:59:60Z", true, 1483228800 },
	{ "9999-12-31T23:59:59Z", true, 253402300799 },
	{ "0000-01-01T00:00:00Z", true, -62167219200 },
	{ "", false, 0 },
	{ "-1", false, 0 },
	{ "1.5", false, 0 },
	{ "tomorrow", false, 0 },
	{ "2021-10-25", false, 0 },
	{ "2021-10-25T21:53:47", false, 0 },
	{ "2021-10-25T21:53Z", false, 0 },
	{ "2021-13-25T21:53:47Z", false, 0 },
	{ "2021-00-25T21:53:47Z", false, 0 },
	{ "2021-02-29T21:53:47Z", false, 0 },
	{ "2021-10-00T21:53:47Z", false, 0 },
	{ "2021-10-25T24:00:00Z", false, 0 },
	{ "2021-10-25T21:60:00Z", false, 0 },
	{ "2021-10-25T21:53:61Z", false, 0 },
	{ "2021-10-25T21:53:47.Z", false, 0 },
	{ "2021-10-25T21:53:47+0800", false, 0 },
	{ "2021-10-25T21:53:47+24:00", false, 0 },
	{ "2021-10-25T21:53:47Z ", false, 0 },
	{ "21-10-25T21:53:47Z", false, 0 },
};

static void
test_times(void)
{
	struct kit_bytes text;
	char back[IDENTITY_WHEN_MAX];
	int64_t got, again;
	size_t i;
	bool good;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		text = kit_copy(times[i].text, strlen(times[i].text));
		good = identity_when_parse(kit_slice(&text), &got);
		is_int(good, times[i].good, "\"%s\"", times[i].text);
		if (good)
			is_int(got, times[i].want, "is %lld", times[i].want);
		kit_free(&text);
		if (!good || got > 253402300799)
			continue;
		identity_when_write(got, back);
		ok(identity_when_parse(slice_str(back), &again) && again == got,
		    "comes back from %s", back);
	}
	identity_when_write(INT64_MAX, back);
	is_str(back, "9999-12-31T23:59:59Z", "the end of time");
	identity_when_write(INT64_MIN, back);
	is_str(back, "0000-01-01T00:00:00Z", "and its beginning");
}

int
main(void)
{
	test_rows();
	test_times();
	return done_testing();
}
