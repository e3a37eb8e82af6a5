/* SPDX-License-Identifier: ISC */
/*
 * Splits a text into headings, keys and values: the only wrapper over inih.
 *
 * Depending on how it was built, inih cuts lines that do not fit its buffer,
 * takes an indented line as a continuation, and reports only the first bad
 * line and no headings. So this file examines each line first, complains of
 * what inih would accept or drop silently, and passes only lines "key = value"
 * to inih, which it splits correctly.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include "base/err.h"
#include "base/slice.h"

/* The longest line, where inih allows us to set it (see ini.c). */
#define CONFIG_INI_LINE_MAX 4096

/* Called in the order of the text. Strings are valid during the call only. */
struct config_ini_events {
	/* [WORD], with `name' "", or [WORD NAME]. Neither holds blanks. Both
	 * NULL: a bad heading, which error() was called for; the section of
	 * the values that follow is unknown. */
	void (*section)(void *arg, unsigned line, const char *word,
	    const char *name);
	/* KEY = VALUE, trimmed and without a comment; `value' may be empty. */
	void (*value)(void *arg, unsigned line, const char *key,
	    const char *value);
	/* A line that is neither; `what' says what is wrong and what to
	 * write. */
	void (*error)(void *arg, unsigned line, const char *what);
};

/*
 * Reads `text'. Returns OK even if there were errors in it, ERR_CONFIG if no
 * line could be read because it is UTF-16, which was reported, or
 * ERR_NO_MEMORY. Main thread only: inih's settings are globals.
 */
enum err config_ini_read(struct slice text,
    const struct config_ini_events *events, void *arg) MUST_CHECK;

#endif
