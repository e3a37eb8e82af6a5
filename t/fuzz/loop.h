/* SPDX-License-Identifier: ISC */
/*
 * The one loop of a target that needs one.
 */
#ifndef FUZZ_LOOP_H
#define FUZZ_LOOP_H

#include <stdlib.h>

#include "io/loop.h"

static struct loop *fuzz_the_loop;

static void
fuzz_loop_end(void)
{
	loop_free(fuzz_the_loop);
}

/* Made at the first call and freed at the program's end: the leak checker
 * does not see what libevent keeps in io/memory's place. */
static struct loop *
fuzz_loop(void)
{
	if (fuzz_the_loop == NULL) {
		fuzz_the_loop = loop_new();
		atexit(fuzz_loop_end);
	}
	return fuzz_the_loop;
}

#endif
