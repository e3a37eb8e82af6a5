/* SPDX-License-Identifier: ISC */
/*
 * One direction of a relay. Bytes go from `from' to `to'. What `to' does not
 * take waits in `pending', and while anything waits, `from' is not read. So an
 * idle half has no buffer, and a stalled one holds at most one read.
 *
 * The cursor follows the packet boundaries by reading fixed headers only. It
 * knows where a packet of our own may be inserted between two others, and it
 * finds the packet type that this direction must not carry.
 *
 *	OPEN --EOF--> ENDING --drained--> ENDED
 *	  |
 *	  +--> CLOSING --boundary--> LAST_QUEUED --drained--> ENDED
 */
#ifndef RELAY_HALF_H
#define RELAY_HALF_H

#include <stdint.h>

#include "base/buf.h"
#include "io/loop.h"
#include "io/stream.h"
#include "mqtt/packet.h"

enum half_state {
	HALF_OPEN, /* bytes flow */
	HALF_CLOSING, /* bytes flow up to the end of the present packet */
	HALF_LAST_QUEUED, /* our last packet is queued; nothing else follows */
	HALF_ENDING, /* `from' has ended; pending bytes drain */
	HALF_ENDED /* `to' was shut down, or accepts no more bytes */
};

/* What a call tells the relay. */
enum half_event {
	HALF_OK,
	HALF_AT_BOUNDARY, /* a CLOSING half has reached the packet's end */
	HALF_FROM_BROKE, /* a read failed; the half is ENDING */
	HALF_TO_BROKE, /* a write failed; the half is ENDED */
	HALF_MALFORMED, /* not MQTT; nothing of the bad packet in this read was
			 * forwarded */
	HALF_FORBIDDEN /* a forbidden packet; nothing of it was forwarded */
};

/* The bytes of a DISCONNECT up to its reason code: header, length, code. */
#define HALF_DISCONNECT_MAX 6

struct half {
	struct stream *from; /* borrowed from the relay's owner */
	struct stream *to; /* borrowed from the relay's owner */
	struct buf pending; /* read from `from', not yet taken by `to' */
	struct mqtt_cursor cursor; /* over all bytes forwarded */
	uint32_t forbidden; /* MQTT_CURSOR_AT() of these types; 0 = none */
	uint64_t bytes; /* forwarded so far */
	/* The beginning of the DISCONNECT that was forwarded, if any. */
	uint8_t disconnect[HALF_DISCONNECT_MAX];
	uint8_t disconnect_len;
	enum half_state state : 8;
	enum mqtt_type stopped_at : 8; /* the forbidden packet's type */
	bool eof; /* `from' has ended by itself */
};

/* Longest packet of our own that a half takes: a DISCONNECT or CONNACK. */
#define HALF_PACKET_MAX 512

/* Makes an open half that does not forward the packet types in `forbidden'
 * (MQTT_CURSOR_AT() each, or 0). */
void half_init(struct half *h, struct stream *from, struct stream *to,
    unsigned forbidden);

/* Frees what the half owns; the streams stay open. */
void half_fini(struct half *h);

/* Forwards the CONNECT, which the cursor must not see. `data' needs
 * STREAM_HEADROOM in front. */
enum half_event half_begin(struct half *h, uint8_t *data, size_t len);

/* Forwards `len' bytes of the source, or those before a forbidden packet.
 * `data' needs STREAM_HEADROOM in front. */
enum half_event half_pass(struct half *h, uint8_t *data, size_t len);

/* Reads `from' through `scratch' (at most `len' bytes a read) until it has
 * nothing left, `to' stalls, or this turn's share is used up. */
enum half_event half_pump(struct half *h, uint8_t *scratch, size_t len);

/* The source has ended: forwards what is pending, then shuts `to' down. */
enum half_event half_end(struct half *h);

/* `to' can take bytes again: forwards what is pending, and continues. */
enum half_event half_drain(struct half *h);

/* Ends the half with the present packet. HALF_AT_BOUNDARY, from this call or a
 * later half_pump(), says that it is complete; half_queue_last() is due then.
 */
enum half_event half_close(struct half *h);

/* Queues our own last packet, after which nothing else is sent. With `len' > 0
 * only after HALF_AT_BOUNDARY. */
enum half_event half_queue_last(struct half *h, const uint8_t *packet,
    size_t len);

/* Ends the half at once; pending bytes are dropped. */
void half_abandon(struct half *h);

/* Returns the reason code of the DISCONNECT that was forwarded: 0 if it has
 * none, as before MQTT 5; -1 if there was no DISCONNECT. */
int half_disconnect_code(const struct half *h);

/* True if the source has ended: the half is ENDING or ENDED. */
static inline bool
half_has_ended(const struct half *h)
{
	return h->state == HALF_ENDING || h->state == HALF_ENDED;
}

#endif
