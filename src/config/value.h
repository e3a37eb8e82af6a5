/*
 * One value of the ini file turned into the field of one option, as the
 * option's type says. What is wrong with it is said in words, since only
 * here it is known.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/err.h"
#include "config/arena.h"
#include "config/option.h"

#define CONFIG_WHY_MAX 384

struct config_setting {
	const struct config_option *option;
	const char *text; /* trimmed, ${env:} replaced; lives in the arena */
	const char *dir; /* what relative paths are relative to; likewise */
	struct config_arena *arena;
	/* Out, on ERR_CONFIG: "what is wrong (what to write)". */
	char why[CONFIG_WHY_MAX];
};

/*
 * Parses s->text into `field', which is of the type that s->option->type
 * stands for (config_option_field() gives it). ERR_CONFIG: s->why tells;
 * ERR_NO_MEMORY. `field' is untouched on error.
 */
enum err config_value_set(struct config_setting *s, void *field) MUST_CHECK;

/* Writes what values `option' takes, for people: "100ms to 10m", "files".
 * Returns as snprintf(). */
int config_value_range(const struct config_option *option, char *out,
    size_t size);

/* Fills s->why, cut to fit, and returns ERR_CONFIG. */
enum err config_value_bad(struct config_setting *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Splits s->text at its commas into trimmed words that live in the arena. An
 * empty text is an empty list. ERR_CONFIG: a word is empty; ERR_NO_MEMORY.
 */
enum err config_value_split(struct config_setting *s,
    struct config_list *out) MUST_CHECK;

#endif
