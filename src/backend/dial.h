/* SPDX-License-Identifier: ISC */
/*
 * Connecting to a broker. A dial picks an endpoint of a pool, connects, on
 * failure goes to the next endpoint, and waits where waiting helps, all within
 * one deadline. An attempt is one try of a dial, or of a health probe: one
 * connect() to one socket address.
 */
#ifndef BACKEND_DIAL_H
#define BACKEND_DIAL_H

#include "backend/pool.h"
#include "base/address.h"
#include "base/slice.h"
#include "domain/reason.h"
#include "io/stream.h"
#include "io/timer.h"
#include "io/watch.h"

/*
 * How an attempt ended. OK: the callee owns `fd', connected, non-blocking and
 * tuned. ERR_TIMEOUT, ERR_REFUSED: the endpoint failed. ERR_BLOCKED: the queue
 * of the endpoint's unix socket is full, or no local port is left towards it;
 * other endpoints may do. ERR_LIMIT: this process or machine is out of
 * descriptors or memory, which concerns all endpoints. After both a later try
 * may succeed. `why' says it in words and is valid during the call. The attempt
 * is over and may be started again from inside.
 */
typedef void backend_attempt_done(void *arg, enum err err, int fd,
    const char *why);

/* Embedded in its owner. */
struct backend_attempt {
	struct backend_pool *pool; /* borrowed: loop, sources, socket options */
	struct watch watch; /* owns the socket while connecting */
	struct timer timer; /* the deadline */
	struct loop_deferred ended_at_once; /* reports `error' */
	struct sockaddr_storage to;
	struct sockaddr_storage own; /* our end, once it is connected */
	backend_attempt_done *done;
	void *arg; /* borrowed: the owner */
	int error; /* errno of what ended at once; 0: connected */
};

/* Makes `a' ready and idle. The pool must outlive it. */
void backend_attempt_init(struct backend_attempt *a, struct backend_pool *p,
    backend_attempt_done *done, void *arg);

/* Starts connecting to `to'. `done' is called once, never from inside, unless
 * the attempt is cancelled. */
void backend_attempt_start(struct backend_attempt *a,
    const struct sockaddr_storage *to, uint64_t timeout_ms);

/* Gives up; `done' is not called. Harmless when idle. */
void backend_attempt_cancel(struct backend_attempt *a);

struct backend_dial;

struct backend_dial_request {
	struct slice client_id; /* the final one, for balance = clientid */
	struct slice proxy_header; /* sent first, in one write; may be empty */
};

/*
 * How a dial ended. REASON_NONE: the callee owns `broker', which may be written
 * to at once, and `text' is the endpoint's address. Otherwise broker is NULL,
 * reason is REASON_BACKEND_UNREACHABLE, _TIMEOUT or _BUSY, and `text' says what
 * went wrong in the last try ("192.0.2.1:1883: Connection refused"). `text' is
 * valid until the callback returns. The dial is gone when this is called.
 */
typedef void backend_dial_done(void *arg, enum reason reason,
    struct stream *broker, const char *text);

/*
 * Starts a dial; the slices are copied. `done' is called exactly once unless
 * the dial is cancelled, and never from inside the start. ERR_NO_MEMORY: there
 * is no dial and `done' is not called.
 */
enum err backend_dial_start(struct backend_dial **out, struct backend_pool *p,
    const struct backend_dial_request *request, backend_dial_done *done,
    void *arg) MUST_CHECK;

/* Ends the dial; `done' is not called. NULL is allowed. */
void backend_dial_cancel(struct backend_dial *d);

#endif
