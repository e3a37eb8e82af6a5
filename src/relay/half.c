/* SPDX-License-Identifier: ISC */
#include "relay/half.h"

#include <assert.h>
#include <string.h>

/* Reads of a source in one turn, so that other connections get their share. */
#define READS_A_TURN 4

void
half_init(struct half *h, struct stream *from, struct stream *to,
    unsigned forbidden)
{
	h->from = from;
	h->to = to;
	buf_init(&h->pending, 0);
	mqtt_cursor_init(&h->cursor);
	h->bytes = 0;
	h->state = HALF_OPEN;
	h->eof = false;
	h->forbidden = forbidden;
	h->disconnect_len = 0;
}

void
half_fini(struct half *h)
{
	buf_fini(&h->pending);
}

void
half_abandon(struct half *h)
{
	buf_fini(&h->pending);
	stream_want_read(h->from, false);
	h->state = HALF_ENDED;
}

/* Completes an end once nothing is pending. */
static enum half_event
complete_end(struct half *h)
{
	if (buf_len(&h->pending) > 0)
		return HALF_OK;
	if (h->state == HALF_LAST_QUEUED) {
		h->state = HALF_ENDED;
	} else if (h->state == HALF_ENDING) {
		h->state = HALF_ENDED;
		if (stream_shutdown(h->to) != OK)
			return HALF_TO_BROKE;
	}
	return HALF_OK;
}

/* Writes bytes to `to'. What it does not take is kept, and `from' paused. */
static enum half_event
push(struct half *h, uint8_t *data, size_t len)
{
	ssize_t n = 0;

	if (buf_len(&h->pending) == 0)
		n = stream_write(h->to, data, len);
	if (n < 0) {
		half_abandon(h);
		return HALF_TO_BROKE;
	}
	if ((size_t)n == len)
		return HALF_OK;
	stream_want_read(h->from, false);
	if (buf_append(&h->pending, data + n, len - (size_t)n) != OK) {
		half_abandon(h);
		return HALF_TO_BROKE;
	}
	return HALF_OK;
}

/* Keeps what `bytes' has of a DISCONNECT's beginning. */
static void
keep_disconnect(struct half *h, struct slice bytes)
{
	size_t room = sizeof(h->disconnect) - h->disconnect_len;
	size_t n = bytes.len < room ? bytes.len : room;

	memcpy(h->disconnect + h->disconnect_len, bytes.data, n);
	h->disconnect_len += (uint8_t)n;
}

int
half_disconnect_code(const struct half *h)
{
	struct mqtt_header header;
	struct slice in = slice_make(h->disconnect, h->disconnect_len);

	if (h->disconnect_len == 0)
		return -1;
	if (mqtt_header_parse(&header, in) != PARSE_OK ||
	    header.remaining == 0 || header.len >= in.len)
		return 0;
	return in.data[header.len];
}

/* Moves the cursor over `chunk', past a DISCONNECT, of which the beginning is
 * kept. */
static enum mqtt_cursor_stop
walk(struct half *h, struct slice chunk, size_t *pos)
{
	unsigned stop =
	    h->state == HALF_CLOSING ? MQTT_CURSOR_AT_ANY : h->forbidden;
	unsigned noted = MQTT_CURSOR_AT(MQTT_TYPE_DISCONNECT) & ~stop;
	enum mqtt_cursor_stop stopped;
	size_t from = 0;

	if (h->disconnect_len > 0)
		noted = 0;
	stopped = mqtt_cursor_walk(&h->cursor, chunk, pos, stop | noted);
	if (noted != 0 && stopped == MQTT_CURSOR_PACKET &&
	    mqtt_packet_type(chunk.data[*pos]) == MQTT_TYPE_DISCONNECT) {
		from = *pos;
		stopped = mqtt_cursor_walk(&h->cursor, chunk, pos, stop);
		keep_disconnect(h, slice_make(chunk.data + from, *pos - from));
	} else if (h->disconnect_len > 0) {
		keep_disconnect(h, slice_make(chunk.data, *pos));
	}
	return stopped;
}

/* Returns how many bytes of `chunk' may be forwarded; `*event' says why not
 * all. */
static size_t
measure(struct half *h, struct slice chunk, enum half_event *event)
{
	size_t pos = 0;

	*event = HALF_OK;
	switch (walk(h, chunk, &pos)) {
	case MQTT_CURSOR_END:
		if (h->state == HALF_CLOSING &&
		    mqtt_cursor_at_boundary(&h->cursor))
			*event = HALF_AT_BOUNDARY;
		break;
	case MQTT_CURSOR_PACKET:
		*event = h->state == HALF_CLOSING ? HALF_AT_BOUNDARY
						  : HALF_FORBIDDEN;
		h->stopped_at = mqtt_packet_type(chunk.data[pos]);
		break;
	case MQTT_CURSOR_BAD:
		*event = HALF_MALFORMED;
		break;
	}
	return pos;
}

enum half_event
half_begin(struct half *h, uint8_t *data, size_t len)
{
	h->bytes += len;
	return push(h, data, len);
}

enum half_event
half_pass(struct half *h, uint8_t *data, size_t len)
{
	enum half_event event;
	enum half_event pushed;

	len = measure(h, slice_make(data, len), &event);
	if (len == 0)
		return event;
	h->bytes += len;
	pushed = push(h, data, len);
	return pushed == HALF_OK ? event : pushed;
}

enum half_event
half_end(struct half *h)
{
	h->eof = true;
	stream_want_read(h->from, false);
	if (h->state == HALF_OPEN || h->state == HALF_CLOSING)
		h->state = HALF_ENDING;
	return complete_end(h);
}

/* True if the half may read. */
static bool
is_reading(const struct half *h)
{
	return (h->state == HALF_OPEN || h->state == HALF_CLOSING) &&
	    buf_len(&h->pending) == 0;
}

enum half_event
half_pump(struct half *h, uint8_t *scratch, size_t len)
{
	enum half_event event = HALF_OK;
	unsigned reads;
	ssize_t n;

	for (reads = 0; reads < READS_A_TURN && is_reading(h); reads++) {
		n = stream_read(h->from, scratch, len);
		if (n == STREAM_AGAIN)
			return HALF_OK;
		if (n == STREAM_EOF)
			return half_end(h);
		if (n == STREAM_ERROR) {
			event = half_end(h);
			return event == HALF_OK ? HALF_FROM_BROKE : event;
		}
		event = half_pass(h, scratch, (size_t)n);
		if (event != HALF_OK || (size_t)n < len)
			return event;
	}
	return event;
}

enum half_event
half_close(struct half *h)
{
	if (h->state != HALF_OPEN)
		return HALF_OK;
	h->state = HALF_CLOSING;
	if (!mqtt_cursor_at_boundary(&h->cursor))
		return HALF_OK;
	return HALF_AT_BOUNDARY;
}

enum half_event
half_queue_last(struct half *h, const uint8_t *packet, size_t len)
{
	uint8_t copy[HALF_PACKET_MAX + STREAM_HEADROOM];
	enum half_event event = HALF_OK;

	if (h->state == HALF_ENDED)
		return HALF_OK;
	assert(len <= HALF_PACKET_MAX);
	stream_want_read(h->from, false);
	h->state = HALF_LAST_QUEUED;
	if (len > 0) {
		memcpy(copy + STREAM_HEADROOM, packet, len);
		event = push(h, copy + STREAM_HEADROOM, len);
	}
	return event == HALF_OK ? complete_end(h) : event;
}

enum half_event
half_drain(struct half *h)
{
	ssize_t n;

	if (h->state == HALF_ENDED)
		return HALF_OK;
	if (buf_len(&h->pending) > 0) {
		n = stream_write(h->to, buf_data(&h->pending),
		    buf_len(&h->pending));
		if (n < 0) {
			half_abandon(h);
			return HALF_TO_BROKE;
		}
		buf_consume(&h->pending, (size_t)n);
		if (buf_len(&h->pending) > 0)
			return HALF_OK;
	}
	if (is_reading(h))
		stream_want_read(h->from, true);
	return complete_end(h);
}
