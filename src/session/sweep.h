/* SPDX-License-Identifier: ISC */
/*
 * Out means out: whether a session that is in would still be let in, by the
 * snapshot now in force. Asked of all when a snapshot comes, and of one that
 * was judged by an older snapshot when it is about to be relayed.
 */
#ifndef SESSION_SWEEP_H
#define SESSION_SWEEP_H

#include "session/session.h"
#include "session/verdict.h"

/* Has the certificate of a session in stage relay come to its end, and does
 * its profile end the session then? `now' in seconds since 1970. */
bool sweep_is_expired(const struct session *s, int64_t now);

/* What can have changed for those who are in. */
#define SWEEP_TLS 1u /* CAs, CRLs, on_expiry */
#define SWEEP_DENYLIST 2u
#define SWEEP_ALL (SWEEP_TLS | SWEEP_DENYLIST)

/* The SWEEP_* bits of what differs between two snapshots. */
unsigned sweep_find(const struct snapshot *old, const struct snapshot *next);

/*
 * REASON_NONE, or the REASON_RELAY_* that ends a session whose names are
 * known, as far as `what' tells to look; `detail' says more then.
 */
enum reason sweep_judge(struct session *s, unsigned what, int64_t now,
    struct verdict_detail *detail);

/*
 * Dismisses exactly those sessions in stage relay that would not be let in
 * any more: a few in each turn of the loop, beginning with the next, so that
 * the others' data does not wait. Called again on the way it goes round once
 * more.
 */
void sweep_start(struct session_manager *d, unsigned what);

/* The next few; for the door's timer. `arg' is the door. */
void sweep_step(void *arg);

#endif
