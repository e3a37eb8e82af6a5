/* SPDX-License-Identifier: ISC */
#include "runtime/watcher.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "io/timer.h"

/* How long nothing may change before a change is reported. */
#define SETTLE_MS 100

struct watched {
	char *path; /* owned */
	uint64_t read_hash; /* stat_hash() before it was read */
	uint64_t last_hash; /* stat_hash() at the last check */
};

struct watcher_list {
	struct watched *files; /* owned */
	size_t count;
};

struct watcher {
	struct watcher_list list;
	struct timer timer;
	bool started; /* the timer may run */
	uint64_t interval_ms;
	bool unsettled; /* the last check saw a change */
	bool reported; /* a change, and no load has ended since */
	void (*changed)(void *arg);
	void *arg; /* borrowed */
};

/*
 * What a file looks like: a hash of what stat() says about it, and 0 if it does
 * not exist. Only the file's owner could make two different ones collide.
 */

static void
mix(uint64_t *hash, const void *data, size_t len)
{
	*hash = hash_fnv(*hash, slice_make(data, len));
}

/* Returns false if `path' does not exist. */
static bool
mix_stat(uint64_t *hash, const char *path, struct stat *st)
{
	if (stat(path, st) == -1)
		return false;
	mix(hash, &st->st_dev, sizeof(st->st_dev));
	mix(hash, &st->st_ino, sizeof(st->st_ino));
	mix(hash, &st->st_size, sizeof(st->st_size));
	mix(hash, &st->st_mtim, sizeof(st->st_mtim));
	mix(hash, &st->st_ctim, sizeof(st->st_ctim));
	return true;
}

/* A sum, because the order of a directory's entries may change. */
static uint64_t
stat_hash_inside(const char *dir)
{
	char path[4096];
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;
	uint64_t one;
	DIR *d = opendir(dir);

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		one = HASH_FNV_BEGIN;
		mix(&one, e->d_name, strlen(e->d_name));
		mix_stat(&one, path, &st);
		sum += one;
	}
	closedir(d);
	return sum;
}

static uint64_t
stat_hash(const char *path)
{
	uint64_t hash = HASH_FNV_BEGIN;
	struct stat st;

	if (!mix_stat(&hash, path, &st))
		return 0;
	if (S_ISDIR(st.st_mode))
		hash += stat_hash_inside(path);
	return hash;
}

/*
 * Lists.
 */

struct watcher_list *
watcher_list_new(void)
{
	return calloc(1, sizeof(struct watcher_list));
}

static void
clear(struct watcher_list *l)
{
	while (l->count > 0)
		free(l->files[--l->count].path);
	free(l->files);
	l->files = NULL;
}

void
watcher_list_free(struct watcher_list *l)
{
	if (l == NULL)
		return;
	clear(l);
	free(l);
}

static struct watched *
find(const struct watcher_list *l, const char *path)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (strcmp(l->files[i].path, path) == 0)
			return &l->files[i];
	return NULL;
}

enum err
watcher_list_add(struct watcher_list *l, const char *path)
{
	struct watched *files;
	struct watched *f;

	if (find(l, path) != NULL)
		return OK;
	files = realloc(l->files, (l->count + 1) * sizeof(*files));
	if (files == NULL)
		return ERR_NO_MEMORY;
	l->files = files;
	f = &files[l->count];
	f->path = strdup(path);
	if (f->path == NULL)
		return ERR_NO_MEMORY;
	f->read_hash = f->last_hash = stat_hash(path);
	l->count++;
	return OK;
}

/* Moves the files of `from' that `l' does not have to `l'. Without memory they
 * are no longer watched. */
static void
move_others(struct watcher_list *l, struct watcher_list *from)
{
	size_t max = l->count + from->count;
	struct watched *files = realloc(l->files, max * sizeof(*files));
	size_t i;

	if (files == NULL)
		return;
	l->files = files;
	for (i = 0; i < from->count; i++)
		if (find(l, from->files[i].path) == NULL) {
			l->files[l->count++] = from->files[i];
			from->files[i].path = NULL;
		}
}

/*
 * The watcher.
 */

static void
schedule(struct watcher *w)
{
	if (!w->started)
		return;
	timer_stop(&w->timer);
	if (w->interval_ms == 0)
		return;
	timer_start(&w->timer,
	    w->unsettled && w->interval_ms > SETTLE_MS ? SETTLE_MS
						       : w->interval_ms);
}

static void
check_files(void *arg)
{
	struct watcher *w = arg;
	bool changed = false;
	struct watched *f;
	uint64_t hash;
	size_t i;

	w->unsettled = false;
	for (i = 0; i < w->list.count; i++) {
		f = &w->list.files[i];
		hash = stat_hash(f->path);
		changed = changed || hash != f->read_hash;
		if (hash != f->last_hash)
			w->unsettled = true;
		f->last_hash = hash;
	}
	schedule(w);
	if (!changed || w->unsettled || w->reported)
		return;
	w->reported = true;
	w->changed(w->arg);
}

struct watcher *
watcher_new(void)
{
	return calloc(1, sizeof(struct watcher));
}

void
watcher_start(struct watcher *w, struct loop *loop, void (*changed)(void *),
    void *arg)
{
	struct watched *f;
	size_t i;

	for (i = 0; i < w->list.count; i++) {
		f = &w->list.files[i];
		if (stat_hash(f->path) == 0)
			f->last_hash = f->read_hash = 0;
	}
	w->changed = changed;
	w->arg = arg;
	timer_init(&w->timer, loop, check_files, w);
	w->started = true;
	schedule(w);
}

void
watcher_take(struct watcher *w, struct watcher_list *l,
    enum watcher_files files, uint64_t interval_ms)
{
	struct watcher_list old = w->list;

	if (l != NULL) {
		if (files == WATCHER_ADD)
			move_others(l, &old);
		w->list = *l;
		clear(&old);
		free(l);
	}
	w->reported = false;
	w->interval_ms = interval_ms;
	schedule(w);
}

void
watcher_compare(const struct watcher *w, const struct watcher_list *l,
    struct report *names)
{
	const struct watched *before;
	size_t i;

	for (i = 0; i < l->count; i++) {
		before = find(&w->list, l->files[i].path);
		if (before != NULL &&
		    before->read_hash != l->files[i].read_hash)
			report_add(names, "%s", l->files[i].path);
	}
}

void
watcher_free(struct watcher *w)
{
	if (w == NULL)
		return;
	if (w->started)
		timer_stop(&w->timer);
	clear(&w->list);
	free(w);
}
