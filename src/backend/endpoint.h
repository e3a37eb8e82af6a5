/*
 * One socket address of a broker and what is known of its health. A state
 * machine over times it is given; it makes no connection itself.
 *
 *   UP --failed--> DOWN --back-off over, picked--> TRIAL --failed--> DOWN
 *    ^                                               |
 *    +------------------- succeeded -----------------+
 *
 * With `probed' set DOWN ends only by a good probe.
 */
#ifndef BACKEND_ENDPOINT_H
#define BACKEND_ENDPOINT_H

#include "backend/pool.h"
#include "base/address.h"
#include "io/timer.h"

struct backend_endpoint {
	unsigned users; /* the pool's table and every try under way */
	unsigned slot; /* in the pool's table, as long as it is there */
	unsigned target; /* which configured address it comes from */
	unsigned order; /* failover goes by it; lowest first */
	uint64_t hash; /* of text */
	enum backend_state state;
	bool probed; /* only probes bring it back */
	bool seen; /* scratch of the pool's merge */
	unsigned failures; /* in a row */
	uint64_t until; /* DOWN: not picked before this time, ms */
	uint64_t dialled;
	uint64_t failed;
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_MAX];
	char error[96]; /* of the last failure */
};

/* A new endpoint, UP, counted once; NULL when memory runs out. */
struct backend_endpoint *backend_endpoint_new(
    const struct sockaddr_storage *address);

/* One user more, who ends with backend_endpoint_put(). Returns `e'. */
struct backend_endpoint *backend_endpoint_get(struct backend_endpoint *e);

/* Frees it when the last user goes. NULL is fine. */
void backend_endpoint_put(struct backend_endpoint *e);

/* May a connection be tried now? */
bool backend_endpoint_usable(const struct backend_endpoint *e, uint64_t now);

/* A connection is about to be tried: one that is DOWN goes into TRIAL. */
void backend_endpoint_begin(struct backend_endpoint *e);

/* The try was good. True when that brought it back up. */
bool backend_endpoint_succeeded(struct backend_endpoint *e);

/*
 * The try failed: left alone until now + backoff_ms, doubled for each failure
 * in a row up to max_ms, spread by `noise' (any number) over +-25%. A failure
 * of a try that began before the endpoint went DOWN changes nothing more.
 * True when it was UP.
 */
bool backend_endpoint_failed(struct backend_endpoint *e, const char *error,
    uint64_t now, uint64_t backoff_ms, uint64_t max_ms, uint32_t noise);

/* The try was given up without an answer: the next may follow at once. */
void backend_endpoint_abandoned(struct backend_endpoint *e, uint64_t now);

/* A probe said that it works. True when that brought it back up. */
bool backend_endpoint_revived(struct backend_endpoint *e);

#endif
