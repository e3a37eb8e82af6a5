/*
 * What is said to a client, and to the broker about it, when a session ends:
 * the one place where a close reason becomes MQTT.
 */
#ifndef SESSION_CLOSING_H
#define SESSION_CLOSING_H

#include "relay/half.h"
#include "session/session.h"
#include "ws/stream_ws.h"

/* Packets, ready to be sent; len 0: nothing is said. */
struct closing_packets {
	uint8_t room[STREAM_HEADROOM]; /* in front of client, for streams */
	uint8_t client[HALF_PACKET_MAX];
	size_t client_len;
	uint8_t broker[HALF_PACKET_MAX];
	size_t broker_len;
};

/*
 * Finds the words for `reason'. Before the broker's CONNACK the client gets a
 * CONNACK that refuses, after it a v5 client gets a DISCONNECT. The broker gets
 * a DISCONNECT, which keeps it from publishing the Will, where the client has
 * not failed (sent away, replaced, never let in), and where it was thrown out
 * if will_on_kick = suppress.
 */
void closing_packets_make(struct closing_packets *w, const struct session *s,
    enum reason reason);

/* The status code of the WebSocket close frame that goes with `reason'. */
enum ws_close closing_websocket_code(enum reason reason);

#endif
