/* SPDX-License-Identifier: ISC */
/*
 * Between the lines (base/log.c) and where they go (base/log_sink.c).
 */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H

#include "base/log.h"

/* How the next line is to be written. */
struct log_style {
	enum log_format format;
	bool timed; /* the line has to hold the time: syslog adds its own */
};

struct log_style log_sink_style(void);

/* Ends the text of a line; valid as long as the line. */
struct slice log_finish(struct log_line *l);

/* Queues a line, with its newline. Never waits. */
void log_sink_put(enum log_level level, struct slice line);

#endif
