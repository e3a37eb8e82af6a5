/* SPDX-License-Identifier: ISC */
/*
 * A byte queue: written at the tail, read at the head, grown on demand up to
 * a cap. The BUF_HEADROOM bytes before the readable ones are always free: a
 * stacked stream may put its framing there (see io/stream.h).
 *
 *      alloc        head                 tail            end
 *        |  headroom  |   readable bytes   |   room        |
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

#define BUF_HEADROOM 16

/* Most readable bytes of any queue. Every session has two queues, which are
 * empty nearly always: hence 32 bits for each number. */
#define BUF_MAX (UINT32_MAX / 4)

struct buf {
	uint8_t *mem; /* owned; NULL while the queue is empty */
	uint32_t head; /* offset of the first readable byte */
	uint32_t tail; /* offset after the last readable byte */
	uint32_t size; /* of mem */
	uint32_t cap; /* most readable bytes at any time */
};

/* Makes `b' empty. It may hold at most `cap' readable bytes; 0, and more than
 * BUF_MAX, stand for BUF_MAX. */
void buf_init(struct buf *b, size_t cap);

/* Frees the memory and leaves `b' empty and usable. NULL is allowed. */
void buf_fini(struct buf *b);

/* Readable bytes. */
static inline size_t
buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

/* The first readable byte, valid until the next call that changes `b'. NULL if
 * `b' owns no memory; buf_len() is 0 then. */
static inline uint8_t *
buf_data(const struct buf *b)
{
	return b->mem == NULL ? NULL : b->mem + b->head;
}

/* The readable bytes as a slice, valid as long as buf_data(). */
static inline struct slice
buf_slice(const struct buf *b)
{
	return slice_make(buf_data(b), buf_len(b));
}

/*
 * Makes room for `len' bytes at the tail and returns where to write them; call
 * buf_commit() afterwards. NULL if they would exceed the cap or memory runs
 * out; `b' is unchanged then.
 */
uint8_t *buf_reserve(struct buf *b, size_t len);

/* Makes `len' bytes readable that were written where buf_reserve() said. */
void buf_commit(struct buf *b, size_t len);

/* Appends a copy. ERR_LIMIT: over the cap; ERR_NO_MEMORY. `b' is unchanged on
 * error. */
enum err buf_append(struct buf *b, const void *data, size_t len) MUST_CHECK;

/* Removes the first `len' readable bytes (len <= buf_len). The memory is freed
 * when none are left, so that an idle queue owns nothing. */
void buf_consume(struct buf *b, size_t len);

#endif
