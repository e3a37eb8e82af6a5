/*
 * "Did you mean ...?": which known word is nearest to a mistyped one.
 */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include <stddef.h>

/* Longer words are never near to anything. */
#define CONFIG_NEAREST_MAX 64

/*
 * How many characters have to be put in, left out, replaced or swapped with
 * their neighbour to make one word of the other; CONFIG_NEAREST_MAX when one
 * of them is as long as that or longer.
 */
size_t config_nearest_distance(const char *a, const char *b);

/* One known word against the best so far. Begin with a zeroed one. */
struct config_nearest {
	const char *word; /* borrowed from the caller; NULL: none is near */
	size_t distance;
};

/* Remembers `known' in `n' if it is near to `typed', and nearer than what
 * was there: a third of its characters may be wrong, so words of less than
 * three never are. */
void config_nearest_try(struct config_nearest *n, const char *typed,
    const char *known);

#endif
