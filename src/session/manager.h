/* SPDX-License-Identifier: ISC */
/*
 * All sessions of one worker, and what they share: the loop, the snapshot in
 * force, the broker pools made from it, and the counters.
 */
#ifndef SESSION_MANAGER_H
#define SESSION_MANAGER_H

#include <stdatomic.h>

#include "accept/pending.h"
#include "accept/throttle.h"
#include "backend/pool.h"
#include "backend/resolve.h"
#include "base/list.h"
#include "io/linger.h"
#include "io/loop.h"
#include "io/timer.h"
#include "mqtt/connect_read.h"
#include "session/audit.h"
#include "session/client_ids.h"
#include "session/counters.h"
#include "session/snapshot.h"

struct backend_flows;
struct backend_outages;
struct cert_sessions;

/* The section of a listener that a reload has removed. */
#define LISTENER_REMOVED ((size_t)-1)

/*
 * A listening socket's place in the configuration, and its counters. It lives
 * longer than a snapshot, so that sessions can point to it; each reload
 * updates `section'.
 */
struct listener_state {
	char *name; /* owned by the worker: NAME of [listener NAME] */
	size_t section; /* index in the snapshot, or LISTENER_REMOVED */
	counter accepted; /* connections accepted here */
	counter live[STAGE_COUNT]; /* present ones, by stage */
};

/* The memory for CONNECTs, in all workers: those that wait for a broker, and
 * those that are being read. Each kind has all of connect_memory, so that
 * clients that do not finish take nothing from those that wait. */
struct session_memory {
	_Atomic size_t used; /* bytes of those that wait */
	_Atomic size_t max; /* [limits] connect_memory */
	struct mqtt_connect_budget reading;
};

/*
 * The filters of the sessions, see identity_deny_filter(). They are in an array
 * and not in the sessions, because a new entry is compared with all of them:
 * ten thousand take some tens of microseconds.
 */
struct deny_filters {
	struct deny_filter *all; /* owned; in no order */
	size_t count;
	size_t room;
};

/*
 * A walk over the sessions of a worker, oldest first, that is made in pieces
 * while sessions come and go. It sees those that were there when it began and
 * are still there.
 */
struct session_walk {
	struct list node; /* in manager->walks while it is under way */
	struct list *next; /* the next session, or &manager->sessions */
	uint64_t end; /* sessions that are newer have this id or a higher one */
};

/* The check of all sessions, once a second, in slices. */
struct session_tick {
	struct timer timer; /* to the next check, or to its next slice */
	struct session_walk walk;
	bool walking;
	unsigned count; /* checks that are complete */
	int64_t now; /* when this one began, in seconds since 1970 */
	/* What the sessions that were checked had relayed then. What those of
	 * them had relayed that have ended since is subtracted, because the
	 * counters of ended sessions have it. */
	uint64_t up;
	uint64_t down;
};

struct session_manager {
	struct loop *loop; /* owned */
	struct snapshot *snapshot; /* counted */
	struct throttle *throttle; /* borrowed, shared by all workers */
	struct pending_queue handshakes; /* the unfinished ones */
	struct cert_sessions *cert_sessions; /* borrowed, shared, too */
	struct backend_flows *flows; /* borrowed, shared, too */
	struct backend_outages *outages; /* borrowed, shared, too */
	struct backend_resolver *resolver; /* borrowed, shared, too */
	struct backend_pool **pools; /* counted each; as config->backend */
	size_t pool_count;
	struct list sessions; /* all present ones, oldest first */
	size_t session_count;
	struct list walks; /* session_walk, those under way */
	struct list *sweep_next; /* the next session that a sweep judges;
				  * &sessions: none */
	unsigned sweep_what; /* SWEEP_* bits; 0: no sweep is running */
	uint64_t swept; /* sessions that sweeps have dismissed */
	struct deny_filters deny_filters;
	bool sweep_again; /* start over at the end: files changed meanwhile */
	struct timer sweep; /* to the sweep's next slice */
	/* Clients that read a closing packet: after a session, after a refusal,
	 * and after a failed handshake. */
	struct linger_set lingering;
	struct linger_set refused;
	struct linger_set unauthenticated;
	struct linger_set lingering_brokers; /* that read what was sent last */
	unsigned index; /* the worker's number, from 0 */
	unsigned workers; /* how many there are */
	/* The next session's id. Workers take turns, so ids are unique, short,
	 * and exact in a reader whose numbers are doubles (JSON). */
	uint64_t next_id;
	struct client_ids *client_ids; /* borrowed, shared, too */
	struct session_memory *memory; /* borrowed, shared, too */
	struct audit audit; /* what may be logged */
	struct session_tick tick; /* always runs: expired certificates, dead
				   * peers, bytes relayed */
	struct timer drain; /* runs while draining */
	/* For sessions that are marked as replaced. */
	struct loop_message dismiss_message;
	atomic_bool dismiss_posted; /* it is in the mailbox */
	struct timer dismiss_timer; /* collects them for a moment */
	uint64_t drain_end; /* loop_now() at which no session may be left */
	bool drain_evenly; /* sessions leave at an even pace until then */
	double drain_due; /* sessions that may leave now, with a fraction */
	void (*empty)(struct session_manager *m); /* NULL unless draining */
	struct counters counters;
};

/* What a manager is made of; shared objects are borrowed. */
struct session_manager_options {
	struct snapshot *snapshot; /* the manager takes a count */
	struct throttle *throttle; /* shared by all workers */
	struct cert_sessions *cert_sessions; /* shared by all workers */
	struct client_ids *client_ids; /* shared by all workers */
	struct session_memory *memory; /* shared by all workers */
	struct backend_flows *flows; /* shared by all workers */
	struct backend_outages *outages; /* shared by all workers */
	struct backend_resolver *resolver; /* shared by all workers */
	unsigned index; /* the worker's number, from 0 */
	unsigned workers; /* how many there are */
	size_t lingering; /* refused and unauthenticated clients that linger */
};

/* Fills `m', without any session. ERR_NO_MEMORY or ERR_CONFIG; call
 * session_manager_fini() in any case. */
enum err session_manager_init(struct session_manager *m,
    const struct session_manager_options *options) MUST_CHECK;

/* Ends all sessions at once and frees what `m' owns. */
void session_manager_fini(struct session_manager *m);

/*
 * Puts `snapshot' in force for new connections (takes a count), and starts to
 * judge the live sessions again if it differs in what they were judged by. On
 * error the old snapshot stays in force.
 */
enum err session_manager_reload(struct session_manager *m,
    struct snapshot *snapshot) MUST_CHECK;

/* Dismisses all sessions, spread over `ms' milliseconds, a few at once, in
 * equal steps; few sessions are done sooner. Calls `empty' when no session is
 * left and all closing packets have been read or given up. */
void session_manager_drain(struct session_manager *m, uint64_t ms,
    void (*empty)(struct session_manager *));

/* The same for a drain of hours: few sessions take as long as many, so that
 * each may stay as long as possible. */
void session_manager_drain_evenly(struct session_manager *m, uint64_t ms,
    void (*empty)(struct session_manager *));

/* Continues a drain that is under way as session_manager_drain() with `ms'
 * would. `empty' is still called once. */
void session_manager_drain_sooner(struct session_manager *m, uint64_t ms);

/* Makes the worker dismiss, soon, the sessions whose cert_sessions_member is
 * marked as replaced. Any thread. */
void session_manager_dismiss_replaced(struct session_manager *m);

/* Begins a walk. It must stay where it is in memory until it is over. */
void session_walk_start(struct session_manager *m, struct session_walk *w);

/* The next session; NULL when the walk is over. */
struct session *session_walk_next(struct session_manager *m,
    struct session_walk *w);

/* Ends a walk early; harmless when it is over. */
void session_walk_stop(struct session_walk *w);

/* `s' has ended, and counters.bytes_up and _down include it. */
void session_manager_count_end(struct session_manager *m,
    const struct session *s);

/* `s' is about to leave the manager's list: walks go on after it. */
void session_walk_skip(struct session_manager *m, const struct session *s);

#endif
