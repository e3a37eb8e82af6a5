/*
 * The main thread: owns the snapshot in force, the workers and the signals.
 */
#ifndef RUNTIME_MASTER_H
#define RUNTIME_MASTER_H

#include "accept/throttle.h"
#include "base/report.h"
#include "io/loop.h"
#include "io/signal.h"
#include "runtime/watcher.h"
#include "runtime/worker.h"
#include "session/snapshot.h"

enum master_state {
	MASTER_SERVING,
	MASTER_DRAINING,
	MASTER_STOPPING
};

#define MASTER_SIGNALS 4

struct master {
	const char *file; /* borrowed: the configuration's path */
	struct loop *loop; /* owned */
	struct snapshot *snapshot; /* counted; in force */
	struct throttle *throttle; /* owned */
	struct worker **workers; /* owned, each owned */
	size_t worker_count;
	struct io_signal *signals[MASTER_SIGNALS]; /* owned */
	struct watcher *watcher; /* owned */
	struct timer drain; /* the end of patience while draining */
	size_t draining; /* workers that still have sessions */
	enum master_state state;
	/* What the last reload did, for status and metrics. */
	uint64_t reloads_failed;
	int64_t reloaded_at; /* wall clock of the last good load */
};

/* Makes all that can be made before privileges are dropped: loop, workers,
 * bound sockets, ports file. Takes the count of `snapshot'. On error
 * complaints are in `why'; call master_fini() in any case. */
enum err master_init(struct master *m, const char *file,
    struct snapshot *snapshot, struct report *why) MUST_CHECK;

/* Starts the workers and runs until a signal has ended the daemon. */
enum err master_run(struct master *m, struct report *why) MUST_CHECK;

/* Stops what runs and frees all. */
void master_fini(struct master *m);

/* Loads the configuration anew; complaints go to the log, and the old one
 * stays in force if there are any. */
enum err master_reload(struct master *m);

#endif
