/*
 * One direction of a relay. Bytes go from `from' to `to'; what `to' will not
 * take waits in `pending', and while anything waits `from' is not read. So an
 * idle half owns no buffer, and a stalled one at most one read's worth.
 *
 * The boundary cursor follows the packets' framing, never their bodies. It
 * knows where a packet ends, so that a packet of ours can be put between two
 * of theirs, and it sees the one packet type this direction must not carry.
 *
 *	OPEN --EOF--> ENDING --drained--> ENDED
 *	  |-- CLOSING --boundary--> SEALED --drained--> ENDED
 */
#ifndef RELAY_HALF_H
#define RELAY_HALF_H

#include <stdint.h>

#include "base/buf.h"
#include "io/loop.h"
#include "io/stream.h"
#include "mqtt/cursor.h"

enum half_state {
	HALF_OPEN, /* bytes flow */
	HALF_CLOSING, /* they flow up to the end of the present packet */
	HALF_SEALED, /* our last packet is queued; nothing of theirs follows */
	HALF_ENDING, /* `from' has ended; pending bytes drain */
	HALF_ENDED /* `to' was told the end, or can take nothing any more */
};

/* What a call of a half has to say to the relay. */
enum half_event {
	HALF_OK,
	HALF_AT_BOUNDARY, /* a CLOSING half has come to its packet's end */
	HALF_FROM_BROKE, /* a read failed; the half is ENDING */
	HALF_TO_BROKE, /* a write failed; the half is ENDED */
	HALF_MALFORMED, /* framing is lost; no byte of this read's bad packet
			 * passed */
	HALF_FORBIDDEN /* the forbidden packet came; nothing of it passed */
};

struct half {
	struct stream *from; /* borrowed from the relay's owner */
	struct stream *to; /* borrowed from the relay's owner */
	struct buf pending; /* taken from `from', not yet by `to' */
	struct mqtt_cursor cursor; /* over all bytes let through */
	uint64_t bytes; /* let through */
	enum half_state state;
	bool eof; /* `from' has ended by itself */
	unsigned stop_at; /* MQTT_CURSOR_AT() of what must not pass; 0 = none */
};

/* Longest packet of our own that a half takes: a DISCONNECT or CONNACK. */
#define HALF_PACKET_MAX 512

/* Makes an open half; `stop_at' are packet types that may not pass, as
 * MQTT_CURSOR_AT() has them, or 0. */
void half_init(struct half *h, struct stream *from, struct stream *to,
    unsigned stop_at);

/* Frees what the half owns; the streams stay. */
void half_fini(struct half *h);

/* Puts the CONNECT itself on its way, which the cursor is not to see. `data'
 * needs STREAM_HEADROOM in front. */
enum half_event half_begin(struct half *h, uint8_t *data, size_t len);

/*
 * Lets `len' bytes of the source through: all of them, or those before the
 * packet that may not pass. `data' needs STREAM_HEADROOM in front.
 */
enum half_event half_pass(struct half *h, uint8_t *data, size_t len);

/* Reads `from' through `scratch' (at most `len' bytes a read) until it has
 * no more, the sink stalls, or a fair share of the turn is used up. */
enum half_event half_pump(struct half *h, uint8_t *scratch, size_t len);

/* The source has ended: what waits drains, then the sink is told. */
enum half_event half_end(struct half *h);

/* `to' takes bytes again: passes on what waits, then what must follow. */
enum half_event half_drain(struct half *h);

/* Lets nothing through behind the present packet: HALF_AT_BOUNDARY says that
 * its end is reached, at once or from a later half_pump(). */
enum half_event half_close(struct half *h);

/* Queues our own last packet and seals the half. A packet of `len' > 0 only
 * after HALF_AT_BOUNDARY. */
enum half_event half_seal(struct half *h, const uint8_t *packet, size_t len);

/* Gives the half up: nothing waits, nothing more goes through. */
void half_abandon(struct half *h);

#endif
