/*
 * ${env:NAME} in a value stands for an environment variable: how a container
 * is told what its image cannot know. Every other ${...} is left alone; it
 * belongs to a template.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "config/arena.h"
#include "config/value.h"

/*
 * *out is `text' with each ${env:NAME} replaced, in the arena. What a variable
 * holds is not looked at again. ERR_CONFIG: `why' says which variable is not
 * set, or what is wrong with the form; ERR_NO_MEMORY.
 */
enum err config_expand(struct config_arena *arena, const char *text,
    const char **out, char why[CONFIG_WHY_MAX]) MUST_CHECK;

#endif
