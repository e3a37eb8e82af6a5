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
	b->cap = cap == 0 || cap > BUF_MAX ? BUF_MAX : (uint32_t)cap;
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
static uint32_t
grown(const struct buf *b, uint32_t need)
{
	uint32_t next = b->size == 0 ? BUF_MIN : b->size;

	while (next < need)
		next *= 2;
	if (next > BUF_HEADROOM + b->cap)
		next = BUF_HEADROOM + b->cap;
	return next;
}

uint8_t *
buf_reserve(struct buf *b, size_t len)
{
	uint32_t have = b->tail - b->head;
	uint32_t need;
	uint32_t size;
	uint8_t *mem;

	if (len > b->cap - have)
		return NULL;
	if (b->mem != NULL && len <= b->size - b->tail)
		return b->mem + b->tail;
	need = BUF_HEADROOM + have + (uint32_t)len;
	if (b->mem != NULL && need <= b->size) {
		memmove(b->mem + BUF_HEADROOM, b->mem + b->head, have);
	} else if (b->mem != NULL && b->head == BUF_HEADROOM) {
		/* The kernel moves the pages of a large one without a copy. */
		size = grown(b, need);
		mem = realloc(b->mem, size);
		if (mem == NULL)
			return NULL;
		b->mem = mem;
		b->size = size;
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
	b->tail += (uint32_t)len;
}

enum err
buf_append(struct buf *b, const void *data, size_t len)
{
	uint8_t *to;

	if (len == 0)
		return OK;
	if (len > b->cap - buf_len(b))
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
	b->head += (uint32_t)len;
	if (b->head == b->tail)
		buf_fini(b);
}
