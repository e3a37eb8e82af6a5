/* SPDX-License-Identifier: ISC */
/*
 * Limits on connections before TLS costs anything: caps on the number of
 * connections in all, from one address and from one network (IPv4 /24, IPv6
 * /64), and token buckets for handshakes and for new connections. The cap on
 * unfinished handshakes is accept/pending.
 *
 * One throttle serves all workers of the process: totals and buckets are
 * atomics, addresses are in a sharded table. An address has an entry only while
 * it has a connection or its bucket is not full; the number of entries without
 * connections is bounded, and the oldest is removed first.
 *
 * A handshake above the rate that all share waits for its token (see
 * throttle_token_take()). A connection above a limit of its own address or
 * network is refused (see throttle_admit_peer()), since waiting would delay all
 * others.
 */
#ifndef ACCEPT_THROTTLE_H
#define ACCEPT_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "domain/reason.h"

/* 0 means no limit, in all of them. */
struct throttle_options {
	uint32_t connections;
	uint32_t connections_per_address;
	uint32_t connections_per_prefix;
	uint32_t handshakes; /* unfinished at once; 0: half of connections */
	uint32_t handshakes_per_prefix; /* 0: half of handshakes */
	uint32_t handshakes_in_tls; /* for which TLS has begun */
	uint32_t handshake_rate; /* full ones a second */
	uint32_t resumed_rate; /* resumed ones a second */
	uint32_t prefix_rate; /* new connections a second from one network */

	/* For tests only: how many may come at once. 0: a fiftieth of the
	 * rate, at least one. */
	uint32_t handshake_burst;
	uint32_t resumed_burst;
	uint32_t prefix_burst;
};

struct throttle;
struct throttle_entry;
struct pending_registry; /* accept/pending */

/* What an admitted connection occupies; embedded in the session. All zero: it
 * occupies nothing. */
struct throttle_slot {
	struct throttle *throttle; /* borrowed; NULL: not admitted */
	struct throttle_entry *address; /* counted; NULL: not counted */
	struct throttle_entry *prefix; /* counted; NULL: not counted */
};

/* ERR_NO_MEMORY. */
enum err throttle_new(struct throttle **out,
    const struct throttle_options *o) MUST_CHECK;

/* Every slot must be released before. NULL is allowed. */
void throttle_free(struct throttle *t);

/* Puts new limits in force, from any thread (reload). Connections counted under
 * the old ones stay. */
void throttle_set(struct throttle *t, const struct throttle_options *o);

/*
 * Counts a connection in the total. Call it at accept. REASON_NONE; or
 * REASON_ACCEPT_LIMIT, and then the slot occupies nothing.
 */
enum reason throttle_admit(struct throttle *t, struct throttle_slot *slot);

/* Counts it although the limit is reached, because another connection is about
 * to be ended to make room. */
void throttle_admit_over_limit(struct throttle *t, struct throttle_slot *slot);

/*
 * Counts the admitted connection for its address and network: at accept, or
 * when the PROXY header has given the real address. REASON_NONE,
 * REASON_ACCEPT_ADDRESS_LIMIT, REASON_ACCEPT_RATE or REASON_ACCEPT_RESOURCE;
 * the slot is to be released in any case. Unix peers are not counted.
 */
enum reason throttle_admit_peer(struct throttle_slot *slot,
    const struct sockaddr_storage *peer, uint64_t now_ms);

/* Takes a token for a full handshake and returns 0, or returns the milliseconds
 * until there may be one. Any thread. */
uint64_t throttle_token_take(struct throttle *t, uint64_t now_ms);

enum throttle_token {
	THROTTLE_UNUSED, /* no handshake was made with it */
	THROTTLE_RESUMED /* a resumed one was: takes a token of these */
};

/* Gives a token back. Any thread. */
void throttle_token_give(struct throttle *t, enum throttle_token why,
    uint64_t now_ms);

/* The unfinished handshakes of all workers. */
struct pending_registry *throttle_handshakes(struct throttle *t);

/* Gives back all that the slot occupies and zeroes it; harmless if it is all
 * zero. */
void throttle_release(struct throttle_slot *slot, uint64_t now_ms);

struct throttle_counts {
	uint64_t connections; /* now */
	uint64_t handshakes; /* unfinished now */
	uint64_t entries; /* addresses and networks in the table now */
};

/* The numbers as they are now; any thread. */
struct throttle_counts throttle_counts(struct throttle *t);

#endif
