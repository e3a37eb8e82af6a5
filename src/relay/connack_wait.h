/*
 * The broker's first words: everything up to its CONNACK is looked at packet
 * by packet, so that the owner hears how the broker answered, and a v5 client
 * that sent no ClientID is told in it which one it has got [MQTT-3.2.2-16].
 */
#ifndef RELAY_CONNACK_WAIT_H
#define RELAY_CONNACK_WAIT_H

#include "base/buf.h"
#include "base/err.h"

/* A CONNACK, or an AUTH before it, may be so long; ours have 2 KiB. */
#define GREETING_MAX 65536

/* An exchange of AUTH packets has two or three; each costs a write. */
#define GREETING_PACKETS_MAX 64

enum connack_wait_verdict {
	GREETING_MORE, /* the packet is not whole */
	GREETING_PASS, /* `packet' goes to the client; another may follow */
	GREETING_CONNACK, /* the same, and it was the CONNACK: `code' is set */
	GREETING_OVER, /* no CONNACK will come: let all through as it is */
	GREETING_TOO_LONG, /* the ClientID does not fit the client's bound */
	GREETING_BROKEN /* malformed, endless, or out of memory */
};

struct connack_wait {
	struct slice assigned; /* owned; len 0 = the client knows its own */
	struct buf held; /* what the broker said and is not passed on yet */
	struct buf rewritten; /* the CONNACK with the ClientID in it */
	uint32_t client_maximum_packet; /* 0 = none */
	uint8_t version;
	uint8_t packets; /* taken so far */
};

/* Copies `assigned'. NULL when memory runs out. */
struct connack_wait *connack_wait_new(uint8_t version, struct slice assigned,
    uint32_t client_maximum_packet);

/* NULL is fine. */
void connack_wait_free(struct connack_wait *g);

/*
 * Looks at the packet g->held begins with. On PASS and CONNACK its first `used'
 * bytes are dealt with, to be consumed, and `packet' goes to the client in
 * their place: a slice of g->held, or of g->rewritten, which dies with the
 * greeting. `code' is the CONNACK's return or reason code.
 */
enum connack_wait_verdict connack_wait_take(struct connack_wait *g,
    size_t *used, struct slice *packet, uint8_t *code);

#endif
