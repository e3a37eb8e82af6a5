/* SPDX-License-Identifier: ISC */
/*
 * The main thread: owns the snapshot in force, the workers and the signals.
 *
 * THREADS
 *
 * 	main	signals, reloads, admin requests, draining. It never reads a
 * 		configured file after the start, so it always answers.
 * 	worker	one of [daemon] workers; its sockets and sessions.
 * 	loader	reads configured files and frees old snapshots (reload.h).
 * 	log	writes the log (base/log.h).
 *
 * A thread changes only what it owns. To have something changed elsewhere it
 * posts a message to the owner's loop, which runs in the owner's next turn.
 * Messages from one thread to another arrive in the order they were posted.
 * The exceptions are the objects that are made for sharing: throttle,
 * cert_sessions, backend_flows, backend_outages, backend_resolver, counters
 * (written by one thread, read by all).
 *
 * RELOAD
 *
 * 	main	reload_request(): a signal, a command, or a changed file
 * 	loader	reads and checks everything: the next snapshot, or complaints
 * 	main	master_adopt(): makes an order for each worker; this can run
 * 		out of memory, and then nothing has changed. From there on
 * 		nothing can fail: log, limits and all orders
 * 	worker	takes the snapshot in its next turn, for new connections, and
 * 		judges its live sessions again, some in each turn (sweep.h)
 * 	loader	frees the old snapshot when nothing counts it any more
 *
 * Until the worker has taken the order, connections are judged by the old
 * snapshot; a connection that was judged by an old one is judged again before
 * it reaches the broker, so a revocation never loses that race. A command that
 * promises an effect ("the session has ended") asks the workers after the
 * order was sent: the question arrives after the order.
 *
 * At most one reload is under way. Requests that come meanwhile are served
 * together by one more, which reads the files after all of these requests.
 *
 * END
 *
 * 	SERVING --SIGTERM, drain--> LEAVING --drain_delay--> DRAINING
 * 	        --a successor is ready--> REPLACED --SIGTERM, drain--> DRAINING
 * 	REPLACED, DRAINING --all sessions have left, or time is over--> end
 * 	any     --second SIGTERM, SIGINT, SIGQUIT--> STOPPING, end
 *
 * Reloads still take effect while draining: a device that is denied must not
 * stay connected for as long as a drain takes.
 *
 * At the end, in this order: the loader, the admin service, the workers (all
 * threads have stopped before the first is freed, because they post to each
 * other), the shared objects, the snapshot, the loop.
 *
 * SIGNALS
 *
 * Blocked before the first file is read, and handled from when the loop runs: a
 * SIGHUP or SIGTERM that comes during the start is not lost, and does not kill
 * the process before it can log anything. Other threads have all signals
 * blocked.
 */
#ifndef RUNTIME_MASTER_H
#define RUNTIME_MASTER_H

#include <stdio.h>

#include "accept/throttle.h"
#include "backend/limits.h"
#include "backend/outage.h"
#include "base/report.h"
#include "fleet/fleet.h"
#include "io/loop.h"
#include "runtime/denylist.h"
#include "runtime/handover.h"
#include "runtime/reload.h"
#include "runtime/resources.h"
#include "runtime/sandbox.h"
#include "runtime/takeover.h"
#include "runtime/worker.h"
#include "session/cert_sessions.h"
#include "session/snapshot.h"

enum master_state {
	MASTER_STARTING, /* accepts nothing yet */
	MASTER_SERVING,
	MASTER_LEAVING, /* still accepts; not ready for load balancers */
	MASTER_REPLACED, /* another program serves; sessions leave slowly */
	MASTER_DRAINING,
	MASTER_STOPPING
};

#define MASTER_SIGNALS 6

struct master;

/*
 * What main() adds to the master, on its loop and thread: admin, which the
 * runtime does not know. Started while ports can still be bound; it may write
 * lines to `ports' (NULL: there is no ports file). If *out is not NULL, it is
 * stopped before the workers are.
 */
struct master_service {
	enum err (*start)(void **out, struct master *m, FILE *ports,
	    struct report *why);
	/* Accepts connections from now on; cannot fail. Not called if it is
	 * stopped before. */
	void (*begin)(void *service);
	void (*stop)(void *service);
};

struct master {
	const char *file; /* borrowed: the configuration's path */
	struct loop *loop; /* owned */
	struct snapshot *snapshot; /* counted; in force */
	struct reloader *reloader; /* owned */
	struct denylist_manager *denylist; /* owned */
	struct fleet *fleet; /* owned; NULL: there is none */
	struct list fleet_sweeps; /* under way */
	struct throttle *throttle; /* owned */
	struct cert_sessions *cert_sessions; /* owned */
	struct client_ids *client_ids; /* owned */
	struct session_memory memory; /* shared with the workers */
	uint64_t memory_total; /* bytes that this process may use */
	struct backend_flows *flows; /* owned */
	struct backend_outages *outages; /* owned */
	struct backend_resolver *resolver; /* owned */
	struct worker **workers; /* owned, each owned */
	size_t worker_count;
	struct io_signal *signals[MASTER_SIGNALS]; /* owned */
	struct resources_trim trim;
	struct timer leave; /* from LEAVING to DRAINING */
	struct timer drain; /* the latest end of DRAINING */
	struct timer watchdog; /* tells the supervisor that this thread runs */
	size_t draining; /* workers that still have sessions */
	struct takeover *takeover; /* owned; NULL: the start is a usual one */
	enum err start_error; /* the take-over has failed */
	struct list handovers; /* connections with other programs */
	int ready_fd; /* owned; -1: no process waits for the start */
	bool unsupervised; /* no notifications are sent to the supervisor */
	const struct master_service *service; /* borrowed; NULL: none */
	void *service_state; /* owned by the service */
	struct sandbox sandbox; /* what is in force */
	uint64_t files; /* descriptors this process may have */
	uint32_t max_connections; /* for which they are enough */
	enum master_state state;
	bool terminated; /* SIGTERM came: the next one ends at once */
	/* For status and metrics. */
	uint64_t reloads_failed;
	bool reload_failed; /* the last one */
	char reload_complaint[256]; /* the first one, if it failed */
	int64_t reload_ended_at; /* wall clock: the last one, good or bad */
	int64_t reloaded_at; /* wall clock: the last good one, or the start */
};

/* Blocks the signals that the master handles, and ignores those that would end
 * the process for no reason. Call it before anything that takes time. */
void master_block_signals(void);

struct master_options {
	const char *file; /* borrowed: the configuration's path */
	struct snapshot *snapshot; /* counted; the master's */
	struct watcher_list *files; /* those that were read; the master's */
	struct takeover *takeover; /* the master's; NULL: a usual start */
	const struct master_service *service; /* borrowed; NULL: none */
	int ready_fd; /* the master's; gets a byte when it is ready; -1: none */
};

/*
 * Makes all that has to be made before privileges are dropped: loop, workers,
 * bound sockets, ports file. On error complaints are in `why'; call
 * master_fini() in any case.
 */
enum err master_init(struct master *m, const struct master_options *o,
    struct report *why) MUST_CHECK;

/* Starts the workers and runs until a signal has ended the daemon. */
enum err master_run(struct master *m, struct report *why) MUST_CHECK;

/* Stops what runs and frees everything. */
void master_fini(struct master *m);

/* Requests a reload; returns at once. `waiter' (may be NULL) is told of its
 * end. See reload.h. */
void master_reload(struct master *m, enum reload_cause cause,
    struct reload_waiter *waiter);

/*
 * For the reloader: makes `next' (takes a count of its own) the snapshot in
 * force for everything, or changes nothing. Adds to `warnings' what could not
 * take effect, such as options that need a restart.
 */
enum err master_adopt(struct master *m, struct snapshot *next,
    struct report *why, struct report *warnings) MUST_CHECK;

/* For the take-over: accepts connections from now on. ERR_NO_MEMORY: it does
 * not. */
enum err master_accept(struct master *m) MUST_CHECK;

/* Tells the supervisor, and the log, that the daemon is ready. */
void master_is_ready(struct master *m);

/* Another program serves: accepts no more connections, and dismisses all
 * sessions, evenly spread over `ms' milliseconds. `pid' (0: none) is the
 * supervisor's main process from now on. */
void master_replace(struct master *m, uint64_t ms, int pid);

/* Carries out a message from another program, the successor or the
 * predecessor. */
void master_receive_notice(struct master *m, enum handover_notice notice,
    const struct handover *source);

/* Does what SIGTERM does: after drain_delay no new connections are accepted,
 * and the program ends once all sessions have ended. */
void master_drain(struct master *m);

#endif
