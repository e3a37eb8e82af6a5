/* SPDX-License-Identifier: ISC */
/*
 * Reads the CONNECT packet of MQTT 3.1, 3.1.1 and 5. Nothing is copied: all
 * slices point into the bytes that were read. Writing it again, changed, is
 * mqtt/connect_edit.
 *
 * It judges form only. Whether a good CONNECT is wanted here (version, size,
 * bridge bit, empty ClientID) is mqtt/policy's question, and who the client is
 * is not MQTT's at all.
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
	struct slice will; /* all of the will as sent; empty without one */
	struct slice will_properties; /* without their length; v5 only */
	struct slice will_topic;
	struct slice will_payload;
	struct slice username;
	struct slice password;
	struct slice auth_method; /* v5; has_auth_method */
	uint32_t session_expiry; /* v5, seconds; 0 when absent */
	uint32_t maximum_packet_size; /* v5; 0 when absent: no bound */
	uint32_t user_property_count; /* v5; the will's are not counted */
	uint16_t receive_maximum; /* v5; 65535 when absent */
	uint16_t topic_alias_maximum; /* v5 */
	uint16_t keep_alive; /* seconds; 0 = none */
	uint8_t level_byte; /* as sent, bridge bit and all */
	uint8_t flags; /* enum mqtt_connect_flag, as sent */
	uint8_t will_qos;
	enum mqtt_level level; /* without the bridge bit; see below */
	bool bridge; /* levels 83 and 84: a broker's bridge speaks */
	bool clean; /* Clean Session, Clean Start */
	bool has_will;
	bool will_retain;
	bool has_username;
	bool has_password;
	bool has_auth_method;
	bool wants_problem_info; /* v5 Request Problem Information */
	enum reason reason; /* why it was refused; REASON_NONE if good */
};

/*
 * The first bytes tell early what comes. PARSE_OK: a CONNECT of `total' bytes
 * is coming, of which only the fixed header need be here: hold that against a
 * cap before buffering. PARSE_MORE: up to 5 bytes are needed. PARSE_BAD:
 * `reason' is MQTT_NOT_CONNECT or MQTT_MALFORMED.
 */
struct mqtt_connect_peek {
	size_t total;
	enum reason reason;
	const char *why; /* static; the clause, when PARSE_BAD */
};
enum parse mqtt_connect_peek(struct mqtt_connect_peek *peek, struct slice in);

/*
 * The level of the CONNECT that begins at `in', of which the rest may be
 * missing: for an answer to one that is too large to be read. PARSE_MORE: too
 * few bytes yet (14 always suffice); PARSE_BAD: it has no name we know.
 */
enum parse mqtt_connect_level(struct slice in, enum mqtt_level *level);

/*
 * Reads one CONNECT. PARSE_OK: `c' is filled and `used' is its size; its
 * slices live as long as the bytes of `in', behind which nothing is read.
 * PARSE_MORE: the packet is not whole. PARSE_BAD: c->reason is one of
 * MQTT_NOT_CONNECT, MQTT_MALFORMED, MQTT_PROTOCOL, MQTT_VERSION, and `why' a
 * static sentence naming the clause.
 *
 * After PARSE_BAD c->level is what the answer must be written for, as far as
 * that could be read, else MQTT_LEVEL_UNKNOWN (no answer: close). A level that
 * does not exist counts as the nearest one: below 3 as 3.1, and above 5 as 5,
 * since such a client knows of MQTT 5's CONNACK. A protocol name that is
 * neither MQTT nor MQIsdp leaves it unknown: that is no MQTT client.
 *
 * In level 3 a Username or password that is flagged but not there is legal
 * (MQTT 3.1, "Connect flags": the remaining length wins); then has_username or
 * has_password is false although the flag is set.
 */
enum parse mqtt_connect_parse(struct mqtt_connect *c, struct slice in,
    size_t *used, const char **why);

#endif
