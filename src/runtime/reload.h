/* SPDX-License-Identifier: ISC */
/*
 * Reloads: loads the configuration and all files that it names on a thread of
 * its own, puts the result in force, and frees what is no longer used.
 *
 * A file of 100 MB takes a second to read and to check. Meanwhile the main
 * thread answers signals, commands and health checks. At most one reload is
 * under way and one is waiting: all requests that come while one is under way
 * are served by the one that waits, which reads the files after the request.
 *
 * The old snapshot is freed on the loader's thread as soon as nothing uses it,
 * and the memory goes back to the system: freeing a deny list of a million
 * rows takes tens of milliseconds, which neither a worker nor the main thread
 * has to spare.
 */
#ifndef RUNTIME_RELOAD_H
#define RUNTIME_RELOAD_H

#include "base/list.h"
#include "base/report.h"
#include "runtime/watcher.h"
#include "session/snapshot.h"

struct master;
struct reloader;

/* Why a reload was requested. */
#define RELOAD_CAUSES(X) \
	X(SIGNAL, "signal") \
	X(COMMAND, "command") \
	X(FILES, "files") \
	X(TAKE_OVER, "take_over") /* also of the other program */

enum reload_cause {
#define X(id, name) RELOAD_##id,
	RELOAD_CAUSES(X)
#undef X
	RELOAD_CAUSE_COUNT
};

struct reload_result {
	enum err err; /* OK: in force */
	uint64_t generation; /* of the snapshot in force */
	const struct report *warnings; /* borrowed for the call */
	const struct report *complaints; /* borrowed for the call */
};

/* Waits for the end of a reload; embedded. `done' is called once, on the main
 * thread. */
struct reload_waiter {
	struct list node;
	void (*done)(struct reload_waiter *w, const struct reload_result *r);
};

/*
 * Loads `file' (NULL: the configuration of `previous') and all that it names,
 * on the calling thread. `*files' (may be NULL before and after) gets what was
 * read, to be freed by the caller. Else as snapshot_load(). Only one thread may
 * load at a time.
 */
enum err reload_load(struct snapshot **out, const char *file,
    const struct snapshot *previous, struct watcher_list **files,
    struct report *why, struct report *warnings) MUST_CHECK;

/* Makes the reloader, which takes over `files', those of the first load.
 * NULL: out of memory. */
struct reloader *reload_new(struct master *m, struct watcher_list *files);

/* Starts its thread, and begins to watch the files; after the sandbox is
 * entered. ERR_SYSTEM with errno. */
enum err reload_start(struct reloader *r) MUST_CHECK;

/* Requests a reload. `waiter' (may be NULL) is told of its end. */
void reload_request(struct reloader *r, enum reload_cause cause,
    struct reload_waiter *waiter);

/* Ends the thread; a load under way is completed and dropped. Waiters are told
 * ERR_REFUSED. NULL is allowed. */
void reload_stop(struct reloader *r);

/* Frees `r', and the snapshots that are left to be freed. After
 * reload_stop(), when every snapshot was put. NULL is allowed. */
void reload_free(struct reloader *r);

#endif
