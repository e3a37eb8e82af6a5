/* SPDX-License-Identifier: ISC */
/*
 * Where packets begin in a running stream, and nothing else: the relay walks
 * every chunk it forwards with one of these for each direction, so as to stop
 * a second CONNECT, to find the CONNACK, and to know when a packet of its own
 * may go in between. A body is jumped over, never looked at, so the cost is a
 * few instructions for a packet, not for a byte.
 */
#ifndef MQTT_CURSOR_H
#define MQTT_CURSOR_H

#include "mqtt/packet.h"

/* All zero is the beginning of a stream. */
struct mqtt_cursor {
	uint32_t left; /* bytes of the present body still to come */
	uint32_t length; /* what the length bytes seen so far say */
	uint8_t seen; /* bytes of the present header seen; 0 = none begun */
};

/* What mqtt_cursor_walk() shall stop at: these or'ed, or 0 for nothing. */
#define MQTT_CURSOR_AT(type) (1U << (type))
#define MQTT_CURSOR_AT_ANY 0xffffU

enum mqtt_cursor_stop {
	MQTT_CURSOR_END, /* the chunk is walked to its end */
	MQTT_CURSOR_PACKET, /* in front of a packet that was asked for */
	MQTT_CURSOR_BAD /* no MQTT: type 0, or a length over four bytes */
};

static inline void
mqtt_cursor_init(struct mqtt_cursor *c)
{
	c->left = 0;
	c->length = 0;
	c->seen = 0;
}

/* Has the last packet ended and the next not begun, so that another one may
 * be put in here? */
static inline bool
mqtt_cursor_at_boundary(const struct mqtt_cursor *c)
{
	return c->left == 0 && c->seen == 0;
}

/*
 * Walks from chunk[*pos] on, forward over `*pos'.
 *
 * END: *pos is the chunk's length; all of it may be forwarded.
 * PACKET: *pos is the offset of the first byte of a packet of a type in
 * `stop'; that byte is not walked over and the cursor is at a boundary. Either
 * take the packet out, and go on with *pos behind it, or let it through with
 * mqtt_cursor_pass().
 * BAD: *pos is the offset of the bad packet's first byte, or stays as it was
 * if that came in an earlier chunk. There is no walking on from here.
 */
enum mqtt_cursor_stop mqtt_cursor_walk(struct mqtt_cursor *c,
    struct slice chunk, size_t *pos, unsigned stop);

/* Steps over the first byte of the packet at chunk[*pos], in front of which
 * the walk has stopped. */
static inline void
mqtt_cursor_pass(struct mqtt_cursor *c, size_t *pos)
{
	c->seen = 1;
	(*pos)++;
}

#endif
