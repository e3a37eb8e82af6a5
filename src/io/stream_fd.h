/*
 * A stream over a plain socket, TCP or unix: what the broker's side is.
 */
#ifndef IO_STREAM_FD_H
#define IO_STREAM_FD_H

#include "io/loop.h"
#include "io/stream.h"

/* Takes `fd' (connected, non-blocking); NULL when memory runs out, and then
 * fd stays the caller's. The stream is open at once: no STREAM_OPEN comes. */
struct stream *stream_fd_new(struct loop *loop, int fd);

/* Is told, from inside, that a stream is closed. */
struct stream_fd_end {
	void (*closed)(struct stream_fd_end *end);
};

/* Has `end', which may serve many streams and outlives them, told. */
void stream_fd_set_end(struct stream *s, struct stream_fd_end *end);

#endif
