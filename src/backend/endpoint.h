/* SPDX-License-Identifier: ISC */
/*
 * The socket addresses of a pool's brokers: what is known of the health of
 * each, which of them the configured names stand for now, and which one the
 * next connection should try. Nothing here makes a connection or asks for the
 * time.
 *
 *   UP --failed--> DOWN --back-off over, picked--> TRIAL --failed--> DOWN
 *    ^                                               |
 *    +------------------- succeeded -----------------+
 *
 * With `probed' set, only a good probe ends DOWN.
 */
#ifndef BACKEND_ENDPOINT_H
#define BACKEND_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/outage.h"
#include "base/address.h"
#include "base/slice.h"
#include "config/choices.h"

/* The most endpoints that a pool has; further ones are not used, and a warning
 * is logged. */
#define BACKEND_ENDPOINTS_MAX 64

enum backend_state {
	BACKEND_UP,
	BACKEND_DOWN, /* not used until its back-off is over */
	BACKEND_TRIAL /* one connection is trying whether it works again */
};

struct backend_endpoint {
	unsigned users; /* the pool's table and every try under way */
	unsigned slot; /* in the pool's table, as long as it is there */
	unsigned target; /* index of the configured address */
	unsigned order; /* failover prefers the lowest */
	uint64_t hash; /* of text */
	enum backend_state state;
	struct backend_outage *outage; /* counted, or NULL; for the log */
	bool probed; /* only a good probe brings it back */
	bool seen; /* used by backend_table_merge() only */
	unsigned failures; /* in a row */
	uint64_t until; /* DOWN: not picked before this time, ms */
	uint64_t pause_until; /* UP: not picked before this time, ms */
	uint64_t full_since; /* its queue was full then, and ever since; 0 =
				it was not, ms */
	uint64_t dialled; /* connections made */
	uint64_t failed; /* tries that failed */
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_MAX];
	char error[96]; /* of the last failure; "" = none */
};

/* A new endpoint, UP, counted once; NULL when memory runs out. */
struct backend_endpoint *backend_endpoint_new(
    const struct sockaddr_storage *address);

/* Counts one more user, who ends with backend_endpoint_put(). Returns `e'. */
struct backend_endpoint *backend_endpoint_get(struct backend_endpoint *e);

/* Counts one user less; the last one frees `e'. NULL is allowed. */
void backend_endpoint_put(struct backend_endpoint *e);

/* True if a connection may be tried now. */
bool backend_endpoint_usable(const struct backend_endpoint *e, uint64_t now);

/* Call it before a connection is tried: an endpoint that is DOWN goes into
 * TRIAL. */
void backend_endpoint_begin(struct backend_endpoint *e);

/* The try succeeded. True if that brought the endpoint back UP. */
bool backend_endpoint_succeeded(struct backend_endpoint *e);

/* How long an endpoint that failed is left alone. */
struct backend_backoff {
	uint64_t first_ms; /* after the first failure; then it doubles */
	uint64_t max_ms; /* up to this */
	uint32_t random; /* any number: spreads the time by up to 25 % */
};

/*
 * The try failed, for the reason that `error' says in words. The endpoint is
 * DOWN from `now' on, for as long as `b' says. If the try began before the
 * endpoint went DOWN, only the counter and the text change. True if the
 * endpoint was UP.
 */
bool backend_endpoint_failed(struct backend_endpoint *e, const char *error,
    uint64_t now, const struct backend_backoff *b);

/* The try ended without an answer: the next one may follow at once. */
void backend_endpoint_abandoned(struct backend_endpoint *e, uint64_t now);

/* An endpoint whose queue has been full for longer than this has failed: its
 * broker hangs. A storm of clients fills a queue for moments only. */
#define BACKEND_FULL_MS 1000

/* The endpoint, which is UP, takes no connection just now, and is not picked
 * before `pause_until'. Returns for how many milliseconds that has been so. */
uint64_t backend_endpoint_full(struct backend_endpoint *e, uint64_t now,
    uint64_t pause_until);

/* A probe succeeded. True if that brought the endpoint back UP. */
bool backend_endpoint_revived(struct backend_endpoint *e);

/*
 * All endpoints of a pool. An endpoint that an address still stands for keeps
 * its slot and its state when the name is resolved again.
 */
struct backend_table {
	struct backend_endpoint *slots[BACKEND_ENDPOINTS_MAX]; /* counted */
	unsigned order; /* goes up by one for each endpoint */
};

/*
 * Makes `list' the endpoints of the configured address with index `target'.
 * New ones are UP. Returns how many found no slot, or no memory.
 */
size_t backend_table_merge(struct backend_table *t, unsigned target,
    const struct sockaddr_storage *list, size_t count);

/* Returns how many endpoints `target' has now. */
size_t backend_table_count(const struct backend_table *t, unsigned target);

/* The earliest time, in ms, at which an endpoint that is DOWN or paused may be
 * tried; UINT64_MAX if none will be by the passing of time alone. */
uint64_t backend_table_next(const struct backend_table *t, uint64_t now);

/* Gives all endpoints back. */
void backend_table_fini(struct backend_table *t);

/* What backend_pick() chooses from, and how. */
struct backend_choice {
	struct backend_endpoint *const *slots; /* BACKEND_ENDPOINTS_MAX; some
						  may be NULL */
	enum config_balance balance;
	bool hold; /* false: if none is usable, one that is DOWN will do */
	uint64_t hash; /* of the ClientID, for CONFIG_BALANCE_CLIENTID */
	uint64_t tried; /* bit n: do not take slot n */
	uint64_t turn; /* for CONFIG_BALANCE_ROUNDROBIN: goes up by one for
			  each dial */
	uint64_t now; /* ms */
};

/* The endpoint to try, or NULL if none may be tried now. */
struct backend_endpoint *backend_pick(const struct backend_choice *c);

/* Returns how many endpoints could be picked, one after the other. */
unsigned backend_pick_count(const struct backend_choice *c);

/* The hash of a ClientID; the same in every process and on every machine. */
uint64_t backend_pick_hash(struct slice client_id);

#endif
