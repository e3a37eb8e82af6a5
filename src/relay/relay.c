/* SPDX-License-Identifier: ISC */
#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>

#include "relay/connack_wait.h"

/* Most bytes of a read. Larger reads are slower: with 64 KiB a bulk transfer
 * costs a sixth more than with 32 KiB, which stay in the CPU's caches. */
#define READ_MAX 32768

/* With reads as large as this one, it does not matter how many there are. */
#define SMALL_READ 4096

/* A half-closed relay that transfers nothing for so long is over. */
#define HALF_CLOSED_MS 30000

/* The last packets of a dismissed session, until they can be sent. */
struct relay_last_packets {
	uint8_t to_client[HALF_PACKET_MAX];
	uint8_t to_broker[HALF_PACKET_MAX];
	size_t to_client_len;
	size_t to_broker_len;
};

/*
 * The end.
 */

static void
drop_connack_wait(struct relay *r)
{
	connack_wait_free(r->connack_wait);
	r->connack_wait = NULL;
}

void
relay_stop(struct relay *r)
{
	if (r->timer != NULL)
		timer_stop(r->timer);
	free(r->timer);
	r->timer = NULL;
	loop_deferred_cancel(&r->end);
	half_fini(&r->up);
	half_fini(&r->down);
	drop_connack_wait(r);
	free(r->last);
	r->last = NULL;
	r->state = RELAY_OVER;
}

/* Ends the relay once both halves have ended. `r' may be gone afterwards. */
static void
check_end(struct relay *r)
{
	if (r->state == RELAY_OVER || r->up.state != HALF_ENDED ||
	    r->down.state != HALF_ENDED)
		return;
	relay_stop(r);
	r->owner->ended(r->arg, r->reason); /* r may be gone */
}

/* Ends both halves at once. */
static void
abandon_both(struct relay *r)
{
	half_abandon(&r->up);
	half_abandon(&r->down);
}

static void on_timer(void *arg);

/* False: out of memory. */
static bool
make_timer(struct relay *r)
{
	if (r->timer != NULL)
		return true;
	r->timer = malloc(sizeof(*r->timer));
	if (r->timer == NULL)
		return false;
	timer_init(r->timer, r->loop, on_timer, r);
	return true;
}

/* Starts the timer of a relay that is about to end. Without memory for it, the
 * relay ends with this turn: too early is better than never. */
static void
start_last_timer(struct relay *r, uint64_t ms)
{
	if (make_timer(r)) {
		timer_start_deadline(r->timer, ms);
		return;
	}
	abandon_both(r);
	loop_defer(r->loop, &r->end);
}

/* One side has ended or failed for `reason'. The other half goes on for as
 * long as bytes move there. The first reason stays. */
static void
half_closed(struct relay *r, enum reason reason)
{
	if (r->state == RELAY_DISMISSED)
		return;
	if (r->state == RELAY_OPEN)
		r->reason = reason;
	r->state = RELAY_HALF_CLOSED;
	r->seen_bytes = r->up.bytes + r->down.bytes;
	start_last_timer(r, HALF_CLOSED_MS);
}

/* Sends a dismissed half's last packet. */
static void
queue_last(struct relay *r, struct half *h)
{
	const struct relay_last_packets *last = r->last;
	bool up = h == &r->up;

	if (half_queue_last(h, up ? last->to_broker : last->to_client,
		up ? last->to_broker_len : last->to_client_len) != HALF_OK)
		half_abandon(h);
}

/* A packet is malformed. The client can still be told so if it has received
 * whole packets so far; after a part of a packet no other one may follow. */
static void
refuse_malformed(struct relay *r, struct half *h)
{
	if (h == &r->down && mqtt_cursor_at_boundary(&h->cursor))
		stream_want_read(h->from, false);
	else
		half_queue_last(h, NULL, 0);
	r->owner->violated(r->arg, REASON_RELAY_MALFORMED);
}

/* Does what an event of the half `h' requires. */
static void
handle(struct relay *r, struct half *h, enum half_event event)
{
	bool up = h == &r->up;

	switch (event) {
	case HALF_OK:
		if (r->state == RELAY_OPEN && half_has_ended(h))
			half_closed(r,
			    up ? REASON_RELAY_CLIENT_CLOSED
			       : REASON_RELAY_BROKER_CLOSED);
		break;
	case HALF_AT_BOUNDARY:
		queue_last(r, h);
		break;
	case HALF_FROM_BROKE:
		/* What it sent before is still forwarded; but it cannot
		 * receive any more. */
		half_abandon(up ? &r->down : &r->up);
		half_closed(r,
		    up ? REASON_RELAY_CLIENT_ERROR : REASON_RELAY_BROKER_ERROR);
		break;
	case HALF_TO_BROKE:
		/* The other half goes on: what a broker sent before it closed
		 * may not have been read yet. */
		half_closed(r,
		    up ? REASON_RELAY_BROKER_ERROR : REASON_RELAY_CLIENT_ERROR);
		break;
	case HALF_MALFORMED:
		refuse_malformed(r, h);
		break;
	case HALF_FORBIDDEN:
		/* The half is between two packets: relay_dismiss() ends it,
		 * with a packet for the broker if there is one. */
		stream_want_read(h->from, false);
		r->owner->violated(r->arg,
		    h->stopped_at == MQTT_TYPE_AUTH
			? REASON_RELAY_AUTH
			: REASON_RELAY_SECOND_CONNECT);
		break;
	}
}

/*
 * Forwarding.
 */

/* Forwards one packet to the client. The copy has the headroom that a write
 * needs. */
static enum half_event
pass_packet(struct relay *r, struct slice packet)
{
	struct buf copy;
	enum half_event event = HALF_TO_BROKE;

	buf_init(&copy, 0);
	if (buf_append(&copy, packet.data, packet.len) == OK)
		event = half_pass(&r->down, buf_data(&copy), packet.len);
	else
		half_abandon(&r->down);
	buf_fini(&copy);
	return event;
}

/* Forwards the packets that are complete in r->connack_wait. Returns true when
 * the wait for the CONNACK is over. */
static bool
pass_until_connack(struct relay *r, enum half_event *event)
{
	struct connack_wait *w = r->connack_wait;
	enum connack_wait_result result;
	struct slice packet;
	size_t used = 0;
	uint8_t code = 0;

	for (;;) {
		result = connack_wait_take(w, &used, &packet, &code);
		if (result == CONNACK_WAIT_MORE)
			return false;
		if (result == CONNACK_WAIT_NONE)
			return true;
		if (result == CONNACK_WAIT_BAD) {
			*event = HALF_MALFORMED;
			return false;
		}
		if (result == CONNACK_WAIT_TOO_LONG) {
			r->owner->violated(r->arg, REASON_IDENTITY_CLIENTID);
			return false;
		}
		if (result == CONNACK_WAIT_CONNACK)
			r->owner->answered(r->arg, code);
		*event = pass_packet(r, packet);
		buf_consume(&w->held, used);
		if (result == CONNACK_WAIT_CONNACK || *event != HALF_OK)
			return true;
	}
}

/* Reads from the broker before its CONNACK; forwards whole packets only. */
static enum half_event
pump_connack(struct relay *r)
{
	struct connack_wait *w = r->connack_wait;
	uint8_t *scratch = loop_scratch(r->loop, LOOP_SCRATCH_PLAIN);
	enum half_event event = HALF_OK;
	struct buf rest;
	ssize_t n = stream_read(r->down.from, scratch, r->chunk);

	if (n == STREAM_AGAIN)
		return HALF_OK;
	if (n <= 0) {
		drop_connack_wait(r);
		event = half_end(&r->down);
		return n == STREAM_EOF || event != HALF_OK ? event
							   : HALF_FROM_BROKE;
	}
	if (buf_append(&w->held, scratch, (size_t)n) != OK)
		return HALF_MALFORMED;
	if (!pass_until_connack(r, &event))
		return event;
	rest = w->held;
	buf_init(&w->held, 0);
	drop_connack_wait(r);
	if (event == HALF_OK && buf_len(&rest) > 0)
		event = half_pass(&r->down, buf_data(&rest), buf_len(&rest));
	buf_fini(&rest);
	return event;
}

static void
pump(struct relay *r, struct half *h)
{
	uint8_t *scratch = loop_scratch(r->loop, LOOP_SCRATCH_PLAIN);
	uint64_t before = h->bytes;
	uint64_t moved;

	if (h == &r->down && r->connack_wait != NULL)
		handle(r, h, pump_connack(r));
	else
		handle(r, h, half_pump(h, scratch, r->chunk));
	moved = h->bytes - before;
	if (moved > 0 && moved < SMALL_READ)
		loop_count_small_read(r->loop);
}

static void
on_client(struct stream *s, enum stream_event event, void *arg)
{
	struct relay *r = arg;

	(void)s;
	if (event == STREAM_READABLE)
		pump(r, &r->up);
	else if (event == STREAM_WRITABLE)
		handle(r, &r->down, half_drain(&r->down));
	check_end(r); /* r may be gone */
}

static void
on_broker(struct stream *s, enum stream_event event, void *arg)
{
	struct relay *r = arg;

	(void)s;
	if (event == STREAM_READABLE)
		pump(r, &r->down);
	else if (event == STREAM_WRITABLE)
		handle(r, &r->up, half_drain(&r->up));
	check_end(r); /* r may be gone */
}

/*
 * The timer. While the relay is open it runs only with idle_ms > 0. It checks
 * whether bytes have moved since it last ran, so that forwarding does not have
 * to restart it.
 */
static void
on_timer(void *arg)
{
	struct relay *r = arg;
	uint64_t bytes = r->up.bytes + r->down.bytes;
	bool moved = bytes != r->seen_bytes;

	r->seen_bytes = bytes;
	switch (r->state) {
	case RELAY_OPEN:
		if (moved)
			timer_start_deadline(r->timer, r->idle_ms);
		else
			r->owner->violated(r->arg, REASON_RELAY_IDLE);
		break;
	case RELAY_HALF_CLOSED:
		if (moved)
			timer_start_deadline(r->timer, HALF_CLOSED_MS);
		else
			abandon_both(r);
		break;
	case RELAY_DISMISSED:
		abandon_both(r);
		break;
	case RELAY_OVER:
		break;
	}
	check_end(r); /* r may be gone */
}

/*
 * The beginning, and the dismissal.
 */

static void
deferred_end(struct loop_deferred *d)
{
	check_end(list_entry(d, struct relay, end)); /* r may be gone */
}

/* A slice is const, but these are bytes of a buf, which may be written. */
static uint8_t *
writable(struct slice s)
{
	return (uint8_t *)(uintptr_t)s.data;
}

enum err
relay_start(struct relay *r, struct loop *loop, struct stream *client,
    struct stream *broker, const struct relay_options *o)
{
	struct slice rest = o->after_connect;
	enum half_event event;

	memset(r, 0, sizeof(*r));
	r->loop = loop;
	r->owner = o->owner;
	r->arg = o->arg;
	r->idle_ms = o->idle_ms;
	r->chunk = (uint32_t)(o->chunk < READ_MAX ? o->chunk : READ_MAX);
	half_init(&r->up, client, broker,
	    MQTT_CURSOR_AT(MQTT_TYPE_CONNECT) | o->refuse);
	half_init(&r->down, broker, client, 0);
	loop_deferred_init(&r->end, deferred_end);
	r->connack_wait =
	    connack_wait_new(o->version, o->assigned, o->client_maximum_packet);
	if (r->connack_wait == NULL || (r->idle_ms > 0 && !make_timer(r)))
		return ERR_NO_MEMORY;
	if (r->idle_ms > 0)
		timer_start_deadline(r->timer, r->idle_ms);
	stream_set_owner(client, on_client, r);
	stream_set_owner(broker, on_broker, r);
	stream_want_read(client, true);
	stream_want_read(broker, true);
	event = half_begin(&r->up, writable(o->connect), o->connect.len);
	if (event == HALF_OK && rest.len > 0)
		event = half_pass(&r->up, writable(rest), rest.len);
	handle(r, &r->up, event);
	return OK;
}

static void
copy_packets(struct relay_last_packets *last,
    const struct relay_closing_packets *packets)
{
	last->to_client_len = packets->to_client.len;
	last->to_broker_len = packets->to_broker.len;
	if (last->to_client_len > 0)
		memcpy(last->to_client, packets->to_client.data,
		    last->to_client_len);
	if (last->to_broker_len > 0)
		memcpy(last->to_broker, packets->to_broker.data,
		    last->to_broker_len);
}

void
relay_dismiss(struct relay *r, enum reason reason,
    const struct relay_closing_packets *packets)
{
	if (r->state == RELAY_DISMISSED || r->state == RELAY_OVER)
		return;
	r->state = RELAY_DISMISSED;
	r->reason = reason;
	r->last = calloc(1, sizeof(*r->last));
	if (r->last == NULL) {
		abandon_both(r);
		loop_defer(r->loop, &r->end);
		return;
	}
	copy_packets(r->last, packets);
	if (r->last->to_broker_len == 0)
		half_queue_last(&r->up, NULL, 0);
	else if (half_close(&r->up) == HALF_AT_BOUNDARY)
		queue_last(r, &r->up);
	if (half_close(&r->down) == HALF_AT_BOUNDARY)
		queue_last(r, &r->down);
	start_last_timer(r, RELAY_DISMISS_MS);
	/* `ended' must not be called from here. If both halves have ended, no
	 * event follows that would call it. */
	loop_defer(r->loop, &r->end);
}
