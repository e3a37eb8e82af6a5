/*
 * A worker: one thread with its own loop, listening sockets, sessions and
 * counters. It shares nothing mutable with the others but the throttle. The
 * master talks to it through its mailbox.
 */
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H

#include "session/listener_state.h"
#include "session/manager.h"

struct backend_flows;
struct worker;

/* Told on the worker's own thread; meant to post a message onwards. */
typedef void worker_empty_cb(struct worker *w, void *arg);

struct worker_options {
	unsigned index; /* from 0; makes session ids unique */
	struct snapshot *snapshot; /* the worker takes a count of its own */
	struct throttle *throttle; /* borrowed, shared */
	struct cert_sessions *cert_sessions; /* borrowed, shared */
	struct backend_flows *flows; /* borrowed, shared */
	worker_empty_cb *empty; /* after worker_drain(): no session is left */
	void *arg;
};

/* NULL when memory or descriptors run out. */
struct worker *worker_new(const struct worker_options *options);

/*
 * Gives the worker a listening socket, for the listener section `listener' of
 * the snapshot. Takes `fd'; before worker_start() only.
 */
enum err worker_listen(struct worker *w, size_t listener, int fd) MUST_CHECK;

/* Starts the thread. ERR_SYSTEM with errno. */
enum err worker_start(struct worker *w) MUST_CHECK;

/* Puts a new snapshot in force for what begins from now on, and sweeps the
 * live sessions. Any thread. */
enum err worker_reload(struct worker *w, struct snapshot *snapshot) MUST_CHECK;

/* Closes the listeners and lets the sessions go, spread over `ms'
 * milliseconds; then tells `empty'. Any thread. */
enum err worker_drain(struct worker *w, uint64_t ms) MUST_CHECK;

/* Ends the thread and waits for it. Workers post to one another, so stop all
 * before the first is freed. */
void worker_stop(struct worker *w);

/* Ends all sessions and frees; after worker_stop(). NULL is fine. */
void worker_free(struct worker *w);

/* Calls `each' for the place of every socket that worker_listen() gave it:
 * several have one name where a listener has several addresses. Any thread,
 * which may read names and counters, once the worker has started. */
void worker_each_listener(const struct worker *w,
    void (*each)(const struct listener_state *e, void *arg), void *arg);

/* The worker's part of the daemon; foreign threads may only read its
 * counters, and post to its loop. */
struct session_manager *worker_sessions(struct worker *w);

#endif
