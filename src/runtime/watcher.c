#include "runtime/watcher.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/timer.h"

/* How long nothing may change before a change is told. */
#define SETTLE_MS 100

struct watched {
	char *path; /* owned */
	uint64_t look; /* what it looked like; 0 when it is not there */
	bool named; /* since watcher_begin() */
};

struct watcher {
	struct watched *files; /* owned */
	size_t count;
	struct timer timer;
	bool started; /* the timer may run */
	uint64_t interval_ms;
	bool unsettled; /* the last look saw a change */
	void (*changed)(void *arg);
	void *arg; /* borrowed */
};

/* FNV-1a; collisions would have to be made on purpose by a file's owner. */
static void
mix(uint64_t *hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len-- > 0)
		*hash = (*hash ^ *p++) * UINT64_C(0x100000001b3);
}

/* Mixes in what stat() says of `path'; false when it is not there. */
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

/* The entries' order in a directory may change, so they are added up. */
static uint64_t
look_in(const char *dir)
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
		one = UINT64_C(0xcbf29ce484222325);
		mix(&one, e->d_name, strlen(e->d_name));
		mix_stat(&one, path, &st);
		sum += one;
	}
	closedir(d);
	return sum;
}

static uint64_t
look_at(const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct stat st;

	if (!mix_stat(&hash, path, &st))
		return 0;
	if (S_ISDIR(st.st_mode))
		hash += look_in(path);
	return hash;
}

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
look_again(void *arg)
{
	struct watcher *w = arg;
	bool settled = w->unsettled;
	uint64_t look;
	size_t i;

	w->unsettled = false;
	for (i = 0; i < w->count; i++) {
		look = look_at(w->files[i].path);
		if (look == w->files[i].look)
			continue;
		w->files[i].look = look;
		w->unsettled = true;
	}
	schedule(w);
	if (settled && !w->unsettled)
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
	size_t i;

	for (i = 0; i < w->count; i++)
		if (look_at(w->files[i].path) == 0)
			w->files[i].look = 0;
	w->changed = changed;
	w->arg = arg;
	timer_init(&w->timer, loop, look_again, w);
	w->started = true;
	schedule(w);
}

void
watcher_begin(struct watcher *w)
{
	size_t i;

	for (i = 0; i < w->count; i++)
		w->files[i].named = false;
}

enum err
watcher_add(struct watcher *w, const char *path)
{
	struct watched *files;
	size_t i;

	for (i = 0; i < w->count; i++)
		if (strcmp(w->files[i].path, path) == 0) {
			w->files[i].named = true;
			return OK;
		}
	files = realloc(w->files, (w->count + 1) * sizeof(*files));
	if (files == NULL)
		return ERR_NO_MEMORY;
	w->files = files;
	files[w->count].path = strdup(path);
	if (files[w->count].path == NULL)
		return ERR_NO_MEMORY;
	files[w->count].look = look_at(path);
	files[w->count].named = true;
	w->count++;
	return OK;
}

void
watcher_end(struct watcher *w, uint64_t interval_ms)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < w->count; i++) {
		if (w->files[i].named)
			w->files[kept++] = w->files[i];
		else
			free(w->files[i].path);
	}
	w->count = kept;
	w->interval_ms = interval_ms;
	schedule(w);
}

void
watcher_free(struct watcher *w)
{
	if (w == NULL)
		return;
	watcher_begin(w);
	watcher_end(w, 0);
	free(w->files);
	free(w);
}
