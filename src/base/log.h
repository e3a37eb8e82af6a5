/* SPDX-License-Identifier: ISC */
/*
 * The log: one line an event, as key=value (logfmt) or as JSON, to stderr,
 * syslog or a file. Values are escaped and cut, so that the bytes of a stranger
 * cannot forge a line. Never pass payloads, passwords or keys.
 *
 * A line goes into a queue of the process, of bounded size, and a thread
 * writes the queue to where the log goes. So no caller ever waits for a
 * reader of the log or a disk. A line that does not fit the queue is dropped
 * and counted, and when lines flow again one of them says how many are
 * missing. Lines of one thread keep their order. Before log_start() and after
 * log_stop() there is no such thread: a line is then written by its caller, but
 * only as far as that is possible without waiting.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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
	LOG_FORMAT_JSON,
	LOG_FORMAT_SHORT /* what logfmt becomes on a terminal: for people */
};

/* Longer values are cut. */
#define LOG_VALUE_MAX 256

/* A line under construction, on the stack. Not more than PIPE_BUF, so that
 * the lines of several processes do not mix in a pipe. */
#define LOG_LINE_MAX 4096
struct log_line {
	size_t len;
	enum log_level level;
	enum log_format format;
	char text[LOG_LINE_MAX];
};

/*
 * Sets where lines go: "stderr", "syslog" or the path of a file, which is
 * appended to and created with mode 0640. ERR_SYSTEM with errno, or
 * ERR_IRREGULAR: only the level has changed, and lines still go where they went
 * before. A missing syslogd is no error: a line on stderr says so, and lines
 * are queued until it appears. Called again for a file that was renamed, it
 * creates a new one.
 *
 * Root follows a symbolic link only if no other user could have made it, step
 * by step, because the folder of a log often belongs to the daemon's user. Main
 * thread only.
 */
enum err log_open(const char *sink, enum log_level, enum log_format) MUST_CHECK;

/* The English text of an error of these two, with a remedy. For ERR_SYSTEM
 * errno must be unchanged. Valid until the next call of strerror(). */
const char *log_error(enum err err);

/*
 * Gives the open log file to the user that the daemon is about to become, who
 * has to open it again. Only root calls this, and only a regular file of root
 * with a single name is given away; otherwise a line warns of it.
 */
void log_give(uid_t uid, gid_t gid);

/*
 * Tries what log_open() would do, without creating a file. ERR_NOT_FOUND: there
 * is no syslogd, so log_open() would warn; otherwise as log_open().
 */
enum err log_check(const char *sink) MUST_CHECK;

/* Starts the thread that writes. Call it when the process has got all the
 * restrictions that are to apply to the thread, too. Without memory for a
 * thread, callers go on writing themselves: ERR_NO_MEMORY. */
enum err log_start(void) MUST_CHECK;

/* Writes what is queued, but for at most a second, and ends the thread. */
void log_stop(void);

/* The number of lines dropped since the start. Any thread. */
uint64_t log_dropped(void);

/* Changes the level. Any thread. */
void log_set_level(enum log_level level);

/* True if a line of this level would be written. Ask before costly fields. */
bool log_enabled(enum log_level level);

/* True if people read the line on a terminal: leave out what says little to
 * them. */
static inline bool
log_is_short(const struct log_line *l)
{
	return l->format == LOG_FORMAT_SHORT;
}

/* Begins a line with its time, level and event. */
void log_begin(struct log_line *l, enum log_level level, const char *event);

/* Adds a field. A value longer than LOG_VALUE_MAX ends in "..."; a field for
 * which there is no room is left out, so add the most important ones first. */
void log_str(struct log_line *l, const char *key, const char *value);
void log_slice(struct log_line *l, const char *key, struct slice value);
void log_fmt(struct log_line *l, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for values that are no strings in JSON: a number, true or false,
 * and a time in milliseconds, which is written as seconds (3.994). */
void log_u64(struct log_line *l, const char *key, uint64_t value);
void log_bool(struct log_line *l, const char *key, bool value);
void log_seconds(struct log_line *l, const char *key, uint64_t ms);

/* Ends the line and puts it into the queue. */
void log_end(struct log_line *l);

/*
 * A whole line about the daemon itself: event and msg="...", formatted as
 * printf does. Lines about a session have fields instead.
 */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
