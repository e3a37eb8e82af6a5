/* SPDX-License-Identifier: ISC */
/*
 * The faults of a configuration, collected so that one run reports all of them.
 * Each is one line: "FILE:LINE: what is wrong (what to write)".
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stddef.h>

#include "base/log.h"

struct report {
	char **lines; /* owned, each owned */
	size_t count; /* of all complaints */
	size_t kept; /* of lines: fewer, if memory ran out */
};

/* Makes `r' empty. */
void report_init(struct report *r);

/* Frees all lines and leaves `r' empty and usable. */
void report_fini(struct report *r);

/* Adds one complaint, formatted as printf does, without a newline. What could
 * control a terminal becomes question marks. */
void report_add(struct report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Logs each line as the message of an event. */
void report_log(const struct report *r, enum log_level level,
    const char *event);

#endif
