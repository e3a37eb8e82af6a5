/* SPDX-License-Identifier: ISC */
#include "ws_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ws/frame.h"

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void
add_length(struct kit_bytes *b, unsigned mask, uint64_t len)
{
	uint8_t head[9];
	size_t n = len < 126 ? 1 : len < 65536 ? 3 : 9;
	size_t i;

	head[0] = (uint8_t)(mask | (n == 1 ? len : n == 3 ? 126 : 127));
	for (i = 1; i < n; i++)
		head[i] = (uint8_t)(len >> (8 * (n - 1 - i)));
	kit_add(b, head, n);
}

void
wsk_add_frame(struct kit_bytes *b, unsigned first, const void *payload,
    size_t len)
{
	uint32_t seed = (uint32_t)(b->len + first + 1);
	uint8_t byte = (uint8_t)first;
	uint8_t key[4];
	size_t i, at;

	for (i = 0; i < 4; i++)
		key[i] = (uint8_t)kit_random(&seed);
	kit_add(b, &byte, 1);
	add_length(b, 0x80, len);
	kit_add(b, key, sizeof(key));
	at = b->len;
	kit_add(b, payload, len);
	for (i = 0; i < len; i++)
		b->data[at + i] ^= key[i % 4];
}

void
wsk_add_server_frame(struct kit_bytes *b, unsigned first, const void *payload,
    size_t len)
{
	uint8_t byte = (uint8_t)first;

	kit_add(b, &byte, 1);
	add_length(b, 0, len);
	kit_add(b, payload, len);
}

void
wsk_lower_init(struct script *l, struct kit_bytes in)
{
	script_init(l);
	script_load(l, in);
	l->headroom = STREAM_HEADROOM - WS_FRAME_WRITE_MAX;
}

/* Reads into an allocation of the exact size. */
static ssize_t
read_once(struct wsk_owner *o, size_t len)
{
	uint8_t *data = must(malloc(len));
	ssize_t n = stream_read(o->stream, data, len);

	if (n > 0)
		kit_add(&o->got, data, (size_t)n);
	else if (n != STREAM_AGAIN)
		o->end = n;
	free(data);
	return n;
}

static void
owner_event(struct stream *s, enum stream_event event, void *arg)
{
	struct wsk_owner *o = arg;
	size_t len = o->piece == 0 ? 8192 : o->piece;
	ssize_t n;

	(void)s;
	if (event == STREAM_WRITABLE)
		o->writable++;
	if (event != STREAM_READABLE)
		return;
	o->readable++;
	if (o->deaf)
		return;
	do
		n = read_once(o, len);
	while (n == (ssize_t)len && !o->once);
	/* An end is told for ever by those who do not stop asking. */
	if (n == STREAM_EOF || n == STREAM_ERROR)
		stream_want_read(o->stream, false);
}

void
wsk_owner_init(struct wsk_owner *o, struct stream *s)
{
	memset(o, 0, sizeof(*o));
	o->stream = s;
	o->end = 1;
	stream_set_owner(s, owner_event, o);
}

void
wsk_owner_fini(struct wsk_owner *o)
{
	kit_free(&o->got);
}

ssize_t
wsk_write(struct stream *s, const uint8_t *data, size_t len)
{
	uint8_t *mem = must(malloc(STREAM_HEADROOM + len));
	ssize_t n;

	memcpy(mem + STREAM_HEADROOM, data, len);
	n = stream_write(s, mem + STREAM_HEADROOM, len);
	free(mem);
	return n;
}

/* The length of the frame at `p', and of its header; false: not all there. */
static bool
measure(const uint8_t *p, size_t left, size_t *head, uint64_t *len)
{
	size_t more, i;

	if (left < 2 || (p[1] & 0x80) != 0)
		return false;
	more = p[1] == 126 ? 2 : p[1] == 127 ? 8 : 0;
	*head = 2 + more;
	if (left < *head)
		return false;
	*len = more == 0 ? p[1] : 0;
	for (i = 0; i < more; i++)
		*len = *len << 8 | p[2 + i];
	if ((more == 2 && *len < 126) || (more == 8 && *len < 65536))
		return false;
	return *len <= left - *head;
}

bool
wsk_split(const struct kit_bytes *out, struct kit_bytes *data, char *events,
    size_t size)
{
	size_t at = 0, head, used = 0;
	const uint8_t *p;
	unsigned number;
	uint64_t len;
	char kind;

	events[0] = '\0';
	for (; at < out->len; at += head + (size_t)len) {
		p = out->data + at;
		if (!measure(p, out->len - at, &head, &len))
			return false;
		kind = *p == WSK_BINARY           ? 'd'
		    : *p == WSK_PONG              ? 'q'
		    : *p == WSK_CLOSE && len != 1 ? 'c'
						  : '?';
		if (kind == '?')
			return false;
		if (kind == 'd')
			kit_add(data, p + head, (size_t)len);
		number = kind != 'c' ? (unsigned)len
		    : len == 0       ? 0
				     : (unsigned)p[head] << 8 | p[head + 1];
		if (used < size)
			used += (size_t)snprintf(events + used, size - used,
			    "%s%c%u", used == 0 ? "" : " ", kind, number);
	}
	return true;
}
