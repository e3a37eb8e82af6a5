/* SPDX-License-Identifier: ISC */
/*
 * The stream over a plain socket. Reads and writes go straight to the
 * kernel; it buffers nothing.
 */
#include "io/stream_fd.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "io/watch.h"

struct stream_fd {
	struct stream stream; /* first: the two are cast into one another */
	struct watch watch;
	struct stream_fd_end *end; /* borrowed; may be NULL */
};

static struct stream_fd *
from_stream(struct stream *s)
{
	return list_entry(s, struct stream_fd, stream);
}

static ssize_t
fd_read(struct stream *s, uint8_t *data, size_t len)
{
	return watch_recv(&from_stream(s)->watch, data, len, &s->error);
}

static ssize_t
fd_write(struct stream *s, uint8_t *data, size_t len)
{
	struct stream_fd *f = from_stream(s);
	ssize_t n = watch_send(&f->watch, data, len, &s->error);

	if (n < 0 || (size_t)n == len || watch_write(&f->watch) == OK)
		return n;
	s->error = ERR_NO_MEMORY;
	return STREAM_ERROR;
}

static void
fd_want_read(struct stream *s, bool wanted)
{
	watch_read(&from_stream(s)->watch, wanted);
}

static enum err
fd_shutdown(struct stream *s)
{
	return shutdown(from_stream(s)->watch.fd, SHUT_WR) == 0 ? OK
								: ERR_SYSTEM;
}

static void
fd_close(struct stream *s)
{
	struct stream_fd *f = from_stream(s);

	if (f->watch.fd == -1)
		return;
	watch_fini(&f->watch);
	if (f->end != NULL)
		f->end->closed(f->end);
	loop_free_later(f->watch.loop, &f->watch.garbage, f, free);
}

static void
ready(enum watch_event event, void *arg)
{
	struct stream_fd *f = arg;

	stream_emit(&f->stream,
	    event == WATCH_READ ? STREAM_READABLE : STREAM_WRITABLE);
}

static int
fd_descriptor(const struct stream *s)
{
	const struct stream_fd *f = (const struct stream_fd *)(const void *)s;

	return f->watch.fd;
}

static const struct stream_ops ops = {
	.read = fd_read,
	.write = fd_write,
	.want_read = fd_want_read,
	.shutdown = fd_shutdown,
	.close = fd_close,
	.descriptor = fd_descriptor,
};

struct stream *
stream_fd_new(struct loop *loop, int fd)
{
	struct stream_fd *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->stream.ops = &ops;
	watch_init(&f->watch, loop, fd, ready, f);
	return &f->stream;
}

enum err
stream_fd_peer(const struct stream *s, struct sockaddr_storage *out)
{
	const struct stream_fd *f = (const struct stream_fd *)s;
	socklen_t len = sizeof(*out);

	memset(out, 0, sizeof(*out));
	if (getpeername(f->watch.fd, (struct sockaddr *)out, &len) == -1)
		return ERR_SYSTEM;
	return OK;
}

int
stream_fd_release(struct stream *s)
{
	struct stream_fd *f = from_stream(s);
	int fd = watch_release(&f->watch);

	if (fd != -1)
		loop_free_later(f->watch.loop, &f->watch.garbage, f, free);
	return fd;
}

void
stream_fd_set_end(struct stream *s, struct stream_fd_end *end)
{
	from_stream(s)->end = end;
}
