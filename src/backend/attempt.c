#include "backend/attempt.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/slice.h"

/* Has the kernel choose the port at connect, when it knows the destination:
 * then 28,000 ports are there for each source and destination, not in all. */
static int
bind_source(int fd, const struct sockaddr_storage *source)
{
	static const int on = 1;

	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on));
	return bind(fd, (const struct sockaddr *)source, address_len(source));
}

/* Opens a socket and begins to connect it, from `source' if not NULL. Returns
 * the socket, or -1 with errno. */
static int
open_socket(const struct sockaddr_storage *to,
    const struct sockaddr_storage *source)
{
	int fd = socket(to->ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd == -1)
		return -1;
	if (source == NULL || bind_source(fd, source) == 0) {
		if (connect(fd, (const struct sockaddr *)to, address_len(to)) ==
			0 ||
		    errno == EINPROGRESS)
			return fd;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* The next source of the destination's family; NULL when there is none. */
static const struct sockaddr_storage *
next_source(struct backend_sources *s, sa_family_t family)
{
	size_t i;

	for (i = 0; s != NULL && i < s->count; i++) {
		s->turn = (s->turn + 1) % s->count;
		if (s->list[s->turn].ss_family == family)
			return &s->list[s->turn];
	}
	return NULL;
}

/* Goes over the sources until one has a port left. */
static int
connect_any(struct backend_attempt *a)
{
	size_t tries = a->sources == NULL || a->sources->count == 0
	    ? 1
	    : a->sources->count;
	int fd = -1;

	while (fd == -1 && tries-- > 0) {
		fd = open_socket(&a->to,
		    next_source(a->sources, a->to.ss_family));
		if (fd == -1 && errno != EADDRNOTAVAIL)
			break;
	}
	return fd;
}

static enum err
classify(int error)
{
	switch (error) {
	case EAGAIN: /* a unix socket whose queue is full */
	case EADDRNOTAVAIL:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return ERR_LIMIT;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_REFUSED;
	}
}

static const char *
explain(int error)
{
	if (error == EADDRNOTAVAIL)
		return "no free local port: give more source addresses";
	if (error == EAGAIN)
		return "its queue of connections is full";
	return strerror(error);
}

static void
fail(struct backend_attempt *a, int error)
{
	backend_attempt_cancel(a);
	a->done(a->arg, classify(error), -1, explain(error)); /* may be gone */
}

static void
fired(void *arg)
{
	struct backend_attempt *a = arg;

	fail(a, ETIMEDOUT);
}

static void
failed_at_once(struct loop_deferred *d)
{
	struct backend_attempt *a =
	    list_entry(d, struct backend_attempt, failed_at_once);

	fail(a, a->error);
}

/* A connect to a port of this machine's ephemeral range, with nobody
 * listening, may be given that very port and meet itself. */
static bool
is_self(struct backend_attempt *a)
{
	socklen_t len = sizeof(a->own);

	memset(&a->own, 0, sizeof(a->own));
	return a->to.ss_family != AF_UNIX &&
	    getsockname(a->watch.fd, (struct sockaddr *)&a->own, &len) == 0 &&
	    address_equal(&a->own, &a->to);
}

static void
writable(enum watch_event event, void *arg)
{
	struct backend_attempt *a = arg;
	socklen_t len = sizeof(int);
	int error = 0;
	int fd;

	(void)event;
	if (getsockopt(a->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error == 0 && is_self(a))
		error = ECONNREFUSED;
	if (error != 0) {
		fail(a, error);
		return;
	}
	timer_stop(&a->timer);
	fd = watch_release(&a->watch);
	if (a->to.ss_family != AF_UNIX)
		socket_tune(fd, a->socket);
	a->done(a->arg, OK, fd, ""); /* a may be gone */
}

void
backend_attempt_init(struct backend_attempt *a, struct loop *loop,
    const struct socket_options *socket, struct backend_sources *sources,
    backend_attempt_done *done, void *arg)
{
	memset(a, 0, sizeof(*a));
	a->loop = loop;
	a->socket = socket;
	a->sources = sources;
	a->done = done;
	a->arg = arg;
	a->watch.fd = -1;
	timer_init(&a->timer, loop, fired, a);
	loop_deferred_init(&a->failed_at_once, failed_at_once);
}

void
backend_attempt_start(struct backend_attempt *a,
    const struct sockaddr_storage *to, uint64_t timeout_ms)
{
	int fd;

	a->to = *to;
	fd = connect_any(a);
	if (fd == -1) {
		a->error = errno;
		loop_defer(a->loop, &a->failed_at_once);
		return;
	}
	watch_init(&a->watch, a->loop, fd, writable, a);
	if (watch_write(&a->watch) != OK) {
		a->error = ENOMEM;
		loop_defer(a->loop, &a->failed_at_once);
		return;
	}
	timer_start(&a->timer, timeout_ms);
}

void
backend_attempt_cancel(struct backend_attempt *a)
{
	timer_stop(&a->timer);
	loop_deferred_cancel(&a->failed_at_once);
	watch_fini(&a->watch);
}
