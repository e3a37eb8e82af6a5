/*
 * The log sink and the line builder. A line is built on the stack and leaves
 * in one write(2), so lines of several threads never mix. The sink is the
 * process's one piece of shared state; it is read through atomics, and a
 * replaced file is dup'ed over the old descriptor, so no writer can meet a
 * closed one.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct {
	_Atomic int fd;
	_Atomic int level;
	_Atomic int format;
	_Atomic bool syslog;
	int own_fd; /* a descriptor of ours to dup2() over; -1 = none yet */
} sink = { .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO, .own_fd = -1 };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

/* Opens `path' for appending under the sink's one lasting descriptor. */
static enum err
open_file(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd == -1)
		return ERR_SYSTEM;
	if (sink.own_fd == -1) {
		sink.own_fd = fd;
		return OK;
	}
	if (dup3(fd, sink.own_fd, O_CLOEXEC) == -1) {
		close(fd);
		return ERR_SYSTEM;
	}
	close(fd);
	return OK;
}

enum err
log_open(const char *where, enum log_level level, enum log_format format)
{
	bool to_syslog = strcmp(where, "syslog") == 0;
	bool to_stderr = strcmp(where, "stderr") == 0;
	enum err err;

	if (to_syslog) {
		openlog("sallyport", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	} else if (!to_stderr) {
		err = open_file(where);
		if (err != OK)
			return err;
	}
	atomic_store(&sink.fd, to_stderr ? STDERR_FILENO : sink.own_fd);
	atomic_store(&sink.syslog, to_syslog);
	atomic_store(&sink.format, (int)format);
	log_set_level(level);
	return OK;
}

void
log_set_level(enum log_level level)
{
	atomic_store(&sink.level, (int)level);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <=
	    atomic_load_explicit(&sink.level, memory_order_relaxed);
}

/* What log_event() and log_end() may add to a full line: "}, LF and NUL. */
#define LINE_END 4

/* Appends raw text, all of it or, where there is no room, nothing. */
static bool
put(struct log_line *l, const char *text, size_t len)
{
	if (len > sizeof(l->text) - LINE_END - l->len)
		return false;
	memcpy(l->text + l->len, text, len);
	l->len += len;
	return true;
}

/* Does it stand for itself between quotes? */
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

/* Bytes of the UTF-8 sequence at `p', not ASCII, or 0 when it is not one. */
static size_t
utf8_len(const uint8_t *p, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0xc2 ? 0
	    : p[0] < 0xe0      ? 2
	    : p[0] < 0xf0      ? 3
	    : p[0] < 0xf5      ? 4
			       : 0;
	uint32_t v = p[0] & (0x7fU >> n);
	size_t i;

	if (n == 0 || n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	*code = v;
	return v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff) ? 0
									    : n;
}

/* Would it do more to a screen than be seen? C1 controls, which begin commands
 * to a terminal as ESC does, ends of lines, and what turns the direction. */
static bool
is_command(uint32_t code)
{
	return code < 0xa0 || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069);
}

/* One character of a value, or one byte that is none: a stray byte is shown as
 * U+FFFD's escape, so a line is always valid UTF-8. Adds to *i. */
static bool
put_char(struct log_line *l, struct slice v, size_t *i)
{
	const char *from = (const char *)v.data + *i;
	char text[8];
	uint32_t code;
	size_t n;

	if (v.data[*i] < 0x80)
		return put_escaped(l, v.data[(*i)++]);
	n = utf8_len(v.data + *i, v.len - *i, &code);
	if (n == 0) {
		(*i)++;
		return put(l, "\\ufffd", 6);
	}
	*i += n;
	if (!is_command(code))
		return put(l, from, n);
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

static bool
put_value(struct log_line *l, struct slice v)
{
	if (v.len <= LOG_VALUE_MAX)
		return put_text(l, v, v.len);
	return put_text(l, v, LOG_VALUE_MAX) && put(l, "...", 3);
}

/* May the value stand in logfmt without quotes? */
static bool
is_bare(struct slice v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (v.data[i] <= ' ' || v.data[i] >= 0x7f || v.data[i] == '"' ||
		    v.data[i] == '=' || v.data[i] == '\\')
			return false;
	return v.len > 0 && v.len <= LOG_VALUE_MAX;
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

/* A bare value is put as it is, any other between quotes. */
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
		l->len = start; /* fields are never half there */
}

void
log_slice(struct log_line *l, const char *key, struct slice value)
{
	put_field(l, key, value,
	    l->format == LOG_FORMAT_LOGFMT && is_bare(value));
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

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	struct timespec ts;
	struct tm tm;
	char when[40];
	size_t n;

	l->len = 0;
	l->level = level;
	l->format = (enum log_format)atomic_load_explicit(&sink.format,
	    memory_order_relaxed);
	if (l->format == LOG_FORMAT_JSON)
		put(l, "{", 1);
	if (!atomic_load_explicit(&sink.syslog, memory_order_relaxed)) {
		clock_gettime(CLOCK_REALTIME, &ts);
		gmtime_r(&ts.tv_sec, &tm);
		n = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(when + n, sizeof(when) - n, ".%03ldZ",
		    ts.tv_nsec / 1000000);
		log_str(l, "time", when);
	}
	log_str(l, "level", level_names[level]);
	log_str(l, "event", event);
}

void
log_end(struct log_line *l)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO,
		LOG_DEBUG };
	int saved = errno;
	ssize_t n;

	if (!log_enabled(l->level))
		return;
	if (l->format == LOG_FORMAT_JSON)
		l->text[l->len++] = '}';
	if (atomic_load_explicit(&sink.syslog, memory_order_relaxed)) {
		syslog(priorities[l->level], "%.*s", (int)l->len, l->text);
	} else {
		l->text[l->len++] = '\n';
		/* A full disk must not stop the door: the line is lost. */
		n = write(atomic_load_explicit(&sink.fd, memory_order_relaxed),
		    l->text, l->len);
		(void)n;
	}
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
	put_key(&l, "msg");
	put(&l, "\"", 1);
	(void)put_text(&l, slice_str(text), strlen(text));
	l.text[l.len++] = '"'; /* there is room for it: LINE_END */
	log_end(&l);
}
