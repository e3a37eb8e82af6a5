/* SPDX-License-Identifier: ISC */
/*
 * From a text to headings, keys and values: the only wrapper over inih.
 *
 * inih cuts what does not fit its buffer, takes an indented line for a part
 * of the one above, tells only the first bad line and no headings, all of it
 * in silence or by how it was built. So this file looks at each line first,
 * complains about what inih would have swallowed, and gives inih only lines
 * "key = value" that it will split as it should.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include "base/err.h"
#include "base/slice.h"

/* The longest line, where inih lets us say so (see ini.c). */
#define CONFIG_INI_LINE_MAX 4096

/* What is found, in the order of the text. Strings die with the call. */
struct config_ini_events {
	/* [WORD] or [WORD NAME]; `name' is "" for the former. Neither holds
	 * blanks. Both NULL: a heading that error() was told of; whose the
	 * values behind it are is unknown. */
	void (*section)(void *arg, unsigned line, const char *word,
	    const char *name);
	/* KEY = VALUE; trimmed, comment cut off, value may be empty. */
	void (*value)(void *arg, unsigned line, const char *key,
	    const char *value);
	/* A line that is neither; `what' says why and what to write. */
	void (*error)(void *arg, unsigned line, const char *what);
};

/*
 * Reads `text'. OK also when there were errors; ERR_NO_MEMORY. Main thread
 * only: inih's settings are globals.
 */
enum err config_ini_read(struct slice text,
    const struct config_ini_events *events, void *arg) MUST_CHECK;

#endif
