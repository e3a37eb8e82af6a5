/*
 * Notices changed files by looking at them now and then: what a path leads to
 * in the end (so a swapped symlink counts, as Kubernetes swaps them), its
 * size and its times. A change is told once nothing has changed any more for
 * one more look, so that half-written files are not read.
 */
#ifndef RUNTIME_WATCHER_H
#define RUNTIME_WATCHER_H

#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

struct watcher;

/* NULL when memory runs out. */
struct watcher *watcher_new(void);

/* From now on looks, and calls `changed' on the loop's thread. Files that can
 * be looked at no more, now that privileges are given up, count as seen. */
void watcher_start(struct watcher *w, struct loop *loop,
    void (*changed)(void *arg), void *arg);

/*
 * Begins a new list of paths; watcher_add() names them, a file or a directory,
 * which need not exist, just before they are read: a path that was watched
 * before keeps what it looked like then, so no change during a load is missed.
 * watcher_end() forgets those that were not named again, and looks every
 * `interval_ms' (0 = never).
 */
void watcher_begin(struct watcher *w);
enum err watcher_add(struct watcher *w, const char *path) MUST_CHECK;
void watcher_end(struct watcher *w, uint64_t interval_ms);

/* NULL is fine. */
void watcher_free(struct watcher *w);

#endif
