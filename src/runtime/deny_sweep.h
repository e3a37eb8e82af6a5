/* SPDX-License-Identifier: ISC */
/*
 * What a change of the deny list means for live sessions: each worker dismisses
 * those that the new entries concern, or counts them. The main thread sends a
 * message to every worker and gets it back, so it never waits.
 *
 * All functions are for the main thread. `sweeps' is the caller's list of those
 * that are under way. `done' (may be NULL) is called once, perhaps before the
 * call returns.
 */
#ifndef RUNTIME_DENY_SWEEP_H
#define RUNTIME_DENY_SWEEP_H

#include "base/list.h"
#include "runtime/denylist.h"

/* Dismisses the live sessions that the entries of `t' (NULL: the whole list in
 * force) concern. The table may be freed afterwards. */
void deny_sweep(struct list *sweeps, const struct master *m,
    const struct identity_deny_table *t, denylist_done *done, void *arg);

/* Counts the live sessions that `change' would end; changes nothing. */
void deny_sweep_count(struct list *sweeps, const struct master *m,
    const struct identity_deny_change *change, denylist_done *done, void *arg);

/* Calls `done' with ERR_CLOSED for all sweeps under way. Call it while the
 * workers run. */
void deny_sweep_stop(struct list *sweeps);

#endif
