/* SPDX-License-Identifier: ISC */
/*
 * The Redis server's protocol: replies in any pieces, and what is over the
 * bounds or no reply at all.
 */
#include <stdlib.h>
#include <string.h>

#include "fleet/wire.h"
#include "tap.h"

/* Feeds `text' in pieces of `step' bytes; returns the first reply or NULL, and
 * how it ended. */
static struct fleet_reply *
feed(const char *text, size_t len, size_t step, enum parse *parse)
{
	struct fleet_reader *r = fleet_reader_new();
	struct fleet_reply *reply = NULL;
	const char *why = NULL;
	size_t at, n;

	*parse = PARSE_MORE;
	for (at = 0; at < len && *parse == PARSE_MORE; at += n) {
		n = len - at < step ? len - at : step;
		if (fleet_reader_feed(r, slice_make(text + at, n)) != OK)
			*parse = PARSE_BAD;
		else
			*parse = fleet_reader_next(r, &reply, &why);
	}
	fleet_reader_free(r);
	return reply;
}

static void
test_pieces(void)
{
	static const char text[] = "*4\r\n:7\r\n$5\r\na\0\r\nb\r\n"
				   "*2\r\n$-1\r\n+OK\r\n-ERR no\r\n";
	size_t len = sizeof(text) - 1;
	const struct fleet_reply *inner;
	struct fleet_reply *r;
	enum parse parse;
	size_t step;

	for (step = 1; step <= len; step += 5) {
		r = feed(text, len, step, &parse);
		ok(parse == PARSE_OK && r->type == FLEET_WIRE_ARRAY &&
			r->count == 4,
		    "in pieces of %zu", step);
		is_int(fleet_reply_item(r, 0)->number, 7, "a number");
		ok(slice_equal(fleet_reply_text(fleet_reply_item(r, 1)),
		       slice_make("a\0\r\nb", 5)),
		    "a string with a NUL");
		inner = fleet_reply_item(r, 2);
		ok(fleet_reply_item(inner, 0)->type == FLEET_WIRE_NIL,
		    "nothing");
		ok(slice_equal(fleet_reply_text(fleet_reply_item(inner, 1)),
		       slice_str("OK")),
		    "a status");
		ok(fleet_reply_item(r, 3)->type == FLEET_WIRE_ERROR,
		    "an error is no text");
		ok(fleet_reply_item(r, 4)->type == FLEET_WIRE_NIL,
		    "beyond the end");
		fleet_reply_free(r);
	}
	for (step = 1; step < len; step++) {
		r = feed(text, step, 1, &parse);
		if (parse != PARSE_MORE)
			break;
	}
	is_int((long long)step, (long long)len, "each part of it needs more");
}

static void
test_bad(void)
{
	static const struct {
		const char *name;
		const char *text;
	} rows[] = {
		{ "HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n" },
		{ "an array of 2 billion", "*2000000000\r\n" },
		{ "an array over the bounds inside another",
		    "*2\r\n:1\r\n*200001\r\n" },
		{ "too deep",
		    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
		    "*1\r\n:1\r\n" },
	};
	struct fleet_reply *r;
	enum parse parse;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = feed(rows[i].text, strlen(rows[i].text), 1000, &parse);
		ok(parse == PARSE_BAD && r == NULL, "refused: %s",
		    rows[i].name);
	}
}

/* A string that is announced and comes for ever. */
static void
test_endless(void)
{
	struct fleet_reader *r = fleet_reader_new();
	static char chunk[1 << 20];
	struct fleet_reply *reply;
	const char *why;
	enum err err;
	size_t n = 0;

	memset(chunk, 'x', sizeof(chunk));
	err = fleet_reader_feed(r, slice_str("$1000000000\r\n"));
	while (err == OK && n < 200) {
		if (fleet_reader_next(r, &reply, &why) != PARSE_MORE)
			break;
		err = fleet_reader_feed(r, slice_make(chunk, sizeof(chunk)));
		n++;
	}
	ok(err == ERR_LIMIT && n <= 64, "a reply has a greatest length");
	fleet_reader_free(r);
}

static void
test_command(void)
{
	struct slice argv[2] = { slice_str("AUTH"), slice_make("a\0b", 3) };
	struct buf out;

	buf_init(&out, 0);
	ok(fleet_wire_command(&out, argv, 2) == OK &&
		slice_equal(buf_slice(&out),
		    slice_make("*2\r\n$4\r\nAUTH\r\n$3\r\na\0b\r\n", 23)),
	    "a command");
	buf_fini(&out);
	buf_init(&out, 10);
	ok(fleet_wire_command(&out, argv, 2) == ERR_LIMIT, "a full buffer");
	buf_fini(&out);
}

int
main(void)
{
	struct fleet_reader *r = fleet_reader_new();

	if (r == NULL) {
		printf("1..0 # SKIP built without hiredis\n");
		return 0;
	}
	fleet_reader_free(r);
	test_pieces();
	test_bad();
	test_endless();
	test_command();
	return done_testing();
}
