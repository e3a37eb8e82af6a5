/*
 * Snapshots that are no longer in force but still in somebody's use. The main
 * thread keeps them until it is the last that counts them, and frees them: a
 * deny list of a million rows takes tens of milliseconds to free, which the
 * worker that happened to be the last one would not have for its clients.
 */
#ifndef RUNTIME_RETIRED_H
#define RUNTIME_RETIRED_H

#include "io/loop.h"
#include "io/timer.h"
#include "session/snapshot.h"

struct retired {
	struct snapshot *newest; /* counted, and those behind it */
	struct timer timer; /* runs while there are any */
};

/* Makes an empty one, on the main thread's loop; zeroed is fine for fini. */
void retired_init(struct retired *r, struct loop *loop);

/* Takes over the caller's count of `s'. */
void retired_take(struct retired *r, struct snapshot *s);

/* Lets go of all that are left. Before the loop is freed. */
void retired_fini(struct retired *r);

#endif
