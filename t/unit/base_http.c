/* SPDX-License-Identifier: ISC */
/*
 * The head of an HTTP request: lines, grammar, limits, however it is divided.
 */
#include "base/http.h"

#include <stdlib.h>

#include "tap.h"

#define FIRST "GET /a?b=c HTTP/1.1\r\n"

/* What the items of a head add up to: "GET /a HTTP/1.1|Host=b|END". */
struct seen {
	char text[400];
	size_t len;
	enum http_item last;
	size_t used;
};

static void
add(struct seen *s, struct slice piece, const char *behind)
{
	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
	    "%.*s%s", (int)piece.len, (const char *)piece.data, behind);
}

static void
note(struct seen *s, const struct http_head *h, enum http_item item)
{
	s->last = item;
	if (item == HTTP_REQUEST_LINE) {
		add(s, h->method, " ");
		add(s, h->target, " ");
		add(s, h->version, "|");
	} else if (item == HTTP_FIELD) {
		add(s, h->name, "=");
		add(s, h->value, "|");
	} else if (item == HTTP_END) {
		add(s, slice_str("END"), h->has_body ? "+body" : "");
	} else if (item == HTTP_MALFORMED) {
		add(s, slice_str(h->why), "");
	} else if (item == HTTP_TOO_LARGE) {
		add(s, slice_str("TOO LARGE"), "");
	}
}

/* Reads `text' by `step' bytes, each time from an allocation of exact size. */
static struct seen
read_head(const char *text, size_t step, size_t max)
{
	struct seen s = { .last = HTTP_MORE };
	size_t len = strlen(text), end = 0;
	struct http_head h;
	struct slice in;
	uint8_t *copy;

	http_head_init(&h, max);
	do {
		end = end + step < len ? end + step : len;
		copy = malloc(end - s.used + 1);
		memcpy(copy, text + s.used, end - s.used);
		in = slice_make(copy, end - s.used);
		do {
			s.last = http_head_next(&h, &in);
			note(&s, &h, s.last);
		} while (s.last == HTTP_REQUEST_LINE || s.last == HTTP_FIELD);
		s.used = h.total;
		free(copy);
	} while (s.last == HTTP_MORE && end < len);
	return s;
}

static const struct row {
	const char *text;
	const char *want;
} rows[] = {
	{ FIRST "\r\n", "GET /a?b=c HTTP/1.1|END" },
	{ FIRST "Host: b\r\nX:\r\n\r\nbody",
	    "GET /a?b=c HTTP/1.1|Host=b|X=|END" },
	{ FIRST "A:\t b c \t\r\n\r\n", "GET /a?b=c HTTP/1.1|A=b c|END" },
	{ "M-X * HTTP/9\r\n\r\n", "M-X * HTTP/9|END" },
	{ FIRST "Content-Length: 0\r\n\r\n",
	    "GET /a?b=c HTTP/1.1|Content-Length=0|END" },
	{ FIRST "content-length: 10\r\n\r\n",
	    "GET /a?b=c HTTP/1.1|content-length=10|END+body" },
	{ FIRST "Transfer-Encoding: x\r\n\r\n",
	    "GET /a?b=c HTTP/1.1|Transfer-Encoding=x|END+body" },
	{ FIRST "Content-Length: 1x\r\n\r\n",
	    "GET /a?b=c HTTP/1.1|Content-Length is not a number" },
	{ FIRST "Content-Length:\r\n\r\n",
	    "GET /a?b=c HTTP/1.1|Content-Length is empty" },
	{ "GET / HTTP/1.1\n\r\n", "a line does not end in CR LF" },
	{ FIRST "a: b\rc: d\r\n",
	    "GET /a?b=c HTTP/1.1|a line does not end in CR LF" },
	{ "\r\n" FIRST, "the first line is not `METHOD path HTTP/1.1'" },
	{ "GET /\r\n", "the first line is not `METHOD path HTTP/1.1'" },
	{ "GET / HTTP/\r\n", "the first line is not `METHOD path HTTP/1.1'" },
	{ "G T / HTTP/1.1\r\n",
	    "the first line is not `METHOD path HTTP/1.1'" },
	{ "G(T / HTTP/1.1\r\n",
	    "the first line is not `METHOD path HTTP/1.1'" },
	{ "GET  HTTP/1.1\r\n", "the target is empty" },
	{ "GET /a#b HTTP/1.1\r\n", "the target is not a path" },
	{ "GET /\xc3\xa9 HTTP/1.1\r\n", "the target is not a path" },
	{ FIRST " a: b\r\n",
	    "GET /a?b=c HTTP/1.1|a line is not `name: "
	    "value'" },
	{ FIRST "a : b\r\n",
	    "GET /a?b=c HTTP/1.1|a line is not `name: "
	    "value'" },
	{ FIRST "ab\r\n", "GET /a?b=c HTTP/1.1|a line is not `name: value'" },
	{ FIRST ": b\r\n", "GET /a?b=c HTTP/1.1|a line is not `name: value'" },
	{ FIRST "a: \x01\r\n",
	    "GET /a?b=c HTTP/1.1|the request contains a control byte" },
	{ FIRST "a: \x7f\r\n",
	    "GET /a?b=c HTTP/1.1|the request contains a control byte" },
	{ FIRST "a: b\r\n", "GET /a?b=c HTTP/1.1|a=b|" },
};

static void
check_rows(void)
{
	struct seen whole, cut;
	size_t i, step;
	bool same;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		whole = read_head(rows[i].text, 1000, 1000);
		is_str(whole.text, rows[i].want, "%s", rows[i].want);
		same = true;
		for (step = 1; step < 20; step++) {
			cut = read_head(rows[i].text, step, 1000);
			same = same && cut.last == whole.last &&
			    cut.used == whole.used &&
			    strcmp(cut.text, whole.text) == 0;
		}
		ok(same, "the same however it is divided");
	}
}

static void
check_size(void)
{
	static const char text[] = FIRST "a: b\r\n\r\n";
	size_t len = sizeof(text) - 1;

	is_int(read_head(text, 3, len).last, HTTP_END, "exactly max");
	is_int(read_head(text, 3, len - 1).last, HTTP_TOO_LARGE,
	    "one byte more than max");
	is_int(read_head("xxxxxxxxxxxxxxxx", 1, 10).last, HTTP_TOO_LARGE,
	    "a line without end");
}

static void
check_grammar(void)
{
	struct slice s = slice_str("a;b;c");

	ok(http_is(slice_str("aB"), "aB") && !http_is(slice_str("ab"), "aB") &&
		!http_is(slice_str("a"), "aB"),
	    "http_is() compares bytes");
	ok(http_is_nocase(slice_str("A-z"), "a-Z") &&
		!http_is_nocase(slice_str("a["), "a{"),
	    "http_is_nocase() ignores the case of letters only");
	ok(http_is_token(slice_str("a!~|9")) && !http_is_token(slice_str("")) &&
		!http_is_token(slice_str("a b")) &&
		!http_is_token(slice_make("a\0", 2)),
	    "http_is_token()");
	ok(http_is(http_cut(&s, ';'), "a") && http_is(s, "b;c") &&
		http_is(http_cut(&s, '?'), "b;c") && s.len == 0 &&
		http_cut(&s, ';').len == 0,
	    "http_cut()");
	ok(http_is(http_trim(slice_str(" \ta b\t ")), "a b") &&
		http_trim(slice_str(" \t")).len == 0,
	    "http_trim()");
	ok(http_list_has(slice_str("x , Upgrade,"), "upgrade") &&
		!http_list_has(slice_str("x, upgrades"), "upgrade") &&
		!http_list_has(slice_str(""), "upgrade"),
	    "http_list_has()");
}

int
main(void)
{
	check_rows();
	check_size();
	check_grammar();
	return done_testing();
}
