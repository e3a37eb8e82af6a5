/* SPDX-License-Identifier: ISC */
/*
 * One [backend NAME] section at run time, for one worker: its addresses, what
 * the names among them resolve to, which of these endpoints work, and the
 * dials that wait for one. A pool makes no connections except health probes;
 * see backend/dial.
 *
 *   address   what the configuration says: host:port, unix:PATH
 *   endpoint  one socket address that it stands for now; has a state
 *
 * An endpoint that fails is left alone for a while, longer each time, and then
 * gets one connection as a trial, of a client or of backend/health. With probes
 * on, only a good probe brings it back.
 */
#ifndef BACKEND_POOL_H
#define BACKEND_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "backend/endpoint.h"
#include "backend/limits.h"
#include "base/err.h"
#include "base/list.h"
#include "base/socket.h"
#include "config/choices.h"
#include "io/loop.h"

/* The most bytes of a probe's ClientID, user name and password, each. */
#define BACKEND_PROBE_TEXT_MAX 1024

struct backend_resolver; /* backend/resolve.h */

struct backend_options {
	const char *name; /* the section's, for the log */
	const char *const *addresses; /* "host:port", "[v6]:port",
					 "unix:PATH" */
	size_t address_count;
	enum config_balance balance;
	uint64_t timeout_ms; /* for a dial, with all its tries and waits; 0:
				5 s */
	bool hold; /* while no endpoint works, dials wait up to the deadline;
		      otherwise each is tried once, then the dial fails */
	uint32_t queue; /* dials that may wait; more are BUSY; 0: 4096 */
	struct backend_connect_rate *connect_rate; /* the pool counts itself;
						      NULL: no limit */
	struct backend_flows *flows; /* borrowed; NULL: not counted */
	struct backend_outages *outages; /* borrowed; NULL: each pool logs */
	const char *const *sources; /* numeric addresses to dial from */
	size_t source_count; /* 0: the kernel chooses */
	uint64_t resolve_ms; /* how often names are resolved again; 0: 30 s */
	struct socket_options socket;

	enum config_probe probe;
	uint64_t probe_interval_ms; /* 0: 5 s */
	uint64_t probe_timeout_ms; /* 0: 2 s */
	const char *probe_client_id; /* must differ from worker to worker */
	const char *probe_username; /* NULL: none */
	const char *probe_password; /* NULL: none; needs a user name */
	enum config_proxy_protocol probe_proxy; /* the header a probe begins
						   with */

	/* For tests only; the configuration cannot set them. */
	uint64_t attempt_ms; /* for one try; 0: a fair share of what is left */
	uint64_t backoff_ms; /* after a first failure; 0: 200 ms */
	uint64_t backoff_max_ms; /* it doubles up to this; 0: 10 s. While no
				    endpoint is up it is at most a second */
};

struct backend_pool;

/*
 * Makes a pool, counted once for the caller. Copies the options except what
 * they call borrowed. Resolving and probing begin at once. ERR_CONFIG: no
 * address, an address that backend_address_check() does not accept, a source
 * that is not an address, or a probe's text that is too long; ERR_NO_MEMORY.
 */
enum err backend_pool_new(struct backend_pool **out, struct loop *loop,
    struct backend_resolver *resolver,
    const struct backend_options *options) MUST_CHECK;

/* Counts one more user. */
struct backend_pool *backend_pool_get(struct backend_pool *p);

/* Counts one user less; the last one ends resolving and probing and frees the
 * pool. Dials under way count as users. NULL is allowed. */
void backend_pool_put(struct backend_pool *p);

/* OK if a pool takes `text' as an address, otherwise ERR_MALFORMED. */
enum err backend_address_check(const char *text) MUST_CHECK;

/* One endpoint for the status page and the metrics. The texts are valid until
 * the next turn of the loop. */
struct backend_status {
	const char *name; /* the pool's */
	const char *address; /* as configured */
	const char *endpoint; /* as dialled; "" while the name is unresolved */
	enum backend_state state;
	unsigned failures; /* in a row */
	uint64_t dialled; /* connections made */
	uint64_t failed; /* tries that failed */
	const char *error; /* of the last failure; "": none */
};

/* Calls `each' for every endpoint, and once for an address without one. */
void backend_pool_each(struct backend_pool *p,
    void (*each)(const struct backend_status *s, void *arg), void *arg);

/* True if an endpoint is up now. For readiness. */
bool backend_pool_up(const struct backend_pool *p);

struct backend_counts {
	uint64_t dials; /* started */
	uint64_t dialled; /* succeeded */
	uint64_t held; /* had to wait for an endpoint or for connect_rate */
	uint64_t waiting; /* dials that wait now */
	uint64_t busy; /* refused because too many waited */
};

/* The pool's counters, which live as long as it does. */
const struct backend_counts *backend_pool_counts(const struct backend_pool *p);

/*
 * What follows is for backend/dial and backend/health.
 */

/* What the pool knows of a dial; embedded in it. */
struct backend_waiter {
	struct list node;
	uint64_t hash; /* of the ClientID */
	uint64_t tried; /* bit n: not the endpoint in slot n */
	bool held; /* it had to wait; counted once */
	/* Gives the dial an endpoint to try now, counted for the callee; or
	 * NULL: there is none and waiting is of no use (hold = false). Must
	 * not call the dial's owner from inside. */
	void (*ready)(struct backend_waiter *w, struct backend_endpoint *e);
};

/* Makes `w' ready for a dial that starts, and counts the dial. */
void backend_pool_enter(struct backend_pool *p, struct backend_waiter *w,
    struct slice client_id,
    void (*ready)(struct backend_waiter *w, struct backend_endpoint *e));

/* Queues `w'; `ready' may be called from inside. First come, first served; all
 * wait for the same things: a usable endpoint, a token of connect_rate, and
 * the end of a pause after this process ran out of something. ERR_LIMIT: the
 * queue is full, and w is not in it. */
enum err backend_pool_wait(struct backend_pool *p,
    struct backend_waiter *w) MUST_CHECK;

/* Takes `w' out of the queue; harmless when it is not in it. */
void backend_pool_leave(struct backend_pool *p, struct backend_waiter *w);

/* The endpoint to try after one that just failed, counted for the caller;
 * NULL: wait again. */
struct backend_endpoint *backend_pool_next(struct backend_pool *p,
    const struct backend_waiter *w);

/* Returns how many milliseconds the next try of `w' may take, of the `left_ms'
 * that remain for the dial. */
uint64_t backend_pool_share(struct backend_pool *p,
    const struct backend_waiter *w, uint64_t left_ms);

enum backend_outcome {
	BACKEND_DIALLED,
	BACKEND_FAILED, /* the endpoint failed: it is left alone for a while */
	BACKEND_FULL, /* it takes no connection just now: it is not used for a
			 moment, and counts as failed if that goes on */
	BACKEND_NO_FAULT, /* this process or machine lacks something: all dials
			     wait a little */
	BACKEND_GIVEN_UP /* the try ended before there was an answer */
};

/* Reports how a try ended, and takes the caller's count of `e'. `why' is the
 * reason of BACKEND_FAILED and _FULL, otherwise ignored. */
void backend_pool_tried(struct backend_pool *p, struct backend_endpoint *e,
    enum backend_outcome outcome, const char *why);

/* Reports what a probe of `e' found; `why' is NULL if it works. */
void backend_pool_probed(struct backend_pool *p, struct backend_endpoint *e,
    const char *why);

/* The next random number, good enough for jitter. */
uint32_t backend_pool_random(struct backend_pool *p);

/* Writes why no endpoint works, as "ADDRESS: WHY". */
void backend_pool_explain(const struct backend_pool *p, char *out, size_t size);

/* The next source address of that family; NULL if none is configured. They are
 * used in turn. */
const struct sockaddr_storage *backend_pool_source(struct backend_pool *p,
    sa_family_t family);

/* Returns the number of source addresses. */
size_t backend_pool_source_count(const struct backend_pool *p);

struct loop *backend_pool_loop(const struct backend_pool *p);

/* Returns the options of the pool, with the defaults filled in; valid as long
 * as the pool. */
const struct backend_options *backend_pool_options(
    const struct backend_pool *p);

#endif
