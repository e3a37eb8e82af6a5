/*
 * config_load() for a text that is in memory already: for tests and fuzzing.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "base/slice.h"
#include "config/config.h"

/* The largest ini file. */
#define CONFIG_LOAD_MAX (1024 * 1024)

/* As config_load(), with `text' for the contents of `file'. */
enum err config_load_text(const char *file, struct slice text,
    struct config **out, struct report *r) MUST_CHECK;

#endif
