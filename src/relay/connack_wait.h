/* SPDX-License-Identifier: ISC */
/*
 * Waits for the broker's CONNACK. What the broker sends up to it is read
 * packet by packet, so that the owner learns how the broker answered, and so
 * that a v5 client that sent no ClientID learns from the CONNACK which one it
 * was given [MQTT-3.2.2-16].
 */
#ifndef RELAY_CONNACK_WAIT_H
#define RELAY_CONNACK_WAIT_H

#include "base/buf.h"
#include "base/err.h"

/* Longest CONNACK, and longest AUTH before it. Real ones have up to 2 KiB. */
#define CONNACK_WAIT_MAX 65536

/* Most AUTH packets before the CONNACK. An exchange has two or three; each
 * costs a write. */
#define CONNACK_WAIT_PACKETS_MAX 64

enum connack_wait_result {
	CONNACK_WAIT_MORE, /* the packet is not complete */
	CONNACK_WAIT_PASS, /* forward `packet'; another one may follow */
	CONNACK_WAIT_CONNACK, /* forward `packet', the CONNACK; `code' is set */
	CONNACK_WAIT_NONE, /* no CONNACK comes: forward all, unchanged */
	CONNACK_WAIT_TOO_LONG, /* over the client's Maximum Packet Size */
	CONNACK_WAIT_BAD /* malformed, too many, or out of memory */
};

struct connack_wait {
	struct slice assigned; /* owned: the ClientID to add; len 0 = none */
	struct buf held; /* received from the broker and not passed on yet */
	struct buf rewritten; /* the CONNACK with the ClientID added */
	uint32_t client_maximum_packet; /* 0 = no limit */
	uint8_t version; /* protocol level: 3, 4, 5 */
	uint8_t packets; /* AUTH packets so far */
};

/* Copies `assigned'. NULL: out of memory. */
struct connack_wait *connack_wait_new(uint8_t version, struct slice assigned,
    uint32_t client_maximum_packet);

/* NULL is allowed. */
void connack_wait_free(struct connack_wait *w);

/*
 * Reads the first packet of w->held. With PASS and CONNACK, forward `packet'
 * and remove `used' bytes from w->held; `packet' is a slice of w->held or of
 * w->rewritten. `code' is the CONNACK's return code or reason code.
 */
enum connack_wait_result connack_wait_take(struct connack_wait *w, size_t *used,
    struct slice *packet, uint8_t *code);

#endif
