/*
 * What the sessions of one worker share: the loop, the snapshot in force, the
 * pools of brokers made from it, the list of live sessions and the counters.
 */
#ifndef SESSION_MANAGER_H
#define SESSION_MANAGER_H

#include <stdatomic.h>

#include "accept/throttle.h"
#include "backend/pool.h"
#include "base/list.h"
#include "base/ratelimit.h"
#include "io/linger.h"
#include "io/loop.h"
#include "io/timer.h"
#include "session/counters.h"
#include "session/snapshot.h"

struct backend_flows;
struct cert_sessions;

struct session_manager {
	struct loop *loop; /* owned */
	struct snapshot *snapshot; /* counted */
	struct throttle *throttle; /* borrowed, shared by all workers */
	struct cert_sessions
	    *cert_sessions; /* borrowed, shared by all workers */
	struct backend_flows *flows; /* borrowed, shared by all workers */
	struct backend_resolver *resolver; /* owned */
	struct backend_pool **pools; /* one a [backend], as in the snapshot */
	size_t pool_count;
	struct list sessions; /* all live ones, oldest first */
	size_t session_count;
	struct list *sweep_next; /* who is judged next; &sessions: nobody */
	unsigned sweep_what; /* SWEEP_* bits; 0: no sweep runs */
	bool sweep_again; /* files changed on the way: once more */
	struct timer sweep; /* runs while there is somebody */
	struct linger_set lingering; /* clients reading their last word */
	struct linger_set parting; /* brokers reading theirs */
	unsigned index; /* the worker's number */
	uint64_t next_id;
	struct ratelimit refusals; /* log lines strangers can cause */
	uint64_t refusals_unlogged; /* since the last such line */
	struct timer tick; /* always runs: ends of certificates */
	struct timer drain; /* runs while draining */
	struct loop_message eviction; /* under way while `evicting' */
	atomic_bool evicting;
	struct timer evict; /* from that to the look over all */
	uint64_t drain_end; /* loop_now() at which all must be gone */
	void (*empty)(struct session_manager *d); /* NULL unless draining */
	struct counters counters;
};

/* Makes a door in which nobody is. ERR_NO_MEMORY, or ERR_CONFIG; call
 * door_fini() in any case. Takes a count of `snapshot'. */
enum err session_manager_init(struct session_manager *d,
    struct snapshot *snapshot, struct throttle *throttle,
    struct cert_sessions *cert_sessions, struct backend_flows *flows,
    unsigned index) MUST_CHECK;

/* Ends all sessions at once and frees what the door owns. */
void session_manager_fini(struct session_manager *d);

/*
 * Puts `snapshot' (counted anew) in force for connections that come from now
 * on, and begins to sweep the live ones where it judges otherwise. The old one
 * stays in force on error.
 */
enum err session_manager_reload(struct session_manager *d,
    struct snapshot *snapshot) MUST_CHECK;

/* Dismisses all sessions, spread evenly over `ms' milliseconds, and calls
 * `empty' when none is left, nor anybody who is still to read his last words.
 */
void session_manager_drain(struct session_manager *d, uint64_t ms,
    void (*empty)(struct session_manager *));

/* Has the sessions dismissed whose line on the roll is marked evicted, soon;
 * from any thread. */
void session_manager_evict(struct session_manager *d);

#endif
