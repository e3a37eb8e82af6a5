/* SPDX-License-Identifier: ISC */
/*
 * The CONNACK packet: the broker's is read and, for a client that was given
 * its name here, told that name; the proxy's own is a refusal.
 */
#ifndef MQTT_CONNACK_H
#define MQTT_CONNACK_H

#include "base/buf.h"
#include "domain/reason.h"
#include "mqtt/packet.h"

#define MQTT_CONNACK_SESSION_PRESENT 0x01

struct mqtt_connack {
	struct slice raw; /* the whole packet */
	struct slice properties; /* without their length; v5 only */
	struct slice assigned_client_id; /* v5; has_assigned_client_id */
	uint32_t maximum_packet_size; /* v5, the broker's; 0 = no bound */
	uint16_t server_keep_alive; /* v5; has_server_keep_alive */
	enum mqtt_level level;
	uint8_t flags; /* acknowledge flags, as sent */
	uint8_t code; /* return code or reason code; 0 = accepted */
	bool session_present;
	bool has_assigned_client_id;
	bool has_server_keep_alive;
};

/*
 * Reads one CONNACK answering a CONNECT of `level'. PARSE_OK: `a' is filled,
 * `used' is its size, its slices point into `in'. PARSE_BAD: `why' is a static
 * sentence. A v5 one of two bytes, which a broker that knows no v5 sends to
 * say so, is taken as one without properties.
 */
enum parse mqtt_connack_parse(struct mqtt_connack *a, struct slice in,
    enum mqtt_level level, size_t *used, const char **why);

/*
 * Appends to `out' the accepting v5 CONNACK `a' with the property Assigned
 * Client Identifier [MQTT-3.2.2-16] = `client_id' put last.
 *
 * ERR_EXISTS: it has one. ERR_REFUSED: it does not accept, or is not of v5.
 * For these two pass `a' on as it is. ERR_LIMIT: the packet would be over
 * `maximum_packet_size', the client's (0 = no bound) [MQTT-3.1.2-24], or over
 * the cap of `out', or the name over 65,535 bytes. ERR_MALFORMED: the name is
 * empty or not UTF-8. ERR_NO_MEMORY. `out' is unchanged on any error.
 */
enum err mqtt_connack_assign(struct buf *out, const struct mqtt_connack *a,
    struct slice client_id, uint32_t maximum_packet_size) MUST_CHECK;

/*
 * Writes the CONNACK that refuses for `reason' to a client of `level', and
 * returns its size (4 or 5 bytes). 0: MQTT has no word for this, or the level
 * is unknown: just close.
 */
size_t mqtt_connack_refuse(uint8_t out[8], enum mqtt_level level,
    enum reason reason);

/*
 * Writes the v5 CONNACK that refuses with `code', Use another server or Server
 * moved (3.2.2.2), and says which: `reference', UTF-8. Returns its size; 0: it
 * is longer than `room'.
 */
size_t mqtt_connack_redirect(uint8_t *out, size_t room, uint8_t code,
    struct slice reference);

#endif
