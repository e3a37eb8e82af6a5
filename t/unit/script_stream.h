/* SPDX-License-Identifier: ISC */
/*
 * A stream whose other end is the test: it gives what it is told to give,
 * takes as much as it is told to take, and remembers the rest. It keeps the
 * contract of io/stream.h, and checks that its owner does.
 */
#ifndef UNIT_SCRIPT_STREAM_H
#define UNIT_SCRIPT_STREAM_H

#include "byte_kit.h"
#include "io/loop.h"
#include "io/stream.h"

struct script {
	struct stream stream; /* first */
	struct kit_bytes in; /* all that reads will ever give */
	size_t arrived; /* bytes of `in' that reads can give now */
	size_t taken; /* bytes of `in' that have been read */
	struct kit_bytes out; /* what writes have brought */
	size_t take; /* bytes that writes take from now on; SIZE_MAX: all */
	size_t give; /* most bytes that a read gives; 0: as asked */
	size_t headroom; /* bytes before a write's data that are spoilt */
	bool eof; /* reads say so once all of `in' has been read */
	bool broken; /* reads say STREAM_ERROR once they have no bytes */
	bool refuse; /* writes say STREAM_ERROR */
	bool wanted; /* reading is wanted */
	bool promised; /* a WRITABLE */
	unsigned reads; /* calls */
	unsigned writes;
	unsigned shutdowns;
	unsigned closes;
};

void script_init(struct script *s);
void script_fini(struct script *s);

/* `in' (moved) will come, when script_arrive() says so. */
void script_load(struct script *s, struct kit_bytes in);

/* `len' more bytes arrive, or as many as are left; tells READABLE. */
void script_arrive(struct script *s, size_t len);

/* More bytes have arrived. Tells the owner nothing. */
void script_add(struct script *s, const void *data, size_t len);

/* The same, and tells READABLE. */
void script_feed(struct script *s, const void *data, size_t len);

/* Returns how many bytes have arrived and have not been read. */
size_t script_unread(const struct script *s);

/* Tells READABLE while that is wanted and there is something to read, at most
 * `times' times. */
void script_tell(struct script *s, int times);

/* The same, until all is read or reading is no longer wanted. */
void script_readable(struct script *s);

/* Takes `len' bytes more, and tells WRITABLE if that was promised. */
void script_drain(struct script *s, size_t len);

/* From now on reads and writes fail with ERR_RESET. */
void script_break(struct script *s);

/* Runs one turn of the loop: what was deferred to it happens, and what was to
 * be freed at its end is freed. */
void script_turn(struct loop *loop);

#endif
