/* SPDX-License-Identifier: ISC */
/*
 * The last packets of a session, to the client and to the broker: the only
 * place where a close reason becomes MQTT.
 */
#ifndef SESSION_CLOSING_H
#define SESSION_CLOSING_H

#include "relay/half.h"
#include "session/session.h"
#include "ws/stream_ws.h"

/* Encoded packets; length 0: none. */
struct closing_packets {
	uint8_t room[STREAM_HEADROOM]; /* before client, as streams need it */
	uint8_t client[HALF_PACKET_MAX];
	size_t client_len;
	uint8_t broker[HALF_PACKET_MAX];
	size_t broker_len;
};

/*
 * Makes the packets for `reason'. Before the broker's CONNACK the client gets a
 * CONNACK that refuses it; after it a v5 client gets a DISCONNECT. The broker
 * gets a DISCONNECT, so that it does not publish the Will, if the client is
 * not at fault (drained, replaced, never admitted), or if it is thrown out and
 * will_on_kick = suppress. After a packet that the client may not send, the
 * DISCONNECT tells the broker to publish the Will.
 */
void closing_packets_make(struct closing_packets *p, const struct session *s,
    enum reason reason);

/* The status code of the WebSocket close frame that goes with `reason'. */
enum ws_close closing_websocket_code(enum reason reason);

#endif
