/* SPDX-License-Identifier: ISC */
/*
 * A stream whose other end is the test: it gives what it is told to give,
 * takes as much as it is told to take, and remembers the rest.
 */
#ifndef UNIT_SCRIPT_STREAM_H
#define UNIT_SCRIPT_STREAM_H

#include "io/stream.h"

struct script {
	struct stream stream; /* first */
	struct buf in; /* what reads will give */
	struct buf out; /* what writes have brought */
	size_t take; /* bytes writes take from now on; SIZE_MAX = all */
	size_t give; /* most bytes a read gives; 0 = as asked */
	bool eof; /* reads say so once `in' is empty */
	bool broken; /* reads say STREAM_ERROR once `in' is empty */
	bool refuse; /* writes say STREAM_ERROR */
	bool wanted; /* reading is wanted */
	bool ended; /* shutdown was called */
	bool closed;
	int headless; /* writes without headroom: must stay 0 */
};

void script_init(struct script *s);
void script_fini(struct script *s);

/* Gives bytes and tells the owner, until nothing is left or it pauses. */
void script_feed(struct script *s, const void *data, size_t len);

/* Tells READABLE while that is wanted and there is something to say. */
void script_readable(struct script *s);

/* Takes `len' bytes more and tells WRITABLE. */
void script_drain(struct script *s, size_t len);

#endif
