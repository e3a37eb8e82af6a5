#include "runtime/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/cpus.h"
#include "runtime/hardening.h"
#include "runtime/ports.h"
#include "runtime/privileges.h"
#include "runtime/rights.h"
#include "runtime/supervisor.h"
#include "session/options.h"

/* Patience beyond drain_timeout, for last words on their way. */
#define DRAIN_GRACE_MS 2000

/* A worker's way to say that its last session is gone. */
struct empty_note {
	struct loop_message message;
	struct master *master;
};

static void
one_is_empty(struct loop_message *message)
{
	struct empty_note *note =
	    list_entry(message, struct empty_note, message);
	struct master *m = note->master;

	free(note);
	m->draining--;
	if (m->draining == 0)
		loop_stop(m->loop);
}

static void
tell_empty(struct worker *w, void *arg)
{
	struct empty_note *note = calloc(1, sizeof(*note));

	(void)w;
	if (note == NULL)
		return; /* the drain timer ends it */
	note->message.run = one_is_empty;
	note->master = arg;
	loop_post(note->master->loop, &note->message);
}

static void
patience_ends(void *arg)
{
	struct master *m = arg;

	log_event(LOG_LEVEL_WARN, "drain_timeout",
	    "sessions are still open; closing them");
	loop_stop(m->loop);
}

/* The supervisor's watchdog hears from this loop: if it hangs, so do reloads,
 * drains and admin. */
static void
pulse(void *arg)
{
	struct master *m = arg;

	supervisor_tell(SUPERVISOR_ALIVE, NULL);
	timer_start(&m->pulse, supervisor_watchdog_ms());
}

static void
begin_drain(void *arg)
{
	struct master *m = arg;
	uint64_t ms = m->snapshot->config->daemon.drain_timeout;
	struct worker_order *order;
	size_t i;

	log_event(LOG_LEVEL_INFO, "drain",
	    "no new connections; sessions leave within %llu ms",
	    (unsigned long long)ms);
	supervisor_tell(SUPERVISOR_STOPPING, "sessions are leaving");
	m->state = MASTER_DRAINING;
	m->draining = m->worker_count;
	timer_start(&m->drain, ms + DRAIN_GRACE_MS);
	for (i = 0; i < m->worker_count; i++) {
		order = worker_order_drain(m->workers[i], ms);
		if (order == NULL)
			loop_stop(m->loop);
		else
			worker_send(order);
	}
}

void
master_drain(struct master *m)
{
	uint64_t ms = m->snapshot->config->daemon.drain_delay;

	if (ms == 0) {
		begin_drain(m);
		return;
	}
	log_event(LOG_LEVEL_INFO, "leave",
	    "not ready any more; who comes within %llu ms is still let in",
	    (unsigned long long)ms);
	m->state = MASTER_LEAVING;
	timer_start(&m->leave, ms);
}

static void
caught(int number, void *arg)
{
	struct master *m = arg;

	if (number == SIGHUP) {
		(void)master_reload(m, NULL);
		return;
	}
	/* The first one does not cut short what sallyportctl has begun. */
	if (number == SIGTERM && !m->terminated) {
		m->terminated = true;
		if (m->state == MASTER_SERVING)
			master_drain(m);
		return;
	}
	m->state = MASTER_STOPPING;
	loop_stop(m->loop);
}

static void
file_changed(void *arg)
{
	(void)master_reload(arg, NULL);
}

static enum err
open_log(const struct config *cfg, struct report *why)
{
	const struct config_daemon *d = &cfg->daemon;

	if (log_open(d->log, d->log_level, d->log_format) == OK)
		return OK;
	CONFIG_COMPLAIN(cfg, why, d, log,
	    "cannot open %s: %s (create its folder, writable by [daemon] "
	    "user)",
	    d->log, strerror(errno));
	return ERR_CONFIG;
}

static void
log_report(const struct report *r, enum log_level level, const char *event)
{
	size_t i;

	for (i = 0; i < r->kept; i++)
		log_event(level, event, "%s", r->lines[i]);
}

/* What is configured, as far as there are descriptors for it. */
static void
limit(struct master *m, const struct config *cfg)
{
	struct throttle_options limits;

	options_throttle(&limits, cfg);
	if (limits.connections > m->room)
		log_event(LOG_LEVEL_WARN, "connections",
		    "%u configured, but %llu files may be open, which is "
		    "enough for %u (raise LimitNOFILE, or ulimit -n)",
		    limits.connections, (unsigned long long)m->files, m->room);
	if (limits.connections == 0 || limits.connections > m->room)
		limits.connections = m->room;
	throttle_set(m->throttle, &limits);
}

/* Where it is not allowed the keys are not worse off than anybody's. */
static void
lock_keys(void)
{
	size_t short_of = hardening_lock_heap();

	if (short_of > 0)
		log_event(LOG_LEVEL_INFO, "keys",
		    "keys could be written to swap: raise LimitMEMLOCK, or "
		    "ulimit -l, by %zu bytes",
		    short_of);
}

static void
free_orders(const struct master *m, struct worker_order **orders)
{
	size_t i;

	for (i = 0; i < m->worker_count; i++)
		worker_order_free(orders[i]);
	free(orders);
}

/* One reload order for each worker, none of them sent. NULL: out of memory. */
static struct worker_order **
make_orders(const struct master *m, struct snapshot *next)
{
	struct worker_order **orders =
	    calloc(m->worker_count, sizeof(struct worker_order *));
	size_t i;

	for (i = 0; orders != NULL && i < m->worker_count; i++) {
		orders[i] = worker_order_reload(m->workers[i], next);
		if (orders[i] == NULL) {
			free_orders(m, orders);
			return NULL;
		}
	}
	return orders;
}

/* Makes `next' the snapshot in force for everything, or changes nothing. */
static enum err
put_in_force(struct master *m, struct snapshot *next, struct report *why)
{
	struct worker_order **orders = make_orders(m, next);
	enum err err;
	size_t i;

	if (orders == NULL)
		return ERR_NO_MEMORY;
	err = open_log(next->config, why);
	if (err != OK) {
		free_orders(m, orders);
		return err;
	}
	/* From here on nothing can fail. */
	limit(m, next->config);
	for (i = 0; i < m->worker_count; i++)
		worker_send(orders[i]);
	free(orders);
	retired_take(&m->retired, m->snapshot);
	m->snapshot = snapshot_get(next);
	m->reloaded_at = clock_wall_s();
	lock_keys();
	return OK;
}

/* A good snapshot: what it cannot change, and what is odd about it, is said;
 * then it counts. */
static enum err
adopt(struct master *m, struct snapshot *next, struct report *why)
{
	struct report unchanged;

	report_init(&unchanged);
	config_compare(m->snapshot->config, next->config, &unchanged);
	sandbox_compare(&m->sandbox, next->config, &unchanged);
	log_report(&unchanged, LOG_LEVEL_WARN, "restart_needed");
	report_fini(&unchanged);
	return put_in_force(m, next, why);
}

static void
copy_report(struct report *to, const struct report *from)
{
	size_t i;

	for (i = 0; to != NULL && i < from->kept; i++)
		report_add(to, "%s", from->lines[i]);
}

/* Names one file to the watcher, and remembers if that failed. */
struct watching {
	struct watcher *watcher;
	enum err err;
};

static void
watch_file(const char *path, void *arg)
{
	struct watching *w = arg;

	if (w->err == OK)
		w->err = watcher_add(w->watcher, path);
}

enum err
master_load(struct snapshot **out, const char *file,
    const struct snapshot *previous, struct watcher *watcher,
    struct report *why, struct report *warnings)
{
	struct watching w = { watcher, OK };
	struct snapshot_reading reading = { watch_file, &w };
	enum err err;

	*out = NULL;
	watcher_begin(watcher);
	watch_file(file, &w);
	err = snapshot_load(out, file, previous, &reading, why, warnings);
	if (err != OK || w.err == OK)
		return err;
	snapshot_put(*out);
	*out = NULL;
	return w.err;
}

/* Watches the files in force, and where these were refused also the ones that
 * were to be: what is wrong with them may be put right. */
static void
watch_files(struct master *m, enum err loaded)
{
	const struct config *cfg = m->snapshot->config;
	struct watching w = { m->watcher, OK };

	if (loaded != OK)
		config_files(cfg, watch_file, &w);
	if (w.err == OK)
		watcher_end(m->watcher, cfg->daemon.watch_interval);
}

enum err
master_reload(struct master *m, struct report *say)
{
	struct snapshot *next = NULL;
	struct report warnings;
	struct report why;
	enum err err;

	supervisor_tell(SUPERVISOR_RELOADING, NULL);
	report_init(&why);
	report_init(&warnings);
	err = master_load(&next, m->file, m->snapshot, m->watcher, &why,
	    &warnings);
	if (err == OK)
		err = adopt(m, next, &why);
	watch_files(m, err);
	snapshot_put(next);
	log_report(&warnings, LOG_LEVEL_WARN, "reload_warning");
	log_report(&why, LOG_LEVEL_ERROR, "reload_refused");
	copy_report(say, &warnings);
	copy_report(say, &why);
	if (err == OK) {
		log_event(LOG_LEVEL_INFO, "reload", "generation %llu in force",
		    (unsigned long long)m->snapshot->generation);
	} else {
		m->reloads_failed++;
		log_event(LOG_LEVEL_ERROR, "reload_failed",
		    "%s; generation %llu stays in force", err_text(err),
		    (unsigned long long)m->snapshot->generation);
	}
	supervisor_tell(SUPERVISOR_READY,
	    err == OK ? "reloaded" : "the last reload failed: see the log");
	report_fini(&warnings);
	report_fini(&why);
	return err;
}

static enum err
make_workers(struct master *m)
{
	const struct config *cfg = m->snapshot->config;
	struct worker_options o = {
		.snapshot = m->snapshot,
		.throttle = m->throttle,
		.cert_sessions = m->cert_sessions,
		.flows = m->flows,
		.empty = tell_empty,
		.arg = m,
	};
	size_t count = cfg->daemon.workers;

	if (count == 0)
		count = cpus_usable();
	m->workers = calloc(count, sizeof(*m->workers));
	if (m->workers == NULL)
		return ERR_NO_MEMORY;
	for (m->worker_count = 0; m->worker_count < count; m->worker_count++) {
		o.index = (unsigned)m->worker_count;
		m->workers[m->worker_count] = worker_new(&o);
		if (m->workers[m->worker_count] == NULL)
			return ERR_NO_MEMORY;
	}
	return OK;
}

static enum err
catch_signals(struct master *m)
{
	static const int numbers[MASTER_SIGNALS] = { SIGHUP, SIGTERM, SIGINT,
		SIGQUIT };
	int i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < MASTER_SIGNALS; i++) {
		m->signals[i] = io_signal_new(m->loop, numbers[i], caught, m);
		if (m->signals[i] == NULL)
			return ERR_NO_MEMORY;
	}
	return OK;
}

static enum err
start_service(void *arg, FILE *ports, struct report *why)
{
	struct master *m = arg;

	if (m->service == NULL)
		return OK;
	return m->service->start(&m->service_state, m, ports, why);
}

enum err
master_init(struct master *m, const char *file, struct snapshot *snapshot,
    struct watcher *watcher, const struct master_service *service,
    struct report *why)
{
	struct throttle_options limits;
	enum err err;

	memset(m, 0, sizeof(*m));
	m->file = file;
	m->snapshot = snapshot;
	m->watcher = watcher;
	m->service = service;
	m->reloaded_at = clock_wall_s();
	hardening_forbid_cores();
	m->files = hardening_raise_files();
	err = open_log(snapshot->config, why);
	if (err != OK)
		return err;
	m->loop = loop_new();
	if (m->loop == NULL)
		return ERR_NO_MEMORY;
	timer_init(&m->leave, m->loop, begin_drain, m);
	timer_init(&m->drain, m->loop, patience_ends, m);
	timer_init(&m->pulse, m->loop, pulse, m);
	retired_init(&m->retired, m->loop);
	options_throttle(&limits, snapshot->config);
	m->cert_sessions = cert_sessions_new();
	m->flows = backend_flows_new();
	if (m->cert_sessions == NULL || m->flows == NULL)
		return ERR_NO_MEMORY;
	/* Before the ports are told: who reads them may send a signal. */
	err = catch_signals(m);
	if (err == OK)
		err = throttle_new(&m->throttle, &limits);
	if (err == OK)
		err = make_workers(m);
	if (err == OK)
		err = ports_bind(snapshot->config, m->workers, m->worker_count,
		    start_service, m, why);
	return err;
}

/* Gives up what was only needed to get here. */
static enum err
settle_down(struct master *m, struct report *why)
{
	const struct config *cfg = m->snapshot->config;
	const struct config_daemon *d = &cfg->daemon;
	enum err err;

	lock_keys(); /* root may lock what it likes */
	err = privileges_drop(d->user, d->group, m->file, why);
	if (err != OK)
		return err;
	rights_check(cfg);
	watch_files(m, OK);
	watcher_start(m->watcher, m->loop, file_changed, m);
	return sandbox_enter(&m->sandbox, m->snapshot->config);
}

/* Each listener keeps a descriptor in reserve. */
static void
measure(struct master *m)
{
	const struct config *cfg = m->snapshot->config;
	size_t more = 0;
	size_t i;

	for (i = 0; i < cfg->listener_count; i++)
		more += cfg->listener[i].bind.count * m->worker_count;
	m->room = hardening_room(m->files, more);
	limit(m, cfg);
}

enum err
master_run(struct master *m, struct report *why)
{
	enum err err;
	size_t i;

	measure(m);
	err = settle_down(m, why);
	for (i = 0; err == OK && i < m->worker_count; i++)
		err = worker_start(m->workers[i]);
	if (err != OK)
		return err;
	trim_start(&m->trim, m->loop, m->throttle);
	log_event(LOG_LEVEL_INFO, "ready",
	    "%zu workers, descriptors for %u connections", m->worker_count,
	    m->room);
	supervisor_tell(SUPERVISOR_READY, "devices may come in");
	if (supervisor_watchdog_ms() > 0)
		pulse(m);
	loop_run(m->loop);
	supervisor_tell(SUPERVISOR_STOPPING, NULL);
	log_event(LOG_LEVEL_INFO, "stop", "closing what is left");
	return OK;
}

void
master_fini(struct master *m)
{
	size_t i;

	if (m->service_state != NULL)
		m->service->stop(m->service_state);
	for (i = 0; i < m->worker_count; i++)
		worker_stop(m->workers[i]);
	for (i = 0; i < m->worker_count; i++)
		worker_free(m->workers[i]);
	free(m->workers);
	for (i = 0; i < MASTER_SIGNALS; i++)
		io_signal_free(m->signals[i]);
	trim_stop(&m->trim);
	watcher_free(m->watcher);
	if (m->loop != NULL) {
		timer_stop(&m->leave);
		timer_stop(&m->drain);
		timer_stop(&m->pulse);
	}
	throttle_free(m->throttle);
	cert_sessions_free(m->cert_sessions);
	backend_flows_free(m->flows);
	retired_fini(&m->retired);
	loop_free(m->loop);
	sandbox_fini(&m->sandbox);
	snapshot_put(m->snapshot);
	memset(m, 0, sizeof(*m));
}
