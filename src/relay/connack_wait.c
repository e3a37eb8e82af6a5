/* SPDX-License-Identifier: ISC */
#include "relay/connack_wait.h"

#include <stdlib.h>
#include <string.h>

#include "io/loop.h"
#include "mqtt/connack.h"

/* Most bytes that adding the ClientID adds beside the ClientID itself. */
#define GROWTH 64

struct connack_wait *
connack_wait_new(uint8_t version, struct slice assigned,
    uint32_t maximum_packet)
{
	struct connack_wait *w = calloc(1, sizeof(*w) + assigned.len);
	uint8_t *copy;

	if (w == NULL)
		return NULL;
	copy = (uint8_t *)(w + 1);
	if (assigned.len > 0)
		memcpy(copy, assigned.data, assigned.len);
	w->assigned = slice_make(copy, assigned.len);
	w->client_maximum_packet = maximum_packet;
	w->version = version;
	buf_init(&w->held, CONNACK_WAIT_MAX + LOOP_SCRATCH_LEN);
	buf_init(&w->rewritten, CONNACK_WAIT_MAX + MQTT_STRING_MAX + GROWTH);
	return w;
}

void
connack_wait_free(struct connack_wait *w)
{
	if (w == NULL)
		return;
	buf_fini(&w->held);
	buf_fini(&w->rewritten);
	free(w);
}

/* Without a ClientID to add, only the code is read. Flags and properties that
 * this proxy does not know are for the client to judge. */
static enum connack_wait_result
read_code(const struct mqtt_header *h, struct slice packet, uint8_t *code)
{
	if (h->remaining < 2)
		return CONNACK_WAIT_BAD;
	*code = packet.data[h->len + 1];
	return CONNACK_WAIT_CONNACK;
}

/* Adds the ClientID, if the CONNACK accepts the client and has none. */
static enum connack_wait_result
assign(struct connack_wait *w, struct slice *packet, uint8_t *code)
{
	struct mqtt_connack a;
	const char *why;
	size_t used;

	if (mqtt_connack_parse(&a, *packet, (enum mqtt_level)w->version, &used,
		&why) != PARSE_OK)
		return CONNACK_WAIT_BAD;
	*code = a.code;
	switch (mqtt_connack_assign(&w->rewritten, &a, w->assigned,
	    w->client_maximum_packet)) {
	case OK:
		*packet = buf_slice(&w->rewritten);
		return CONNACK_WAIT_CONNACK;
	case ERR_EXISTS: /* the broker has assigned one itself */
	case ERR_REFUSED: /* the client is not accepted */
		return CONNACK_WAIT_CONNACK;
	case ERR_LIMIT:
		return CONNACK_WAIT_TOO_LONG;
	default:
		return CONNACK_WAIT_BAD;
	}
}

enum connack_wait_result
connack_wait_take(struct connack_wait *w, size_t *used, struct slice *packet,
    uint8_t *code)
{
	struct slice in = buf_slice(&w->held);
	struct mqtt_header h;

	switch (mqtt_header_parse(&h, in)) {
	case PARSE_MORE:
		return CONNACK_WAIT_MORE;
	case PARSE_BAD:
		return CONNACK_WAIT_BAD;
	case PARSE_OK:
		break;
	}
	if (mqtt_packet_type(h.first) != MQTT_TYPE_CONNACK &&
	    mqtt_packet_type(h.first) != MQTT_TYPE_AUTH)
		return CONNACK_WAIT_NONE;
	if (mqtt_header_total(&h) > CONNACK_WAIT_MAX)
		return CONNACK_WAIT_BAD;
	if (mqtt_header_total(&h) > in.len)
		return CONNACK_WAIT_MORE;
	*used = mqtt_header_total(&h);
	*packet = slice_make(in.data, *used);
	if (mqtt_packet_type(h.first) == MQTT_TYPE_AUTH)
		return w->packets++ < CONNACK_WAIT_PACKETS_MAX
		    ? CONNACK_WAIT_PASS
		    : CONNACK_WAIT_BAD;
	return w->assigned.len == 0 ? read_code(&h, *packet, code)
				    : assign(w, packet, code);
}
