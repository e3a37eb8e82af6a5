/* SPDX-License-Identifier: ISC */
#include "ws_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void
wsk_add(struct wsk_bytes *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	b->data = must(realloc(b->data, b->len + len));
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void
wsk_add_str(struct wsk_bytes *b, const char *str)
{
	wsk_add(b, str, strlen(str));
}

void
wsk_free(struct wsk_bytes *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
}

static void
add_length(struct wsk_bytes *b, unsigned mask, uint64_t len)
{
	uint8_t head[9];
	size_t n = len < 126 ? 1 : len < 65536 ? 3 : 9;
	size_t i;

	head[0] = (uint8_t)(mask | (n == 1 ? len : n == 3 ? 126 : 127));
	for (i = 1; i < n; i++)
		head[i] = (uint8_t)(len >> (8 * (n - 1 - i)));
	wsk_add(b, head, n);
}

void
wsk_add_frame(struct wsk_bytes *b, unsigned first, const void *payload,
    size_t len)
{
	uint32_t seed = (uint32_t)(b->len + first + 1);
	uint8_t byte = (uint8_t)first;
	uint8_t key[4];
	size_t i, at;

	for (i = 0; i < 4; i++)
		key[i] = (uint8_t)wsk_random(&seed);
	wsk_add(b, &byte, 1);
	add_length(b, 0x80, len);
	wsk_add(b, key, sizeof(key));
	at = b->len;
	wsk_add(b, payload, len);
	for (i = 0; i < len; i++)
		b->data[at + i] ^= key[i % 4];
}

void
wsk_add_server_frame(struct wsk_bytes *b, unsigned first, const void *payload,
    size_t len)
{
	uint8_t byte = (uint8_t)first;

	wsk_add(b, &byte, 1);
	add_length(b, 0, len);
	wsk_add(b, payload, len);
}

uint32_t
wsk_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

struct wsk_bytes
wsk_noise(size_t len)
{
	struct wsk_bytes b = { must(malloc(len + 1)), len };
	uint32_t seed = (uint32_t)len;
	size_t i;

	for (i = 0; i < len; i++)
		b.data[i] = (uint8_t)wsk_random(&seed);
	return b;
}

static struct wsk_lower *
from_stream(struct stream *s)
{
	return list_entry(s, struct wsk_lower, stream);
}

static ssize_t
lower_read(struct stream *s, uint8_t *data, size_t len)
{
	struct wsk_lower *l = from_stream(s);
	size_t n = l->arrived - l->taken;

	if (l->closes > 0 || len == 0)
		abort();
	l->reads++;
	if (l->broken) {
		s->error = ERR_RESET;
		return STREAM_ERROR;
	}
	if (n == 0 && l->eof && l->arrived == l->in.len)
		return STREAM_EOF;
	if (n > len)
		n = len;
	l->told = n < len;
	if (n == 0)
		return STREAM_AGAIN;
	memcpy(data, l->in.data + l->taken, n);
	l->taken += n;
	return (ssize_t)n;
}

/* Spoils the headroom, as a stream that frames in place would. */
static ssize_t
lower_write(struct stream *s, uint8_t *data, size_t len)
{
	struct wsk_lower *l = from_stream(s);
	size_t n = len < l->window ? len : l->window;

	if (l->closes > 0 || l->shutdowns > 0 || len == 0)
		abort();
	l->writes++;
	if (l->broken) {
		s->error = ERR_RESET;
		return STREAM_ERROR;
	}
	wsk_add(&l->out, data, n);
	l->window -= n;
	l->promised = n < len;
	return (ssize_t)n;
}

static void
lower_want_read(struct stream *s, bool wanted)
{
	from_stream(s)->wanted = wanted;
}

static enum err
lower_shutdown(struct stream *s)
{
	from_stream(s)->shutdowns++;
	return OK;
}

static void
lower_close(struct stream *s)
{
	from_stream(s)->closes++;
}

void
wsk_lower_init(struct wsk_lower *l, struct wsk_bytes in)
{
	static const struct stream_ops ops = {
		.read = lower_read,
		.write = lower_write,
		.want_read = lower_want_read,
		.shutdown = lower_shutdown,
		.close = lower_close,
	};

	memset(l, 0, sizeof(*l));
	l->stream.ops = &ops;
	l->in = in;
	l->window = SIZE_MAX;
}

void
wsk_lower_fini(struct wsk_lower *l)
{
	wsk_free(&l->in);
	wsk_free(&l->out);
}

void
wsk_lower_tell(struct wsk_lower *l, int n)
{
	bool ended = l->eof && l->arrived == l->in.len;

	while (n-- > 0 && l->closes == 0 && l->wanted &&
	    (l->broken || (l->taken == l->arrived ? ended : !l->told)))
		stream_tell(&l->stream, STREAM_READABLE);
}

void
wsk_lower_arrive(struct wsk_lower *l, size_t n)
{
	if (n > l->in.len - l->arrived)
		n = l->in.len - l->arrived;
	l->arrived += n;
	l->told = false;
	/* A bound, in case the code above does not read: an ended one would
	 * else be told for ever. */
	wsk_lower_tell(l, 100000);
}

void
wsk_lower_open(struct wsk_lower *l, size_t n)
{
	l->window += n;
	if (l->promised) {
		l->promised = false;
		stream_tell(&l->stream, STREAM_WRITABLE);
	}
}

/* Reads into an allocation of the exact size. */
static ssize_t
read_once(struct wsk_owner *o, size_t len)
{
	uint8_t *data = must(malloc(len));
	ssize_t n = stream_read(o->stream, data, len);

	if (n > 0)
		wsk_add(&o->got, data, (size_t)n);
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
	wsk_free(&o->got);
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

struct stop {
	struct loop_message message;
	struct loop *loop; /* borrowed */
};

static void
stop(struct loop_message *m)
{
	struct stop *s = list_entry(m, struct stop, message);

	loop_stop(s->loop);
}

void
wsk_turn(struct loop *loop)
{
	struct stop s = { .message.run = stop, .loop = loop };

	loop_post(loop, &s.message);
	loop_run(loop);
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
wsk_split(const struct wsk_bytes *out, struct wsk_bytes *data, char *events,
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
			wsk_add(data, p + head, (size_t)len);
		number = kind != 'c' ? (unsigned)len
		    : len == 0       ? 0
				     : (unsigned)p[head] << 8 | p[head + 1];
		if (used < size)
			used += (size_t)snprintf(events + used, size - used,
			    "%s%c%u", used == 0 ? "" : " ", kind, number);
	}
	return true;
}
