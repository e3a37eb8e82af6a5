/* SPDX-License-Identifier: ISC */
#include "script_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

static struct script *
from(struct stream *s)
{
	return list_entry(s, struct script, stream);
}

static ssize_t
script_read(struct stream *stream, uint8_t *data, size_t len)
{
	struct script *s = from(stream);
	size_t n = buf_len(&s->in);

	if (n == 0)
		return s->broken ? STREAM_ERROR
		    : s->eof     ? STREAM_EOF
				 : STREAM_AGAIN;
	if (n > len)
		n = len;
	if (s->give != 0 && n > s->give)
		n = s->give;
	memcpy(data, buf_data(&s->in), n);
	buf_consume(&s->in, n);
	return (ssize_t)n;
}

static ssize_t
script_write(struct stream *stream, uint8_t *data, size_t len)
{
	struct script *s = from(stream);
	size_t n = len < s->take ? len : s->take;
	uint8_t head[STREAM_HEADROOM];

	if (s->refuse)
		return STREAM_ERROR;
	/* The contract lets us scribble there; ASan sees whether we may. */
	memcpy(head, data - STREAM_HEADROOM, sizeof(head));
	memset(data - STREAM_HEADROOM, 0xee, STREAM_HEADROOM);
	if (n > 0 && buf_append(&s->out, data, n) != OK)
		abort();
	if (s->take != SIZE_MAX)
		s->take -= n;
	memset(data, 0xdd, n);
	return (ssize_t)n;
}

static void
script_want_read(struct stream *stream, bool wanted)
{
	from(stream)->wanted = wanted;
}

static enum err
script_shutdown(struct stream *stream)
{
	from(stream)->ended = true;
	return OK;
}

static void
script_close(struct stream *stream)
{
	from(stream)->closed = true;
}

static const struct stream_ops ops = {
	.read = script_read,
	.write = script_write,
	.want_read = script_want_read,
	.shutdown = script_shutdown,
	.close = script_close,
};

void
script_init(struct script *s)
{
	memset(s, 0, sizeof(*s));
	s->stream.ops = &ops;
	buf_init(&s->in, 0);
	buf_init(&s->out, 0);
	s->take = SIZE_MAX;
}

void
script_fini(struct script *s)
{
	buf_fini(&s->in);
	buf_fini(&s->out);
}

void
script_readable(struct script *s)
{
	while (s->wanted && (buf_len(&s->in) > 0 || s->eof || s->broken))
		stream_tell(&s->stream, STREAM_READABLE);
}

void
script_feed(struct script *s, const void *data, size_t len)
{
	if (buf_append(&s->in, data, len) != OK)
		abort();
	script_readable(s);
}

void
script_drain(struct script *s, size_t len)
{
	s->take = s->take > SIZE_MAX - len ? SIZE_MAX : s->take + len;
	stream_tell(&s->stream, STREAM_WRITABLE);
}
