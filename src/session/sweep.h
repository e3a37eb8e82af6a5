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

/*
 * REASON_NONE, or the REASON_RELAY_* that ends a session whose names are
 * known; `detail' says more then.
 */
enum reason sweep_judge(struct session *s, int64_t now,
    struct verdict_detail *detail);

/* Dismisses exactly those sessions in stage relay that would not be let in
 * any more. */
void sweep_all(struct door *d);

#endif
