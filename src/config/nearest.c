#include "config/nearest.h"

#include <string.h>

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The optimal string alignment distance, row by row. rows[i % 3][j] is that
 * of the first i characters of a and the first j of b.
 */
size_t
config_nearest_distance(const char *a, const char *b)
{
	size_t rows[3][CONFIG_NEAREST_MAX + 1];
	size_t alen = strlen(a), blen = strlen(b), i, j;
	size_t *row, *up, *up2;

	if (alen >= CONFIG_NEAREST_MAX || blen >= CONFIG_NEAREST_MAX)
		return CONFIG_NEAREST_MAX;
	for (j = 0; j <= blen; j++)
		rows[0][j] = j;
	for (i = 1; i <= alen; i++) {
		row = rows[i % 3];
		up = rows[(i + 2) % 3];
		up2 = rows[(i + 1) % 3];
		row[0] = i;
		for (j = 1; j <= blen; j++) {
			row[j] = least(up[j] + 1, row[j - 1] + 1);
			row[j] =
			    least(row[j], up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return rows[alen % 3][blen];
}

void
config_nearest_try(struct config_nearest *n, const char *typed,
    const char *known)
{
	size_t distance = config_nearest_distance(typed, known);

	if (distance > strlen(known) / 3)
		return;
	if (n->word == NULL || distance < n->distance) {
		n->word = known;
		n->distance = distance;
	}
}
