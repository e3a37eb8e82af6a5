/* SPDX-License-Identifier: ISC */
/*
 * The protocol of Valkey and Redis (RESP): commands become bytes, and bytes
 * become replies. Two files implement this, and configure takes one of them:
 * wire_hiredis.c, or wire_none.c if there is no hiredis.
 *
 * A reply is a stranger's input: its depth, its elements and its bytes are
 * bounded before memory is allocated for them.
 */
#ifndef FLEET_WIRE_H
#define FLEET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* The most bytes of one reply, as sent, and its most elements. */
#define FLEET_WIRE_REPLY_MAX ((size_t)64 << 20)
#define FLEET_WIRE_ELEMENTS_MAX 200000

enum fleet_wire_type {
	FLEET_WIRE_NIL,
	FLEET_WIRE_STRING,
	FLEET_WIRE_STATUS, /* "OK" */
	FLEET_WIRE_ERROR, /* "WRONGTYPE ..." */
	FLEET_WIRE_INTEGER,
	FLEET_WIRE_ARRAY
};

/* A reply, or an element of one. */
struct fleet_reply {
	enum fleet_wire_type type;
	struct slice text; /* STRING, STATUS, ERROR; a NUL follows the bytes */
	int64_t number; /* INTEGER */
	struct fleet_reply **items; /* owned, each owned; ARRAY */
	size_t count;
};

/* Element `i' of an array; a reply that is nil if there is none. */
const struct fleet_reply *fleet_reply_item(const struct fleet_reply *r,
    size_t i);

/* The bytes of a string or status; empty for all others. */
struct slice fleet_reply_text(const struct fleet_reply *r);

/* NULL is allowed. */
void fleet_reply_free(struct fleet_reply *r);

struct fleet_reader;

/* NULL: no memory, or no hiredis. */
struct fleet_reader *fleet_reader_new(void);

/* NULL is allowed. */
void fleet_reader_free(struct fleet_reader *r);

/* Takes bytes from the Redis server. ERR_NO_MEMORY; ERR_LIMIT: a reply is
 * larger than FLEET_WIRE_REPLY_MAX. */
enum err fleet_reader_feed(struct fleet_reader *r, struct slice in) MUST_CHECK;

/* The next reply. PARSE_OK: *out is the caller's. PARSE_MORE: bytes are
 * missing. PARSE_BAD: this is not RESP, or over the bounds; *why (static, or
 * the reader's) says so, and the reader is of no more use. */
enum parse fleet_reader_next(struct fleet_reader *r, struct fleet_reply **out,
    const char **why);

/* Appends a command to `out'. ERR_NO_MEMORY, ERR_LIMIT. */
enum err fleet_wire_command(struct buf *out, const struct slice *argv,
    size_t argc) MUST_CHECK;

#endif
