/* SPDX-License-Identifier: ISC */
/*
 * The relay: two halves facing each other, between a client that is admitted
 * and a broker that is dialled. It does not know what its streams are. Beside
 * forwarding bytes it does four things: it waits for the broker's CONNACK, and
 * adds to it the ClientID that a v5 client was given; it refuses a second
 * CONNECT, and AUTH where it is not wanted; it ends a session that transfers
 * nothing; and it ends a session between two packets, with a DISCONNECT where
 * MQTT has one.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "base/buf.h"
#include "domain/reason.h"
#include "io/timer.h"
#include "relay/half.h"

/* The owner's callbacks. None is called from inside one of the owner's calls,
 * except `violated' from relay_start(), when the client has sent a forbidden
 * packet after its CONNECT. */
struct relay_owner {
	/* The broker answered the CONNECT with this return or reason code. */
	void (*answered)(void *arg, uint8_t code);
	/* A side broke the protocol or was idle too long. No more of it is
	 * forwarded; the owner must call relay_dismiss() before it returns. */
	void (*violated)(void *arg, enum reason reason);
	/* The session is over; the streams are the owner's again and must be
	 * closed. `reason' says who ended it. */
	void (*ended)(void *arg, enum reason reason);
};

/* How a relay starts; all borrowed for the call only. */
struct relay_options {
	struct slice connect; /* the CONNECT as rewritten */
	struct slice after_connect; /* what the client sent after it */
	struct slice assigned; /* ClientID to tell a v5 client; len 0 = none */
	uint32_t client_maximum_packet; /* the client's limit; 0 = none */
	uint64_t idle_ms; /* end after so long without a byte; 0 = never */
	size_t chunk; /* most bytes of a read, and most that a half holds */
	uint8_t version; /* protocol level: 3, 4, 5 */
	/* Packet types that end the session when the client sends one, beside
	 * CONNECT: MQTT_CURSOR_AT() each. */
	unsigned refuse;
	const struct relay_owner *owner; /* borrowed, static: who is told */
	void *arg; /* borrowed: handed to the owner's functions */
};

enum relay_state {
	RELAY_OPEN, /* both directions are open */
	RELAY_HALF_CLOSED, /* one side has ended or failed; the other drains */
	RELAY_DISMISSED, /* relay_dismiss() was called */
	RELAY_OVER /* stopped; only the owner can still look at it */
};

struct relay {
	struct half up; /* client to broker */
	struct half down; /* broker to client */
	struct loop *loop; /* borrowed */
	const struct relay_owner *owner; /* borrowed, static */
	void *arg; /* borrowed: the owner */
	/* Idle, half-closed or dismissed, see `state'. Owned; NULL until it is
	 * needed: by default, no session that lives needs it. */
	struct timer *timer;
	struct loop_deferred end; /* calls `ended' after relay_dismiss() */
	struct connack_wait *connack_wait; /* owned; NULL after the CONNACK */
	struct relay_last_packets *last; /* owned; NULL unless dismissed */
	uint64_t seen_bytes; /* forwarded when the timer last ran */
	uint64_t idle_ms;
	uint32_t chunk;
	enum relay_state state : 8;
	enum reason reason : 8; /* NONE while RELAY_OPEN */
};

/*
 * Starts to relay and takes over both streams' callbacks. The slices of the
 * options need STREAM_HEADROOM writable bytes in front, as in a struct buf.
 * ERR_NO_MEMORY: nothing was taken over; call relay_stop().
 */
enum err relay_start(struct relay *r, struct loop *loop, struct stream *client,
    struct stream *broker, const struct relay_options *options) MUST_CHECK;

/* The last packets, encoded, at most HALF_PACKET_MAX each; len 0 = none. */
struct relay_closing_packets {
	struct slice to_client;
	struct slice to_broker;
};

/*
 * Ends the session for `reason'. Each side gets its last packet at the next
 * packet boundary, after what was read before; then `ended' is called, after
 * RELAY_DISMISS_MS even if a boundary is never reached. If there is no packet
 * for the broker, nothing more is forwarded to it. A second call does nothing.
 */
#define RELAY_DISMISS_MS 1000
void relay_dismiss(struct relay *r, enum reason reason,
    const struct relay_closing_packets *packets);

/* True after relay_dismiss(). */
static inline bool
relay_is_dismissed(const struct relay *r)
{
	return r->state == RELAY_DISMISSED;
}

/* True while the client has sent a part of a packet. */
static inline bool
relay_is_within_packet(const struct relay *r)
{
	return !mqtt_cursor_at_boundary(&r->up.cursor);
}

/* Stops at once and frees what the relay owns. No callback follows; the
 * streams are the owner's. */
void relay_stop(struct relay *r);

#endif
