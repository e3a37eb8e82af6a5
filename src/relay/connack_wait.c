#include "relay/connack_wait.h"

#include <stdlib.h>
#include <string.h>

#include "io/loop.h"
#include "mqtt/connack.h"

/* What a CONNACK may grow by, beside the ClientID itself. */
#define GROWTH 64

struct connack_wait *
connack_wait_new(uint8_t version, struct slice assigned,
    uint32_t maximum_packet)
{
	struct connack_wait *g = calloc(1, sizeof(*g) + assigned.len);
	uint8_t *copy;

	if (g == NULL)
		return NULL;
	copy = (uint8_t *)(g + 1);
	if (assigned.len > 0)
		memcpy(copy, assigned.data, assigned.len);
	g->assigned = slice_make(copy, assigned.len);
	g->client_maximum_packet = maximum_packet;
	g->version = version;
	buf_init(&g->held, GREETING_MAX + LOOP_SCRATCH_LEN);
	buf_init(&g->rewritten, GREETING_MAX + MQTT_STRING_MAX + GROWTH);
	return g;
}

void
connack_wait_free(struct connack_wait *g)
{
	if (g == NULL)
		return;
	buf_fini(&g->held);
	buf_fini(&g->rewritten);
	free(g);
}

/* With nothing to tell, whatever else a broker says in it is between it and
 * its client. */
static enum connack_wait_verdict
read_code(const struct mqtt_header *h, struct slice packet, uint8_t *code)
{
	if (h->remaining < 2)
		return GREETING_BROKEN;
	*code = packet.data[h->len + 1];
	return GREETING_CONNACK;
}

/* Puts the ClientID in, if the CONNACK takes it. */
static enum connack_wait_verdict
assign(struct connack_wait *g, struct slice *packet, uint8_t *code)
{
	struct mqtt_connack a;
	const char *why;
	size_t used;

	if (mqtt_connack_parse(&a, *packet, (enum mqtt_level)g->version, &used,
		&why) != PARSE_OK)
		return GREETING_BROKEN;
	*code = a.code;
	switch (mqtt_connack_assign(&g->rewritten, &a, g->assigned,
	    g->client_maximum_packet)) {
	case OK:
		*packet = buf_slice(&g->rewritten);
		return GREETING_CONNACK;
	case ERR_EXISTS: /* told already: never twice */
	case ERR_REFUSED: /* nothing to tell to one who is not in */
		return GREETING_CONNACK;
	case ERR_LIMIT:
		return GREETING_TOO_LONG;
	default:
		return GREETING_BROKEN;
	}
}

enum connack_wait_verdict
connack_wait_take(struct connack_wait *g, size_t *used, struct slice *packet,
    uint8_t *code)
{
	struct slice in = buf_slice(&g->held);
	struct mqtt_header h;

	switch (mqtt_header_parse(&h, in)) {
	case PARSE_MORE:
		return GREETING_MORE;
	case PARSE_BAD:
		return GREETING_BROKEN;
	case PARSE_OK:
		break;
	}
	if (mqtt_packet_type(h.first) != MQTT_TYPE_CONNACK &&
	    mqtt_packet_type(h.first) != MQTT_TYPE_AUTH)
		return GREETING_OVER;
	if (mqtt_header_total(&h) > GREETING_MAX)
		return GREETING_BROKEN;
	if (mqtt_header_total(&h) > in.len)
		return GREETING_MORE;
	*used = mqtt_header_total(&h);
	*packet = slice_make(in.data, *used);
	if (mqtt_packet_type(h.first) == MQTT_TYPE_AUTH)
		return g->packets++ < GREETING_PACKETS_MAX ? GREETING_PASS
							   : GREETING_BROKEN;
	return g->assigned.len == 0 ? read_code(&h, *packet, code)
				    : assign(g, packet, code);
}
