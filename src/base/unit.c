/* SPDX-License-Identifier: ISC */
#include "base/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct row {
	const char *word; /* NULL ends a list */
	uint64_t factor;
};

/* From small to large. */
static const struct row plain[] = { { "", 1 }, { NULL, 0 } };
static const struct row times[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };
static const struct row sizes[] = { { "", 1 }, { "k", 1024 },
	{ "m", 1024 * 1024 }, { "g", 1024 * 1024 * 1024 }, { NULL, 0 } };

static const struct row *const tables[] = {
	[UNIT_PLAIN] = plain,
	[UNIT_TIME] = times,
	[UNIT_SIZE] = sizes,
};

/* Takes the digits off *text. */
static enum err
take_digits(const char **text, uint64_t *out)
{
	uint64_t value = 0, digit;
	const char *p = *text;

	if (*p < '0' || *p > '9')
		return ERR_MALFORMED;
	for (; *p >= '0' && *p <= '9'; p++) {
		digit = (uint64_t)(*p - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return ERR_LIMIT;
		value = value * 10 + digit;
	}
	*text = p;
	*out = value;
	return OK;
}

enum err
unit_parse(enum unit unit, const char *text, uint64_t *out)
{
	const struct row *row;
	uint64_t value;
	enum err err;

	err = take_digits(&text, &value);
	if (err != OK)
		return err;
	if (value == 0 && *text == '\0') {
		*out = 0;
		return OK;
	}
	for (row = tables[unit]; row->word != NULL; row++) {
		if (strcasecmp(row->word, text) != 0)
			continue;
		if (value > UINT64_MAX / row->factor)
			return ERR_LIMIT;
		*out = value * row->factor;
		return OK;
	}
	return ERR_MALFORMED;
}

void
unit_write(char out[UNIT_TEXT_MAX], enum unit unit, uint64_t value)
{
	const struct row *row, *best = tables[unit];

	for (row = tables[unit]; row->word != NULL; row++)
		if (value % row->factor == 0)
			best = row;
	snprintf(out, UNIT_TEXT_MAX, "%" PRIu64 "%s", value / best->factor,
	    value == 0 ? "" : best->word);
}
