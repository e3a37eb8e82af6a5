/* SPDX-License-Identifier: ISC */
#include "session/closing.h"

#include "mqtt/connack.h"
#include "mqtt/disconnect.h"

/* Encodes a DISCONNECT into `out'. Returns its length, or 0 if it does not
 * fit. */
static size_t
write_disconnect(uint8_t *out, enum mqtt_level level, uint8_t code,
    struct slice reference)
{
	struct mqtt_disconnect d = {
		.level = level,
		.code = code,
		.server_reference = reference,
	};
	struct buf b;
	size_t len = 0;

	buf_init(&b, HALF_PACKET_MAX);
	if (mqtt_disconnect_write(&b, &d) == OK) {
		len = buf_len(&b);
		memcpy(out, buf_data(&b), len);
	}
	buf_fini(&b);
	return len;
}

/* A packet over the client's Maximum Packet Size must not be sent
 * [MQTT-3.1.2-24]. */
static bool
fits(const struct session *s, size_t len)
{
	return s->maximum_packet == 0 || len <= s->maximum_packet;
}

/* Encodes where a drain sends the client, by the configuration in force.
 * Returns 0 if it names no other server. */
static size_t
write_redirect(uint8_t *out, const struct session *s)
{
	const struct config *cfg = s->manager->snapshot->config;
	const struct config_listener *l;
	struct slice reference;
	uint8_t code;

	if (s->level != MQTT_LEVEL_5 ||
	    s->listener_state->section == LISTENER_REMOVED)
		return 0;
	l = &cfg->listener[s->listener_state->section];
	reference = slice_str(l->server_reference);
	if (reference.len == 0)
		return 0;
	code = l->server_moved ? MQTT_DISCONNECT_MOVED
			       : MQTT_DISCONNECT_USE_ANOTHER;
	if (s->answered)
		return write_disconnect(out, s->level, code, reference);
	return mqtt_connack_redirect(out, HALF_PACKET_MAX, code, reference);
}

/* Some reason codes are allowed in a DISCONNECT and not in a CONNACK
 * [MQTT5 3.2.2.2]. Returns the reason whose code a CONNACK has instead. */
static enum reason
connack_reason(enum reason reason)
{
	switch (reason) {
	case REASON_RELAY_DENIED:
	case REASON_RELAY_KICKED:
		return REASON_IDENTITY_DENIED;
	case REASON_RELAY_REPLACED:
		return REASON_IDENTITY_SESSIONS;
	case REASON_RELAY_DRAINED:
	case REASON_RELAY_IDLE:
	case REASON_RELAY_UNREAD:
		return REASON_BACKEND_UNREACHABLE;
	default:
		return reason;
	}
}

static size_t
write_client(uint8_t *out, const struct session *s, enum reason reason)
{
	if (s->level == MQTT_LEVEL_UNKNOWN)
		return 0;
	if (!s->answered)
		return mqtt_connack_refuse(out, s->level,
		    connack_reason(reason));
	if (s->level != MQTT_LEVEL_5 || reason_v5(reason) == 0)
		return 0;
	return write_disconnect(out, s->level, reason_v5(reason),
	    slice_make(NULL, 0));
}

/* True if the Will must not be published. A client that is sent away to come
 * back, or that was never admitted, has not failed. For one that is thrown out
 * will_on_kick decides. One that broke the protocol has failed. */
static bool
suppresses_will(const struct session *s, enum reason reason)
{
	switch (reason) {
	case REASON_RELAY_DRAINED:
	case REASON_RELAY_REPLACED:
	case REASON_IDENTITY_CLIENTID:
		return true;
	case REASON_RELAY_REVOKED:
	case REASON_RELAY_DENIED:
	case REASON_RELAY_EXPIRED:
	case REASON_RELAY_UNTRUSTED:
	case REASON_RELAY_KICKED:
		return s->manager->snapshot->config->mqtt.will_on_kick ==
		    CONFIG_WILL_SUPPRESS;
	default:
		return false;
	}
}

void
closing_packets_make(struct closing_packets *p, const struct session *s,
    enum reason reason)
{
	p->client_len =
	    reason == REASON_RELAY_DRAINED ? write_redirect(p->client, s) : 0;
	if (p->client_len == 0 || !fits(s, p->client_len))
		p->client_len = write_client(p->client, s, reason);
	if (!fits(s, p->client_len))
		p->client_len = 0;
	p->broker_len = 0;
	if (s->stage != STAGE_RELAY)
		return;
	if (suppresses_will(s, reason))
		p->broker_len = write_disconnect(p->broker, s->level,
		    MQTT_DISCONNECT_NORMAL, slice_make(NULL, 0));
	else if (reason == REASON_RELAY_AUTH)
		p->broker_len = write_disconnect(p->broker, s->level,
		    MQTT_DISCONNECT_WITH_WILL, slice_make(NULL, 0));
}

enum ws_close
closing_websocket_code(enum reason reason)
{
	switch (reason) {
	case REASON_RELAY_DRAINED:
		return WS_CLOSE_GOING_AWAY;
	case REASON_BACKEND_UNREACHABLE:
	case REASON_BACKEND_TIMEOUT:
	case REASON_BACKEND_BUSY:
	case REASON_ACCEPT_EVICTED:
		return WS_CLOSE_TRY_LATER;
	case REASON_ACCEPT_RESOURCE:
		return WS_CLOSE_INTERNAL;
	case REASON_RELAY_CLIENT_CLOSED:
	case REASON_RELAY_BROKER_CLOSED:
	case REASON_RELAY_BROKER_DISCONNECT:
	case REASON_RELAY_BROKER_REFUSED:
	case REASON_RELAY_TAKEN_OVER:
		return WS_CLOSE_NORMAL;
	default:
		/* All others: the client, or the broker, broke a rule. */
		return WS_CLOSE_POLICY;
	}
}
