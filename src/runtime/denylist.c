/* SPDX-License-Identifier: ISC */
#include "runtime/denylist.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "identity/deny_edit.h"
#include "runtime/deny_sweep.h"
#include "runtime/master.h"

/* How long a file that looks different must stay as it is before it is read,
 * so that a file that is being written is not. */
#define SETTLE_MS 100

/* How long to wait before a list is read again if memory ran out. */
#define RETRY_MS 500
/* How long a change by a command is kept if the file is replaced by one without
 * it. */
#define KEEP_MS 10000

enum job_kind {
	JOB_EDIT, /* writes a change to the file */
	JOB_LOAD, /* reads the file */
	JOB_FREE /* frees a base that was replaced */
};

/* Something for the thread to do. */
struct job {
	struct list node; /* in manager->queue until the thread has it */
	struct list pending; /* in manager->pending, until it is finished */
	struct loop_message message; /* brings the result back */
	struct denylist_manager *manager; /* borrowed */
	enum job_kind kind;
	struct identity_denylist *list; /* counted */
	char *path; /* owned */
	struct identity_deny_change change; /* owned; JOB_EDIT */
	struct identity_deny_edit edit; /* JOB_EDIT */
	struct identity_deny_base *base; /* owned; JOB_LOAD, JOB_FREE */
	struct stat
	    file_stat; /* of the file, just before it is read; JOB_LOAD */
	struct report why;
	enum err err;
	uint64_t began; /* clock_mono_ms() of the thread */
	denylist_done *done; /* may be NULL */
	void *arg;
};

/* Waits for a load of the file. */
struct waiter {
	struct list node;
	denylist_done *done; /* may be NULL */
	void *arg;
};

/* A change that was put in force lately. */
struct recent {
	struct list node;
	uint64_t at; /* clock_mono_ms() */
	struct identity_deny_table entries; /* owned */
};

struct denylist_manager {
	struct master *master; /* borrowed */
	struct identity_denylist *list; /* counted; NULL: there is none */
	char *path; /* owned; of the list's file */
	struct stat known; /* the version of the file that is in force */
	struct stat refused; /* the version that has errors; or zero */
	struct stat seen; /* at the last check */
	size_t obsolete_rows; /* rows of the file that do not count */
	bool loading; /* a JOB_LOAD is under way */
	struct list next_load; /* waiters for the load after it; see load() */
	bool retry; /* memory was missing: load again at the next check */
	struct timer watch;
	struct list recent; /* oldest first */
	struct list sweeps; /* under way; see runtime/deny_sweep.h */
	struct list pending; /* jobs that are not finished */
	/* The thread's: */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t wake;
	struct list queue;
	bool stop;
};

void
denylist_complete(denylist_done *done, void *arg, enum err err,
    const struct report *why, uint64_t ended)
{
	struct denylist_result result = { err, why, ended };

	if (done != NULL)
		done(arg, &result);
}

void
denylist_fail(denylist_done *done, void *arg, enum err err)
{
	struct report why;

	report_init(&why);
	report_add(&why, "%s", err_text(err));
	denylist_complete(done, arg, err, &why, 0);
	report_fini(&why);
}

/*
 * The thread.
 */

static void finish(struct loop_message *message);

static void
job_free(struct job *job)
{
	list_remove(&job->pending);
	identity_denylist_put(job->list);
	identity_deny_change_fini(&job->change);
	identity_deny_base_free(job->base);
	report_fini(&job->why);
	free(job->path);
	free(job);
}

/* Stores what a file looks like; a missing one gets an inode number that no
 * file has. */
static void
stat_file(const char *path, struct stat *file_stat)
{
	memset(file_stat, 0, sizeof(*file_stat));
	if (stat(path, file_stat) == 0)
		return;
	memset(file_stat, 0, sizeof(*file_stat));
	file_stat->st_ino = (ino_t)-1;
}

static void
carry_out(struct job *job)
{
	job->began = clock_mono_ms();
	switch (job->kind) {
	case JOB_EDIT:
		job->err = identity_deny_edit_run(&job->edit);
		break;
	case JOB_LOAD:
		stat_file(job->path, &job->file_stat);
		job->err = identity_deny_base_read(&job->base,
		    identity_denylist_hash(job->list), job->path, &job->why);
		break;
	case JOB_FREE:
		identity_deny_base_free(job->base);
		job->base = NULL;
		break;
	}
	loop_post(job->manager->master->loop, &job->message);
}

static void *
work(void *arg)
{
	struct denylist_manager *d = arg;
	struct job *job;

	for (;;) {
		pthread_mutex_lock(&d->lock);
		while (!d->stop && list_empty(&d->queue))
			pthread_cond_wait(&d->wake, &d->lock);
		if (d->stop) {
			pthread_mutex_unlock(&d->lock);
			return NULL;
		}
		job = list_entry(d->queue.next, struct job, node);
		list_remove(&job->node);
		pthread_mutex_unlock(&d->lock);
		carry_out(job);
	}
}

/* A job for the present list; NULL: out of memory. */
static struct job *
job_new(struct denylist_manager *d, enum job_kind kind)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	list_init(&job->node);
	list_init(&job->pending);
	job->message.run = finish;
	job->manager = d;
	job->kind = kind;
	job->list = identity_denylist_get(d->list);
	report_init(&job->why);
	job->path = strdup(d->path);
	if (job->path != NULL)
		return job;
	job_free(job);
	return NULL;
}

/* Jobs that free a base go first, so that replaced bases do not pile up while
 * other jobs run. */
static void
enqueue(struct denylist_manager *d, struct job *job)
{
	list_append(&d->pending, &job->pending);
	pthread_mutex_lock(&d->lock);
	list_append(job->kind == JOB_FREE ? d->queue.next : &d->queue,
	    &job->node);
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

/* Frees a base on the thread: a million rows take tens of milliseconds. */
static void
free_base(struct denylist_manager *d, struct identity_deny_base *base)
{
	struct job *job = job_new(d, JOB_FREE);

	if (job == NULL) {
		identity_deny_base_free(base);
		return;
	}
	job->base = base;
	enqueue(d, job);
}

/*
 * Recent changes.
 */

static void
recent_free(struct recent *r)
{
	list_remove(&r->node);
	identity_deny_table_fini(&r->entries);
	free(r);
}

/* Forgets changes that are too old at `now' (0: all). */
static void
forget(struct denylist_manager *d, uint64_t now)
{
	struct list *node;
	struct list *next;
	struct recent *r;

	list_each(node, next, &d->recent) {
		r = list_entry(node, struct recent, node);
		if (now == 0 || r->at + KEEP_MS < now)
			recent_free(r);
	}
}

/* Remembers the entries of a change, and takes them over. Without memory they
 * are forgotten, and only a concurrent edit could lose them. */
static void
remember(struct denylist_manager *d, struct identity_deny_table *entries)
{
	struct recent *r = calloc(1, sizeof(*r));

	forget(d, clock_mono_ms());
	if (r == NULL)
		return;
	r->at = clock_mono_ms();
	r->entries = *entries;
	identity_deny_table_init(entries, identity_denylist_hash(d->list));
	list_init(&r->node);
	list_append(&d->recent, &r->node);
}

/* Copies one entry to another table. */
static enum err
copy_entry(struct identity_deny_table *to,
    const struct identity_deny_table *from, size_t i)
{
	const struct identity_deny_entry *e = &from->entries[i];
	struct identity_deny_lookup what = identity_deny_lookup_make(&to->hash,
	    (enum identity_deny_kind)e->kind, identity_deny_table_key(from, e));

	return identity_deny_table_set(to, &what,
	    identity_deny_table_reason(from, e), e->until);
}

/* Adds the entries of all changes up to `until' to `t', in their order. */
static enum err
collect(const struct denylist_manager *d, uint64_t until,
    struct identity_deny_table *t)
{
	struct list *node;
	struct list *next;
	const struct recent *r;
	enum err err = OK;
	size_t i;

	list_each(node, next, &d->recent) {
		r = list_entry(node, struct recent, node);
		for (i = 0; i < r->entries.count && r->at <= until && err == OK;
		     i++)
			err = copy_entry(t, &r->entries, i);
	}
	return err;
}

/*
 * The main thread: results.
 */

static void
log_lines(const struct report *r, enum log_level level, const char *event)
{
	size_t i;

	for (i = 0; i < r->kept; i++)
		log_event(level, event, "%s", r->lines[i]);
}

/* The file's new version is known if no other program changed it in between. If
 * it is not, the next check finds it different, and it is read. */
static void
note_version(struct denylist_manager *d, const struct identity_deny_edit *e)
{
	bool was_known = identity_deny_same_version(&d->known, &e->before) ||
	    (d->known.st_ino == 0 && e->before.st_size == 0);

	if (was_known && e->alone)
		d->known = e->after;
	else
		memset(&d->known, 0, sizeof(d->known));
	d->obsolete_rows = e->obsolete_rows;
}

/* Schedules another read of the file, for when there may be memory. */
static void
read_again(struct denylist_manager *d)
{
	d->retry = true;
	timer_start(&d->watch, RETRY_MS);
}

static void
edited(struct denylist_manager *d, struct job *job)
{
	enum err err = job->err;

	if (err == OK) {
		err = identity_denylist_apply(job->list, &job->change.entries);
		if (err != OK)
			report_add(&job->why, "out of memory");
	}
	if (job->list == d->list && job->err == OK)
		note_version(d, &job->edit);
	/* The file has what the list in force lacks: it is read again. */
	if (job->list == d->list && job->err == OK && err != OK) {
		memset(&d->known, 0, sizeof(d->known));
		read_again(d);
	}
	if (err != OK) {
		if (job->done == NULL)
			log_lines(&job->why, LOG_LEVEL_ERROR, "denylist");
		denylist_complete(job->done, job->arg, err, &job->why, 0);
		return;
	}
	deny_sweep(&d->sweeps, d->master, &job->change.entries, job->done,
	    job->arg);
	if (job->list == d->list)
		remember(d, &job->change.entries);
}

/* A version of the file is not put in force; NULL: for lack of memory, so it
 * is read again until there is some, because it may be good. */
static void
refuse(struct denylist_manager *d, const struct stat *version,
    const struct report *why)
{
	log_lines(why, LOG_LEVEL_ERROR, "reload_refused");
	log_event(LOG_LEVEL_ERROR, "reload_failed",
	    "%s: %s; the old deny list stays in force%s", d->path,
	    version == NULL ? "out of memory" : "refused",
	    version == NULL ? " for now" : "");
	if (version == NULL)
		read_again(d);
	else
		d->refused = *version;
}

/* Writes again what a command changed before the load began and the file, as
 * another program left it, does not have. */
static void
restore(struct denylist_manager *d, uint64_t began)
{
	struct identity_deny_table t;
	struct identity_deny_change c;
	enum err err;
	size_t i;

	identity_deny_table_init(&t, identity_denylist_hash(d->list));
	identity_deny_change_init(&c, d->list);
	err = collect(d, began, &t);
	for (i = 0; i < t.count && err == OK; i++) {
		if (!identity_denylist_is_changed(d->list, &t, i))
			continue;
		err = copy_entry(&c.entries, &t, i);
		if (err == OK && t.entries[i].until == IDENTITY_DENY_REMOVED)
			err = copy_entry(&c.replaced, &t, i);
	}
	identity_deny_table_fini(&t);
	if (err == OK && c.entries.count > 0) {
		log_event(LOG_LEVEL_WARN, "denylist",
		    "%s: another program replaced it by an older version; "
		    "writing %zu changes again",
		    d->path, c.entries.count);
		denylist_change(d, &c, NULL, NULL);
	} else {
		identity_deny_change_fini(&c);
	}
}

/*
 * A file that belongs to the fleet: see fleet/file.h.
 */

static bool
is_shared(const struct denylist_manager *d)
{
	return d->list != NULL && d->list == d->master->snapshot->fleet_file;
}

/* Waits for a sweep that the fleet has begun. */
struct sweep_waiter {
	denylist_done *done;
	void *arg;
};

static void
fleet_swept_file(void *arg, uint64_t ended)
{
	struct sweep_waiter *t = arg;
	struct report none;

	report_init(&none);
	denylist_complete(t->done, t->arg, OK, &none, ended);
	free(t);
}

/* Lets the fleet know of a version of the file, and tells `done' unless there
 * is an error. */
static enum err
share_rows(struct denylist_manager *d, const struct identity_deny_base *base,
    struct report *why, denylist_done *done, void *arg)
{
	struct sweep_waiter *t = NULL;
	struct report lines;
	enum err err;
	size_t i;

	if (done != NULL) {
		t = malloc(sizeof(*t));
		if (t == NULL)
			return ERR_NO_MEMORY;
		t->done = done;
		t->arg = arg;
	}
	report_init(&lines);
	err = fleet_take_file(d->master->fleet, &base->table, &base->file_stat,
	    &lines, t == NULL ? NULL : fleet_swept_file, t);
	if (err != OK)
		free(t);
	for (i = 0; i < lines.kept; i++)
		report_add(why, "%s: %s", d->path, lines.lines[i]);
	if (err != OK && lines.kept == 0)
		report_add(why, "%s: %s", d->path, err_text(err));
	report_fini(&lines);
	return err;
}

/* A version that was read while the daemon runs. */
static enum err
share(struct denylist_manager *d, struct job *job)
{
	struct identity_deny_base *base = job->base;
	enum err err = share_rows(d, base, &job->why, job->done, job->arg);

	if (err != OK)
		return err;
	log_event(LOG_LEVEL_INFO, "denylist", "%s has changed: it has %zu rows",
	    d->path, base->table.count - base->table.removed);
	d->known = base->file_stat;
	memset(&d->refused, 0, sizeof(d->refused));
	job->base = NULL;
	free_base(d, base); /* the fleet has the entries */
	return OK;
}

/* Frees the rows of the first version: the fleet has the entries. */
static void
drop_rows(struct denylist_manager *d)
{
	const struct hash_key *hash = identity_denylist_hash(d->list);
	struct identity_deny_base *empty = identity_deny_base_new(hash);
	struct identity_deny_base *old = NULL;

	if (empty == NULL)
		return;
	empty->file_stat = *identity_denylist_file_stat(d->list);
	if (identity_denylist_replace(d->list, empty, NULL, &old) != OK)
		old = empty;
	identity_deny_base_free(old);
}

/* The first version, or that of another file that a reload has named. It was
 * read with the snapshot. */
static enum err
share_first(struct denylist_manager *d)
{
	const struct identity_deny_base *base = identity_denylist_base(d->list);
	struct report why;
	enum err err;

	report_init(&why);
	err = share_rows(d, base, &why, NULL, NULL);
	if (err == ERR_CONFIG)
		refuse(d, &base->file_stat, &why);
	report_fini(&why);
	if (err != OK && err != ERR_CONFIG) {
		memset(&d->known, 0, sizeof(d->known)); /* read it again */
		return err;
	}
	drop_rows(d);
	return OK;
}

/* Puts a base in force that was read from the file. */
static enum err
put_in_force(struct denylist_manager *d, struct job *job)
{
	struct identity_deny_base *old = NULL;
	struct identity_deny_table keep;
	enum err err;

	forget(d, job->began);
	identity_deny_table_init(&keep, identity_denylist_hash(d->list));
	err = collect(d, UINT64_MAX, &keep);
	if (err == OK)
		err =
		    identity_denylist_replace(d->list, job->base, &keep, &old);
	identity_deny_table_fini(&keep);
	if (err != OK)
		return err;
	d->known = job->base->file_stat;
	d->obsolete_rows = job->base->obsolete_rows;
	memset(&d->refused, 0, sizeof(d->refused));
	job->base = NULL;
	log_event(LOG_LEVEL_INFO, "denylist",
	    "%s has changed: %zu entries in force", d->path,
	    identity_denylist_count(d->list));
	free_base(d, old);
	restore(d, job->began);
	return OK;
}

static void
loaded(struct denylist_manager *d, struct job *job)
{
	enum err err = job->err;

	d->loading = false;
	if (job->list != d->list) {
		denylist_complete(job->done, job->arg, OK, &job->why, 0);
		return;
	}
	if (err == OK && is_shared(d)) {
		err = share(d, job);
	} else if (err == OK) {
		err = put_in_force(d, job);
		if (err != OK)
			report_add(&job->why, "%s: %s", d->path, err_text(err));
	}
	if (err == OK) {
		if (!is_shared(d))
			deny_sweep(&d->sweeps, d->master, NULL, job->done,
			    job->arg);
		return;
	}
	refuse(d, err == ERR_NO_MEMORY ? NULL : &job->file_stat, &job->why);
	denylist_complete(job->done, job->arg, err, &job->why, 0);
}

static void load_next(struct denylist_manager *d);

static void
finish(struct loop_message *message)
{
	struct job *job = list_entry(message, struct job, message);
	struct denylist_manager *d = job->manager;

	if (job->kind == JOB_EDIT && job->err == OK)
		handover_notify(d->master, HANDOVER_NOTICE_DENY, NULL);
	if (!d->stop && job->kind == JOB_EDIT)
		edited(d, job);
	else if (!d->stop && job->kind == JOB_LOAD)
		loaded(d, job);
	if (!d->stop && job->kind == JOB_LOAD)
		load_next(d);
	job_free(job);
}

/*
 * The main thread: requests.
 */

void
denylist_change(struct denylist_manager *d, struct identity_deny_change *change,
    denylist_done *done, void *arg)
{
	struct job *job = d->list == NULL ? NULL : job_new(d, JOB_EDIT);

	if (job == NULL) {
		identity_deny_change_fini(change);
		denylist_fail(done, arg,
		    d->list == NULL ? ERR_NOT_FOUND : ERR_NO_MEMORY);
		return;
	}
	job->change = *change;
	memset(change, 0, sizeof(*change));
	job->edit.path = job->path;
	job->edit.change = &job->change;
	job->edit.report = &job->why;
	job->edit.obsolete_rows = d->obsolete_rows;
	job->edit.create = identity_denylist_count(d->list) == 0;
	job->done = done;
	job->arg = arg;
	enqueue(d, job);
}

/* Tells all waiters of a load, which `arg' is the list of, and frees it. */
static void
notify_waiters(void *arg, const struct denylist_result *result)
{
	struct list *waiters = arg;
	struct list *node;
	struct list *next;
	struct waiter *w;

	list_each(node, next, waiters) {
		w = list_entry(node, struct waiter, node);
		list_remove(node);
		if (w->done != NULL)
			w->done(w->arg, result);
		free(w);
	}
	free(waiters);
}

static void
start_load(struct denylist_manager *d, denylist_done *done, void *arg)
{
	struct job *job = job_new(d, JOB_LOAD);

	if (job == NULL) {
		denylist_fail(done, arg, ERR_NO_MEMORY);
		return;
	}
	d->loading = true;
	job->done = done;
	job->arg = arg;
	enqueue(d, job);
}

/* Reads the file. All requests that come while it is being read wait for one
 * more load, because the file may have changed after it was read. So at most
 * one load is under way and one is due, however often a load is requested. */
static void
load(struct denylist_manager *d, denylist_done *done, void *arg)
{
	struct waiter *w;

	if (!d->loading) {
		start_load(d, done, arg);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		denylist_fail(done, arg, ERR_NO_MEMORY);
		return;
	}
	w->done = done;
	w->arg = arg;
	list_init(&w->node);
	list_append(&d->next_load, &w->node);
}

/* Tells the waiters of the next load that it will not take place. */
static void
fail_waiters(struct denylist_manager *d, enum err err)
{
	struct list *node;
	struct list *next;
	struct waiter *w;

	list_each(node, next, &d->next_load) {
		w = list_entry(node, struct waiter, node);
		list_remove(node);
		denylist_fail(w->done, w->arg, err);
		free(w);
	}
}

/* A load is over: starts the one that is due. */
static void
load_next(struct denylist_manager *d)
{
	struct list *waiters;
	struct list *node;
	struct list *next;
	struct report none;

	if (list_empty(&d->next_load) || d->loading)
		return;
	waiters = malloc(sizeof(*waiters));
	if (waiters == NULL) {
		fail_waiters(d, ERR_NO_MEMORY);
		return;
	}
	list_init(waiters);
	list_each(node, next, &d->next_load) {
		list_remove(node);
		list_append(waiters, node);
	}
	if (d->list != NULL) {
		start_load(d, notify_waiters, waiters);
		return;
	}
	/* There is no list any more, and so nothing to read. */
	report_init(&none);
	denylist_complete(notify_waiters, waiters, OK, &none, 0);
}

void
denylist_reload(struct denylist_manager *d, denylist_done *done, void *arg)
{
	struct report none;
	struct stat now;

	report_init(&none);
	if (d->list != NULL &&
	    (stat(d->path, &now) == -1 ||
		!identity_deny_same_version(&now, &d->known) ||
		now.st_ctim.tv_sec + 2 >= clock_wall_s()))
		load(d, done, arg);
	else
		denylist_complete(done, arg, OK, &none, 0);
}

bool
denylist_is_refused(const struct denylist_manager *d)
{
	return d->refused.st_ino != 0;
}

void
denylist_count(struct denylist_manager *d,
    const struct identity_deny_change *change, denylist_done *done, void *arg)
{
	deny_sweep_count(&d->sweeps, d->master, change, done, arg);
}

/*
 * Watching.
 */

static void
schedule(struct denylist_manager *d, bool soon)
{
	uint64_t ms = d->master->snapshot->config->daemon.watch_interval;

	timer_stop(&d->watch);
	if (d->list == NULL || ms == 0)
		return;
	timer_start(&d->watch, soon && ms > SETTLE_MS ? SETTLE_MS : ms);
}

/* Reads the file if it has another version than the one in force, and that
 * for one more check. */
static void
check_file(void *arg)
{
	struct denylist_manager *d = arg;
	struct stat now;
	bool differs;
	bool settled;

	if (d->retry && !d->loading) {
		d->retry = false;
		schedule(d, false);
		load(d, NULL, NULL);
		return;
	}
	stat_file(d->path, &now);
	settled = identity_deny_same_version(&now, &d->seen);
	differs = !identity_deny_same_version(&now, &d->known) &&
	    !identity_deny_same_version(&now, &d->refused);
	d->seen = now;
	schedule(d, differs && !settled);
	if (differs && settled && !d->loading)
		load(d, NULL, NULL);
}

/* The list of the file that a snapshot names. A list without a file is there
 * for the fleet's only. */
static struct identity_denylist *
list_of(const struct snapshot *s)
{
	if (s->config->denylist.file[0] == '\0')
		return NULL;
	return s->fleet_file != NULL ? s->fleet_file : s->denylist;
}

/* Takes over the list of the snapshot in force. */
static enum err
take_list(struct denylist_manager *d)
{
	const struct snapshot *s = d->master->snapshot;
	char *path = strdup(s->config->denylist.file);

	if (path == NULL)
		return ERR_NO_MEMORY;
	free(d->path);
	d->path = path;
	forget(d, 0);
	identity_denylist_put(d->list);
	d->list = identity_denylist_get(list_of(s));
	memset(&d->known, 0, sizeof(d->known));
	memset(&d->refused, 0, sizeof(d->refused));
	d->obsolete_rows = 0;
	if (d->list != NULL) {
		d->known = *identity_denylist_file_stat(d->list);
		d->obsolete_rows = identity_denylist_obsolete_rows(d->list);
	}
	d->seen = d->known;
	return OK;
}

void
denylist_follow(struct denylist_manager *d)
{
	bool is_new = d->list != list_of(d->master->snapshot);

	if (is_new && take_list(d) != OK)
		log_event(LOG_LEVEL_ERROR, "denylist",
		    "out of memory: the deny list is not watched");
	schedule(d, false);
	if (is_new && is_shared(d) && share_first(d) != OK)
		read_again(d);
}

enum err
denylist_share(struct denylist_manager *d)
{
	return is_shared(d) ? share_first(d) : OK;
}

/*
 * Beginning and end.
 */

struct denylist_manager *
denylist_manager_new(struct master *m)
{
	struct denylist_manager *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->master = m;
	list_init(&d->recent);
	list_init(&d->sweeps);
	list_init(&d->queue);
	list_init(&d->pending);
	list_init(&d->next_load);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->wake, NULL);
	timer_init(&d->watch, m->loop, check_file, d);
	if (take_list(d) != OK) {
		denylist_manager_free(d);
		return NULL;
	}
	return d;
}

enum err
denylist_manager_start(struct denylist_manager *d)
{
	if (thread_start(&d->thread, 0, work, d) != OK)
		return ERR_SYSTEM;
	d->started = true;
	schedule(d, false);
	return OK;
}

void
denylist_manager_stop(struct denylist_manager *d)
{
	struct list *node;
	struct list *next;
	struct job *job;

	if (d == NULL)
		return;
	timer_stop(&d->watch);
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	if (d->started)
		pthread_join(d->thread, NULL);
	d->started = false;
	list_each(node, next, &d->pending) {
		job = list_entry(node, struct job, pending);
		denylist_fail(job->done, job->arg, ERR_CLOSED);
		job->done = NULL;
	}
	fail_waiters(d, ERR_CLOSED);
	/* Jobs that the thread had are freed together with the loop. */
	list_each(node, next, &d->queue) {
		list_remove(node);
		job_free(list_entry(node, struct job, node));
	}
	deny_sweep_stop(&d->sweeps);
}

void
denylist_manager_free(struct denylist_manager *d)
{
	if (d == NULL)
		return;
	forget(d, 0);
	identity_denylist_put(d->list);
	free(d->path);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
