/*
 * What the writer of an unknown word probably meant.
 */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "config/option.h"

#define CONFIG_SUGGEST_MAX 512

/* Writes what to put instead of `key', unknown in `section': "write
 * certificate", "it belongs in [timeouts]", or all keys there are. */
void config_suggest_key(char out[CONFIG_SUGGEST_MAX],
    const struct config_section *section, const char *key);

/* The same for a section's word. */
void config_suggest_section(char out[CONFIG_SUGGEST_MAX], const char *word);

#endif
