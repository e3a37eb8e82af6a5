#include "runtime/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/log.h"
#include "runtime/supervisor.h"
#include "session/options.h"
#include "session/session.h"

/* Memory that was not there for a reload is asked for again after so long. */
#define AGAIN_MS 1000

/* A listening socket and the section it belongs to. */
struct worker_listener {
	struct worker *worker; /* borrowed */
	struct listener *listener; /* owned; NULL before the start */
	struct listener_state
	    *listener_state; /* owned; stays where it is: sessions have it */
	int fd; /* owned until there is a listener; then -1 */
};

struct worker {
	struct session_manager manager;
	struct worker_listener *gates; /* owned */
	size_t gate_count;
	struct loop_message stop; /* embedded, so that stopping cannot fail */
	pthread_t thread;
	bool started;
	bool stopped; /* orders still in the mailbox come too late */
	struct snapshot *missed; /* counted; there was no memory to put it in
				  * force; NULL: none */
	struct timer again; /* runs while there is one */
	worker_empty_cb *empty;
	void *arg; /* borrowed */
};

enum order_kind {
	ORDER_RELOAD,
	ORDER_DRAIN
};

/* What the master wants of a worker, as a message to its loop. */
struct order {
	struct loop_message message;
	struct worker *worker;
	struct snapshot *snapshot; /* counted; ORDER_RELOAD only */
	uint64_t ms; /* ORDER_DRAIN only */
	enum order_kind kind;
};

static void reload_again(void *arg);

struct worker *
worker_new(const struct worker_options *o)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->empty = o->empty;
	w->arg = o->arg;
	if (session_manager_init(&w->manager, o->snapshot, o->throttle,
		o->cert_sessions, o->flows, o->index) != OK) {
		worker_free(w);
		return NULL;
	}
	timer_init(&w->again, w->manager.loop, reload_again, w);
	return w;
}

static struct listener_state *
listener_state_new(const char *name, size_t section)
{
	struct listener_state *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->section = section;
	e->name = strdup(name);
	if (e->name == NULL) {
		free(e);
		return NULL;
	}
	return e;
}

enum err
worker_listen(struct worker *w, size_t listener, int fd)
{
	const struct config *cfg = w->manager.snapshot->config;
	struct worker_listener *gates =
	    realloc(w->gates, (w->gate_count + 1) * sizeof(*gates));
	struct worker_listener *g;

	if (gates == NULL)
		return ERR_NO_MEMORY;
	w->gates = gates;
	g = &gates[w->gate_count];
	memset(g, 0, sizeof(*g));
	g->worker = w;
	g->listener_state =
	    listener_state_new(cfg->listener[listener].head.name, listener);
	if (g->listener_state == NULL)
		return ERR_NO_MEMORY;
	g->fd = fd;
	w->gate_count++;
	return OK;
}

static void
came(struct listener *l, int fd, const struct sockaddr_storage *peer, void *arg)
{
	struct worker_listener *g = arg;

	(void)l;
	session_open(&g->worker->manager, fd, peer, g->listener_state);
}

static uint64_t
may_come(void *arg)
{
	struct worker_listener *g = arg;
	struct session_manager *d = &g->worker->manager;

	return throttle_wait(d->throttle, loop_now(d->loop));
}

static enum err
open_gate(struct worker_listener *g)
{
	struct listener_options o = {
		.socket = options_socket(),
		.counts = &g->worker->manager.counters.accept,
		.adopted = supervisor_socket(g->listener_state->name, 0) != -1,
	};
	enum err err = listener_new(&g->listener, g->worker->manager.loop,
	    g->fd, &o, came, g);

	if (err != OK)
		return err;
	g->fd = -1;
	listener_set_admit(g->listener, may_come, g);
	return OK;
}

/* Finds each gate's section in the new snapshot; a gate without one is shut
 * for good. */
static void
follow_sections(struct worker *w)
{
	const struct config *cfg = w->manager.snapshot->config;
	struct worker_listener *g;
	size_t i;
	size_t n;

	for (i = 0; i < w->gate_count; i++) {
		g = &w->gates[i];
		for (n = 0; n < cfg->listener_count; n++)
			if (strcmp(cfg->listener[n].head.name,
				g->listener_state->name) == 0)
				break;
		g->listener_state->section = n;
		if (n < cfg->listener_count)
			continue;
		g->listener_state->section = LISTENER_REMOVED;
		listener_close(g->listener);
		g->listener = NULL;
	}
}

static void
close_gates(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->gate_count; i++) {
		listener_close(w->gates[i].listener);
		w->gates[i].listener = NULL;
		if (w->gates[i].fd != -1)
			close(w->gates[i].fd);
		w->gates[i].fd = -1;
	}
}

static void
emptied(struct session_manager *d)
{
	struct worker *w = list_entry(d, struct worker, manager);

	if (w->empty != NULL)
		w->empty(w, w->arg);
}

/*
 * Puts a snapshot in force. Without memory for it this worker would go on
 * letting in who was revoked since: it tries again until there is some, or
 * until a newer snapshot has come.
 */
static void
reload(struct worker *w, struct snapshot *snapshot)
{
	struct snapshot *missed = w->missed;
	enum err err = session_manager_reload(&w->manager, snapshot);

	w->missed = NULL;
	timer_stop(&w->again);
	if (err == OK) {
		follow_sections(w);
	} else {
		log_event(LOG_LEVEL_ERROR, "reload_failed",
		    "a worker keeps the old configuration for now: %s",
		    err_text(err));
		w->missed = snapshot_get(snapshot);
		timer_start(&w->again, AGAIN_MS);
	}
	snapshot_put(missed);
}

static void
reload_again(void *arg)
{
	struct worker *w = arg;

	reload(w, w->missed);
}

static void
carry_out(struct loop_message *m)
{
	struct order *o = list_entry(m, struct order, message);
	struct worker *w = o->worker;

	if (w->stopped) {
		snapshot_put(o->snapshot);
		free(o);
		return;
	}
	switch (o->kind) {
	case ORDER_RELOAD:
		reload(w, o->snapshot);
		break;
	case ORDER_DRAIN:
		close_gates(w);
		session_manager_drain(&w->manager, o->ms, emptied);
		break;
	}
	snapshot_put(o->snapshot);
	free(o);
}

static void
stop(struct loop_message *m)
{
	struct worker *w = list_entry(m, struct worker, stop);

	close_gates(w);
	timer_stop(&w->again);
	loop_stop(w->manager.loop);
}

static enum err
send_order(struct worker *w, enum order_kind kind, struct snapshot *snapshot,
    uint64_t ms)
{
	struct order *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return ERR_NO_MEMORY;
	o->message.run = carry_out;
	o->worker = w;
	o->kind = kind;
	o->snapshot = snapshot == NULL ? NULL : snapshot_get(snapshot);
	o->ms = ms;
	loop_post(w->manager.loop, &o->message);
	return OK;
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	loop_run(w->manager.loop);
	return NULL;
}

/* Signals are the main thread's: it alone may be interrupted. */
static int
create_thread(struct worker *w)
{
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

enum err
worker_start(struct worker *w)
{
	enum err err;
	size_t i;
	int rc;

	for (i = 0; i < w->gate_count; i++) {
		err = open_gate(&w->gates[i]);
		if (err != OK)
			return err;
	}
	rc = create_thread(w);
	if (rc != 0) {
		errno = rc;
		return ERR_SYSTEM;
	}
	w->started = true;
	return OK;
}

enum err
worker_reload(struct worker *w, struct snapshot *snapshot)
{
	return send_order(w, ORDER_RELOAD, snapshot, 0);
}

enum err
worker_drain(struct worker *w, uint64_t ms)
{
	return send_order(w, ORDER_DRAIN, NULL, ms);
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
	close_gates(w);
	snapshot_put(w->missed);
	session_manager_fini(&w->manager);
	for (i = 0; i < w->gate_count; i++) {
		free(w->gates[i].listener_state->name);
		free(w->gates[i].listener_state);
	}
	free(w->gates);
	free(w);
}

void
worker_each_listener(const struct worker *w,
    void (*each)(const struct listener_state *e, void *arg), void *arg)
{
	size_t i;

	for (i = 0; i < w->gate_count; i++)
		each(w->gates[i].listener_state, arg);
}

struct session_manager *
worker_sessions(struct worker *w)
{
	return &w->manager;
}
