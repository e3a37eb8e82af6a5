/* SPDX-License-Identifier: ISC */
#include "io/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* Without memory to have the socket watched, it is read from in each turn. */
static void
arm(struct watch *w)
{
	w->unarmed = event_add(&w->read, NULL) == -1;
	if (w->unarmed)
		loop_defer(w->loop, &w->read_again);
}

static void
readable(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	if (!w->wanted) {
		event_del(&w->read);
		return;
	}
	if (w->unarmed)
		arm(w);
	w->cb(WATCH_READ, w->arg); /* w may be gone */
}

static void
writable(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	w->cb(WATCH_WRITE, w->arg); /* w may be gone */
}

static void
read_again(struct loop_deferred *d)
{
	struct watch *w = list_entry(d, struct watch, read_again);

	readable(w->fd, EV_READ, w); /* w may be gone */
}

void
watch_init(struct watch *w, struct loop *loop, int fd, watch_cb *cb, void *arg)
{
	w->loop = loop;
	w->fd = fd;
	w->cb = cb;
	w->arg = arg;
	w->write = NULL;
	w->wanted = false;
	w->unarmed = false;
	loop_deferred_init(&w->read_again, read_again);
	loop_reserve_fd(loop, fd);
	event_assign(&w->read, loop_base(loop), fd, EV_READ | EV_PERSIST,
	    readable, w);
}

void
watch_read(struct watch *w, bool wanted)
{
	if (w->fd == -1)
		return;
	w->wanted = wanted;
	if (wanted)
		arm(w);
}

enum err
watch_write(struct watch *w)
{
	if (w->write == NULL) {
		w->write =
		    event_new(loop_base(w->loop), w->fd, EV_WRITE, writable, w);
		if (w->write == NULL)
			return ERR_NO_MEMORY;
	}
	return event_add(w->write, NULL) == 0 ? OK : ERR_SYSTEM;
}

/* The error code for errno after a failed call on a socket. */
static enum err
socket_error(void)
{
	switch (errno) {
	case ECONNRESET:
	case EPIPE:
		return ERR_RESET;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_SYSTEM;
	}
}

static bool
is_blocked(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

ssize_t
watch_recv(struct watch *w, uint8_t *data, size_t len, enum err *error)
{
	ssize_t n;

	do
		n = recv(w->fd, data, len, 0);
	while (n == -1 && errno == EINTR);
	if (n >= 0)
		return n; /* 0 is STREAM_EOF */
	if (is_blocked())
		return STREAM_AGAIN;
	*error = socket_error();
	return STREAM_ERROR;
}

ssize_t
watch_send(struct watch *w, const uint8_t *data, size_t len, enum err *error)
{
	ssize_t n;

	do
		n = send(w->fd, data, len, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n >= 0)
		return n;
	if (is_blocked())
		return 0;
	*error = socket_error();
	return STREAM_ERROR;
}

void
watch_ack_now(const struct watch *w)
{
	static const int on = 1;

	/* If the socket is not a TCP one, there is nothing to acknowledge. */
	(void)setsockopt(w->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

int
watch_release(struct watch *w)
{
	int fd = w->fd;

	if (fd == -1)
		return -1;
	loop_deferred_cancel(&w->read_again);
	w->garbage = (struct loop_garbage){ 0 };
	event_del(&w->read);
	if (w->write != NULL) {
		event_free(w->write);
		w->write = NULL;
	}
	w->fd = -1;
	return fd;
}

void
watch_fini(struct watch *w)
{
	int fd = watch_release(w);

	if (fd != -1)
		close(fd);
}
