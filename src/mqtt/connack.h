/* SPDX-License-Identifier: ISC */
/*
 * The CONNACK packet: the broker's is read and, for a client whose ClientID
 * was assigned here, given the property that tells the client; the proxy's own
 * is a refusal. Pure.
 */
#ifndef MQTT_CONNACK_H
#define MQTT_CONNACK_H

#include "base/buf.h"
#include "domain/reason.h"
#include "mqtt/packet.h"

struct mqtt_connack {
	struct slice properties; /* without their length; v5 only */
	enum mqtt_level level;
	uint8_t flags; /* acknowledge flags, as sent */
	uint8_t code; /* return code or reason code; 0 = accepted */
	bool has_assigned_client_id; /* v5 */
};

/*
 * Reads the CONNACK that answers a CONNECT of `level'. PARSE_OK: `a' is filled
 * in with slices that point into `in', and `used' is the packet's size.
 * PARSE_BAD: `why' is a static sentence. A v5 CONNACK of two bytes, which a
 * broker without MQTT 5 sends to refuse the version, is read as one without
 * properties.
 */
enum parse mqtt_connack_parse(struct mqtt_connack *a, struct slice in,
    enum mqtt_level level, size_t *used, const char **why);

/*
 * Appends the accepting v5 CONNACK `a' to `out', with the property Assigned
 * Client Identifier [MQTT-3.2.2-16] = `client_id' added at the end.
 *
 * ERR_EXISTS: it has that property. ERR_REFUSED: it does not accept, or is not
 * v5. In both cases forward `a' unchanged. ERR_LIMIT: the packet would exceed
 * the client's `maximum_packet_size' (0: no limit) [MQTT-3.1.2-24] or the cap
 * of `out', or the ClientID has more than 65,535 bytes. ERR_MALFORMED: the
 * ClientID is empty or not UTF-8. ERR_NO_MEMORY. On error `out' is unchanged.
 */
enum err mqtt_connack_assign(struct buf *out, const struct mqtt_connack *a,
    struct slice client_id, uint32_t maximum_packet_size) MUST_CHECK;

/*
 * Writes the CONNACK that refuses a client of `level' for `reason', and
 * returns its size (4 or 5 bytes). Returns 0 if MQTT has no code for the
 * reason or the level is unknown: close without an answer.
 */
size_t mqtt_connack_refuse(uint8_t out[8], enum mqtt_level level,
    enum reason reason);

/*
 * Writes the v5 CONNACK that refuses with `code', Use another server or Server
 * moved (3.2.2.2), and names the other server: `reference', UTF-8. Returns its
 * size, or 0 if it is longer than `room'.
 */
size_t mqtt_connack_redirect(uint8_t *out, size_t room, uint8_t code,
    struct slice reference);

#endif
