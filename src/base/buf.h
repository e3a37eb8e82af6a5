/*
 * A byte queue: written at the tail, read at the head, grown on demand up to
 * a cap. In front of the readable bytes there are always BUF_HEADROOM spare
 * ones, which a stacked stream may use for its framing (see io/stream.h).
 *
 *      alloc        head                 tail            end
 *        |  headroom  |   readable bytes   |   room        |
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

#define BUF_HEADROOM 16

struct buf {
	uint8_t *mem; /* owned; NULL while nothing was ever written */
	size_t head; /* offset of the first readable byte */
	size_t tail; /* offset behind the last readable byte */
	size_t size; /* of mem */
	size_t cap; /* most readable bytes ever; 0 = no bound */
};

/* Makes `b' empty, owning nothing; `cap' bounds what it may ever hold. */
void buf_init(struct buf *b, size_t cap);

/* Frees what `b' owns and leaves it empty and usable. NULL is fine. */
void buf_fini(struct buf *b);

/* Readable bytes. */
static inline size_t
buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

/* The first readable byte. Dies with the next call that changes `b'. */
static inline uint8_t *
buf_data(const struct buf *b)
{
	return b->mem + b->head;
}

/* The readable bytes as a slice; dies with the next change of `b'. */
static inline struct slice
buf_slice(const struct buf *b)
{
	return b->mem == NULL ? slice_make(NULL, 0)
			      : slice_make(buf_data(b), buf_len(b));
}

/*
 * Makes room for `len' bytes at the tail and returns where to put them, or
 * NULL when the cap or memory is reached (b is unchanged then). Follow with
 * buf_commit().
 */
uint8_t *buf_reserve(struct buf *b, size_t len);

/* Counts `len' bytes put where buf_reserve() said as readable. */
void buf_commit(struct buf *b, size_t len);

/* Appends; ERR_LIMIT over the cap, ERR_NO_MEMORY; b unchanged on error. */
enum err buf_append(struct buf *b, const void *data, size_t len) MUST_CHECK;

/* Drops the first `len' readable bytes (len <= buf_len). Memory goes back
 * once nothing is readable, so that an idle queue owns nothing. */
void buf_consume(struct buf *b, size_t len);

#endif
