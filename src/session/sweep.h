/* SPDX-License-Identifier: ISC */
/*
 * Revocation of live sessions: when the CRLs, the CAs or the deny list change,
 * every session is judged again by the snapshot in force, and those that would
 * no longer be admitted are dismissed. That includes connections that wait for
 * a broker. Connections in earlier stages are judged again when they enter
 * stage backend; see check_again() in stages.c.
 */
#ifndef SESSION_SWEEP_H
#define SESSION_SWEEP_H

#include "session/client_check.h"
#include "session/session.h"

/* True if the session's certificate has expired and its profile says that the
 * session ends then. Once the session has an identity; `now' in seconds since
 * 1970. */
bool sweep_is_expired(const struct session *s, int64_t now);

/* What may have changed for live sessions. */
#define SWEEP_TLS 1u /* CAs, CRLs, on_expiry */
#define SWEEP_DENYLIST 2u
#define SWEEP_ALL (SWEEP_TLS | SWEEP_DENYLIST)

/* The SWEEP_* bits of what differs between two snapshots. */
unsigned sweep_find(const struct snapshot *old, const struct snapshot *next);

/*
 * Judges a session that has an identity by the snapshot in force, in the
 * respects of `what' (SWEEP_* bits). Returns REASON_NONE, or the REASON_RELAY_*
 * that ends it; `detail' says more then.
 */
enum reason sweep_judge(struct session *s, unsigned what,
    struct client_check_detail *detail);

/*
 * Starts to judge all sessions: some in each turn of the loop, so that the data
 * of the others does not wait. If a sweep is running, all sessions are judged
 * once more at its end. It is over when m->sweep_what is 0.
 */
void sweep_start(struct session_manager *m, unsigned what);

/*
 * Makes sweep_entries() consider the session from now on; `filter' is
 * identity_deny_filter() of the client. Once a session. ERR_NO_MEMORY.
 */
enum err sweep_add_filter(struct session *s,
    const struct identity_deny_filter *filter) MUST_CHECK;

/* Undoes it, if it was done. */
void sweep_remove_filter(struct session *s);

/* A sweep for new entries of the deny list. */
struct sweep_entries {
	const struct identity_deny_filter
	    *filters; /* borrowed; of the entries */
	size_t count;
	size_t left; /* sessions that are not looked at yet; first SIZE_MAX */
};

/*
 * Judges, for some milliseconds, the sessions that the entries may concern; the
 * others are ruled out by their filters. True when it is through; otherwise
 * call it again, so that the sessions get their turn.
 */
bool sweep_entries(struct session_manager *m, struct sweep_entries *e);

/* A count under way. Zero it first. */
struct sweep_cursor {
	uint64_t last; /* the id of the session that was judged last */
	size_t denied; /* sessions */
};

/* Counts the sessions that the list `l' would end, for some milliseconds; ends
 * none. True when all have been judged; otherwise call it again, so that the
 * sessions get their turn. */
bool sweep_count(struct session_manager *m, struct identity_denylist *l,
    struct sweep_cursor *c);

/* The next slice of the sweep; for the manager's timer. `arg' is the
 * manager. */
void sweep_step(void *arg);

#endif
