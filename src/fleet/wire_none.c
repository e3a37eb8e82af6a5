/* SPDX-License-Identifier: ISC */
/*
 * Without hiredis nothing is read or written. A file of its own because
 * configure chooses it instead of wire_hiredis.c.
 */
#include "fleet/wire.h"

const struct fleet_reply *
fleet_reply_item(const struct fleet_reply *r, size_t i)
{
	(void)i;
	return r;
}

struct slice
fleet_reply_text(const struct fleet_reply *r)
{
	(void)r;
	return slice_make("", 0);
}

void
fleet_reply_free(struct fleet_reply *r)
{
	(void)r;
}

struct fleet_reader *
fleet_reader_new(void)
{
	return NULL;
}

void
fleet_reader_free(struct fleet_reader *r)
{
	(void)r;
}

enum err
fleet_reader_feed(struct fleet_reader *r, struct slice in)
{
	(void)r;
	(void)in;
	return ERR_NO_MEMORY;
}

enum parse
fleet_reader_next(struct fleet_reader *r, struct fleet_reply **out,
    const char **why)
{
	(void)r;
	*out = NULL;
	*why = "built without hiredis";
	return PARSE_BAD;
}

enum err
fleet_wire_command(struct buf *out, const struct slice *argv, size_t argc)
{
	(void)out;
	(void)argv;
	(void)argc;
	return ERR_NO_MEMORY;
}
