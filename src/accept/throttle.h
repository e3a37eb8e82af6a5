/* SPDX-License-Identifier: ISC */
/*
 * Limits on connections before TLS costs anything: caps on the number of
 * connections in all, from one address and from one network (IPv4 /24, IPv6
 * /64), a cap on unfinished handshakes, and token buckets.
 *
 * One throttle serves all workers of the process: totals and buckets are
 * atomics, addresses are in a sharded table. An address has an entry only while
 * it has a connection or its bucket is not full; the number of entries without
 * connections is bounded, and the oldest is removed first.
 *
 * A connection above a limit that all share waits in the kernel's queue (see
 * throttle_wait(), which a listener asks before it accepts). A connection above
 * a limit of its own address or network is refused (see throttle_admit_peer()),
 * since waiting would delay all others.
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
	uint32_t handshakes; /* unfinished at once; 0: 2 x handshake_rate */
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

/* What an admitted connection occupies; embedded in the session. All zero: it
 * occupies nothing. */
struct throttle_slot {
	struct throttle *throttle; /* borrowed; NULL: not admitted */
	struct throttle_entry *address; /* counted; NULL: not counted */
	struct throttle_entry *prefix; /* counted; NULL: not counted */
	bool handshaking; /* counts as an unfinished handshake */
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
 * How many milliseconds connections should stay in the kernel's queue; 0: one
 * may be accepted now. Any thread.
 */
uint64_t throttle_wait(struct throttle *t, uint64_t now_ms);

/*
 * Counts a connection: in the total and among the unfinished handshakes, and
 * takes a token for a full handshake. Call it at accept. REASON_NONE; or
 * REASON_ACCEPT_LIMIT, and then the slot occupies nothing.
 */
enum reason throttle_admit(struct throttle *t, struct throttle_slot *slot,
    uint64_t now_ms);

/*
 * Counts the admitted connection for its address and network: at accept, or
 * when the PROXY header has told the real address. REASON_NONE,
 * REASON_ACCEPT_ADDRESS_LIMIT, REASON_ACCEPT_RATE or REASON_ACCEPT_RESOURCE;
 * the slot is to be released in any case. Unix peers are not counted.
 */
enum reason throttle_admit_peer(struct throttle_slot *slot,
    const struct sockaddr_storage *peer, uint64_t now_ms);

enum throttle_handshake {
	THROTTLE_FULL,
	THROTTLE_RESUMED, /* gives the full token back, takes a resumed one */
	THROTTLE_FAILED
};

/* The TLS handshake ended. Once per slot; later calls do nothing. */
void throttle_handshake_done(struct throttle_slot *slot,
    enum throttle_handshake how, uint64_t now_ms);

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
