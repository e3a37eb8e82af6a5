/* SPDX-License-Identifier: ISC */
/*
 * When many sessions have left, the memory that libevent keeps for their
 * descriptors does not keep theirs from being given back.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/loop.h"
#include "tap.h"

/* The malloc of a sanitizer gives nothing back. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURED 0
#else
#define MEASURED 1
#endif

#define SESSIONS 10000
#define PIECES 8

/* So many sessions are in their handshake at a time. */
#define HANDSHAKES 64

static void *piece[SESSIONS][PIECES];

/* KiB of this process in memory. */
static long
resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
		abort();
	fclose(file);
	return pages * 4;
}

static void
release(int n, int from)
{
	int i;

	for (i = from; i < PIECES; i++) {
		free(piece[n][i]);
		piece[n][i] = NULL;
	}
}

/* What a session allocates, before and after its descriptor is met; no two
 * certificates are of the same length. The second half belongs to the
 * handshake, whose end leaves gaps between the sessions. */
static void
open_session(struct loop *loop, int n)
{
	static const size_t sizes[PIECES] = { 3000, 500, 120, 24, 1500, 200, 48,
		300 };
	size_t len;
	int i;

	for (i = 0; i < PIECES; i++) {
		if (i == PIECES / 2)
			loop_reserve_fd(loop, n);
		len = sizes[i] + (size_t)n * 37 % 200;
		piece[n][i] = malloc(len);
		if (piece[n][i] == NULL)
			abort();
		memset(piece[n][i], 1, len);
	}
	if (n >= HANDSHAKES)
		release(n - HANDSHAKES, PIECES / 2);
}

int
main(void)
{
	struct loop *loop = loop_new();
	long before = resident();
	long full, after;
	int i;

	for (i = 0; i < SESSIONS; i++)
		open_session(loop, i);
	full = resident();
	for (i = 0; i < SESSIONS; i++)
		release(i, 0);
	malloc_trim(0);
	after = resident();
	ok(!MEASURED || after - before < (full - before) / 16,
	    "%d sessions took %ld KiB, and left %ld", SESSIONS, full - before,
	    after - before);
	loop_free(loop);
	return done_testing();
}
