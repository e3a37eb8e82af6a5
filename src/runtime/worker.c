/* SPDX-License-Identifier: ISC */
#include "runtime/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/log.h"
#include "base/thread.h"
#include "session/options.h"
#include "session/session.h"

/* How long a worker waits before it tries a reload again for which it had no
 * memory. */
#define RELOAD_RETRY_MS 1000

/* A listening socket and the section it belongs to. */
struct worker_listener {
	struct worker *worker; /* borrowed */
	struct listener *listener; /* owned; NULL unless open */
	struct listener_state *state; /* owned; never moves: sessions point
				       * to it */
	int fd; /* owned until there is a listener; then -1 */
	enum worker_socket origin;
};

struct worker {
	struct session_manager manager;
	struct worker_listener *listeners; /* owned */
	size_t listener_count;
	struct loop_message stop; /* embedded, so that stopping cannot fail */
	pthread_t thread;
	bool started;
	bool stopped; /* ignore the orders that are still in the mailbox */
	struct snapshot *missed; /* counted: no memory to put it in force yet;
				  * NULL: none */
	struct timer retry; /* runs while there is one */
	worker_empty_cb *empty;
	void *arg; /* borrowed */
	bool held; /* listeners wait for an order */
};

enum order_kind {
	ORDER_RELOAD,
	ORDER_ACCEPT,
	ORDER_DRAIN,
	ORDER_DRAIN_EVENLY,
	ORDER_DRAIN_SOONER
};

struct worker_order {
	struct loop_message message;
	struct worker *worker; /* borrowed */
	struct snapshot *snapshot; /* counted; ORDER_RELOAD only */
	uint64_t ms; /* of the drains */
	enum order_kind kind;
};

/*
 * Listeners.
 */

static struct listener_state *
listener_state_new(const char *name, size_t section)
{
	struct listener_state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return NULL;
	state->section = section;
	state->name = strdup(name);
	if (state->name == NULL) {
		free(state);
		return NULL;
	}
	return state;
}

enum err
worker_listen(struct worker *w, size_t i, int fd, enum worker_socket origin)
{
	const struct config *cfg = w->manager.snapshot->config;
	struct worker_listener *listeners =
	    realloc(w->listeners, (w->listener_count + 1) * sizeof(*listeners));
	struct worker_listener *l;

	if (listeners == NULL)
		return ERR_NO_MEMORY;
	w->listeners = listeners;
	l = &listeners[w->listener_count];
	memset(l, 0, sizeof(*l));
	l->worker = w;
	l->state = listener_state_new(cfg->listener[i].head.name, i);
	if (l->state == NULL)
		return ERR_NO_MEMORY;
	l->fd = fd;
	l->origin = origin;
	w->listener_count++;
	return OK;
}

static void
accepted(struct listener *listener, int fd, const struct sockaddr_storage *peer,
    void *arg)
{
	struct worker_listener *l = arg;

	(void)listener;
	session_open(&l->worker->manager, fd, peer, l->state);
}

static enum err
open_listener(struct worker_listener *l)
{
	const struct config *cfg = l->worker->manager.snapshot->config;
	const struct config_listener *section =
	    &cfg->listener[l->state->section];
	struct listener_options o = {
		.defer_s = section->defer_accept
		    ? (unsigned)(cfg->timeouts.tls / 1000 + 1)
		    : 0,
		.socket = options_socket(),
		.counts = &l->worker->manager.counters.accept,
		/* The supervisor has it, or a successor may get it. */
		.shared = true,
		.held = l->worker->held,
	};
	enum err err = listener_new(&l->listener, l->worker->manager.loop,
	    l->fd, &o, accepted, l);

	if (err != OK)
		return err;
	l->fd = -1;
	return OK;
}

static void
close_listener(struct worker_listener *l)
{
	listener_close(l->listener);
	l->listener = NULL;
	if (l->fd != -1)
		close(l->fd);
	l->fd = -1;
}

static void
close_listeners(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->listener_count; i++)
		close_listener(&w->listeners[i]);
}

/* Finds each listener's section in the new snapshot. A listener without one is
 * closed; a later reload cannot open it again. */
static void
update_sections(struct worker *w)
{
	const struct config *cfg = w->manager.snapshot->config;
	struct listener_state *state;
	size_t i;
	size_t n;

	for (i = 0; i < w->listener_count; i++) {
		state = w->listeners[i].state;
		state->section = LISTENER_REMOVED;
		for (n = 0; n < cfg->listener_count; n++)
			if (strcmp(cfg->listener[n].head.name, state->name) ==
			    0)
				state->section = n;
		if (state->section == LISTENER_REMOVED)
			close_listener(&w->listeners[i]);
	}
}

void
worker_each_socket(const struct worker *w,
    void (
	*each)(int fd, const char *name, enum worker_socket origin, void *arg),
    void *arg)
{
	const struct worker_listener *l;
	size_t i;

	for (i = 0; i < w->listener_count; i++) {
		l = &w->listeners[i];
		if (l->listener != NULL)
			each(listener_descriptor(l->listener), l->state->name,
			    l->origin, arg);
	}
}

void
worker_each_listener(const struct worker *w,
    void (*each)(const struct listener_state *e, void *arg), void *arg)
{
	size_t i;

	for (i = 0; i < w->listener_count; i++)
		each(w->listeners[i].state, arg);
}

/*
 * Orders.
 */

/*
 * Puts a snapshot in force. If there is no memory for it, the worker tries
 * again until it succeeds or a newer snapshot arrives: meanwhile it would
 * admit clients that have been revoked.
 */
static void
reload(struct worker *w, struct snapshot *snapshot)
{
	struct snapshot *missed = w->missed;
	enum err err = session_manager_reload(&w->manager, snapshot);

	w->missed = NULL;
	timer_stop(&w->retry);
	if (err == OK) {
		update_sections(w);
	} else {
		log_event(LOG_LEVEL_ERROR, "reload_failed",
		    "a worker keeps the old configuration for now: %s",
		    err_text(err));
		w->missed = snapshot_get(snapshot);
		timer_start(&w->retry, RELOAD_RETRY_MS);
	}
	snapshot_put(missed);
}

static void
retry_reload(void *arg)
{
	struct worker *w = arg;

	reload(w, w->missed);
}

static void
drained(struct session_manager *m)
{
	struct worker *w = list_entry(m, struct worker, manager);

	if (w->empty != NULL)
		w->empty(w, w->arg);
}

static void
accept_all(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->listener_count; i++)
		if (w->listeners[i].listener != NULL)
			listener_begin(w->listeners[i].listener);
}

static void
carry_out(struct loop_message *message)
{
	struct worker_order *o =
	    list_entry(message, struct worker_order, message);
	struct worker *w = o->worker;
	enum order_kind kind = o->kind;

	if (!w->stopped && (kind == ORDER_DRAIN || kind == ORDER_DRAIN_EVENLY))
		close_listeners(w);
	if (w->stopped)
		; /* the end comes sooner than the order */
	else if (kind == ORDER_RELOAD)
		reload(w, o->snapshot);
	else if (kind == ORDER_ACCEPT)
		accept_all(w);
	else if (kind == ORDER_DRAIN)
		session_manager_drain(&w->manager, o->ms, drained);
	else if (kind == ORDER_DRAIN_EVENLY)
		session_manager_drain_evenly(&w->manager, o->ms, drained);
	else
		session_manager_drain_sooner(&w->manager, o->ms);
	worker_order_free(o);
}

static struct worker_order *
order_new(struct worker *w, enum order_kind kind)
{
	struct worker_order *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->message.run = carry_out;
	o->worker = w;
	o->kind = kind;
	return o;
}

struct worker_order *
worker_order_reload(struct worker *w, struct snapshot *snapshot)
{
	struct worker_order *o = order_new(w, ORDER_RELOAD);

	if (o != NULL)
		o->snapshot = snapshot_get(snapshot);
	return o;
}

struct worker_order *
worker_order_accept(struct worker *w)
{
	return order_new(w, ORDER_ACCEPT);
}

static struct worker_order *
drain_order(struct worker *w, enum order_kind kind, uint64_t ms)
{
	struct worker_order *o = order_new(w, kind);

	if (o != NULL)
		o->ms = ms;
	return o;
}

struct worker_order *
worker_order_drain(struct worker *w, uint64_t ms)
{
	return drain_order(w, ORDER_DRAIN, ms);
}

struct worker_order *
worker_order_drain_evenly(struct worker *w, uint64_t ms)
{
	return drain_order(w, ORDER_DRAIN_EVENLY, ms);
}

struct worker_order *
worker_order_drain_sooner(struct worker *w, uint64_t ms)
{
	return drain_order(w, ORDER_DRAIN_SOONER, ms);
}

void
worker_order_free(struct worker_order *o)
{
	if (o == NULL)
		return;
	snapshot_put(o->snapshot);
	free(o);
}

void
worker_send(struct worker_order *o)
{
	loop_post(o->worker->manager.loop, &o->message);
}

/*
 * The thread.
 */

struct worker *
worker_new(const struct worker_options *o)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->held = o->held;
	w->empty = o->empty;
	w->arg = o->arg;
	if (session_manager_init(&w->manager, &o->sessions) != OK) {
		worker_free(w);
		return NULL;
	}
	timer_init(&w->retry, w->manager.loop, retry_reload, w);
	return w;
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	loop_run(w->manager.loop);
	return NULL;
}

enum err
worker_start(struct worker *w)
{
	enum err err;
	size_t i;

	for (i = 0; i < w->listener_count; i++) {
		err = open_listener(&w->listeners[i]);
		if (err != OK)
			return err;
	}
	if (thread_start(&w->thread, 0, work, w) != OK)
		return ERR_SYSTEM;
	w->started = true;
	return OK;
}

static void
stop(struct loop_message *message)
{
	struct worker *w = list_entry(message, struct worker, stop);

	close_listeners(w);
	timer_stop(&w->retry);
	loop_stop(w->manager.loop);
}

void
worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	w->stop.run = stop;
	loop_post(w->manager.loop, &w->stop);
	pthread_join(w->thread, NULL);
	w->started = false;
}

void
worker_free(struct worker *w)
{
	size_t i;

	if (w == NULL)
		return;
	w->stopped = true;
	close_listeners(w);
	snapshot_put(w->missed);
	session_manager_fini(&w->manager);
	for (i = 0; i < w->listener_count; i++) {
		free(w->listeners[i].state->name);
		free(w->listeners[i].state);
	}
	free(w->listeners);
	free(w);
}

struct session_manager *
worker_sessions(struct worker *w)
{
	return &w->manager;
}
