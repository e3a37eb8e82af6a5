/* SPDX-License-Identifier: ISC */
/*
 * Tables and text of sallyportctl: what a client put into its names must not
 * reach the operator's terminal.
 */
#include "ctl/table.h"

#include <stdlib.h>

#include "tap.h"

static char *
text_of(const char *text)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		abort();
	table_text(f, text);
	fclose(f);
	return out;
}

static void
test_text(void)
{
	static const struct {
		const char *in;
		const char *out;
		const char *what;
	} rows[] = {
		{ "device-001", "device-001", "plain" },
		{ "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x94\x92",
		    "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x94\x92", "UTF-8" },
		{ "\x1b[2J", "\\x1b[2J", "escape" },
		{ "a\x7f", "a\\x7f", "DEL" },
		{ "\xc2\x9b", "\\xc2\\x9b", "C1: CSI" },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae", "U+202E" },
		{ "\xe2\x80\x8f", "\\xe2\\x80\\x8f", "U+200F" },
		{ "\xd8\x9c", "\\xd8\\x9c", "U+061C" },
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6", "U+2066" },
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8", "U+2028" },
		{ "\xff\x80z", "\\xff\\x80z", "not UTF-8" },
		{ "\xe2\x82", "\\xe2\\x82", "a part of a character" },
	};
	char *out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		out = text_of(rows[i].in);
		is_str(out, rows[i].out, "text: %s", rows[i].what);
		free(out);
	}
}

static void
test_json(void)
{
	json_t *in = json_pack("{s:s}", "id",
	    "\xc2\x9b\xe2\x80\xae\x7f\"\x1b\xc3\xa4\xe2\x80\x8f");
	char *out = NULL;
	json_t *back;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		abort();
	is_int(table_json(f, in), OK, "json");
	fclose(f);
	is_str(out,
	    "{\n  \"id\": "
	    "\"\\u009B\\u202E\\u007F\\\"\\u001B\xc3\xa4\\u200F\"\n}"
	    "\n",
	    "what would control a terminal is escaped");
	back = json_loads(out, 0, NULL);
	ok(json_equal(in, back), "and it is the same value");
	json_decref(back);
	json_decref(in);
	free(out);
}

static void
test_print(void)
{
	static const struct table_column columns[] = {
		{ "SID", "sid", TABLE_NAME },
		{ "UP", "up", TABLE_BYTES },
		{ "N", "n", TABLE_TEXT },
		{ "NAME", "name", TABLE_TEXT },
	};
	json_t *rows = json_pack("[{s:i,s:i,s:i,s:s},{s:i,s:I,s:i,s:b}]", "sid",
	    12, "up", 999, "n", 5, "name", "a\x1b", "sid", 3, "up",
	    (json_int_t)1536 * 1024, "n", 1000, "name", 1);
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		abort();
	table_print(f, columns, 4, rows);
	fclose(f);
	is_str(out,
	    "SID  UP       N  NAME\n"
	    "12   999      5  a\\x1b\n"
	    "3    1.5M  1000  yes\n",
	    "a table");
	json_decref(rows);
	free(out);
}

static void
test_age(void)
{
	static const struct {
		long long s;
		const char *text;
	} rows[] = { { 0, "0s" }, { 59, "59s" }, { 61, "1m 1s" },
		{ 3661, "1h 1m" }, { 90000, "1d 1h" } };
	char text[32];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		table_age(text, sizeof(text), rows[i].s);
		is_str(text, rows[i].text, "age %lld", rows[i].s);
	}
}

int
main(void)
{
	test_text();
	test_json();
	test_print();
	test_age();
	return done_testing();
}
