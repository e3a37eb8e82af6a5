/* SPDX-License-Identifier: ISC */
#include "script_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

/* A bound, in case the owner does not read: it would be told of an end for
 * ever. */
#define TELL_MAX 100000

static struct script *
from(struct stream *s)
{
	return list_entry(s, struct script, stream);
}

static bool
has_ended(const struct script *s)
{
	return s->eof && s->arrived == s->in.len;
}

static ssize_t
script_read(struct stream *stream, uint8_t *data, size_t len)
{
	struct script *s = from(stream);
	size_t n = script_unread(s);

	if (s->closes > 0 || len == 0)
		abort();
	s->reads++;
	if (n == 0 && s->broken)
		stream->error = ERR_RESET;
	if (n == 0)
		return s->broken   ? STREAM_ERROR
		    : has_ended(s) ? STREAM_EOF
				   : STREAM_AGAIN;
	if (n > len)
		n = len;
	if (s->give != 0 && n > s->give)
		n = s->give;
	memcpy(data, s->in.data + s->taken, n);
	s->taken += n;
	return (ssize_t)n;
}

static ssize_t
script_write(struct stream *stream, uint8_t *data, size_t len)
{
	struct script *s = from(stream);
	size_t n = len < s->take ? len : s->take;

	if (s->closes > 0 || s->shutdowns > 0 || len == 0)
		abort();
	s->writes++;
	if (s->refuse) {
		stream->error = ERR_RESET;
		return STREAM_ERROR;
	}
	kit_add(&s->out, data, n);
	/* The contract allows changes here; ASan sees whether there is room. */
	memset(data - s->headroom, 0xee, s->headroom);
	memset(data, 0xdd, n);
	if (s->take != SIZE_MAX)
		s->take -= n;
	s->promised = n < len;
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
	from(stream)->shutdowns++;
	return OK;
}

static void
script_close(struct stream *stream)
{
	from(stream)->closes++;
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
	s->take = SIZE_MAX;
	s->headroom = STREAM_HEADROOM;
}

void
script_fini(struct script *s)
{
	kit_free(&s->in);
	kit_free(&s->out);
}

void
script_load(struct script *s, struct kit_bytes in)
{
	s->in = in;
}

size_t
script_unread(const struct script *s)
{
	return s->arrived - s->taken;
}

void
script_tell(struct script *s, int times)
{
	while (times-- > 0 && s->closes == 0 && s->wanted &&
	    (script_unread(s) > 0 || s->broken || has_ended(s)))
		stream_emit(&s->stream, STREAM_READABLE);
}

void
script_readable(struct script *s)
{
	script_tell(s, TELL_MAX);
}

void
script_arrive(struct script *s, size_t len)
{
	if (len > s->in.len - s->arrived)
		len = s->in.len - s->arrived;
	s->arrived += len;
	script_readable(s);
}

void
script_add(struct script *s, const void *data, size_t len)
{
	kit_add(&s->in, data, len);
	s->arrived = s->in.len;
}

void
script_feed(struct script *s, const void *data, size_t len)
{
	script_add(s, data, len);
	script_readable(s);
}

void
script_drain(struct script *s, size_t len)
{
	s->take = s->take > SIZE_MAX - len ? SIZE_MAX : s->take + len;
	if (!s->promised)
		return;
	s->promised = false;
	stream_emit(&s->stream, STREAM_WRITABLE);
}

void
script_break(struct script *s)
{
	s->broken = true;
	s->refuse = true;
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
script_turn(struct loop *loop)
{
	struct stop s = { .message.run = stop, .loop = loop };

	loop_post(loop, &s.message);
	loop_run(loop);
}
