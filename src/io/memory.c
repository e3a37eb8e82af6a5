/* SPDX-License-Identifier: ISC */
/*
 * Cells of one size, side by side in a range of addresses that is reserved
 * once and opened bit by bit; what is larger is malloc's. An address tells
 * whose it is. The lock costs nothing: cells come with the first use of a
 * descriptor, not with a connection.
 */
#include "io/memory.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* libevent 2.1's struct evmap_io and what the change list adds to it. */
#define CELL 24

/* Addresses only: a million descriptors in each of eleven workers. */
#define ROOM ((size_t)256 << 20)

/* Memory is had in such steps. */
#define STEP ((size_t)64 << 10)

struct cell {
	struct cell *next;
};

static struct {
	pthread_mutex_t lock;
	uint8_t *start; /* MAP_FAILED where there is none */
	size_t used; /* bytes given out so far, and maybe taken back */
	size_t open; /* bytes that may be touched */
	struct cell *back; /* cells taken back */
} place = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
is_cell(const void *p)
{
	return (uintptr_t)p - (uintptr_t)place.start < ROOM;
}

/* A cell that never was given out; NULL when there is no more. */
static void *
new_cell(void)
{
	void *p = place.start + place.used;

	if (place.used + CELL > place.open) {
		if (place.open + STEP > ROOM ||
		    mprotect(place.start + place.open, STEP,
			PROT_READ | PROT_WRITE) == -1)
			return NULL;
		place.open += STEP;
	}
	place.used += CELL;
	return p;
}

static void *
take_cell(void)
{
	void *p;

	pthread_mutex_lock(&place.lock);
	p = place.back;
	if (p != NULL)
		place.back = place.back->next;
	else
		p = new_cell();
	pthread_mutex_unlock(&place.lock);
	return p;
}

static void
give_back(void *p)
{
	struct cell *c = p;

	pthread_mutex_lock(&place.lock);
	c->next = place.back;
	place.back = c;
	pthread_mutex_unlock(&place.lock);
}

static void *
allocate(size_t size)
{
	void *p = size <= CELL ? take_cell() : NULL;

	return p != NULL ? p : malloc(size);
}

static void
release(void *p)
{
	if (is_cell(p))
		give_back(p);
	else
		free(p);
}

static void *
resize(void *p, size_t size)
{
	void *bigger;

	if (p == NULL)
		return allocate(size);
	if (!is_cell(p))
		return realloc(p, size);
	if (size <= CELL)
		return p;
	bigger = malloc(size);
	if (bigger == NULL)
		return NULL;
	memcpy(bigger, p, CELL);
	give_back(p);
	return bigger;
}

static void
init(void)
{
	place.start = mmap(NULL, ROOM, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (place.start != MAP_FAILED)
		event_set_mem_functions(allocate, resize, release);
}

void
io_memory_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init);
}
