/*
 * A two-way byte stream: a socket, TLS over one, or WebSocket over another
 * stream. They all look alike here, so they stack, and the relay cannot tell
 * what it is moving bytes between.
 *
 * The owner gives one callback. It is told READABLE while reading is wanted
 * and a read would give bytes, end or error; and WRITABLE once after a write
 * took less than it was given. A stream repeats READABLE until a read said
 * STREAM_AGAIN, also when the bytes already sit inside it and the socket is
 * silent.
 *
 * Nothing frees itself in its own callback: stream_close() unhooks all events
 * at once and no callback comes after it, but the memory goes at the end of
 * the loop turn.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* What stream_read() and stream_write() return beside a count. */
#define STREAM_EOF 0 /* read only: the other side has ended its half */
#define STREAM_AGAIN (-1) /* nothing now; an event will come */
#define STREAM_ERROR (-2) /* broken; stream_error() says why */

/* Spare bytes in front of what is written: stacked streams frame in place. */
#define STREAM_HEADROOM BUF_HEADROOM

enum stream_event {
	STREAM_OPEN, /* TLS handshake done: read and write may begin */
	STREAM_READABLE,
	STREAM_WRITABLE,
	STREAM_BROKEN /* ended before STREAM_OPEN; see stream_error() */
};

struct stream;
typedef void stream_cb(struct stream *s, enum stream_event event, void *arg);

struct stream_ops {
	ssize_t (*read)(struct stream *s, uint8_t *data, size_t len);
	ssize_t (*write)(struct stream *s, uint8_t *data, size_t len);
	void (*want_read)(struct stream *s, bool wanted);
	enum err (*shutdown)(struct stream *s);
	void (*close)(struct stream *s);
};

/* Embedded first in every implementation. */
struct stream {
	const struct stream_ops *ops;
	stream_cb *cb;
	void *arg; /* borrowed: the owner, handed to cb */
	enum err error; /* why STREAM_ERROR or STREAM_BROKEN */
};

/* Sets who is told; a stream changes owner as its connection advances. */
static inline void
stream_set_owner(struct stream *s, stream_cb *cb, void *arg)
{
	s->cb = cb;
	s->arg = arg;
}

/* Up to `len' bytes into `data'; a count, STREAM_EOF, _AGAIN or _ERROR.
 * A short count means that the next read would say STREAM_AGAIN: do not
 * spend the call. */
static inline ssize_t
stream_read(struct stream *s, uint8_t *data, size_t len)
{
	return s->ops->read(s, data, len);
}

/*
 * Takes up to `len' bytes (len > 0); returns how many were taken, 0 when
 * none can be now, or STREAM_ERROR. Less than `len' promises a WRITABLE
 * event. `data' must have STREAM_HEADROOM writable bytes in front of it, and
 * both may be changed by the call.
 */
static inline ssize_t
stream_write(struct stream *s, uint8_t *data, size_t len)
{
	return s->ops->write(s, data, len);
}

/* Asks for READABLE events (true) or stops them (false: back-pressure). A
 * new stream wants none. */
static inline void
stream_want_read(struct stream *s, bool wanted)
{
	s->ops->want_read(s, wanted);
}

/* Told of an event that was on its way while a stream changed owner. */
static inline void
stream_tell_nobody(struct stream *s, enum stream_event event, void *arg)
{
	(void)s;
	(void)event;
	(void)arg;
}

/* Lets go of a stream that somebody else is to own: it is paused, and nobody is
 * told until the next stream_set_owner(). */
static inline void
stream_disown(struct stream *s)
{
	stream_want_read(s, false);
	stream_set_owner(s, stream_tell_nobody, NULL);
}

/* Ends our half once all taken bytes are out: FIN, close_notify, or a
 * WebSocket close frame. Reading goes on. */
static inline enum err
stream_shutdown(struct stream *s)
{
	return s->ops->shutdown(s);
}

/* Ends both halves and frees, at the end of the loop turn, the stream and
 * those beneath it. Taken bytes still unsent get one last try. NULL is fine. */
static inline void
stream_close(struct stream *s)
{
	if (s != NULL)
		s->ops->close(s);
}

static inline enum err
stream_error(const struct stream *s)
{
	return s->error;
}

/* Tells the owner. For implementations. The stream may be gone after it. */
static inline void
stream_tell(struct stream *s, enum stream_event event)
{
	s->cb(s, event, s->arg);
}

#endif
