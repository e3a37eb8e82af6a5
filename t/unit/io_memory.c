/* SPDX-License-Identifier: ISC */
/*
 * What libevent keeps of a descriptor for good lies side by side, and not
 * between other allocations.
 */
#include "io/memory.h"

#include <event2/event.h>

#include "io/loop.h"
#include "tap.h"

#define CELL 24
#define COUNT 10000
#define DESCRIPTORS 5120 /* whole blocks */

typedef void *allocate_fn(size_t size);
typedef void *resize_fn(void *p, size_t size);
typedef void release_fn(void *p);

void __real_event_set_mem_functions(allocate_fn *, resize_fn *, release_fn *);
void __wrap_event_set_mem_functions(allocate_fn *, resize_fn *, release_fn *);

static allocate_fn *allocate;
static resize_fn *resize;
static release_fn *release;
static unsigned small, large; /* allocations libevent asked for */

static void *
count(size_t size)
{
	small += size <= CELL;
	large += size > CELL;
	return allocate(size);
}

void
__wrap_event_set_mem_functions(allocate_fn *a, resize_fn *r, release_fn *f)
{
	allocate = a;
	resize = r;
	release = f;
	__real_event_set_mem_functions(count, r, f);
}

/* More than one step of the place holds. */
static void
test_cells(void)
{
	static char *p[COUNT];
	unsigned apart = 0, i;

	for (i = 0; i < COUNT; i++) {
		p[i] = allocate(i % CELL + 1);
		memset(p[i], (int)i, CELL);
		apart += i > 0 && p[i] - p[i - 1] != CELL;
	}
	is_int(apart, 0, "%u small things lie side by side", COUNT);
	for (i = 0; i < COUNT && p[i][CELL - 1] == (char)i; i++)
		;
	is_int(i, COUNT, "and do not overlap");
	for (i = 0; i < COUNT; i++)
		release(p[i]);
	is_int(allocate(CELL) == p[COUNT - 1], true,
	    "a freed one serves again");
	release(p[COUNT - 1]);
}

static void
test_sizes(void)
{
	char *p = resize(NULL, 10);
	char *beside = allocate(CELL);

	memcpy(p, "0123456789", 10);
	is_int(beside - p == CELL || p - beside == CELL, true,
	    "a small one is a cell");
	is_int(resize(p, CELL) == p, true, "it grows where it is");
	p = resize(p, 1000);
	ok(memcmp(p, "0123456789", 10) == 0, "its bytes move with it");
	is_int(allocate(CELL) == NULL, false, "and the cell is free");
	p = resize(p, 5);
	ok(memcmp(p, "01234", 5) == 0, "a large one shrinks");
	release(p);
	release(beside);
	release(NULL);
}

/* No descriptor is asked for, so none need be open. */
static void
test_libevent(void)
{
	struct loop *loop = loop_new();

	small = large = 0;
	loop_meet_fd(loop, DESCRIPTORS - 1);
	/* The mailbox has been met already. */
	is_int(small, DESCRIPTORS - 1, "a cell for each descriptor");
	ok(large < 4, "and nothing larger (%u)", large);
	loop_meet_fd(loop, 0);
	loop_meet_fd(loop, DESCRIPTORS - 1);
	is_int(small, DESCRIPTORS - 1, "none is met twice");
	loop_meet_fd(loop, DESCRIPTORS);
	ok(small >= DESCRIPTORS, "a new one is");
	loop_free(loop);
}

int
main(void)
{
	io_memory_init();
	if (!ok(allocate != NULL, "libevent allocates here"))
		return done_testing();
	test_cells();
	test_sizes();
	test_libevent();
	return done_testing();
}
