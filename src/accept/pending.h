/* SPDX-License-Identifier: ISC */
/*
 * The unfinished connections of all workers, whose CONNECT has not arrived: how
 * many there may be, which one ends when there are too many, and when TLS may
 * begin.
 *
 * Any host can open a connection and stay silent. So when the limit is reached,
 * a newcomer is not turned away: the oldest unfinished handshake of the network
 * (IPv4 /24, IPv6 /64) that holds most is ended for it, first among those for
 * which TLS has not begun, last among those that have shown a good certificate.
 * A stranger with few networks then only competes with
 * himself. A network has a share of the limit, above which its own oldest one
 * is ended.
 *
 * TLS begins when the client's first record, the ClientHello, has arrived, and
 * when the throttle has a token for a handshake. Until then a connection costs
 * a descriptor and no memory of TLS. Of the clients that wait for a token, one
 * of the network with the fewest unfinished handshakes is next. It also waits
 * while TLS has begun for as many as there is memory for, unless another
 * network has more of these.
 */
#ifndef ACCEPT_PENDING_H
#define ACCEPT_PENDING_H

#include "accept/throttle.h"
#include "base/table.h"
#include "io/timer.h"
#include "io/watch.h"

struct pending_handshake;
struct pending_network;

/* A network: its family and prefix. */
struct pending_key {
	uint8_t family; /* 4 or 6; 0: neither */
	uint8_t bytes[16];
};

/* The unfinished handshakes of one worker. */
struct pending_queue {
	struct throttle *throttle; /* borrowed */
	struct pending_registry *registry; /* borrowed: the throttle's */
	struct loop *loop; /* borrowed */
	/* Ends a connection to make room; calls pending_end(). */
	void (*evict)(struct pending_handshake *h);
	struct loop_message message; /* there are victims */
	bool posted; /* the message is; guarded by the registry */
	struct list victims; /* guarded by the registry */
	struct list waiting; /* for a token; one client of each network */
	struct table fronts; /* owned; finds these by their network */
	struct timer timer; /* to the next token */
};

/* Embedded in the state that a connection has until it is relayed. Zero it
 * first. */
struct pending_handshake {
	struct list node; /* in its network, or in victims; guarded */
	struct pending_network *network; /* guarded; NULL: not counted */
	struct pending_queue *queue; /* borrowed; NULL before the begin */
	struct watch watch; /* the descriptor is borrowed */
	struct pending_key key; /* of its network */
	struct list waiting; /* in the queue's, or behind another client */
	struct list behind; /* those of its network that wait after it */
	struct table_node front; /* in the queue's table, if is_front */
	bool is_front;
	size_t want; /* bytes that the first record has; 0: not known */
	bool has_token;
	bool in_tls; /* guarded */
	bool evicted; /* guarded; it is to end, to make room */
	void (*ready)(struct pending_handshake *h); /* TLS may begin */
};

/* The shared part, which the throttle owns. NULL when memory runs out. */
struct pending_registry *pending_registry_new(void);
void pending_registry_free(struct pending_registry *r);

/* How many unfinished handshakes there may be; 0: no limit. */
struct pending_limits {
	uint32_t handshakes;
	uint32_t per_prefix; /* of one network */
	uint32_t in_tls; /* for which TLS has begun, which takes memory */
};

/* Any thread. */
void pending_registry_set_limits(struct pending_registry *r,
    const struct pending_limits *limits);

/* Returns how many there are now. Any thread. */
uint32_t pending_registry_count(struct pending_registry *r);

/* Fills `q' for the worker whose loop is given. */
void pending_queue_init(struct pending_queue *q, struct throttle *t,
    struct loop *loop, void (*evict)(struct pending_handshake *h));

/* By now the worker must have no unfinished handshake. */
void pending_queue_fini(struct pending_queue *q);

/* Counts an unfinished handshake for the network of `peer'. If there are too
 * many, of this network or of all, another one is ended, soon. */
void pending_begin(struct pending_handshake *h, struct pending_queue *q,
    const struct sockaddr_storage *peer);

/* Counts it for another network: a PROXY header has named the client. */
void pending_move(struct pending_handshake *h,
    const struct sockaddr_storage *peer);

/* Ends one unfinished handshake, to make room for a connection. False if no
 * handshake is unfinished. */
bool pending_make_room(struct pending_queue *q);

/* Waits until TLS may begin on `fd', which stays the caller's; then calls
 * `ready', perhaps from inside. */
void pending_wait(struct pending_handshake *h, int fd,
    void (*ready)(struct pending_handshake *h));

enum pending_outcome {
	PENDING_OUTCOME_FULL,
	PENDING_OUTCOME_RESUMED, /* the token is exchanged for a resumed one */
	PENDING_OUTCOME_NO_WORK, /* TLS did not begin, or had no work to do */
	PENDING_OUTCOME_FAILED
};

/* The handshake ended, and the client has a good certificate. It counts as
 * unfinished until pending_end(), but takes no memory of a handshake. Of its
 * network it is ended last. */
void pending_verified(struct pending_handshake *h, enum pending_outcome how);

/* The handshake ended, but the client showed no certificate, so that nothing is
 * known of it: it counts as unfinished until pending_end(). */
void pending_unverified(struct pending_handshake *h, enum pending_outcome how);

/*
 * The connection is not unfinished any more, or it ended. False: it was to end
 * to make room, and another connection has been admitted in its place; so the
 * caller has to end it. Later calls, and calls without a pending_begin(), do
 * nothing and return true.
 */
bool pending_end(struct pending_handshake *h, enum pending_outcome how);

#endif
