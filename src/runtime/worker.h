/* SPDX-License-Identifier: ISC */
/*
 * A worker: a thread with its own loop, listening sockets, sessions and
 * counters. Workers share only what is made for sharing (limits, sessions by
 * certificate, broker flows). The main thread sends them orders, which a
 * worker carries out in its next loop turn, in the order they were sent.
 */
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H

#include "session/manager.h"

struct backend_flows;
struct worker;

/* Called on the worker's own thread; it should post a message. */
typedef void worker_empty_cb(struct worker *w, void *arg);

struct worker_options {
	struct session_manager_options sessions;
	worker_empty_cb *empty; /* after the order to drain: no session left */
	void *arg;
	bool held; /* accepts nothing before worker_order_accept() */
};

/* NULL when memory or descriptors run out. */
struct worker *worker_new(const struct worker_options *options);

/* Where a listening socket comes from. */
enum worker_socket {
	WORKER_SOCKET_BOUND, /* bound by this program, or one before it */
	WORKER_SOCKET_PASSED /* by a supervisor, instead of the addresses */
};

/*
 * Gives the worker a listening socket of the i'th [listener] of the snapshot.
 * Takes over `fd'. Before worker_start() only.
 */
enum err worker_listen(struct worker *w, size_t i, int fd,
    enum worker_socket origin) MUST_CHECK;

/* Starts the thread. ERR_SYSTEM with errno. */
enum err worker_start(struct worker *w) MUST_CHECK;

/*
 * An order for a worker, not yet sent. Making one can fail and sending one
 * cannot, so that an order for all workers reaches all of them or none: make
 * all, then send all.
 */
struct worker_order;

/* An order to put `snapshot' in force for new connections and to judge the
 * live sessions again (takes a count). NULL: out of memory. */
struct worker_order *worker_order_reload(struct worker *w,
    struct snapshot *snapshot);

/* An order to accept connections, for a worker that was held. */
struct worker_order *worker_order_accept(struct worker *w);

/* An order to close the listeners and to dismiss all sessions, spread over
 * `ms' milliseconds; then `empty' is called. NULL: out of memory. */
struct worker_order *worker_order_drain(struct worker *w, uint64_t ms);

/* The same for a drain of hours; see session_manager_drain_evenly(). */
struct worker_order *worker_order_drain_evenly(struct worker *w, uint64_t ms);

/* An order to end such a drain within `ms' milliseconds. */
struct worker_order *worker_order_drain_sooner(struct worker *w, uint64_t ms);

/* Sends the order to its worker. Any thread. */
void worker_send(struct worker_order *order);

/* Frees an order that was not sent. NULL is allowed. */
void worker_order_free(struct worker_order *order);

/* Ends the thread and waits for it. Workers send messages to each other, so
 * stop all of them before freeing the first. */
void worker_stop(struct worker *w);

/* Ends all sessions and frees the worker; after worker_stop(). NULL is
 * allowed. */
void worker_free(struct worker *w);

/* Calls `each' for every listening socket; several have the same name if a
 * listener has several addresses. After the start any thread may call this,
 * and read the names and counters. */
void worker_each_listener(const struct worker *w,
    void (*each)(const struct listener_state *e, void *arg), void *arg);

/* On the worker's own thread: calls `each' with every listening socket that is
 * open; the descriptor stays the worker's. */
void worker_each_socket(const struct worker *w,
    void (
	*each)(int fd, const char *name, enum worker_socket origin, void *arg),
    void *arg);

/* The worker's sessions. Another thread may only read the counters, and post
 * messages to the loop. */
struct session_manager *worker_sessions(struct worker *w);

#endif
