/*
 * The last breath of a stream whose owner has said all it has to say. Closing
 * a socket with unread bytes makes the kernel send a reset, and a reset may
 * destroy a refusal before the other side has read it. So our half is ended,
 * what still comes is read and dropped, and the stream is closed when the
 * other side closes, sends too much for the set, or time is up.
 */
#ifndef IO_LINGER_H
#define IO_LINGER_H

#include "base/list.h"
#include "io/loop.h"
#include "io/stream.h"

/* More strangers than so many at once are closed without waiting: they must not
 * hold sockets that no limit counts. */
#define LINGER_MAX 1024

/* A stranger who is still talking after this many bytes is not listening. */
#define LINGER_BYTES (256 * 1024)

/* Those that linger on one loop. */
struct linger_set {
	struct list list;
	size_t count;
	size_t max; /* of them at once */
	size_t bytes; /* most that one of them may still send */
};

static inline void
linger_set_init(struct linger_set *set, size_t max, size_t bytes)
{
	list_init(&set->list);
	set->count = 0;
	set->max = max;
	set->bytes = bytes;
}

/* Takes `s' and closes it after `ms' milliseconds at the latest. */
void linger_start(struct linger_set *set, struct loop *loop, struct stream *s,
    uint64_t ms);

/* Closes at once all that linger in `set'. */
void linger_end_all(struct linger_set *set);

#endif
