/* SPDX-License-Identifier: ISC */
/*
 * Notices changed files by looking at them now and then. A file counts as
 * changed when its device, inode, size or times differ after all symbolic
 * links were followed, so a link that was swapped counts, too, as Kubernetes
 * does it. A change is reported once no file has changed for one more check, so
 * that files that are still being written are not read.
 */
#ifndef RUNTIME_WATCHER_H
#define RUNTIME_WATCHER_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "io/loop.h"

/*
 * The files that one load reads, and what each looked like just before it was
 * read. One thread may fill a list while another one runs the watcher.
 */
struct watcher_list;

/* NULL: out of memory. */
struct watcher_list *watcher_list_new(void);

/* Adds a file or directory, which need not exist, and looks at it. A second
 * call for the same path does nothing. */
enum err watcher_list_add(struct watcher_list *l, const char *path) MUST_CHECK;

/* NULL is allowed. */
void watcher_list_free(struct watcher_list *l);

struct watcher;

/* NULL: out of memory. */
struct watcher *watcher_new(void);

/* NULL is allowed. */
void watcher_free(struct watcher *w);

/*
 * Starts to look, and calls `changed' on the loop's thread. Files that cannot
 * be looked at any more, because privileges were dropped, do not count as
 * changed.
 */
void watcher_start(struct watcher *w, struct loop *loop,
    void (*changed)(void *arg), void *arg);

enum watcher_files {
	WATCHER_REPLACE, /* watch only the files of the list */
	WATCHER_ADD /* watch those that were watched before, too */
};

/*
 * The files of `l' have been read: watches them from now on, and looks every
 * `interval_ms' (0 = never). A file counts as changed from now on if it no
 * longer looks as it did before it was read, so that no change during a load
 * is missed, and no change is reported that was read already. Takes over `l';
 * with NULL the list stays as it was.
 */
void watcher_take(struct watcher *w, struct watcher_list *l,
    enum watcher_files files, uint64_t interval_ms);

/* Adds to `names' each file of `l' that looks different than before the
 * previous load. */
void watcher_compare(const struct watcher *w, const struct watcher_list *l,
    struct report *names);

#endif
