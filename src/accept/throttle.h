/*
 * Who may come in before TLS costs anything: caps on connections in all, from
 * one address and from one network (IPv4 /24, IPv6 /64), a cap on unfinished
 * handshakes, and token buckets.
 *
 * One throttle serves all workers of the process: totals and buckets are
 * atomics, addresses live in a sharded table. An address has an entry only
 * while it has a connection or its bucket is not full again; entries without
 * connections are bounded and the oldest goes first.
 *
 * What is over a shared limit waits in the kernel's queue (throttle_wait(),
 * to be a listener's gate); what is over a limit of its own address is
 * refused (throttle_admit()), since waiting would hold up all others.
 */
#ifndef ACCEPT_THROTTLE_H
#define ACCEPT_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "domain/reason.h"

/* 0 = no limit, in all of them. */
struct throttle_options {
	uint32_t connections;
	uint32_t connections_per_address;
	uint32_t connections_per_prefix;
	uint32_t handshakes; /* unfinished at once; 0 = 2 x handshake_rate */
	uint32_t handshake_rate; /* full ones a second */
	uint32_t handshake_burst; /* 0 = a fiftieth of the rate */
	uint32_t resumed_rate; /* resumed ones a second */
	uint32_t resumed_burst;
	uint32_t prefix_rate; /* new connections a second from one network */
	uint32_t prefix_burst;
};

struct throttle;
struct throttle_entry;

/* What an admitted connection holds; embedded in the session. Zero it first:
 * a zeroed one holds nothing. */
struct throttle_ticket {
	struct throttle *throttle; /* borrowed; NULL: admitted nowhere */
	struct throttle_entry *address; /* counted; NULL: not counted */
	struct throttle_entry *prefix; /* counted; NULL: not counted */
	bool handshaking; /* holds one of the unfinished handshakes */
};

/* ERR_NO_MEMORY. */
enum err throttle_new(struct throttle **out,
    const struct throttle_options *o) MUST_CHECK;

/* Every ticket must be released before. NULL is fine. */
void throttle_free(struct throttle *t);

/* Puts new limits in force (reload), from any thread. Connections counted
 * under the old ones stay in. */
void throttle_set(struct throttle *t, const struct throttle_options *o);

/*
 * Milliseconds for which no further connection should be taken from the
 * kernel's queue, 0 if one may be now. Any thread.
 */
uint64_t throttle_wait(struct throttle *t, uint64_t now_ms);

/*
 * Counts a connection in: total, unfinished handshakes and a token of the
 * full handshakes' bucket. REASON_NONE, or REASON_ACCEPT_LIMIT and then the
 * ticket holds nothing. Call it at accept.
 */
enum reason throttle_admit(struct throttle *t, struct throttle_ticket *ticket,
    uint64_t now_ms);

/*
 * Counts the admitted connection under its address: at accept, or after the
 * PROXY header has told the real one. REASON_NONE, REASON_ACCEPT_ADDRESS_LIMIT,
 * REASON_ACCEPT_RATE or REASON_ACCEPT_RESOURCE; the ticket stays to be
 * released in any case. Unix peers are not counted.
 */
enum reason throttle_admit_peer(struct throttle_ticket *ticket,
    const struct sockaddr_storage *peer, uint64_t now_ms);

enum throttle_handshake {
	THROTTLE_FULL,
	THROTTLE_RESUMED, /* gives its full token back, takes a resumed one */
	THROTTLE_FAILED
};

/* The TLS handshake ended. Once a ticket; later calls do nothing. */
void throttle_handshake_done(struct throttle_ticket *ticket,
    enum throttle_handshake how, uint64_t now_ms);

/* Gives back all the ticket holds and zeroes it; a zeroed one is fine. */
void throttle_release(struct throttle_ticket *ticket, uint64_t now_ms);

struct throttle_counts {
	uint64_t connections; /* now */
	uint64_t handshakes; /* unfinished now */
	uint64_t entries; /* addresses and networks in the table now */
};

/* A look at the numbers now; any thread. */
struct throttle_counts throttle_counts(struct throttle *t);

#endif
