/* SPDX-License-Identifier: ISC */
/*
 * A file of its own because every stage includes its header.
 */
#include "domain/reason.h"

static const struct row {
	const char *name;
	const char *text;
	unsigned char v3;
	unsigned char v5;
} rows[REASON_COUNT] = {
#define X(id, name, v3, v5, text) [REASON_##id] = { name, text, v3, v5 },
	REASONS(X)
#undef X
};

const char *
reason_name(enum reason reason)
{
	return rows[reason].name;
}

const char *
reason_text(enum reason reason)
{
	return rows[reason].text;
}

unsigned char
reason_v3(enum reason reason)
{
	return rows[reason].v3;
}

unsigned char
reason_v5(enum reason reason)
{
	return rows[reason].v5;
}
