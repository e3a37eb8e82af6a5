/*
 * The main thread: owns the snapshot in force, the workers and the signals.
 */
#ifndef RUNTIME_MASTER_H
#define RUNTIME_MASTER_H

#include <stdio.h>

#include "accept/throttle.h"
#include "backend/limits.h"
#include "base/report.h"
#include "io/loop.h"
#include "runtime/retired.h"
#include "runtime/sandbox.h"
#include "runtime/trim.h"
#include "runtime/watcher.h"
#include "runtime/worker.h"
#include "session/cert_sessions.h"
#include "session/snapshot.h"

enum master_state {
	MASTER_SERVING,
	MASTER_LEAVING, /* lets in still, and tells balancers not to come */
	MASTER_DRAINING,
	MASTER_STOPPING
};

#define MASTER_SIGNALS 4

struct master;

/*
 * What main() adds to the master, on its loop and thread: admin, which the
 * runtime knows nothing of. Started while ports can still be bound; it may
 * write lines to `ports' (NULL: there is no ports file). Stopped, in any case
 * where *out is not NULL, before the workers are.
 */
struct master_service {
	enum err (*start)(void **out, struct master *m, FILE *ports,
	    struct report *why);
	void (*stop)(void *service);
};

struct master {
	const char *file; /* borrowed: the configuration's path */
	struct loop *loop; /* owned */
	struct snapshot *snapshot; /* counted; in force */
	struct retired retired; /* old ones, until nobody has them */
	struct throttle *throttle; /* owned */
	struct cert_sessions *cert_sessions; /* owned */
	struct backend_flows *flows; /* owned */
	struct worker **workers; /* owned, each owned */
	size_t worker_count;
	struct io_signal *signals[MASTER_SIGNALS]; /* owned */
	struct watcher *watcher; /* owned */
	struct trim trim;
	struct timer leave; /* from leaving to draining */
	struct timer drain; /* the end of patience while draining */
	struct timer pulse; /* tells the supervisor that we live */
	size_t draining; /* workers that still have sessions */
	const struct master_service *service; /* borrowed; NULL: none */
	void *service_state; /* owned by the service */
	struct sandbox sandbox; /* what is in force */
	uint64_t files; /* descriptors this process may have */
	uint32_t room; /* connections that fit into these */
	enum master_state state;
	bool terminated; /* SIGTERM came: another one is for at once */
	/* What the last reload did, for status and metrics. */
	uint64_t reloads_failed;
	int64_t reloaded_at; /* wall clock of the last good load */
};

/*
 * As snapshot_load(), and begins the watcher's list with all files it reads,
 * as they were before; watcher_end() is left to the caller, who may want to
 * name others.
 */
enum err master_load(struct snapshot **out, const char *file,
    const struct snapshot *previous, struct watcher *watcher,
    struct report *why, struct report *warnings) MUST_CHECK;

/* Makes all that can be made before privileges are dropped: loop, workers,
 * bound sockets, ports file. Takes the count of `snapshot', and `watcher', by
 * which it was loaded. On error complaints are in `why'; call master_fini() in
 * any case. `service' may be NULL. */
enum err master_init(struct master *m, const char *file,
    struct snapshot *snapshot, struct watcher *watcher,
    const struct master_service *service, struct report *why) MUST_CHECK;

/* Starts the workers and runs until a signal has ended the daemon. */
enum err master_run(struct master *m, struct report *why) MUST_CHECK;

/* Stops what runs and frees all. */
void master_fini(struct master *m);

/* Loads the configuration anew; complaints go to the log, and to `say' if it
 * is not NULL, warnings too; the old one stays in force on error. Workers
 * take the new one in their next turn, in order with later messages. */
enum err master_reload(struct master *m, struct report *say);

/* What SIGTERM does: after drain_delay no new connections, and an end once all
 * have left. Until then reloads still count, for who is thrown out by one is
 * not to live on for as long as a drain takes. */
void master_drain(struct master *m);

#endif
