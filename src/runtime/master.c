/* SPDX-License-Identifier: ISC */
#include "runtime/master.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/deny_sweep.h"
#include "runtime/ports.h"
#include "runtime/privileges.h"
#include "runtime/resources.h"
#include "runtime/supervisor.h"
#include "session/options.h"
#include "tls/ctx.h"
#include "tls/library.h"

/* How long after drain_timeout closing packets may still be on their way. */
#define DRAIN_GRACE_MS 2000

/*
 * The log.
 */

static enum err
open_log(const struct config *cfg, struct report *why)
{
	const struct config_daemon *d = &cfg->daemon;
	enum err err = log_open(d->log, d->log_level, d->log_format);

	if (err == OK)
		return OK;
	CONFIG_COMPLAIN(cfg, why, d, log, "cannot open %s: %s", d->log,
	    log_error(err));
	return ERR_CONFIG;
}

static void
reopen_log(struct master *m)
{
	struct report why;
	size_t i;

	report_init(&why);
	if (open_log(m->snapshot->config, &why) == OK)
		log_event(LOG_LEVEL_INFO, "log", "opened again");
	for (i = 0; i < why.kept; i++)
		log_event(LOG_LEVEL_ERROR, "log", "%s", why.lines[i]);
	report_fini(&why);
}

/*
 * Draining.
 */

/* A worker's message that its last session has left. */
struct empty_note {
	struct loop_message message;
	struct master *master;
};

static void
worker_is_empty(struct loop_message *message)
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
post_empty(struct worker *w, void *arg)
{
	struct empty_note *note = calloc(1, sizeof(*note));

	(void)w;
	if (note == NULL)
		return; /* the drain timer ends it */
	note->message.run = worker_is_empty;
	note->master = arg;
	loop_post(note->master->loop, &note->message);
}

static void
drain_timed_out(void *arg)
{
	struct master *m = arg;

	log_event(LOG_LEVEL_WARN, "drain_timeout",
	    "sessions are still open; closing them");
	loop_stop(m->loop);
}

/* The supervisor's watchdog expects this from the loop: if the loop hangs, so
 * do reloads, drains and admin. */
static void
ping_watchdog(void *arg)
{
	struct master *m = arg;

	if (m->unsupervised)
		return;
	supervisor_notify(SUPERVISOR_ALIVE, NULL);
	timer_start(&m->watchdog, supervisor_watchdog_ms());
}

/* Gives all workers the same order, which makes sessions leave. */
static void
drain_workers(struct master *m, uint64_t ms,
    struct worker_order *(*order)(struct worker *, uint64_t))
{
	struct worker_order *o;
	size_t i;

	timer_start_deadline(&m->drain, ms + DRAIN_GRACE_MS);
	for (i = 0; i < m->worker_count; i++) {
		o = order(m->workers[i], ms);
		if (o == NULL)
			loop_stop(m->loop);
		else
			worker_send(o);
	}
}

static void
begin_drain(void *arg)
{
	struct master *m = arg;
	uint64_t ms = m->snapshot->config->daemon.drain_timeout;
	bool replaced = m->state == MASTER_REPLACED;

	log_event(LOG_LEVEL_INFO, "drain",
	    "no new connections; sessions leave within %llu ms",
	    (unsigned long long)ms);
	if (!m->unsupervised)
		supervisor_notify(SUPERVISOR_STOPPING, "sessions are leaving");
	m->state = MASTER_DRAINING;
	if (!replaced)
		m->draining = m->worker_count;
	drain_workers(m, ms,
	    replaced ? worker_order_drain_sooner : worker_order_drain);
}

void
master_replace(struct master *m, uint64_t ms, int pid)
{
	log_event(LOG_LEVEL_INFO, "replaced",
	    "another program serves; sessions leave within %llu ms",
	    (unsigned long long)ms);
	if (pid != 0)
		supervisor_main(pid);
	m->unsupervised = true;
	if (m->state == MASTER_DRAINING || m->state == MASTER_STOPPING)
		return;
	timer_stop(&m->leave);
	m->state = MASTER_REPLACED;
	m->draining = m->worker_count;
	drain_workers(m, ms, worker_order_drain_evenly);
}

void
master_drain(struct master *m)
{
	uint64_t ms = m->snapshot->config->daemon.drain_delay;

	if (ms == 0 || m->state == MASTER_REPLACED) {
		begin_drain(m);
		return;
	}
	log_event(LOG_LEVEL_INFO, "leave",
	    "not ready any more; connections are accepted for another %llu ms",
	    (unsigned long long)ms);
	m->state = MASTER_LEAVING;
	timer_start(&m->leave, ms);
}

/*
 * Signals.
 */

static const int signals[MASTER_SIGNALS] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT,
	SIGUSR1, SIGUSR2 };

void
master_block_signals(void)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < MASTER_SIGNALS; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log at its size limit */
	/* The kernel sends SIGIO, which would end the process, if a program
	 * opens the deny list's file while identity/deny_edit.c has a lease. */
	signal(SIGIO, SIG_IGN);
}

static void
unblock_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

/* The first SIGTERM does not cut short a drain that a command has begun. */
static void
terminate(struct master *m)
{
	if (m->terminated) {
		m->state = MASTER_STOPPING;
		loop_stop(m->loop);
		return;
	}
	m->terminated = true;
	if (m->state == MASTER_STARTING)
		loop_stop(m->loop); /* the running program goes on */
	else if (m->state == MASTER_SERVING || m->state == MASTER_REPLACED)
		master_drain(m);
}

/* Log rotation for nginx and httpd sends SIGUSR1, others send SIGUSR2 or
 * SIGHUP: none of them may end sessions. */
static void
caught(int number, void *arg)
{
	struct master *m = arg;

	switch (number) {
	case SIGHUP:
		master_reload(m, RELOAD_SIGNAL, NULL);
		break;
	case SIGUSR1:
		reopen_log(m);
		handover_notify(m, HANDOVER_NOTICE_LOG, NULL);
		break;
	case SIGUSR2:
		log_event(LOG_LEVEL_INFO, "signal", "SIGUSR2 is ignored");
		break;
	case SIGTERM:
		terminate(m);
		break;
	default:
		m->state = MASTER_STOPPING;
		loop_stop(m->loop);
		break;
	}
}

/* Puts the configured limits in force, as far as there are descriptors. */
static void
limit(struct master *m, const struct config *cfg)
{
	struct throttle_options limits;
	size_t memory;

	options_throttle(&limits, cfg);
	if (limits.connections > m->max_connections)
		log_event(LOG_LEVEL_WARN, "connections",
		    "%u configured, but %llu files may be open, which is "
		    "enough for %u (raise LimitNOFILE, or ulimit -n)",
		    limits.connections, (unsigned long long)m->files,
		    m->max_connections);
	if (limits.connections == 0 || limits.connections > m->max_connections)
		limits.connections = m->max_connections;
	limits.handshakes_in_tls = resources_max_handshakes(
	    cfg->limits.handshake_memory != 0 ? cfg->limits.handshake_memory
					      : m->memory_total / 8);
	throttle_set(m->throttle, &limits);
	memory = cfg->limits.connect_memory != 0
	    ? cfg->limits.connect_memory
	    : (size_t)(m->memory_total / 8);
	atomic_store(&m->memory.max, memory);
	atomic_store(&m->memory.reading.max, memory);
}

/*
 * Reloads.
 */

static void
free_orders(const struct master *m, struct worker_order **orders)
{
	size_t i;

	for (i = 0; i < m->worker_count; i++)
		worker_order_free(orders[i]);
	free(orders);
}

static struct worker_order *
accept_order(struct worker *w, struct snapshot *unused)
{
	(void)unused;
	return worker_order_accept(w);
}

/* One order for each worker, none of them sent. NULL: out of memory. */
static struct worker_order **
make_orders(const struct master *m,
    struct worker_order *(*order)(struct worker *, struct snapshot *),
    struct snapshot *next)
{
	struct worker_order **orders =
	    calloc(m->worker_count, sizeof(struct worker_order *));
	size_t i;

	for (i = 0; orders != NULL && i < m->worker_count; i++) {
		orders[i] = order(m->workers[i], next);
		if (orders[i] == NULL) {
			free_orders(m, orders);
			return NULL;
		}
	}
	return orders;
}

/* A log that cannot be opened must not keep a revocation from taking effect:
 * the log stays where it is. */
static void
change_log(const struct config *cfg, struct report *warnings)
{
	struct report why;
	size_t i;

	report_init(&why);
	if (open_log(cfg, &why) != OK)
		for (i = 0; i < why.kept; i++)
			report_add(warnings, "%s; the log stays where it is",
			    why.lines[i]);
	report_fini(&why);
}

/*
 * The fleet.
 */

/* A sweep that the fleet waits for. */
struct fleet_sweep {
	fleet_swept *done;
	void *arg;
};

static void
fleet_was_swept(void *arg, const struct denylist_result *result)
{
	struct fleet_sweep *s = arg;

	if (s->done != NULL)
		s->done(s->arg, result->ended);
	free(s);
}

static void
sweep_for_fleet(void *arg, const struct identity_deny_table *changed,
    fleet_swept *done, void *done_arg)
{
	struct master *m = arg;
	struct fleet_sweep *s = malloc(sizeof(*s));

	if (s == NULL) {
		deny_sweep(&m->fleet_sweeps, m, changed, NULL, NULL);
		if (done != NULL)
			done(done_arg, 0);
		return;
	}
	s->done = done;
	s->arg = done_arg;
	deny_sweep(&m->fleet_sweeps, m, changed, fleet_was_swept, s);
}

static struct fleet_link_access
fleet_access(const struct snapshot *s)
{
	struct fleet_link_access access = { s->fleet_tls,
		s->fleet_password == NULL ? "" : s->fleet_password };

	return access;
}

static void
follow_fleet(struct master *m)
{
	struct fleet_link_access access = fleet_access(m->snapshot);

	if (m->fleet != NULL && m->snapshot->config->fleet.address.count > 0)
		fleet_set_access(m->fleet, &access);
}

static enum err
make_fleet(struct master *m, struct report *why)
{
	struct fleet_options o = {
		.loop = m->loop,
		.resolver = m->resolver,
		.config = m->snapshot->config,
		.list = m->snapshot->fleet_denied,
		.sessions = m->cert_sessions,
		.hooks = { sweep_for_fleet, m },
	};
	enum err err;

	if (m->snapshot->fleet_denied == NULL)
		return OK;
	err = fleet_new(&m->fleet, &o, why);
	return err == OK ? denylist_share(m->denylist) : err;
}

static enum err
start_fleet(struct master *m)
{
	struct fleet_link_access access = fleet_access(m->snapshot);

	return m->fleet == NULL ? OK : fleet_start(m->fleet, &access);
}

enum err
master_adopt(struct master *m, struct snapshot *next, struct report *why,
    struct report *warnings)
{
	struct worker_order **orders =
	    make_orders(m, worker_order_reload, next);
	struct report restart;
	size_t i;

	if (orders == NULL) {
		report_add(why, "out of memory");
		return ERR_NO_MEMORY;
	}
	/* From here on nothing can fail. */
	report_init(&restart);
	config_compare(m->snapshot->config, next->config, &restart);
	sandbox_compare(&m->sandbox, next->config, &restart);
	for (i = 0; i < restart.kept; i++)
		log_event(LOG_LEVEL_WARN, "restart_needed", "%s",
		    restart.lines[i]);
	report_fini(&restart);
	change_log(next->config, warnings);
	limit(m, next->config);
	for (i = 0; i < m->worker_count; i++)
		worker_send(orders[i]);
	free(orders);
	snapshot_put(m->snapshot);
	m->snapshot = snapshot_get(next);
	denylist_follow(m->denylist);
	follow_fleet(m);
	m->reloaded_at = clock_wall_s();
	return OK;
}

/* A reload that waits for the deny list. */
struct list_first {
	struct master *master; /* borrowed */
	enum reload_cause cause;
	struct reload_waiter *waiter; /* borrowed; may be NULL */
};

/* The deny list is in force; or it has errors, or the daemon is stopping: then
 * nothing is loaded. */
static void
list_reloaded(void *arg, const struct denylist_result *result)
{
	struct list_first *first = arg;
	struct master *m = first->master;
	struct report none;
	struct reload_result refused = {
		.err = result->err,
		.generation = m->snapshot->generation,
		.warnings = &none,
		.complaints = result->why,
	};

	report_init(&none);
	if (result->err != OK && result->err != ERR_CLOSED) {
		m->reloads_failed++;
		m->reload_ended_at = clock_wall_s();
	}
	if (result->err == OK)
		reload_request(m->reloader, first->cause, first->waiter);
	else if (first->waiter != NULL)
		first->waiter->done(first->waiter, &refused);
	free(first);
}

void
master_reload(struct master *m, enum reload_cause cause,
    struct reload_waiter *waiter)
{
	struct list_first *first = malloc(sizeof(*first));

	if (cause == RELOAD_SIGNAL || cause == RELOAD_COMMAND)
		handover_notify(m, HANDOVER_NOTICE_RELOAD, NULL);
	if (first == NULL) {
		reload_request(m->reloader, cause, waiter);
		return;
	}
	first->master = m;
	first->cause = cause;
	first->waiter = waiter;
	denylist_reload(m->denylist, list_reloaded, first);
}

void
master_receive_notice(struct master *m, enum handover_notice notice,
    const struct handover *source)
{
	handover_notify(m, notice, source);
	switch (notice) {
	case HANDOVER_NOTICE_DENY:
		denylist_reload(m->denylist, NULL, NULL);
		break;
	case HANDOVER_NOTICE_RELOAD:
		master_reload(m, RELOAD_TAKE_OVER, NULL);
		break;
	case HANDOVER_NOTICE_LOG:
		reopen_log(m);
		break;
	}
}

/*
 * The start.
 */

static enum err
make_workers(struct master *m)
{
	const struct config *cfg = m->snapshot->config;
	struct worker_options o = {
		.sessions = {
			.snapshot = m->snapshot,
			.throttle = m->throttle,
			.cert_sessions = m->cert_sessions,
			.client_ids = m->client_ids,
			.memory = &m->memory,
			.flows = m->flows,
			.outages = m->outages,
			.resolver = m->resolver,
		},
		.empty = post_empty,
		.arg = m,
		.held = m->takeover != NULL,
	};
	size_t count = cfg->daemon.workers;

	if (count == 0)
		count = resources_cpus();
	o.sessions.workers = (unsigned)count;
	o.sessions.lingering = resources_max_lingering(m->files, count);
	m->workers = calloc(count, sizeof(*m->workers));
	if (m->workers == NULL)
		return ERR_NO_MEMORY;
	for (m->worker_count = 0; m->worker_count < count; m->worker_count++) {
		o.sessions.index = (unsigned)m->worker_count;
		m->workers[m->worker_count] = worker_new(&o);
		if (m->workers[m->worker_count] == NULL)
			return ERR_NO_MEMORY;
	}
	return OK;
}

static enum err
catch_signals(struct master *m)
{
	int i;

	for (i = 0; i < MASTER_SIGNALS; i++) {
		m->signals[i] = io_signal_new(m->loop, signals[i], caught, m);
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

/* Binds the sockets, or takes them from the running program. */
static enum err
make_sockets(struct master *m, struct report *why)
{
	struct ports_options o = {
		.cfg = m->snapshot->config,
		.workers = m->workers,
		.count = m->worker_count,
		.takeover = m->takeover,
		.also = start_service,
		.arg = m,
	};
	enum err err = privileges_check_paths(o.cfg, why, why);

	if (err == OK)
		err = ports_bind(&o, why);
	return err == OK ? takeover_check(m->takeover, o.cfg, why) : err;
}

enum err
master_init(struct master *m, const struct master_options *o,
    struct report *why)
{
	const struct config *cfg = o->snapshot->config;
	struct throttle_options limits;
	enum err err;

	memset(m, 0, sizeof(*m));
	m->file = o->file;
	m->snapshot = o->snapshot;
	m->service = o->service;
	m->takeover = o->takeover;
	m->unsupervised = o->takeover != NULL;
	m->ready_fd = o->ready_fd;
	m->reloaded_at = m->reload_ended_at = clock_wall_s();
	list_init(&m->fleet_sweeps);
	list_init(&m->handovers);
	m->reloader = reload_new(m, o->files);
	if (m->reloader == NULL)
		return ERR_NO_MEMORY;
	resources_forbid_cores();
	m->files = resources_raise_files();
	err = open_log(cfg, why);
	if (err != OK)
		return err;
	m->loop = loop_new();
	if (m->loop == NULL)
		return ERR_NO_MEMORY;
	timer_init(&m->leave, m->loop, begin_drain, m);
	timer_init(&m->drain, m->loop, drain_timed_out, m);
	timer_init(&m->watchdog, m->loop, ping_watchdog, m);
	m->denylist = denylist_manager_new(m);
	if (m->denylist == NULL)
		return ERR_NO_MEMORY;
	options_throttle(&limits, cfg);
	m->cert_sessions = cert_sessions_new();
	m->client_ids = client_ids_new();
	m->memory_total = resources_memory();
	m->flows = backend_flows_new();
	m->outages = backend_outages_new();
	m->resolver = backend_resolver_new();
	if (m->cert_sessions == NULL || m->client_ids == NULL ||
	    m->flows == NULL || m->outages == NULL || m->resolver == NULL)
		return ERR_NO_MEMORY;
	backend_resolver_hold(m->resolver); /* master_run() releases it */
	/* Before the ports file is written: its reader may send a signal. */
	err = catch_signals(m);
	if (err == OK)
		err = make_fleet(m, why);
	if (err == OK)
		err = throttle_new(&m->throttle, &limits);
	if (err == OK)
		err = make_workers(m);
	return err == OK ? make_sockets(m, why) : err;
}

/* Warns of files that will be out of reach from now on. */
static void
warn_of_files(const struct config *cfg)
{
	struct report unreadable, unwritable;

	report_init(&unreadable);
	report_init(&unwritable);
	privileges_check_files(cfg, &unreadable, &unwritable);
	report_log(&unreadable, LOG_LEVEL_WARN, "unreadable");
	report_log(&unwritable, LOG_LEVEL_WARN, "unwritable");
	report_fini(&unreadable);
	report_fini(&unwritable);
}

/* Drops privileges and enters the sandbox. */
static enum err
give_up_rights(struct master *m, struct report *why)
{
	enum err err;

	resources_lock_keys(NULL); /* root has no limit */
	err = privileges_drop(m->snapshot->config, why);
	if (err == OK)
		err = sandbox_enter(&m->sandbox, m->snapshot->config);
	if (err == OK)
		warn_of_files(m->snapshot->config);
	return err;
}

/* Finds out how many connections there are descriptors for. Each listener keeps
 * one in reserve. */
static void
measure(struct master *m)
{
	const struct config *cfg = m->snapshot->config;
	size_t more = 2 * m->worker_count *
	    resources_max_lingering(m->files, m->worker_count);
	size_t i;

	for (i = 0; i < cfg->listener_count; i++)
		more += cfg->listener[i].bind.count * m->worker_count;
	if (cfg->daemon.admin_socket[0] != '\0')
		more += 2 * RESOURCES_ADMIN_CONNECTIONS;
	if (cfg->daemon.http_listen.count > 0)
		more += 2 * resources_http_connections(m->files);
	m->max_connections = resources_max_connections(m->files, more);
	limit(m, cfg);
}

/* A static library is updated only with the program, so the log names it. */
static void
log_library(void)
{
	const struct tls_library *l = tls_library();

	log_event(l->old ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "library",
	    "%s API %d, from %s%s", l->name, l->api, l->source,
	    l->old ? "; it is old: for production build with "
		     "./bootstrap --boringssl=chromium"
		   : "");
}

/* The listeners of a usual start are not held, and need no order. */
enum err
master_accept(struct master *m)
{
	struct worker_order **orders = NULL;
	size_t i;

	if (m->takeover != NULL) {
		orders = make_orders(m, accept_order, NULL);
		if (orders == NULL)
			return ERR_NO_MEMORY;
	}
	/* From here on this process serves, whatever becomes of the one that
	 * waits for its start. */
	if (m->ready_fd != -1)
		(void)prctl(PR_SET_PDEATHSIG, 0);
	for (i = 0; orders != NULL && i < m->worker_count; i++)
		worker_send(orders[i]);
	free(orders);
	if (m->service != NULL)
		m->service->begin(m->service_state);
	m->state = MASTER_SERVING;
	return OK;
}

void
master_is_ready(struct master *m)
{
	m->unsupervised = false;
	log_event(LOG_LEVEL_INFO, "ready",
	    "%zu workers, descriptors for %u connections", m->worker_count,
	    m->max_connections);
	supervisor_notify(SUPERVISOR_READY, "devices may come in");
	if (m->ready_fd != -1) {
		(void)!write(m->ready_fd, "", 1);
		close(m->ready_fd);
		m->ready_fd = -1;
	}
	if (supervisor_watchdog_ms() > 0)
		ping_watchdog(m);
}

enum err
master_run(struct master *m, struct report *why)
{
	enum err err;
	size_t i;

	measure(m);
	err = give_up_rights(m, why);
	/* All threads come after this: they inherit the restrictions. */
	if (err == OK)
		err = log_start();
	if (err == OK)
		err = backend_resolver_release(m->resolver);
	if (err == OK)
		err = reload_start(m->reloader);
	if (err == OK)
		err = denylist_manager_start(m->denylist);
	if (err == OK)
		err = start_fleet(m);
	for (i = 0; err == OK && i < m->snapshot->config->tls_count; i++)
		tls_ctx_start_pkcs11(m->snapshot->tls[i]);
	for (i = 0; err == OK && i < m->worker_count; i++)
		err = worker_start(m->workers[i]);
	if (err != OK)
		return err;
	resources_trim_start(&m->trim, m->loop, m->throttle);
	log_library();
	if (m->takeover != NULL) {
		takeover_run(m->takeover, m);
	} else {
		err = master_accept(m);
		if (err != OK)
			return err;
		master_is_ready(m);
	}
	unblock_signals();
	loop_run(m->loop);
	if (!m->unsupervised)
		supervisor_notify(SUPERVISOR_STOPPING, NULL);
	log_event(LOG_LEVEL_INFO, "stop", "closing what is left");
	return m->start_error;
}

void
master_fini(struct master *m)
{
	size_t i;

	reload_stop(m->reloader); /* its waiters are the service's */
	fleet_stop(m->fleet); /* as well */
	deny_sweep_stop(&m->fleet_sweeps);
	denylist_manager_stop(m->denylist); /* as well */
	if (m->service_state != NULL)
		m->service->stop(m->service_state);
	for (i = 0; i < m->worker_count; i++)
		worker_stop(m->workers[i]);
	for (i = 0; i < m->worker_count; i++)
		worker_free(m->workers[i]);
	free(m->workers);
	for (i = 0; i < MASTER_SIGNALS; i++)
		io_signal_free(m->signals[i]);
	resources_trim_stop(&m->trim);
	if (m->loop != NULL) {
		timer_stop(&m->leave);
		timer_stop(&m->drain);
		timer_stop(&m->watchdog);
	}
	takeover_free(m->takeover);
	handover_free_all(m);
	throttle_free(m->throttle);
	cert_sessions_free(m->cert_sessions);
	client_ids_free(m->client_ids);
	backend_flows_free(m->flows);
	backend_outages_free(m->outages);
	backend_resolver_free(m->resolver);
	snapshot_put(m->snapshot);
	loop_free(m->loop);
	reload_free(m->reloader);
	fleet_free(m->fleet);
	denylist_manager_free(m->denylist);
	sandbox_fini(&m->sandbox);
	memset(m, 0, sizeof(*m));
}
