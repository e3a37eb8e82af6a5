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

#include "backend/connect_rate.h"
#include "base/err.h"
#include "base/socket.h"
#include "io/loop.h"

/* Endpoints of a pool at most; more are not used, and that is logged. */
#define BACKEND_ENDPOINTS_MAX 64

/* Bytes of a probe's ClientID, user name and password at most, each. */
#define BACKEND_PROBE_TEXT_MAX 1024

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
	const char *name; /* the profile, as logs call it */
	const char *const
	    *addresses; /* "host:port", "[v6]:port", "unix:PATH" */
	size_t address_count;
	enum backend_balance balance;
	uint64_t timeout_ms; /* for a dial, all tries and waits; 0 = 5 s */
	uint64_t attempt_ms; /* for one try; 0 = a fair share of the rest */
	enum backend_hold hold;
	uint32_t queue; /* dials that may wait; more are BUSY; 0 = 4096 */
	struct backend_connect_rate *connect_rate; /* shared by workers; NULL =
				      none. The pool takes a count */
	struct backend_flows *flows; /* borrowed, shared; NULL = not counted */
	const char *const *sources; /* numeric addresses to dial from */
	size_t source_count; /* 0: the kernel chooses */
	uint64_t resolve_ms; /* names are asked again so often; 0 = 30 s */
	uint64_t backoff_ms; /* after a first failure; 0 = 200 ms */
	uint64_t backoff_max_ms; /* it doubles up to this; 0 = 10 s. While no
				    endpoint is up it is a second at most */
	struct socket_options socket;

	enum backend_probe probe;
	uint64_t probe_interval_ms; /* 0 = 5 s */
	uint64_t probe_timeout_ms; /* 0 = 2 s */
	const char *probe_client_id; /* must differ from worker to worker */
	const char *probe_username; /* NULL = none */
	const char *probe_password; /* NULL = none; needs a user name */
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
 * ERR_CONFIG: no address, or one that is none (backend_address_check()), a
 * source that is none, a probe's text that is too long; ERR_NO_MEMORY.
 */
enum err backend_pool_new(struct backend_pool **out, struct loop *loop,
    struct backend_resolver *resolver,
    const struct backend_options *options) MUST_CHECK;

/* Counts one more user. */
struct backend_pool *backend_pool_get(struct backend_pool *p);

/* One user less; the last one ends resolving and probing and frees. Dials
 * under way count as users. NULL is fine. */
void backend_pool_put(struct backend_pool *p);

/* Is `text' an address a pool takes? OK or ERR_MALFORMED. */
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
 * The rest is for backend/dial.
 */

struct backend_queue;

/* Where dials wait for an endpoint; lives as long as the pool. */
struct backend_queue *backend_pool_queue(struct backend_pool *p);

/* What the pool was made with, and the addresses its dials come from; all of
 * it lives as long as the pool. */
struct loop *backend_pool_loop(const struct backend_pool *p);
const struct backend_options *backend_pool_options(
    const struct backend_pool *p);
struct backend_sources *backend_pool_sources(struct backend_pool *p);

/* The latest reason why nothing answers, as "ADDRESS: WHY". */
void backend_pool_explain(const struct backend_pool *p, char *out, size_t size);

#endif
