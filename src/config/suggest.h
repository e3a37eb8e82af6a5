/* SPDX-License-Identifier: ISC */
/*
 * What the author of an unknown word probably meant.
 */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "config/option.h"

#define CONFIG_SUGGEST_MAX 512

/* Writes what to put instead of `key', which `section' does not have: "write
 * certificate", "it belongs in [timeouts]", or all its keys. */
void config_suggest_key(char out[CONFIG_SUGGEST_MAX],
    const struct config_section *section, const char *key);

/* The same for the word of a section. */
void config_suggest_section(char out[CONFIG_SUGGEST_MAX], const char *word);

/* Longer words are never near to any other. */
#define CONFIG_NEAREST_MAX 64

/*
 * The number of characters that have to be inserted, deleted, replaced or
 * swapped with their neighbour to turn one word into the other;
 * CONFIG_NEAREST_MAX if one of them is that long or longer.
 */
size_t config_nearest_distance(const char *a, const char *b);

/* The best of the known words so far. Begin with a zeroed one. */
struct config_nearest {
	const char *word; /* borrowed from the caller; NULL: none is near */
	size_t distance;
};

/* Remembers `known' in `n' if it is near to `typed', and nearer than the word
 * before. At most a third of its characters may differ, so that words of less
 * than three are never near. */
void config_nearest_try(struct config_nearest *n, const char *typed,
    const char *known);

#endif
