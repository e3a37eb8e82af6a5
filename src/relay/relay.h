/*
 * The relay: two halves facing each other, between a client and a broker
 * that are admitted and dialled. It cannot tell what its streams are. Beside
 * moving bytes it does four things: hears the broker's CONNACK, and tells a
 * v5 client in it the ClientID it was given; refuses a second CONNECT; and
 * dismisses a session between two packets, with a DISCONNECT where MQTT has
 * one.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "base/buf.h"
#include "domain/reason.h"
#include "io/timer.h"
#include "relay/half.h"

/* What the owner is told; inside one of its own calls only `violated', by
 * relay_start(), when the client has sent too much behind its CONNECT. */
struct relay_owner {
	/* The broker answered the CONNECT with this return or reason code. */
	void (*answered)(void *arg, uint8_t code);
	/* A side broke the rules, or was idle too long. Nothing more of it
	 * passes; the owner has to call relay_dismiss() before it returns. */
	void (*violated)(void *arg, enum reason reason);
	/* The session is over and the streams are the owner's again, to be
	 * closed. `reason' says who ended it. */
	void (*ended)(void *arg, enum reason reason);
};

/* How a relay is to begin; all borrowed for the call only. */
struct relay_options {
	struct slice connect; /* the CONNECT, as rewritten */
	struct slice behind; /* what the client sent behind its CONNECT */
	struct slice assigned; /* ClientID to tell a v5 client; len 0 = none */
	uint32_t client_maximum_packet; /* the client's bound; 0 = none */
	uint64_t idle_ms; /* end after so long without a byte; 0 = never */
	size_t chunk; /* most bytes a read takes, and a half holds */
	uint8_t version; /* protocol level of the session: 3, 4, 5 */
};

struct relay {
	struct half up; /* client to broker */
	struct half down; /* broker to client */
	struct loop *loop; /* borrowed */
	const struct relay_owner *owner; /* borrowed, static */
	void *arg; /* borrowed: the owner */
	struct timer timer; /* idle, half-closed, or dismissal */
	struct connack_wait
	    *connack_wait; /* owned; NULL once the CONNACK is by */
	struct farewell *farewell; /* owned; NULL unless being dismissed */
	uint64_t seen_bytes; /* at the last look of the timer */
	uint64_t idle_ms;
	size_t chunk;
	enum reason reason; /* REASON_NONE until somebody has ended it */
};

/*
 * Begins to relay and takes over both streams' callbacks. The slices of the
 * options need STREAM_HEADROOM writable bytes in front, as in a struct buf.
 * ERR_NO_MEMORY: nothing was taken.
 */
enum err relay_start(struct relay *r, struct loop *loop, struct stream *client,
    struct stream *broker, const struct relay_options *options,
    const struct relay_owner *owner, void *arg) MUST_CHECK;

/* What the dismissed are told, ready encoded, HALF_PACKET_MAX at the most;
 * len 0 = nothing. */
struct relay_closing_packets {
	struct slice to_client;
	struct slice to_broker;
};

/*
 * Ends the session for `reason': each side is told its words at the next
 * packet boundary, what was read before still arrives, and `ended' follows,
 * within RELAY_DISMISS_MS even if a boundary never comes. A broker that is to
 * be told nothing gets nothing more at once. A second dismissal changes
 * nothing.
 */
#define RELAY_DISMISS_MS 1000
void relay_dismiss(struct relay *r, enum reason reason,
    const struct relay_closing_packets *words);

/* Stops without a word and frees what the relay owns; no callback follows.
 * The streams stay the owner's. */
void relay_stop(struct relay *r);

#endif
