/* SPDX-License-Identifier: ISC */
/*
 * Lines of the log: built on the stack, with every value escaped. Where they
 * go is in base/log_sink.c.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/log_sink.h"
#include "base/utf8.h"

/* In the short form values are cut after so many bytes: a hash of SHA-256 says
 * little to a reader. */
#define SHORT_VALUE_MAX 40

static const char *const level_names[] = { "error", "warn", "info", "debug" };

/* What log_event() and log_end() add to a full line: "}, LF and NUL. */
#define LINE_END 4

/* Appends text as it is, or nothing if there is no room for all of it. */
static bool
put(struct log_line *l, const char *text, size_t len)
{
	if (len > sizeof(l->text) - LINE_END - l->len)
		return false;
	memcpy(l->text + l->len, text, len);
	l->len += len;
	return true;
}

/* True if it needs no escape between quotes. */
static bool
is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One byte of a value, escaped so that it cannot end the value or the line. */
static bool
put_escaped(struct log_line *l, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char text[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	if (is_plain(c))
		return put(l, (const char *)&c, 1);
	if (c != '"' && c != '\\')
		return put(l, text, sizeof(text));
	text[1] = (char)c;
	return put(l, text, 2);
}

/* Appends the character of a value at *i, or one byte if there is none: a
 * stray byte becomes the escape of U+FFFD, so that a line is always valid
 * UTF-8. Adds the length to *i. */
static bool
put_char(struct log_line *l, struct slice v, size_t *i)
{
	struct slice rest = slice_make(v.data + *i, v.len - *i);
	char text[8];
	uint32_t code;
	size_t n;

	if (rest.data[0] < 0x80) {
		(*i)++;
		return put_escaped(l, rest.data[0]);
	}
	n = utf8_decode(rest, &code);
	if (n == 0) {
		(*i)++;
		return put(l, "\\ufffd", 6);
	}
	*i += n;
	if (!utf8_is_unsafe(code))
		return put(l, (const char *)rest.data, n);
	snprintf(text, sizeof(text), "\\u%04x", (unsigned)code & 0xffff);
	return put(l, text, 6);
}

/* The characters that begin in the first `max' bytes of `v'. */
static bool
put_text(struct log_line *l, struct slice v, size_t max)
{
	size_t i = 0;
	size_t n;

	while (i < max) {
		for (n = i; n < max && is_plain(v.data[n]); n++)
			continue;
		if (!put(l, (const char *)v.data + i, n - i))
			return false;
		i = n;
		if (i < max && !put_char(l, v, &i))
			return false;
	}
	return true;
}

static size_t
value_max(const struct log_line *l)
{
	return l->format == LOG_FORMAT_SHORT ? SHORT_VALUE_MAX : LOG_VALUE_MAX;
}

static bool
put_value(struct log_line *l, struct slice v)
{
	size_t max = value_max(l);

	if (v.len <= max)
		return put_text(l, v, v.len);
	return put_text(l, v, max) && put(l, "...", 3);
}

/* True if the value needs no quotes in logfmt. */
static bool
is_bare(const struct log_line *l, struct slice v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (v.data[i] <= ' ' || v.data[i] >= 0x7f || v.data[i] == '"' ||
		    v.data[i] == '=' || v.data[i] == '\\')
			return false;
	return v.len > 0 && v.len <= value_max(l);
}

static bool
put_key(struct log_line *l, const char *key)
{
	if (l->format == LOG_FORMAT_JSON)
		return put(l, l->len > 1 ? ",\"" : "\"", l->len > 1 ? 2 : 1) &&
		    put(l, key, strlen(key)) && put(l, "\":", 2);
	return put(l, " ", l->len > 0 ? 1 : 0) && put(l, key, strlen(key)) &&
	    put(l, "=", 1);
}

/* Adds a field: a bare value as it is, any other between quotes. */
static void
put_field(struct log_line *l, const char *key, struct slice value, bool bare)
{
	size_t start = l->len;
	bool whole = put_key(l, key);

	if (bare)
		whole = whole && put(l, (const char *)value.data, value.len);
	else
		whole = whole && put(l, "\"", 1) && put_value(l, value) &&
		    put(l, "\"", 1);
	if (!whole)
		l->len = start; /* a field is added whole or not at all */
}

void
log_slice(struct log_line *l, const char *key, struct slice value)
{
	put_field(l, key, value,
	    l->format != LOG_FORMAT_JSON && is_bare(l, value));
}

void
log_str(struct log_line *l, const char *key, const char *value)
{
	log_slice(l, key, slice_str(value));
}

void
log_u64(struct log_line *l, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_field(l, key, slice_str(text), true);
}

void
log_bool(struct log_line *l, const char *key, bool value)
{
	put_field(l, key, slice_str(value ? "true" : "false"), true);
}

void
log_seconds(struct log_line *l, const char *key, uint64_t ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu.%03u",
	    (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
	put_field(l, key, slice_str(text), true);
}

void
log_fmt(struct log_line *l, const char *key, const char *fmt, ...)
{
	char text[LOG_VALUE_MAX + 8];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	log_slice(l, key, slice_make(text, (size_t)n));
}

/* The time to the millisecond. Threads log many lines a second, so each
 * remembers the text of the second. */
static void
put_time(struct log_line *l)
{
	static _Thread_local struct {
		time_t second;
		char text[24]; /* "2026-11-23T13:30:00" */
	} last;
	struct timespec ts;
	char when[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (last.second != ts.tv_sec || last.text[0] == '\0') {
		last.second = ts.tv_sec;
		gmtime_r(&ts.tv_sec, &tm);
		strftime(last.text, sizeof(last.text), "%Y-%m-%dT%H:%M:%S",
		    &tm);
	}
	if (l->format == LOG_FORMAT_SHORT) {
		put(l, last.text + 11, strlen(last.text + 11));
		return;
	}
	snprintf(when, sizeof(when), "%s.%03uZ", last.text,
	    (unsigned)(ts.tv_nsec / 1000000) % 1000U);
	log_str(l, "time", when);
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	struct log_style style = log_sink_style();

	l->len = 0;
	l->level = level;
	l->format = style.format;
	if (l->format == LOG_FORMAT_JSON)
		put(l, "{", 1);
	if (style.timed)
		put_time(l);
	if (l->format == LOG_FORMAT_SHORT) {
		put(l, " ", 1);
		put(l, level_names[level], strlen(level_names[level]));
		put(l, " ", 1);
		put(l, event, strlen(event));
		return;
	}
	log_str(l, "level", level_names[level]);
	log_str(l, "event", event);
}

struct slice
log_finish(struct log_line *l)
{
	if (l->format == LOG_FORMAT_JSON)
		l->text[l->len++] = '}';
	l->text[l->len++] = '\n';
	return slice_make(l->text, l->len);
}

void
log_end(struct log_line *l)
{
	int saved = errno;

	if (log_enabled(l->level))
		log_sink_put(l->level, log_finish(l));
	errno = saved;
}

void
log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	struct log_line l;
	char text[1024];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_begin(&l, level, event);
	if (l.format == LOG_FORMAT_SHORT) {
		put(&l, ": ", 2);
		(void)put_text(&l, slice_str(text), strlen(text));
	} else {
		put_key(&l, "msg");
		put(&l, "\"", 1);
		(void)put_text(&l, slice_str(text), strlen(text));
		l.text[l.len++] = '"'; /* LINE_END keeps room for it */
	}
	log_end(&l);
}
