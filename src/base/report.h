/*
 * What is wrong with a configuration, collected so that one run tells all of
 * it. Each complaint is one line: "FILE:LINE: what, and what to do instead".
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stddef.h>

struct report {
	char **lines; /* owned, each owned */
	size_t count; /* all complaints, also those memory failed to keep */
	size_t kept;
};

/* Makes `r' empty. */
void report_init(struct report *r);

/* Frees all lines and leaves `r' empty and usable. */
void report_fini(struct report *r);

/* Adds one complaint, formatted as printf does, without a newline. */
void report_add(struct report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
