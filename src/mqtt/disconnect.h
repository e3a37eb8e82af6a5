/* SPDX-License-Identifier: ISC */
/*
 * The DISCONNECT packet, which the proxy puts between two packets of a running
 * session: to a v5 client, to say why it ends; to the broker, so that it does
 * not publish the client's Will.
 */
#ifndef MQTT_DISCONNECT_H
#define MQTT_DISCONNECT_H

#include "base/buf.h"
#include "mqtt/packet.h"

/* Reason codes (3.14.2.1) this proxy has reasons of its own to send; those
 * that end a session come from reason_v5(). */
#define MQTT_DISCONNECT_NORMAL 0x00
/* To the client, with a server_reference: for now, or for good. */
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
 * and only a broker may be sent it: there no server ever says DISCONNECT.
 * ERR_LIMIT (also the cap of `out'), ERR_MALFORMED (server_reference is not
 * UTF-8), ERR_NO_MEMORY; `out' is unchanged then.
 */
enum err mqtt_disconnect_write(struct buf *out,
    const struct mqtt_disconnect *d) MUST_CHECK;

#endif
