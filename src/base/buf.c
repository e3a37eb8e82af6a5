/* SPDX-License-Identifier: ISC */
/*
 * The byte queue. The space of consumed bytes is reused by moving the rest
 * down, but only when there is no room at the tail, so a steady queue moves
 * rarely.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

#define BUF_MIN 256

void
buf_init(struct buf *b, size_t cap)
{
	b->mem = NULL;
	b->head = BUF_HEADROOM;
	b->tail = BUF_HEADROOM;
	b->size = 0;
	b->cap = cap;
}

void
buf_fini(struct buf *b)
{
	if (b == NULL)
		return;
	free(b->mem);
	buf_init(b, b->cap);
}

/* The new size: doubled, so that the cost of appending stays constant, but not
 * more than the cap requires. */
static size_t
grown(const struct buf *b, size_t need)
{
	size_t next = b->size == 0 ? BUF_MIN : b->size;

	while (next < need)
		next *= 2;
	if (b->cap != 0 && next > BUF_HEADROOM + b->cap)
		next = BUF_HEADROOM + b->cap;
	return next;
}

uint8_t *
buf_reserve(struct buf *b, size_t len)
{
	size_t have = buf_len(b);
	size_t need;
	size_t size;
	uint8_t *mem;

	if (b->cap != 0 && len > b->cap - have)
		return NULL;
	if (len > SIZE_MAX / 4 - have)
		return NULL;
	if (b->mem != NULL && len <= b->size - b->tail)
		return b->mem + b->tail;
	need = BUF_HEADROOM + have + len;
	if (b->mem != NULL && need <= b->size) {
		memmove(b->mem + BUF_HEADROOM, b->mem + b->head, have);
	} else {
		size = grown(b, need);
		mem = malloc(size);
		if (mem == NULL)
			return NULL;
		if (have > 0)
			memcpy(mem + BUF_HEADROOM, b->mem + b->head, have);
		free(b->mem);
		b->mem = mem;
		b->size = size;
	}
	b->head = BUF_HEADROOM;
	b->tail = BUF_HEADROOM + have;
	return b->mem + b->tail;
}

void
buf_commit(struct buf *b, size_t len)
{
	assert(len <= b->size - b->tail);
	b->tail += len;
}

enum err
buf_append(struct buf *b, const void *data, size_t len)
{
	uint8_t *to;

	if (len == 0)
		return OK;
	if (b->cap != 0 && len > b->cap - buf_len(b))
		return ERR_LIMIT;
	to = buf_reserve(b, len);
	if (to == NULL)
		return ERR_NO_MEMORY;
	memcpy(to, data, len);
	buf_commit(b, len);
	return OK;
}

void
buf_consume(struct buf *b, size_t len)
{
	assert(len <= buf_len(b));
	b->head += len;
	if (b->head == b->tail)
		buf_fini(b);
}
