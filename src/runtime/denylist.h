/* SPDX-License-Identifier: ISC */
/*
 * Changes the deny list in force, without reading or judging anything else:
 * neither the configuration nor CRLs nor certificates.
 *
 *	main	denylist_change(): a command; or the file looks different
 *	thread	writes the change to the file, or reads the file
 *	main	puts the change in force (identity/denylist.h): from now on
 *		newcomers are judged by it
 *	worker	dismisses the live sessions that it concerns
 *	main	tells the caller how many sessions were ended
 *
 * The thread has a queue and does one thing after the other, so that the main
 * thread never waits for the disk.
 *
 * The file is watched here and not by the watcher of runtime/reload.h. A file
 * that looks as our own last edit left it is not read again. Any other version
 * is read once it has not changed for a moment; if it has errors, the old list
 * stays in force and the log has a line for each.
 *
 * A file that belongs to the fleet ([denylist] shared) is read and watched in
 * the same way, and never written; what a new version changes is handed to the
 * fleet (fleet/file.h).
 *
 * Another program may have read the file before one of our edits and replace
 * it afterwards. What a command changed in the last seconds and the new file
 * lacks is therefore kept, and written again.
 */
#ifndef RUNTIME_DENYLIST_H
#define RUNTIME_DENYLIST_H

#include "identity/denylist.h"

struct master;
struct denylist_manager;

struct denylist_result {
	enum err err; /* OK: in force, for live sessions too */
	const struct report *why; /* borrowed for the call: what is wrong */
	uint64_t ended; /* live sessions that were ended */
};

/* Called once, on the main thread. */
typedef void denylist_done(void *arg, const struct denylist_result *result);

/* Calls `done' (may be NULL) with a result. */
void denylist_complete(denylist_done *done, void *arg, enum err err,
    const struct report *why, uint64_t ended);

/* The same for an error without a report. */
void denylist_fail(denylist_done *done, void *arg, enum err err);

/* Makes the manager for the list of m->snapshot. NULL: out of memory. */
struct denylist_manager *denylist_manager_new(struct master *m);

/* Starts its thread, and begins to watch the file. ERR_SYSTEM with errno. */
enum err denylist_manager_start(struct denylist_manager *d) MUST_CHECK;

/* Ends its thread. Callers that are still waiting get ERR_CLOSED. Call it while
 * the workers run. NULL is allowed. */
void denylist_manager_stop(struct denylist_manager *d);

/* Call it after the main thread's loop was freed. NULL is allowed. */
void denylist_manager_free(struct denylist_manager *d);

/* m->snapshot has changed: it may have another list, or none. */
void denylist_follow(struct denylist_manager *d);

/* If the file belongs to the fleet, lets m->fleet know what it has, before
 * there are sessions. ERR_NO_MEMORY, ERR_LIMIT. */
enum err denylist_share(struct denylist_manager *d) MUST_CHECK;

/* Writes `change' to the file and puts it in force. Takes over what it owns,
 * in any case. */
void denylist_change(struct denylist_manager *d,
    struct identity_deny_change *change, denylist_done *done, void *arg);

/* Counts the live sessions that `change' would end, and changes nothing. The
 * change stays the caller's, and must live until `done' is called. */
void denylist_count(struct denylist_manager *d,
    const struct identity_deny_change *change, denylist_done *done, void *arg);

/* Reads the file again unless it is known not to have changed, and puts it in
 * force. `done' may be NULL, and may be called at once. */
void denylist_reload(struct denylist_manager *d, denylist_done *done,
    void *arg);

/* True while the file has errors, so that an older list is in force. */
bool denylist_is_refused(const struct denylist_manager *d);

#endif
