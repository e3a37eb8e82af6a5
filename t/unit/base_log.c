/* SPDX-License-Identifier: ISC */
/*
 * A log line is one line, whatever a stranger calls himself.
 */
#include "base/log.h"

#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static char path[] = "/tmp/sallyport-log-XXXXXX";

/* Everything in the log so far, behind its time field. */
static const char *
read_log(void)
{
	static char text[16384];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	if (truncate(path, 0) == -1)
		return "cannot truncate";
	return text;
}

static void
say(struct slice value)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "test");
	log_slice(&l, "v", value);
	log_end(&l);
}

static void
is_value(struct slice value, const char *want, const char *name)
{
	const char *text;
	const char *at;

	say(value);
	text = read_log();
	at = strstr(text, "v=");
	if (at == NULL)
		at = strstr(text, "\"v\":");
	is_str(at, want, "%s", name);
}

static void
test_logfmt(void)
{
	struct slice nul = slice_make("a\0b", 3);

	is_int(log_open(path, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT), OK,
	    "a file opens");
	is_value(slice_str("plain"), "v=plain\n", "a bare word");
	is_value(slice_str(""), "v=\"\"\n", "nothing is quoted");
	is_value(slice_str("two words"), "v=\"two words\"\n", "a space");
	is_value(slice_str("a\nevent=forged"), "v=\"a\\u000aevent=forged\"\n",
	    "a line break forges nothing");
	is_value(slice_str("a\"b\\c=d"), "v=\"a\\\"b\\\\c=d\"\n",
	    "quotes and backslashes");
	is_value(nul, "v=\"a\\u0000b\"\n", "a NUL");
	is_value(slice_str("\x1b[31m"), "v=\"\\u001b[31m\"\n", "an escape");
	is_value(slice_str("\xc3\xa9"), "v=\"\xc3\xa9\"\n", "UTF-8");
	is_value(slice_str("\xff\xc3"), "v=\"\\ufffd\\ufffd\"\n",
	    "what is not UTF-8");
	is_value(slice_str("\xe0\x80\x9b\xed\xa0\x80"),
	    "v=\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"\n",
	    "an overlong form, a surrogate");
	is_value(slice_str("\xf4\x90\x80\x80"),
	    "v=\"\\ufffd\\ufffd\\ufffd\\ufffd\"\n", "over the end");
	is_value(slice_str("\xf4\x8f\xbf\xbf\xc2\xa0"),
	    "v=\"\xf4\x8f\xbf\xbf\xc2\xa0\"\n", "the outermost");
	is_value(slice_str("\xc2\x9b"
			   "31m\xc2\x85"),
	    "v=\"\\u009b31m\\u0085\"\n", "an escape in one character");
	is_value(slice_str("\xe2\x80\xa8x\xe2\x80\xae\xe2\x81\xa6"),
	    "v=\"\\u2028x\\u202e\\u2066\"\n", "ends of lines, and directions");
	is_value(slice_str("\u200e\u200f\u061c\u2069"),
	    "v=\"\\u200e\\u200f\\u061c\\u2069\"\n", "marks of direction");
}

static void
test_json(void)
{
	struct log_line l;

	is_int(log_open(path, LOG_LEVEL_INFO, LOG_FORMAT_JSON), OK, "JSON");
	is_value(slice_str("a\"\n"), "\"v\":\"a\\\"\\u000a\"}\n",
	    "a value in JSON");
	log_event(LOG_LEVEL_INFO, "x", "m %d", 1);
	ok(strstr(read_log(), "\"event\":\"x\",\"msg\":\"m 1\"}\n") != NULL,
	    "an event in JSON");
	log_begin(&l, LOG_LEVEL_INFO, "y");
	log_u64(&l, "n", 7);
	log_bool(&l, "yes", true);
	log_bool(&l, "no", false);
	log_seconds(&l, "age_s", 3994);
	log_end(&l);
	ok(strstr(read_log(),
	       "\"n\":7,\"yes\":true,\"no\":false,\"age_s\":3.994}\n") != NULL,
	    "numbers and booleans are no strings");
}

static void
test_bounds(void)
{
	char large[5000];
	struct log_line l;
	const char *text;
	int i;

	is_int(log_open(path, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT), OK, "again");
	memset(large, '\1', sizeof(large));
	log_begin(&l, LOG_LEVEL_INFO, "test");
	for (i = 0; i < 100; i++)
		log_slice(&l, "key", slice_make(large, sizeof(large)));
	log_end(&l);
	text = read_log();
	ok(strlen(text) < LOG_LINE_MAX, "a line is bounded");
	ok(strchr(text, '\n') == text + strlen(text) - 1, "and one line");
	log_event(LOG_LEVEL_INFO, "word", "%s", "gr\xc3\xbc\xc3\x9f\xff");
	ok(strstr(read_log(), "msg=\"gr\xc3\xbc\xc3\x9f\\ufffd\"\n") != NULL,
	    "a message in UTF-8 stays so");
	memset(large, '\1', 1000);
	large[1000] = '\0';
	log_event(LOG_LEVEL_INFO, "long", "%s", large);
	text = read_log();
	is_str(text + strlen(text) - 3, "1\"\n", "a message ends in its quote");
	log_begin(&l, LOG_LEVEL_INFO, "test");
	for (i = 0; i < 3; i++)
		log_slice(&l, "long", slice_make(large, 255));
	log_str(&l, "short", "still there");
	log_end(&l);
	text = read_log();
	ok(strstr(text, " short=\"still there\"\n") != NULL,
	    "behind a field that did not fit there is one that does");
	log_event(LOG_LEVEL_DEBUG, "quiet", "not written");
	is_str(read_log(), "", "below the level nothing is written");
	log_set_level(LOG_LEVEL_DEBUG);
	log_event(LOG_LEVEL_DEBUG, "loud", "written");
	ok(strstr(read_log(), "loud") != NULL, "until the level is lowered");
	is_int(log_open("/nonexistent/x", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT),
	    ERR_SYSTEM, "a file that cannot be");
	log_event(LOG_LEVEL_INFO, "still", "here");
	ok(strstr(read_log(), "still") != NULL, "leaves the old one in force");
}

int
main(void)
{
	int fd = mkstemp(path);

	if (!ok(fd != -1, "a temporary file"))
		return done_testing();
	close(fd);
	test_logfmt();
	test_json();
	test_bounds();
	unlink(path);
	return done_testing();
}
