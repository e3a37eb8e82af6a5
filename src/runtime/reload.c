/* SPDX-License-Identifier: ISC */
#include "runtime/reload.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "runtime/master.h"
#include "runtime/resources.h"
#include "runtime/supervisor.h"

/* The memory of freed snapshots is returned to the system once in so many
 * milliseconds at most: it means a walk over all heaps. */
#define TRIM_MS 1000

/* Other C libraries than glibc return freed memory by themselves. */
extern int malloc_trim(size_t) __attribute__((weak));

/* One load, from the request to the end. While `loading', it is the loader
 * thread's. */
struct load {
	struct loop_message message; /* brings the result to the main thread */
	struct snapshot *previous; /* counted */
	struct snapshot *next; /* counted; NULL: refused */
	struct watcher_list *files; /* owned; may be NULL */
	struct report why;
	struct report warnings;
	enum err err;
	bool replaced; /* the file is a successor's, whose options may be new */
};

struct reloader {
	struct master *master; /* borrowed */
	struct watcher *watcher; /* owned */
	/* Of the main thread: */
	bool loading; /* `load' is on the loader thread */
	bool waiting; /* another load is due after it */
	unsigned causes; /* 1 << cause, of the load that is due */
	unsigned loading_causes; /* of the load under way */
	struct list waiters; /* for the load that is due */
	struct list loading_waiters; /* for the load under way */
	struct load load;
	/* Of the loader thread and all others: */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t wake;
	bool stop;
	bool order; /* `load' is to be carried out */
	struct snapshot *retired; /* nothing uses them; see snapshot_put() */
	/* Of the loader thread: */
	uint64_t trim_at; /* clock_mono_ms(); 0: nothing to return */
	void *arena; /* owned: lies in the heap that the loads use */
};

/*
 * Loading.
 */

/* The list of files that a load reads, and whether that ran out of memory. */
struct reading {
	struct watcher_list *files;
	enum err err;
};

static void
note_file(const char *path, void *arg)
{
	struct reading *r = arg;

	if (r->err == OK)
		r->err = watcher_list_add(r->files, path);
}

enum err
reload_load(struct snapshot **out, const char *file,
    const struct snapshot *previous, struct watcher_list **files,
    struct report *why, struct report *warnings)
{
	struct reading r = { watcher_list_new(), OK };
	struct snapshot_reading reading = { note_file, &r };
	enum err err;

	*out = NULL;
	*files = r.files;
	if (r.files == NULL)
		return ERR_NO_MEMORY;
	note_file(file != NULL ? file : previous->config->file, &r);
	err = snapshot_load(out, file, previous, &reading, why, warnings);
	if (err != OK || r.err == OK)
		return err;
	snapshot_put(*out);
	*out = NULL;
	return r.err;
}

/*
 * The loader thread.
 */

/* The last count of a snapshot was put, on any thread. */
static void
retire(void *arg, struct snapshot *s)
{
	struct reloader *r = arg;

	pthread_mutex_lock(&r->lock);
	s->retired = r->retired;
	r->retired = s;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

/* Locked pages cannot be returned, so the keys' heaps are unlocked for a
 * moment. */
static void
return_memory(struct reloader *r)
{
	r->trim_at = 0;
	if (malloc_trim == NULL)
		return;
	resources_unlock_keys();
	(void)malloc_trim(0);
	resources_lock_keys(r->arena);
}

static void
free_snapshots(struct reloader *r, struct snapshot *s)
{
	struct snapshot *next;

	if (s != NULL && r->trim_at == 0)
		r->trim_at = clock_mono_ms() + TRIM_MS;
	for (; s != NULL; s = next) {
		next = s->retired;
		snapshot_free(s);
	}
}

static void finish(struct loop_message *message);

/*
 * The daemon was replaced, and cannot use the configuration of its successor.
 * What is revoked must reach its sessions all the same: it reads the files that
 * its own configuration names. Complaints become warnings.
 */
static void
load_own(struct load *l)
{
	size_t i;

	for (i = 0; i < l->why.kept; i++)
		report_add(&l->warnings, "%s; the options stay as they are",
		    l->why.lines[i]);
	report_fini(&l->why);
	watcher_list_free(l->files);
	l->files = NULL;
	l->err = reload_load(&l->next, NULL, l->previous, &l->files, &l->why,
	    &l->warnings);
}

/* Carries out the load and sends the result to the main thread. */
static void
carry_out(struct reloader *r)
{
	struct load *l = &r->load;

	l->err = reload_load(&l->next, r->master->file, l->previous, &l->files,
	    &l->why, &l->warnings);
	if (l->err == ERR_CONFIG && l->replaced)
		load_own(l);
	if (l->next != NULL)
		snapshot_on_last_put(l->next, retire, r);
	snapshot_put(l->previous);
	l->previous = NULL;
	resources_lock_keys(r->arena);
	loop_post(r->master->loop, &l->message);
}

/* Waits until there is something to do, or memory is to be returned. Called,
 * and returns, with the lock held. */
static void
wait_for_work(struct reloader *r)
{
	struct timespec at;

	while (!r->stop && !r->order && r->retired == NULL) {
		if (r->trim_at == 0) {
			pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		at.tv_sec = (time_t)(r->trim_at / 1000);
		at.tv_nsec = (long)(r->trim_at % 1000) * 1000000;
		if (pthread_cond_timedwait(&r->wake, &r->lock, &at) ==
		    ETIMEDOUT)
			return;
	}
}

static void *
work(void *arg)
{
	struct reloader *r = arg;
	struct snapshot *retired;
	bool order;
	bool stop = false;

	r->arena = malloc(1);
	while (!stop) {
		pthread_mutex_lock(&r->lock);
		wait_for_work(r);
		retired = r->retired;
		r->retired = NULL;
		order = r->order;
		r->order = false;
		stop = r->stop;
		pthread_mutex_unlock(&r->lock);
		free_snapshots(r, retired);
		if (order)
			carry_out(r);
		if (r->trim_at != 0 && clock_mono_ms() >= r->trim_at)
			return_memory(r);
	}
	return NULL;
}

/*
 * The main thread: requests and results.
 */

/* Starts the load that is due. */
static void
start_load(struct reloader *r)
{
	struct load *l = &r->load;
	struct list *node;
	struct list *next;

	if (!r->master->unsupervised)
		supervisor_notify(SUPERVISOR_RELOADING, NULL);
	r->waiting = false;
	r->loading = true;
	r->loading_causes = r->causes;
	r->causes = 0;
	list_each(node, next, &r->waiters) {
		list_remove(node);
		list_append(&r->loading_waiters, node);
	}
	memset(l, 0, sizeof(*l));
	report_init(&l->why);
	report_init(&l->warnings);
	l->message.run = finish;
	l->previous = snapshot_get(r->master->snapshot);
	l->replaced = r->master->state == MASTER_REPLACED;
	pthread_mutex_lock(&r->lock);
	r->order = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

void
reload_request(struct reloader *r, enum reload_cause cause,
    struct reload_waiter *waiter)
{
	r->causes |= 1U << cause;
	if (waiter != NULL) {
		list_init(&waiter->node);
		list_append(&r->waiters, &waiter->node);
	}
	if (r->loading)
		r->waiting = true;
	else
		start_load(r);
}

static void
append(char *text, size_t size, const char *item)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len == 0 ? "" : ",", item);
}

/* Adds what led to the reload: the causes, and the files that have changed. */
static void
add_trigger(struct log_line *line, unsigned causes,
    const struct report *changed)
{
	static const char *const names[] = {
#define X(id, name) name,
		RELOAD_CAUSES(X)
#undef X
	};
	char cause[64] = "";
	char files[LOG_VALUE_MAX + 2] = "";
	size_t i;

	for (i = 0; i < RELOAD_CAUSE_COUNT; i++)
		if ((causes & 1U << i) != 0)
			append(cause, sizeof(cause), names[i]);
	log_str(line, "cause", cause);
	for (i = 0; i < changed->kept; i++)
		append(files, sizeof(files), changed->lines[i]);
	if (files[0] != '\0')
		log_str(line, "changed", files);
}

static void
log_result(const struct reloader *r, const struct load *l)
{
	struct report changed;
	struct log_line line;

	report_init(&changed);
	if (l->files != NULL)
		watcher_compare(r->watcher, l->files, &changed);
	report_log(&l->warnings, LOG_LEVEL_WARN, "reload_warning");
	report_log(&l->why, LOG_LEVEL_ERROR, "reload_refused");
	if (l->err == OK)
		log_begin(&line, LOG_LEVEL_INFO, "reload");
	else
		log_begin(&line, LOG_LEVEL_ERROR, "reload_failed");
	if (l->err == OK)
		log_fmt(&line, "msg", "generation %llu in force",
		    (unsigned long long)r->master->snapshot->generation);
	else
		log_fmt(&line, "msg", "%s; generation %llu stays in force",
		    err_text(l->err),
		    (unsigned long long)r->master->snapshot->generation);
	add_trigger(&line, r->loading_causes, &changed);
	if (l->err == OK && r->master->snapshot->tls_shared > 0)
		log_u64(&line, "tls_unchanged",
		    r->master->snapshot->tls_shared);
	log_end(&line);
	report_fini(&changed);
}

static void
notify_all(struct list *waiters, const struct reload_result *result)
{
	struct reload_waiter *waiter;
	struct list *node;
	struct list *next;

	list_each(node, next, waiters) {
		waiter = list_entry(node, struct reload_waiter, node);
		list_remove(node);
		waiter->done(waiter, result); /* waiter may be gone */
	}
}

static void
notify_waiters(struct reloader *r, const struct load *l)
{
	struct reload_result result = {
		.err = l->err,
		.generation = r->master->snapshot->generation,
		.warnings = &l->warnings,
		.complaints = &l->why,
	};

	notify_all(&r->loading_waiters, &result);
}

/* The daemon ends before the loads that the waiters wait for. */
static void
refuse_waiters(struct reloader *r)
{
	struct report warnings;
	struct report why;
	struct reload_result result = {
		.err = ERR_REFUSED,
		.generation = r->master->snapshot->generation,
		.warnings = &warnings,
		.complaints = &why,
	};

	report_init(&warnings);
	report_init(&why);
	report_add(&why, "the daemon is stopping");
	notify_all(&r->loading_waiters, &result);
	notify_all(&r->waiters, &result);
	report_fini(&why);
}

/* The load has ended. If it was refused, the files in force are watched and
 * also those that were to be: either may be corrected. */
static void
finish(struct loop_message *message)
{
	struct load *l = list_entry(message, struct load, message);
	struct reloader *r = list_entry(l, struct reloader, load);
	struct master *m = r->master;

	if (r->stop)
		return;
	r->loading = false;
	if (l->err == OK)
		l->err = master_adopt(m, l->next, &l->why, &l->warnings);
	m->reload_failed = l->err != OK;
	m->reload_ended_at = clock_wall_s();
	snprintf(m->reload_complaint, sizeof(m->reload_complaint), "%s",
	    l->why.kept > 0 ? l->why.lines[0] : err_text(l->err));
	if (m->reload_failed)
		m->reloads_failed++;
	log_result(r, l);
	watcher_take(r->watcher, l->files,
	    l->err == OK ? WATCHER_REPLACE : WATCHER_ADD,
	    m->snapshot->config->daemon.watch_interval);
	if (!m->unsupervised)
		supervisor_notify(SUPERVISOR_READY,
		    l->err == OK ? "reloaded"
				 : "the last reload failed: see the log");
	notify_waiters(r, l);
	snapshot_put(l->next);
	report_fini(&l->why);
	report_fini(&l->warnings);
	if (r->waiting)
		start_load(r);
}

static void
files_changed(void *arg)
{
	reload_request(arg, RELOAD_FILES, NULL);
}

/*
 * Beginning and end.
 */

struct reloader *
reload_new(struct master *m, struct watcher_list *files)
{
	struct reloader *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (r != NULL)
		r->watcher = watcher_new();
	if (r == NULL || r->watcher == NULL) {
		watcher_list_free(files);
		free(r);
		return NULL;
	}
	r->master = m;
	list_init(&r->waiters);
	list_init(&r->loading_waiters);
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	watcher_take(r->watcher, files, WATCHER_REPLACE,
	    m->snapshot->config->daemon.watch_interval);
	snapshot_on_last_put(m->snapshot, retire, r);
	return r;
}

enum err
reload_start(struct reloader *r)
{
	if (thread_start(&r->thread, 0, work, r) != OK)
		return ERR_SYSTEM;
	r->started = true;
	watcher_start(r->watcher, r->master->loop, files_changed, r);
	return OK;
}

void
reload_stop(struct reloader *r)
{
	if (r == NULL || !r->started)
		return;
	refuse_waiters(r);
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	r->started = false;
	watcher_free(r->watcher);
	r->watcher = NULL;
	free(r->arena);
	r->arena = NULL;
	if (!r->loading)
		return;
	/* finish() does nothing any more. */
	watcher_list_free(r->load.files);
	snapshot_put(r->load.previous);
	snapshot_put(r->load.next);
	report_fini(&r->load.why);
	report_fini(&r->load.warnings);
}

void
reload_free(struct reloader *r)
{
	if (r == NULL)
		return;
	watcher_free(r->watcher);
	free_snapshots(r, r->retired);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
