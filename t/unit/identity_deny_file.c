/* SPDX-License-Identifier: ISC */
/* Rows of a deny list's file, and what must not pass for one. */
#include "identity/deny_file.h"

#include "byte_kit.h"
#include "tap.h"

/* Rows as "line:value[reason]", "line!" for a bad one. */
static const struct {
	const char *name;
	const char *text;
	const char *want;
} rows[] = {
	{ "nothing", "", "" },
	{ "plain", "cn,b\ncn,d\n", "1:b[]2:d[]" },
	{ "no last line end", "cn,b\ncn,d", "1:b[]2:d[]" },
	{ "CRLF", "cn,b,x\r\ncn,d\r\n", "1:b[x]2:d[]" },
	{ "blank lines", "\n\r\ncn,a\n\n\ncn,b\n", "3:a[]6:b[]" },
	{ "byte order mark", "\xef\xbb\xbf cn ,b\n", "1:b[]" },
	{ "empty fields", ",\ncn,a,,\n", "1!2:a[]" },
	{ "quotes", "cn,\"a,b\",\"c\"\"d\"\n", "1:a,b[c\"d]" },
	{ "line end in a quoted reason", "cn,a,\"x\ny\"\ncn,b\n",
	    "1:a[x\ny]3:b[]" },
	{ "CRLF in a quoted reason", "cn,a,\"x\r\ny\"\ncn,b",
	    "1:a[x\r\ny]3:b[]" },
	{ "line end in a value", "cn,\"a\nb\"\ncn,b\n", "1!3:b[]" },
	{ "a quote inside", "cn,a\"b\n", "1:a\"b[]" },
	{ "quoted spaces", "cn,\" a \"\n", "1: a []" },
	{ "spaces around", "cn, a\ncn,b\n", "1!2:b[]" },
	{ "text after quotes", "cn,\"a\"b\ncn,d\n", "1!2:d[]" },
	{ "a space after quotes", "cn,\"a\" ,c\ncn,d\n", "1!2:d[]" },
	{ "quotes never closed", "cn,a\ncn,\"b,c\nd\n", "1:a[]2!" },
	{ "a quote at the end", "\"", "1!" },
	{ "too many fields", "cn,a,,,,,,,,,,,,,,,,,,\ncn,a\n", "1!2:a[]" },
	{ "more fields than columns", "cn,a,,,\ncn,a\n", "1!2:a[]" },
	{ "bare carriage returns", "cn,a,,\rcn,b,,\r", "1!" },
	{ "one bare carriage return", "cn,a,,\ncn,b,,\rcn,c,,\ncn,d\n",
	    "1:a[]2!3:d[]" },
	{ "a bare carriage return at the end", "cn,a,,\r", "1!" },
	{ "semicolons", "cn;a;;\n", "1!" },
	{ "tabs", "cn\ta\t\t\n", "1!" },
	{ "a tab before a value", "cn,\ta\n", "1!" },
	{ "a no-break space", "cn,a\xc2\xa0\n", "1!" },
	{ "a zero-width space",
	    "cn,\xe2\x80\x8b"
	    "a\n",
	    "1!" },
	{ "a byte order mark inside",
	    "cn,\xef\xbb\xbf"
	    "a\n",
	    "1!" },
	{ "a bidirectional mark",
	    "cn,a\xe2\x80\xae"
	    "b\n",
	    "1!" },
	{ "a soft hyphen",
	    "cn,a\xc2\xad"
	    "b\n",
	    "1!" },
	{ "a quoted invisible one", "cn,\"a\xe2\x80\x8b\"\n", "1!" },
	{ "other characters", "cn,\xc3\xa9\xe4\xb8\xad\n",
	    "1:\xc3\xa9\xe4\xb8\xad[]" },
	{ "a number with a sign", "cn,a,,+1900000000\ncn,a,,-1\n", "1!2!" },
	{ "an invisible until", "cn,a,,\xc2\xa0\n", "1!" },
	{ "a date in the past", "cn,a,,2020-01-01T00:00:00Z\n", "1:a[]" },
	{ "taken back", "cn,a,,removed\ncn,a,, removed \n", "1:-a[]2:-a[]" },
};

static void
read_all(struct kit_bytes *text, char *out, size_t size)
{
	static struct identity_deny_key key;
	struct identity_deny_rows reader;
	struct identity_deny_row row;
	struct report r;
	enum parse parse;
	size_t n;

	report_init(&r);
	out[0] = '\0';
	identity_deny_rows_begin_plain(&reader, text->data, text->len, "f", &r);
	while ((parse = identity_deny_rows_next(&reader, &row, &key)) !=
	    PARSE_MORE) {
		n = strlen(out);
		if (parse == PARSE_BAD)
			snprintf(out + n, size - n, "%s!",
			    strtok(r.lines[r.kept - 1] + 2, ":"));
		else
			snprintf(out + n, size - n, "%u:%s%.*s[%.*s]", row.line,
			    row.until == IDENTITY_DENY_REMOVED ? "-" : "",
			    (int)row.value.len, (const char *)row.value.data,
			    (int)row.reason.len,
			    row.reason.len == 0
				? ""
				: (const char *)row.reason.data);
	}
	report_fini(&r);
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

/* First lines. Those that are refused say what to mend. */
static const struct {
	const char *text;
	const char *why; /* NULL: good */
} headings[] = {
	{ "as,who\n", NULL },
	{ " as , who ,reason,until,by,at\r\n", NULL },
	{ "\xef\xbb\xbf"
	  "by,until,who,as",
	    NULL },
	{ "\n\n\"as\",\"who\"\n", NULL },
	{ "", NULL },
	{ "\n\r\n", NULL },
	{ "as;who;reason;until\n", "semicolons" },
	{ "as\twho\treason\tuntil\n", "tabs" },
	{ "as,who,reason,until\rcn,a,,\r", "carriage return" },
	{ "\r", "carriage return" },
	{ "as,who,Until\n", "lower case" },
	{ "AS,WHO\n", "lower case" },
	{ "as,who,who\n", "twice" },
	{ "as,reason,until\n", "missing" },
	{ "who\n", "missing" },
	{ "cn,device-001,,\n", "missing" },
	{ "as,who,until\xc2\xa0\n", "invisible" },
	{ "\xef\xbb\xbf\xef\xbb\xbf"
	  "as,who\n",
	    "invisible" },
	{ "as,who,\xe2\x80\x8buntil\n", "invisible" },
	{ "\xff\xfe"
	  "a\0s\0",
	    "missing" },
	{ "   \n", "missing" },
};

static void
test_headings(void)
{
	struct identity_deny_rows reader;
	struct kit_bytes text;
	struct report r;
	enum err err;
	size_t i;

	for (i = 0; i < sizeof(headings) / sizeof(headings[0]); i++) {
		text = kit_copy(headings[i].text, strlen(headings[i].text));
		report_init(&r);
		err = identity_deny_rows_begin(&reader, text.data, text.len,
		    "f", &r);
		is_int(err, headings[i].why == NULL ? OK : ERR_CONFIG,
		    "first line %zu", i);
		if (headings[i].why != NULL)
			ok(r.kept == 1 &&
				strstr(r.lines[0], headings[i].why) != NULL,
			    "says so: %s", r.kept == 1 ? r.lines[0] : "");
		report_fini(&r);
		kit_free(&text);
	}
}

int
main(void)
{
	test_rows();
	test_headings();
	return done_testing();
}
