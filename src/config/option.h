/* SPDX-License-Identifier: ISC */
/*
 * The rows of config/options.h as a table, for code that handles an option
 * without knowing which one it is: the loader, the help, the checks.
 */
#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"

struct config_setting;

enum config_reload {
	CONFIG_LIVE,
	CONFIG_RESTART
};

/* A word of an ENUM or SET and the constant it stands for. */
struct config_choice {
	const char *word; /* NULL ends a list */
	int constant;
};

/* One row. All of it is static. */
struct config_option {
	const char *key;
	/* The columns of config/types.h. */
	enum err (*set)(struct config_setting *s, void *field);
	const char *takes;
	enum config_reads reads;
	uint64_t min; /* of the numeric types, in their unit */
	uint64_t max; /* 0: not a numeric type */
	const struct config_choice *choices; /* ENUM and SET; else NULL */

	const char *standard; /* the default, as one would write it */
	enum config_reload reload;
	const char *help;
	size_t offset; /* of the field in its section's struct */
	size_t where; /* of the struct config_where that goes with it */
};

enum config_many {
	CONFIG_ONE, /* [daemon]: a struct inside struct config */
	CONFIG_NAMED, /* [listener NAME]: an array; the name is required */
	CONFIG_PROFILE /* [tls NAME] or [tls]: an array */
};

/* One section word. All of it is static. */
struct config_section {
	const char *word;
	enum config_many many;
	const struct config_option *options;
	size_t option_count;
	size_t size; /* of its struct */
	size_t offset; /* in struct config: of the struct, or of the array */
	size_t count; /* in struct config: of the array's size_t count */
};

/* The table: *count sections, in the order of the manual. */
const struct config_section *config_sections(size_t *count);

/* The section called `word', or NULL. */
const struct config_section *config_section_find(const char *word);

/* The option `key' of `section', or NULL. */
const struct config_option *config_option_find(
    const struct config_section *section, const char *key);

/* The field of `option' in the section struct `body'. */
static inline void *
config_option_field(const struct config_option *option, void *body)
{
	return (char *)body + option->offset;
}

/* Returns where the value of `option' in `body' was written. */
static inline struct config_where *
config_option_where(const struct config_option *option, void *body)
{
	return (struct config_where *)(void *)((char *)body + option->where);
}

/* Writes what values `option' takes, for people: "100ms to 10m", "files".
 * Returns what snprintf() would. */
int config_option_range(const struct config_option *option, char *out,
    size_t size);

/* Writes "a, b, c" of the words of an ENUM or SET; as config_option_range(). */
int config_option_words(const struct config_option *option, char *out,
    size_t size);

/*
 * Calls `each' with every option of every section of `cfg'; `body' is the
 * section's struct, to which the option's offsets apply.
 */
typedef void config_option_cb(const struct config_option *option,
    struct config_head *body, void *arg);
void config_option_each(const struct config *cfg, config_option_cb *each,
    void *arg);

/* Calls `each' for each file or directory to be read that this option of
 * `body' names; never if its type is not one of those. */
void config_option_paths(const struct config_option *option,
    struct config_head *body, void (*each)(const char *path, void *arg),
    void *arg);

/* Returns how many sections of this kind `cfg' has: 1 for CONFIG_ONE. */
size_t config_section_count(const struct config_section *section,
    const struct config *cfg);

/* The struct of the section at `index'. */
void *config_section_body(const struct config_section *section,
    const struct config *cfg, size_t index);

/*
 * Writes the text of --help-config: for each option "[section] key = default",
 * and below it, indented, its help, what it takes and when a change comes into
 * force. The checks of the manual and of etc/sallyport.ini read this form.
 */
void config_help_write(FILE *out);

#endif
