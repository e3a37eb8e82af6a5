#include "session/closing.h"

#include "mqtt/connack.h"
#include "mqtt/disconnect.h"

/* Encodes a DISCONNECT into `out'; returns its length, 0 if it cannot be. */
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

/* Packets over the client's maximum must not be sent to it [MQTT-3.1.2-24]. */
static bool
is_taken(const struct session *s, size_t len)
{
	return s->maximum_packet == 0 || len <= s->maximum_packet;
}

/* Where a drain sends a client, by the configuration now in force. */
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

static size_t
write_client(uint8_t *out, const struct session *s, enum reason reason)
{
	if (s->level == MQTT_LEVEL_UNKNOWN)
		return 0;
	if (!s->answered)
		return mqtt_connack_refuse(out, s->level, reason);
	if (s->level != MQTT_LEVEL_5 || reason_v5(reason) == 0)
		return 0;
	return write_disconnect(out, s->level, reason_v5(reason),
	    slice_make(NULL, 0));
}

/* A client that is sent away to come back, or that was never let in, has not
 * failed, so its Will must not be published. One that is thrown out may have:
 * will_on_kick decides. One that broke the rules has. */
static bool
spares_will(const struct session *s, enum reason reason)
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
closing_packets_make(struct closing_packets *w, const struct session *s,
    enum reason reason)
{
	w->client_len =
	    reason == REASON_RELAY_DRAINED ? write_redirect(w->client, s) : 0;
	if (w->client_len == 0 || !is_taken(s, w->client_len))
		w->client_len = write_client(w->client, s, reason);
	if (!is_taken(s, w->client_len))
		w->client_len = 0;
	w->broker_len = 0;
	if (s->stage == STAGE_RELAY && spares_will(s, reason))
		w->broker_len = write_disconnect(w->broker, s->level,
		    MQTT_DISCONNECT_NORMAL, slice_make(NULL, 0));
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
		return WS_CLOSE_TRY_LATER;
	case REASON_ACCEPT_RESOURCE:
		return WS_CLOSE_INTERNAL;
	case REASON_RELAY_CLIENT_CLOSED:
	case REASON_RELAY_BROKER_CLOSED:
		return WS_CLOSE_NORMAL;
	default:
		/* Everything else is somebody's breach of a rule. */
		return WS_CLOSE_POLICY;
	}
}
