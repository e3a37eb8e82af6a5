/* SPDX-License-Identifier: ISC */
/*
 * A stream over a plain socket, TCP or unix: the broker's side of a session.
 */
#ifndef IO_STREAM_FD_H
#define IO_STREAM_FD_H

#include <sys/socket.h>

#include "io/loop.h"
#include "io/stream.h"

/* Takes `fd', which is connected and non-blocking. The stream is open at once:
 * no STREAM_OPEN comes. NULL when memory runs out: fd stays the caller's. */
struct stream *stream_fd_new(struct loop *loop, int fd);

/* Stores the address of the other end. ERR_SYSTEM with errno. */
enum err stream_fd_peer(const struct stream *s,
    struct sockaddr_storage *out) MUST_CHECK;

/* Gives the descriptor, still open, to the caller, and frees the stream at the
 * end of the turn. */
int stream_fd_release(struct stream *s);

/* Called from inside stream_close(). */
struct stream_fd_end {
	void (*closed)(struct stream_fd_end *end);
};

/* Sets `end', whose closed() is called when `s' is closed. `end' outlives the
 * stream and may serve many streams. */
void stream_fd_set_end(struct stream *s, struct stream_fd_end *end);

#endif
