/* SPDX-License-Identifier: ISC */
/*
 * Closing a stream so that the other side can read the last bytes sent to it.
 * Closing a socket with unread bytes makes the kernel send a reset, which may
 * destroy a refusal before the other side has read it. So our half is ended,
 * and further bytes are read and dropped. The stream is closed when the other
 * side closes, when it has sent more than the set allows, or after a time.
 */
#ifndef IO_LINGER_H
#define IO_LINGER_H

#include "base/list.h"
#include "io/loop.h"
#include "io/stream.h"

/* A refused client that has sent this many bytes since is closed. */
#define LINGER_BYTES (256 * 1024)

/* The lingering streams of one loop. */
struct linger_set {
	struct list list;
	size_t count;
	size_t max; /* streams at once */
	size_t bytes; /* that each of them may still send */
};

static inline void
linger_set_init(struct linger_set *set, size_t max, size_t bytes)
{
	list_init(&set->list);
	set->count = 0;
	set->max = max;
	set->bytes = bytes;
}

/* Takes `s' and closes it, at the latest after `ms' milliseconds. If the set is
 * full, the oldest stream in it is closed for it. */
void linger_start(struct linger_set *set, struct loop *loop, struct stream *s,
    uint64_t ms);

/* Closes all streams of `set' at once. */
void linger_end_all(struct linger_set *set);

#endif
