/* SPDX-License-Identifier: ISC */
/*
 * A two-way byte stream: a socket, TLS over a socket, or WebSocket over
 * another stream. All have the same interface, so they can be stacked, and the
 * relay does not know what it moves bytes between.
 *
 * The owner gives one callback. It receives READABLE while reading is wanted
 * and a read would return bytes, the end or an error; and WRITABLE once after a
 * write took less than it was given. A stream repeats READABLE until a read
 * returned STREAM_AGAIN, also when the bytes are already inside the stream and
 * the socket is silent.
 *
 * A stream may be closed from inside its own callback: stream_close() removes
 * all events at once and no callback comes after it, but the memory is freed at
 * the end of the loop turn.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* What stream_read() and stream_write() return besides a count. */
#define STREAM_EOF 0 /* read only: the other side has ended its half */
#define STREAM_AGAIN (-1) /* nothing now; an event will follow */
#define STREAM_ERROR (-2) /* broken; stream_error() says why */

/* Writable bytes in front of the data of a write, so that stacked streams can
 * put their frame there. */
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
	int (*descriptor)(const struct stream *s); /* NULL: there is none */
};

/* Embedded first in every implementation. */
struct stream {
	const struct stream_ops *ops;
	stream_cb *cb;
	void *arg; /* borrowed: the owner, handed to cb */
	enum err error; /* why STREAM_ERROR or STREAM_BROKEN */
};

/* Returns the socket's descriptor, only to ask the kernel about it; -1 if the
 * stream has none of its own. */
static inline int
stream_descriptor(const struct stream *s)
{
	return s->ops->descriptor == NULL ? -1 : s->ops->descriptor(s);
}

/* Sets the owner's callback. A stream changes owner as its connection
 * advances. */
static inline void
stream_set_owner(struct stream *s, stream_cb *cb, void *arg)
{
	s->cb = cb;
	s->arg = arg;
}

/* Reads up to `len' bytes into `data' and returns a count, STREAM_EOF, _AGAIN
 * or _ERROR. After a count below `len' the next read would return
 * STREAM_AGAIN, so that call can be saved. */
static inline ssize_t
stream_read(struct stream *s, uint8_t *data, size_t len)
{
	return s->ops->read(s, data, len);
}

/*
 * Writes up to `len' bytes (len > 0) and returns how many were taken, 0 if none
 * can be now, or STREAM_ERROR. A count below `len' promises a WRITABLE event.
 * `data' must have STREAM_HEADROOM writable bytes in front of it; the call may
 * change these and the data. The stream beneath a WebSocket stream gets fewer,
 * because the frame header has used some.
 */
static inline ssize_t
stream_write(struct stream *s, uint8_t *data, size_t len)
{
	return s->ops->write(s, data, len);
}

/* Asks for READABLE events, or stops them (back-pressure). A new stream has
 * none. */
static inline void
stream_want_read(struct stream *s, bool wanted)
{
	s->ops->want_read(s, wanted);
}

/* Ignores an event that was under way while a stream changed owner. */
static inline void
stream_ignore_event(struct stream *s, enum stream_event event, void *arg)
{
	(void)s;
	(void)event;
	(void)arg;
}

/* Gives up a stream that another owner will take: it is paused, and there are
 * no callbacks until the next stream_set_owner(). */
static inline void
stream_disown(struct stream *s)
{
	stream_want_read(s, false);
	stream_set_owner(s, stream_ignore_event, NULL);
}

/* Ends our half once all bytes taken are sent: with a FIN, a close_notify, or a
 * WebSocket close frame. Reading goes on. */
static inline enum err
stream_shutdown(struct stream *s)
{
	return s->ops->shutdown(s);
}

/* Ends both halves and frees, at the end of the loop turn, the stream and those
 * beneath it. Bytes taken and not yet sent get one last try. NULL is
 * allowed. */
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

/* Delivers an event to the owner. For implementations. The stream may be gone
 * afterwards. */
static inline void
stream_emit(struct stream *s, enum stream_event event)
{
	s->cb(s, event, s->arg);
}

#endif
