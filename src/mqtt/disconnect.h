/* SPDX-License-Identifier: ISC */
/*
 * The DISCONNECT packet, which the proxy inserts between two packets of a
 * session: to tell a v5 client why its session ends, and to keep the broker
 * from publishing the client's Will. Pure.
 */
#ifndef MQTT_DISCONNECT_H
#define MQTT_DISCONNECT_H

#include "base/buf.h"
#include "mqtt/packet.h"

/* Reason codes (3.14.2.1) without a close reason; the others come from
 * reason_v5(). */
#define MQTT_DISCONNECT_NORMAL 0x00
/* To the broker: it ends the session and publishes the Will. */
#define MQTT_DISCONNECT_WITH_WILL 0x04
#define MQTT_DISCONNECT_TAKEN_OVER 0x8e /* from a broker: same ClientID */
/* To the client, with a server_reference: for now, or permanently. */
#define MQTT_DISCONNECT_USE_ANOTHER 0x9c
#define MQTT_DISCONNECT_MOVED 0x9d

struct mqtt_disconnect {
	enum mqtt_level level;
	uint8_t code; /* v5 */
	bool has_session_expiry; /* v5, only to the broker [MQTT-3.14.2-2] */
	uint32_t session_expiry; /* seconds; 0 ends the session now */
	struct slice server_reference; /* v5, only to a client; empty = none */
};

/*
 * Appends the packet to `out'. Below MQTT 5 it is E0 00 whatever else is set,
 * and may be sent to a broker only: there a server never sends DISCONNECT.
 * ERR_LIMIT (also for the cap of `out'), ERR_MALFORMED (server_reference is
 * not UTF-8), ERR_NO_MEMORY. On error `out' is unchanged.
 */
enum err mqtt_disconnect_write(struct buf *out,
    const struct mqtt_disconnect *d) MUST_CHECK;

#endif
