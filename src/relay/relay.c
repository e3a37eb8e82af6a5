#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>

#include "relay/connack_wait.h"

/* What one read takes at the most. More is slower: with 64 KiB, bulk costs a
 * sixth more than with 32, which stay in the caches. */
#define READ_MAX 32768

/* A half-closed relay that moves nothing for so long is over. */
#define HALF_CLOSED_MS 30000

/* What is to be said to whom when a session is dismissed. */
struct farewell {
	uint8_t to_client[HALF_PACKET_MAX];
	uint8_t to_broker[HALF_PACKET_MAX];
	size_t to_client_len;
	size_t to_broker_len;
};

static void
drop_connack_wait(struct relay *r)
{
	connack_wait_free(r->connack_wait);
	r->connack_wait = NULL;
}

void
relay_stop(struct relay *r)
{
	timer_stop(&r->timer);
	half_fini(&r->up);
	half_fini(&r->down);
	drop_connack_wait(r);
	free(r->farewell);
	r->farewell = NULL;
}

/* Names who ended it; the first one named stays. */
static void
blame(struct relay *r, enum reason reason)
{
	if (r->reason == REASON_NONE)
		r->reason = reason;
}

/* Both halves done: the relay is over. Nothing of `r' is touched after. */
static void
check_end(struct relay *r)
{
	if (r->up.state != HALF_ENDED || r->down.state != HALF_ENDED)
		return;
	relay_stop(r);
	r->owner->ended(r->arg, r->reason); /* r may be gone */
}

/* Ends both halves at once. */
static void
break_off(struct relay *r, enum reason reason)
{
	blame(r, reason);
	half_abandon(&r->up);
	half_abandon(&r->down);
}

static void
seal(struct relay *r, struct half *h)
{
	struct farewell *f = r->farewell;
	bool up = h == &r->up;

	if (half_seal(h, up ? f->to_broker : f->to_client,
		up ? f->to_broker_len : f->to_client_len) != HALF_OK)
		half_abandon(h);
}

/* One side has left: the other half goes on for as long as bytes move there.
 * A dismissal does not wait for that. */
static void
wait_for_other(struct relay *r)
{
	if (r->farewell != NULL)
		return;
	r->seen_bytes = r->up.bytes + r->down.bytes;
	timer_start(&r->timer, HALF_CLOSED_MS);
}

/* Framing is lost. A client that has whole packets so far can be told so;
 * nothing else is said behind a packet that may be half out. */
static void
lose_framing(struct relay *r, struct half *h)
{
	if (h == &r->down && mqtt_cursor_at_boundary(&h->cursor))
		stream_want_read(h->from, false);
	else
		half_seal(h, NULL, 0);
	r->owner->violated(r->arg, REASON_RELAY_MALFORMED);
}

/* What the relay makes of what a half says. */
static void
answer(struct relay *r, struct half *h, enum half_event event)
{
	bool up = h == &r->up;

	switch (event) {
	case HALF_OK:
		if (h->state >= HALF_ENDING && r->reason == REASON_NONE) {
			blame(r,
			    up ? REASON_RELAY_CLIENT_CLOSED
			       : REASON_RELAY_BROKER_CLOSED);
			wait_for_other(r);
		}
		break;
	case HALF_AT_BOUNDARY:
		seal(r, h);
		break;
	case HALF_FROM_BROKE:
		/* What it said before still arrives; but there is nobody left
		 * to hear what comes the other way. */
		blame(r,
		    up ? REASON_RELAY_CLIENT_ERROR : REASON_RELAY_BROKER_ERROR);
		half_abandon(up ? &r->down : &r->up);
		wait_for_other(r);
		break;
	case HALF_TO_BROKE:
		/* The other half goes on: the last words of a broker that has
		 * closed may still wait to be read. */
		blame(r,
		    up ? REASON_RELAY_BROKER_ERROR : REASON_RELAY_CLIENT_ERROR);
		wait_for_other(r);
		break;
	case HALF_MALFORMED:
		lose_framing(r, h);
		break;
	case HALF_FORBIDDEN:
		half_seal(h, NULL, 0);
		r->owner->violated(r->arg, REASON_RELAY_SECOND_CONNECT);
		break;
	}
}

/* Lets a packet of the greeting through to the client. The copy gives it the
 * headroom that a write needs. */
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

/* Goes through what is held; returns false when the greeting goes on. */
static bool
greet(struct relay *r, enum half_event *event)
{
	struct connack_wait *g = r->connack_wait;
	enum connack_wait_verdict verdict;
	struct slice packet;
	size_t used = 0;
	uint8_t code = 0;

	for (;;) {
		verdict = connack_wait_take(g, &used, &packet, &code);
		if (verdict == GREETING_MORE)
			return false;
		if (verdict == GREETING_OVER)
			return true;
		if (verdict == GREETING_BROKEN) {
			*event = HALF_MALFORMED;
			return false;
		}
		if (verdict == GREETING_TOO_LONG) {
			r->owner->violated(r->arg, REASON_IDENTITY_CLIENTID);
			return false;
		}
		if (verdict == GREETING_CONNACK)
			r->owner->answered(r->arg, code);
		*event = pass_packet(r, packet);
		buf_consume(&g->held, used);
		if (verdict == GREETING_CONNACK || *event != HALF_OK)
			return true;
	}
}

/* Reads the broker's first bytes; whole packets only go on. */
static enum half_event
pump_connack(struct relay *r)
{
	struct connack_wait *g = r->connack_wait;
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
	if (buf_append(&g->held, scratch, (size_t)n) != OK)
		return HALF_MALFORMED;
	if (!greet(r, &event))
		return event;
	rest = g->held;
	buf_init(&g->held, 0);
	drop_connack_wait(r);
	if (event == HALF_OK && buf_len(&rest) > 0)
		event = half_pass(&r->down, buf_data(&rest), buf_len(&rest));
	buf_fini(&rest);
	return event;
}

static void
pump(struct relay *r, struct half *h)
{
	if (h == &r->down && r->connack_wait != NULL)
		answer(r, h, pump_connack(r));
	else
		answer(r, h,
		    half_pump(h, loop_scratch(r->loop, LOOP_SCRATCH_PLAIN),
			r->chunk));
}

static void
on_client(struct stream *s, enum stream_event event, void *arg)
{
	struct relay *r = arg;

	(void)s;
	if (event == STREAM_READABLE)
		pump(r, &r->up);
	else if (event == STREAM_WRITABLE)
		answer(r, &r->down, half_drain(&r->down));
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
		answer(r, &r->up, half_drain(&r->up));
	check_end(r); /* r may be gone */
}

/* Runs while idle_ms is set, half-closed, or being dismissed; looks whether
 * bytes have moved since the last time, so messages need no timer. */
static void
look_for_life(void *arg)
{
	struct relay *r = arg;
	uint64_t bytes = r->up.bytes + r->down.bytes;
	bool closing =
	    r->up.state >= HALF_ENDING || r->down.state >= HALF_ENDING;

	if (r->farewell != NULL) {
		break_off(r, r->reason);
	} else if (bytes != r->seen_bytes) {
		r->seen_bytes = bytes;
		timer_start(&r->timer, closing ? HALF_CLOSED_MS : r->idle_ms);
	} else if (closing) {
		break_off(r, r->reason);
	} else {
		r->owner->violated(r->arg, REASON_RELAY_IDLE);
	}
	check_end(r); /* r may be gone */
}

/* The streams' bytes are borrowed as const, but a buf's may be written. */
static uint8_t *
writable(struct slice s)
{
	return (uint8_t *)(uintptr_t)s.data;
}

enum err
relay_start(struct relay *r, struct loop *loop, struct stream *client,
    struct stream *broker, const struct relay_options *o,
    const struct relay_owner *owner, void *arg)
{
	enum half_event event;

	memset(r, 0, sizeof(*r));
	r->loop = loop;
	r->owner = owner;
	r->arg = arg;
	r->idle_ms = o->idle_ms;
	r->chunk = o->chunk < READ_MAX ? o->chunk : READ_MAX;
	half_init(&r->up, client, broker, MQTT_CURSOR_AT(MQTT_TYPE_CONNECT));
	half_init(&r->down, broker, client, 0);
	timer_init(&r->timer, loop, look_for_life, r);
	r->connack_wait =
	    connack_wait_new(o->version, o->assigned, o->client_maximum_packet);
	if (r->connack_wait == NULL)
		return ERR_NO_MEMORY;
	if (r->idle_ms > 0)
		timer_start(&r->timer, r->idle_ms);
	stream_set_owner(client, on_client, r);
	stream_set_owner(broker, on_broker, r);
	stream_want_read(client, true);
	stream_want_read(broker, true);
	event = half_begin(&r->up, writable(o->connect), o->connect.len);
	if (event == HALF_OK && o->behind.len > 0)
		event = half_pass(&r->up, writable(o->behind), o->behind.len);
	answer(r, &r->up, event);
	return OK;
}

static void
keep_words(struct farewell *f, const struct relay_closing_packets *words)
{
	f->to_client_len = words->to_client.len;
	f->to_broker_len = words->to_broker.len;
	if (f->to_client_len > 0)
		memcpy(f->to_client, words->to_client.data, f->to_client_len);
	if (f->to_broker_len > 0)
		memcpy(f->to_broker, words->to_broker.data, f->to_broker_len);
}

void
relay_dismiss(struct relay *r, enum reason reason,
    const struct relay_closing_packets *words)
{
	if (r->farewell != NULL)
		return;
	r->reason = reason;
	r->farewell = calloc(1, sizeof(*r->farewell));
	if (r->farewell == NULL) {
		break_off(r, reason);
		timer_start(&r->timer, 0);
		return;
	}
	keep_words(r->farewell, words);
	if (r->farewell->to_broker_len == 0)
		half_seal(&r->up, NULL, 0);
	else if (half_close(&r->up) == HALF_AT_BOUNDARY)
		seal(r, &r->up);
	if (half_close(&r->down) == HALF_AT_BOUNDARY)
		seal(r, &r->down);
	timer_start(&r->timer,
	    r->up.state == HALF_ENDED && r->down.state == HALF_ENDED
		? 0
		: RELAY_DISMISS_MS);
}
