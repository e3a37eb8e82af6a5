/* SPDX-License-Identifier: ISC */
/*
 * A file of its own because several folders collect complaints.
 */
#include "base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Files of the configuration come from other machines and programs, too: what
 * is quoted from them must not command the terminal on which it is shown. */
static void
make_printable(char *text)
{
	struct slice rest = slice_str(text);
	uint32_t code;
	size_t len;

	while (rest.len > 0) {
		len = utf8_decode(rest, &code);
		if (len == 0 || utf8_is_unsafe(code))
			memset(text, '?', len == 0 ? 1 : len);
		len = len == 0 ? 1 : len;
		text += len;
		rest = slice_make(rest.data + len, rest.len - len);
	}
}

void
report_init(struct report *r)
{
	r->lines = NULL;
	r->count = 0;
	r->kept = 0;
}

void
report_fini(struct report *r)
{
	size_t i;

	for (i = 0; i < r->kept; i++)
		free(r->lines[i]);
	free(r->lines);
	report_init(r);
}

void
report_add(struct report *r, const char *fmt, ...)
{
	char **lines;
	char *line;
	va_list ap;
	int n;

	r->count++;
	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	make_printable(line);
	lines = realloc(r->lines, (r->kept + 1) * sizeof(*lines));
	if (lines == NULL) {
		free(line);
		return;
	}
	r->lines = lines;
	r->lines[r->kept++] = line;
}

void
report_log(const struct report *r, enum log_level level, const char *event)
{
	size_t i;

	for (i = 0; i < r->kept; i++)
		log_event(level, event, "%s", r->lines[i]);
}
