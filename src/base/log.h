/*
 * One line an event, as key=value (logfmt) or as JSON, to stderr, syslog or
 * a file. Values are escaped and cut, so a stranger's bytes cannot forge a
 * line. Never pass payloads, passwords or keys.
 *
 * Logging goes through one sink for the whole process, set up before threads
 * start; log_open() again (SIGHUP) is safe at any time from the main thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};
enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON
};

/* Longer values are cut. */
#define LOG_VALUE_MAX 256

/* One line under construction; lives on the stack. Not more than PIPE_BUF, so
 * that the lines of several threads do not mix in a pipe. */
#define LOG_LINE_MAX 4096
struct log_line {
	size_t len;
	enum log_level level;
	enum log_format format;
	char text[LOG_LINE_MAX];
};

/*
 * Opens the sink: "stderr", "syslog" or a file's path (appended to, created
 * 0640). On error (errno set, ERR_SYSTEM) the old sink stays in force.
 */
enum err log_open(const char *sink, enum log_level, enum log_format) MUST_CHECK;

/* Changes the level at run time; any thread. */
void log_set_level(enum log_level level);

/* Would a line of this level be written? Ask before costly fields. */
bool log_enabled(enum log_level level);

/* Begins a line: time, level and event=`event'. */
void log_begin(struct log_line *l, enum log_level level, const char *event);

/* Adds a field. A value longer than LOG_VALUE_MAX ends in "..."; a field there
 * is no room for is left out, so those that matter most go first. */
void log_str(struct log_line *l, const char *key, const char *value);
void log_slice(struct log_line *l, const char *key, struct slice value);
void log_u64(struct log_line *l, const char *key, uint64_t value);
void log_fmt(struct log_line *l, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the line and hands it to the sink in one write. */
void log_end(struct log_line *l);

/*
 * A whole line for the daemon itself: event and msg="..." formatted as printf
 * does. Not for sessions, which have fields of their own.
 */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
