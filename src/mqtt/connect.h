/* SPDX-License-Identifier: ISC */
/*
 * Reads the CONNECT packet of MQTT 3.1, 3.1.1 and 5, and checks it against the
 * operator's policy. Nothing is copied: all slices point into the bytes that
 * were read. mqtt/connect_edit writes a changed CONNECT. Pure.
 */
#ifndef MQTT_CONNECT_H
#define MQTT_CONNECT_H

#include "domain/reason.h"
#include "mqtt/packet.h"

/* The connect flags (3.1.2.3). */
enum mqtt_connect_flag {
	MQTT_FLAG_RESERVED = 0x01,
	MQTT_FLAG_CLEAN = 0x02,
	MQTT_FLAG_WILL = 0x04,
	MQTT_FLAG_WILL_QOS = 0x18,
	MQTT_FLAG_WILL_RETAIN = 0x20,
	MQTT_FLAG_PASSWORD = 0x40,
	MQTT_FLAG_USERNAME = 0x80
};

/*
 *   10 len | 00 04 M Q T T level flags keep alive | len properties | ...
 *  header  |          intro                       |  MQTT 5 only
 *
 *   ... | ClientID | will: [len properties] topic payload | Username password
 */
struct mqtt_connect {
	struct slice raw; /* the whole packet */
	struct slice intro; /* protocol name to keep alive, as sent */
	struct slice properties; /* without their length; v5 only */
	struct slice client_id;
	struct slice will; /* the whole will, as sent; empty without one */
	struct slice will_topic;
	struct slice username;
	struct slice password;
	uint32_t maximum_packet_size; /* v5; 0 when absent: no limit */
	uint32_t user_property_count; /* v5; without those of the will */
	uint8_t flags; /* enum mqtt_connect_flag, as sent */
	enum mqtt_level level; /* without the bridge bit; see below */
	bool bridge; /* levels 83 and 84: the client is a bridge */
	bool clean; /* Clean Session or Clean Start */
	bool has_will;
	bool has_username;
	bool has_password;
	bool has_authentication; /* v5: an Authentication Method */
	enum reason reason; /* why it was refused; REASON_NONE if good */
};

/*
 * What the first bytes of a packet reveal. PARSE_OK: a CONNECT of `total'
 * bytes follows; only its fixed header need have come, so that `total' can be
 * compared with a limit before the packet is buffered. PARSE_MORE: up to 5
 * bytes are needed. PARSE_BAD: `reason' is MQTT_NOT_CONNECT or MQTT_MALFORMED.
 */
struct mqtt_connect_peek {
	size_t total;
	enum reason reason;
	const char *why; /* static; names the clause, after PARSE_BAD */
};
enum parse mqtt_connect_peek(struct mqtt_connect_peek *peek, struct slice in);

/*
 * Finds the level of the CONNECT that begins at `in', even if the rest is
 * missing, so that a CONNECT that is too large to be read can be answered.
 * PARSE_MORE: more bytes are needed (14 are always enough). PARSE_BAD: the
 * protocol name is unknown.
 */
enum parse mqtt_connect_level(struct slice in, enum mqtt_level *level);

/*
 * Reads one CONNECT and checks its form. PARSE_OK: `c' is filled in, and
 * `used' is the packet's size; the bytes after it are not examined. PARSE_MORE:
 * the packet is incomplete. PARSE_BAD: c->reason is one of MQTT_NOT_CONNECT,
 * MQTT_MALFORMED, MQTT_PROTOCOL, MQTT_VERSION, and `why' is a static sentence
 * that names the clause.
 *
 * After PARSE_BAD, c->level is the level for which the answer is to be written
 * if it could be read, else MQTT_LEVEL_UNKNOWN: close without an answer. A
 * level that does not exist is taken as the nearest one: below 3 as 3.1, above
 * 5 as 5, because such a client will know MQTT 5's CONNACK. After a protocol
 * name other than MQTT and MQIsdp the level stays unknown: such a peer is no
 * MQTT client.
 *
 * In level 3 a Username or password that is flagged but missing is legal (MQTT
 * 3.1, "Connect flags": the remaining length takes precedence); has_username
 * or has_password is then false although the flag is set.
 */
enum parse mqtt_connect_parse(struct mqtt_connect *c, struct slice in,
    size_t *used, const char **why);

enum mqtt_bridge {
	MQTT_BRIDGE_KEEP,
	MQTT_BRIDGE_REFUSE
};

/* The bit of a version in mqtt_policy.versions. */
#define MQTT_VERSION_BIT(level) (1U << (level))
#define MQTT_VERSIONS_ALL \
	(MQTT_VERSION_BIT(MQTT_LEVEL_31) | MQTT_VERSION_BIT(MQTT_LEVEL_311) | \
	    MQTT_VERSION_BIT(MQTT_LEVEL_5))

/* Which CONNECTs are accepted. */
struct mqtt_policy {
	size_t max_connect_size; /* bytes, fixed header included */
	unsigned versions; /* MQTT_VERSION_BIT()s of the accepted ones */
	enum mqtt_bridge bridge;
};

/*
 * The decision of stage mqtt; `sallyport explain' and the daemon both use
 * it. As mqtt_connect_parse(), and also refuses what `policy' does not accept:
 * MQTT_TOO_LARGE as soon as header and level have come (the level, so that the
 * client can be answered), MQTT_VERSION, MQTT_BRIDGE, and MQTT_CLIENTID for an
 * empty ClientID with Clean Session 0 below MQTT 5. That is the client's own
 * mistake, and is refused even if the ClientID will be replaced by one from
 * the certificate.
 *
 * Never needs more than max_connect_size bytes, if that is at least 14.
 */
enum parse mqtt_policy_parse(const struct mqtt_policy *policy,
    struct mqtt_connect *c, struct slice in, size_t *used, const char **why);

#endif
