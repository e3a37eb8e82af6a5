/*
 * One [backend NAME] profile at run time, for one worker: its addresses, what
 * the names among them resolve to, and which of all that answers. A pool makes
 * no connection of its own beyond health probes; see backend/dial.
 *
 *   address   what the configuration says: host:port, unix:PATH
 *   endpoint  one socket address it stands for now; has a state
 *
 * An endpoint that fails is left alone for a while, longer each time, and
 * then gets one connection as a trial. With probes on, only a good probe
 * brings it back.
 */
#ifndef BACKEND_POOL_H
#define BACKEND_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/list.h"
#include "base/ratelimit.h"
#include "base/socket.h"
#include "io/loop.h"

/* Endpoints of a pool at most; more are not used, and that is logged. */
#define BACKEND_ENDPOINTS_MAX 64

enum backend_balance {
	BACKEND_FAILOVER, /* the first that works, in the order given */
	BACKEND_ROUNDROBIN,
	BACKEND_CLIENTID /* the same ClientID goes to the same endpoint */
};

enum backend_probe {
	BACKEND_PROBE_NONE,
	BACKEND_PROBE_TCP, /* the port opens */
	BACKEND_PROBE_MQTT /* a CONNECT is answered, then DISCONNECT */
};

enum backend_proxy {
	BACKEND_PROXY_OFF,
	BACKEND_PROXY_V1,
	BACKEND_PROXY_V2
};

enum backend_hold {
	BACKEND_HOLD, /* while nothing answers, wait up to the deadline */
	BACKEND_REFUSE /* try everything once, then fail */
};

struct backend_options {
	const char *name; /* the profile, for the log; "" = default */
	const char *const
	    *addresses; /* "host:port", "[v6]:port", "unix:PATH" */
	size_t address_count;
	enum backend_balance balance;
	uint64_t timeout_ms; /* for a dial, all tries and waits; 0 = 5 s */
	uint64_t attempt_ms; /* for one try; 0 = a fair share of the rest */
	enum backend_hold hold;
	uint32_t queue; /* dials that may wait; more are BUSY; 0 = 4096 */
	struct ratelimit *pace; /* borrowed, shared by workers; NULL = none */
	const char *const *sources; /* numeric addresses to dial from */
	size_t source_count; /* 0: the kernel chooses */
	uint64_t resolve_ms; /* names are asked again so often; 0 = 30 s */
	uint64_t backoff_ms; /* after a first failure; 0 = 200 ms */
	uint64_t backoff_max_ms; /* it doubles up to this; 0 = 10 s */
	struct socket_options socket;

	enum backend_probe probe;
	uint64_t probe_interval_ms; /* 0 = 5 s */
	uint64_t probe_timeout_ms; /* 0 = 2 s */
	const char *probe_client_id; /* must differ from worker to worker */
	const char *probe_username; /* NULL = none */
	const char *probe_password; /* NULL = none */
	enum backend_proxy probe_proxy; /* the header a probe begins with */
};

/* A worker's resolver, shared by its pools. Costs nothing until a name has to
 * be resolved. */
struct backend_resolver;

/* `nameserver': "ADDRESS:PORT" to ask instead of those in resolv.conf, or
 * NULL. NULL when memory runs out. */
struct backend_resolver *backend_resolver_new(struct loop *loop,
    const char *nameserver);

/* Call it after the pools that use it are put. NULL is fine. */
void backend_resolver_free(struct backend_resolver *r);

struct backend_pool;

/*
 * Makes a pool, counted once for the caller. Copies the options except what
 * they call borrowed. Names begin to be resolved and probes to run at once.
 * ERR_CONFIG: an address or source is not one (backend_address_check());
 * ERR_NO_MEMORY.
 */
enum err backend_pool_new(struct backend_pool **out, struct loop *loop,
    struct backend_resolver *resolver,
    const struct backend_options *options) MUST_CHECK;

/* Counts one more user. */
struct backend_pool *backend_pool_get(struct backend_pool *p);

/* One user less; the last one ends resolving and probing and frees. Dials
 * under way count as users. NULL is fine. */
void backend_pool_put(struct backend_pool *p);

/* Is `text' an address a pool takes? OK or ERR_MALFORMED. For -t. */
enum err backend_address_check(const char *text) MUST_CHECK;

enum backend_state {
	BACKEND_UP,
	BACKEND_DOWN, /* left alone until its back-off is over */
	BACKEND_TRIAL /* one connection is trying whether it is back */
};

/* One endpoint for the status page and the metrics. Texts die with the next
 * turn of the loop. */
struct backend_status {
	const char *name; /* the pool's */
	const char *address; /* as configured */
	const char *endpoint; /* as dialled; "" while the name is unresolved */
	enum backend_state state;
	unsigned failures; /* in a row */
	uint64_t dialled; /* connections made */
	uint64_t failed; /* tries that failed */
	const char *error; /* of the last failure; "" = none */
};

/* Calls `each' for every endpoint, and once for an address without any. */
void backend_pool_each(struct backend_pool *p,
    void (*each)(const struct backend_status *s, void *arg), void *arg);

/* Would a dial find an endpoint that is up now? For readiness. */
bool backend_pool_up(const struct backend_pool *p);

struct backend_counts {
	uint64_t dials; /* started */
	uint64_t dialled; /* ended well */
	uint64_t held; /* had to wait for an endpoint or for the pace */
	uint64_t waiting; /* dials that wait now */
	uint64_t busy; /* refused because too many waited */
};

/* The pool's counters; lives as long as it does. */
const struct backend_counts *backend_pool_counts(const struct backend_pool *p);

/*
 * The rest is for backend/dial: waiting for an endpoint, and telling what
 * became of it.
 */

struct backend_endpoint;

/* Someone who waits for an endpoint; embedded in the dial. */
struct backend_waiter {
	struct list node;
	uint64_t hash; /* of the ClientID */
	uint64_t tried; /* bit n: not the endpoint in slot n */
	/* An endpoint to dial now, counted for the callee; NULL: there is
	 * none and waiting is no use (BACKEND_REFUSE). Must not call the
	 * dial's owner from inside. */
	void (*go)(struct backend_waiter *w, struct backend_endpoint *e);
};

enum backend_outcome {
	BACKEND_DIALLED,
	BACKEND_FAILED, /* its fault: leave it alone for a while */
	BACKEND_NO_FAULT, /* ours, or it is full: all wait a little */
	BACKEND_GIVEN_UP /* no answer was waited for */
};

/* Queues `w', whose turn may come inside the call. ERR_LIMIT: the queue is
 * full, and w is not in it. */
enum err backend_pool_wait(struct backend_pool *p,
    struct backend_waiter *w) MUST_CHECK;

/* Takes `w' out of the queue; harmless when it is not in it. */
void backend_pool_leave(struct backend_pool *p, struct backend_waiter *w);

/* Another endpoint for one whose try just failed. Counted for the caller;
 * NULL: wait again. */
struct backend_endpoint *backend_pool_next(struct backend_pool *p,
    const struct backend_waiter *w);

/* How long the try that `w' is about to make may take when `left_ms' remain
 * for all. */
uint64_t backend_pool_share(struct backend_pool *p,
    const struct backend_waiter *w, uint64_t left_ms);

/* Tells what became of a try, and takes the caller's count of `e'. `why' is
 * text for BACKEND_FAILED, else not looked at. */
void backend_pool_note(struct backend_pool *p, struct backend_endpoint *e,
    enum backend_outcome outcome, const char *why);

/* The latest reason why nothing answers, as "ADDRESS: WHY". */
void backend_pool_explain(const struct backend_pool *p, char *out, size_t size);

struct loop *backend_pool_loop(const struct backend_pool *p);
const struct backend_options *backend_pool_options(
    const struct backend_pool *p);
struct backend_sources *backend_pool_sources(struct backend_pool *p);

#endif
