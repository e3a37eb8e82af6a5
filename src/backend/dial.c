/* SPDX-License-Identifier: ISC */
#include "backend/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/resolve.h"
#include "io/stream_fd.h"

/* Lets the kernel choose the port in connect(), when it knows the destination:
 * then there are 28,000 ports for each pair of source and destination, not in
 * all. */
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

/* Goes through the source addresses until one has a free port. */
static int
connect_any(struct backend_attempt *a)
{
	size_t tries = backend_pool_source_count(a->pool);
	int fd;

	do {
		fd = open_socket(&a->to,
		    backend_pool_source(a->pool, a->to.ss_family));
	} while (fd == -1 && errno == EADDRNOTAVAIL && tries-- > 1);
	return fd;
}

static enum err
classify(int error)
{
	switch (error) {
	case EAGAIN: /* a unix socket whose queue is full */
	case EADDRNOTAVAIL:
		return ERR_BLOCKED;
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
attempt_fail(struct backend_attempt *a, int error)
{
	backend_attempt_cancel(a);
	a->done(a->arg, classify(error), -1, explain(error)); /* may be gone */
}

static void
attempt_timed_out(void *arg)
{
	attempt_fail(arg, ETIMEDOUT);
}

/* True if the socket is connected to itself: a connect to a port of this
 * machine's ephemeral range at which nothing listens may be given that very
 * port as its own. */
static bool
is_self(struct backend_attempt *a)
{
	socklen_t len = sizeof(a->own);

	memset(&a->own, 0, sizeof(a->own));
	return a->to.ss_family != AF_UNIX &&
	    getsockname(a->watch.fd, (struct sockaddr *)&a->own, &len) == 0 &&
	    address_equal(&a->own, &a->to);
}

/* True if `a' is an address of this machine that no other can have. */
static bool
is_local(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;

	switch (a->ss_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	default:
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	}
}

static void
tune(const struct backend_attempt *a, int fd)
{
	const struct socket_options *o = &backend_pool_options(a->pool)->socket;

	if (a->to.ss_family == AF_UNIX)
		return;
	if (is_local(&a->to))
		socket_tune_local(fd, o);
	else
		socket_tune(fd, o);
}

/* The kernel has answered: `error' is an errno, or 0. */
static void
attempt_ended(struct backend_attempt *a, int error)
{
	int fd;

	if (error == 0 && is_self(a))
		error = ECONNREFUSED;
	if (error != 0) {
		attempt_fail(a, error); /* a may be gone */
		return;
	}
	timer_stop(&a->timer);
	fd = watch_release(&a->watch);
	tune(a, fd);
	a->done(a->arg, OK, fd, ""); /* a may be gone */
}

static void
attempt_writable(enum watch_event event, void *arg)
{
	struct backend_attempt *a = arg;
	socklen_t len = sizeof(int);
	int error = 0;

	(void)event;
	if (getsockopt(a->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	attempt_ended(a, error); /* a may be gone */
}

static void
ended_at_once(struct loop_deferred *d)
{
	struct backend_attempt *a =
	    list_entry(d, struct backend_attempt, ended_at_once);

	if (a->watch.fd == -1)
		attempt_fail(a, a->error); /* a may be gone */
	else
		attempt_ended(a, a->error); /* a may be gone */
}

/*
 * True if the kernel has answered already; a->error has the answer. A
 * connection within the machine is established before connect() returns, which
 * says that it is in progress nevertheless. A second call tells. A unix socket
 * is connected by the first.
 */
static bool
has_ended(struct backend_attempt *a)
{
	a->error = 0;
	if (!is_local(&a->to))
		return false;
	if (a->to.ss_family == AF_UNIX ||
	    connect(a->watch.fd, (const struct sockaddr *)&a->to,
		address_len(&a->to)) == 0 ||
	    errno == EISCONN)
		return true;
	a->error = errno;
	return errno != EALREADY && errno != EINPROGRESS && errno != EINTR;
}

void
backend_attempt_init(struct backend_attempt *a, struct backend_pool *p,
    backend_attempt_done *done, void *arg)
{
	memset(a, 0, sizeof(*a));
	a->pool = p;
	a->done = done;
	a->arg = arg;
	a->watch.fd = -1;
	timer_init(&a->timer, backend_pool_loop(p), attempt_timed_out, a);
	loop_deferred_init(&a->ended_at_once, ended_at_once);
}

void
backend_attempt_start(struct backend_attempt *a,
    const struct sockaddr_storage *to, uint64_t timeout_ms)
{
	struct loop *loop = backend_pool_loop(a->pool);
	int fd;

	a->to = *to;
	fd = connect_any(a);
	if (fd == -1) {
		a->error = errno;
		loop_defer(loop, &a->ended_at_once);
		return;
	}
	watch_init(&a->watch, loop, fd, attempt_writable, a);
	if (has_ended(a)) {
		loop_defer(loop, &a->ended_at_once);
		return;
	}
	if (watch_write(&a->watch) != OK) {
		a->error = ENOMEM;
		loop_defer(loop, &a->ended_at_once);
		return;
	}
	timer_start_deadline(&a->timer, timeout_ms);
}

void
backend_attempt_cancel(struct backend_attempt *a)
{
	timer_stop(&a->timer);
	loop_deferred_cancel(&a->ended_at_once);
	watch_fini(&a->watch);
}

/* A dial waits in the pool's queue, or tries an endpoint, or has ended and
 * reports it in the next turn. */
enum state {
	WAITING,
	TRYING,
	ENDED
};

struct backend_dial {
	struct loop_garbage garbage;
	struct backend_pool *pool; /* counted */
	struct backend_waiter waiter;
	struct backend_attempt attempt;
	struct backend_endpoint *endpoint; /* counted; TRYING only */
	struct timer timer; /* the deadline; not when ENDED */
	struct loop_deferred ended; /* ENDED: tells the owner */
	enum state state;
	enum err error; /* of the last try; OK: no try was made */
	bool whole; /* the try has its full time limit */
	backend_dial_done *done; /* NULL once called or cancelled */
	void *arg; /* borrowed: the owner */
	char text[ADDRESS_TEXT_MAX + BACKEND_LOOKUP_WHY];
	size_t header_len;
	uint8_t header[]; /* the PROXY header */
};

/* Ends all that is under way; the memory is freed at the end of the turn. */
static void
release(struct backend_dial *d)
{
	struct backend_endpoint *e = d->endpoint;
	struct backend_pool *p = d->pool;

	d->done = NULL;
	d->pool = NULL;
	d->endpoint = NULL;
	timer_stop(&d->timer);
	loop_deferred_cancel(&d->ended);
	backend_attempt_cancel(&d->attempt);
	backend_pool_leave(p, &d->waiter);
	if (e != NULL)
		backend_pool_tried(p, e, BACKEND_GIVEN_UP, "");
	loop_free_later(backend_pool_loop(p), &d->garbage, d, free);
	backend_pool_put(p);
}

static void
finish(struct backend_dial *d, enum reason reason, struct stream *broker,
    const char *text)
{
	backend_dial_done *done = d->done;
	void *arg = d->arg;

	release(d);
	done(arg, reason, broker, text);
}

/* Ends the dial; its owner is told in the next turn, not from inside. */
static void
end_soon(struct backend_dial *d)
{
	d->state = ENDED;
	timer_stop(&d->timer);
	loop_defer(backend_pool_loop(d->pool), &d->ended);
}

static void
wait_turn(struct backend_dial *d)
{
	d->state = WAITING;
	if (backend_pool_options(d->pool)->hold)
		d->waiter.tried = 0; /* a new round */
	if (backend_pool_wait(d->pool, &d->waiter) == OK)
		return;
	d->error = ERR_LIMIT;
	snprintf(d->text, sizeof(d->text), "too many wait for backend %s",
	    backend_pool_options(d->pool)->name);
	end_soon(d);
}

static void
try_endpoint(struct backend_dial *d, struct backend_endpoint *e)
{
	uint64_t remaining = timer_left(&d->timer);
	uint64_t share;

	d->state = TRYING;
	d->endpoint = e;
	d->waiter.tried |= UINT64_C(1) << e->slot;
	share = backend_pool_share(d->pool, &d->waiter, remaining);
	/* A try that our own deadline cuts short does not show that the
	 * endpoint is down. */
	d->whole = share < remaining ||
	    remaining >= backend_pool_options(d->pool)->timeout_ms / 4;
	backend_attempt_start(&d->attempt, &e->address, share);
}

static void
endpoint_ready(struct backend_waiter *w, struct backend_endpoint *e)
{
	struct backend_dial *d = list_entry(w, struct backend_dial, waiter);

	if (e != NULL)
		try_endpoint(d, e);
	else
		end_soon(d);
}

static enum reason
reason_of(const struct backend_dial *d)
{
	switch (d->error) {
	case ERR_BLOCKED:
	case ERR_LIMIT:
		return REASON_BACKEND_BUSY;
	case ERR_TIMEOUT:
		return REASON_BACKEND_TIMEOUT;
	case OK: /* no endpoint was tried */
		return backend_pool_up(d->pool) ? REASON_BACKEND_BUSY
						: REASON_BACKEND_UNREACHABLE;
	default:
		return REASON_BACKEND_UNREACHABLE;
	}
}

static void
give_up(struct backend_dial *d)
{
	if (d->text[0] == '\0')
		backend_pool_explain(d->pool, d->text, sizeof(d->text));
	finish(d, reason_of(d), NULL, d->text);
}

static void
ended(struct loop_deferred *deferred)
{
	give_up(list_entry(deferred, struct backend_dial, ended));
}

static enum backend_outcome
outcome_of(const struct backend_dial *d, enum err err)
{
	if (err == ERR_LIMIT)
		return BACKEND_NO_FAULT;
	if (err == ERR_BLOCKED)
		return BACKEND_FULL;
	return err == ERR_TIMEOUT && !d->whole ? BACKEND_GIVEN_UP
					       : BACKEND_FAILED;
}

/* The try failed: the next endpoint, or wait, or give up. */
static void
try_failed(struct backend_dial *d, enum err err, const char *why)
{
	struct backend_endpoint *e = d->endpoint;

	d->endpoint = NULL;
	d->error = err;
	snprintf(d->text, sizeof(d->text), "%s: %s", e->text, why);
	backend_pool_tried(d->pool, e, outcome_of(d, err), why);
	if (timer_left(&d->timer) == 0) {
		give_up(d);
		return;
	}
	e = backend_pool_next(d->pool, &d->waiter);
	if (e != NULL)
		try_endpoint(d, e);
	else
		wait_turn(d);
}

static void
deadline_passed(void *arg)
{
	struct backend_dial *d = arg;

	if (d->state == TRYING) {
		backend_attempt_cancel(&d->attempt);
		try_failed(d, ERR_TIMEOUT, strerror(ETIMEDOUT));
	} else {
		give_up(d);
	}
}

/* Sends the PROXY header, whole or not at all: a new socket has room for it. */
static enum err
send_header(const struct backend_dial *d, int fd)
{
	if (d->header_len == 0)
		return OK;
	return send(fd, d->header, d->header_len, MSG_NOSIGNAL) ==
		(ssize_t)d->header_len
	    ? OK
	    : ERR_RESET;
}

static void
attempted(void *arg, enum err err, int fd, const char *why)
{
	struct backend_dial *d = arg;
	struct backend_flows *flows = backend_pool_options(d->pool)->flows;
	struct stream *broker = NULL;
	char text[ADDRESS_TEXT_MAX];

	if (err == OK)
		err = send_header(d, fd);
	if (err == OK) {
		broker = stream_fd_new(backend_pool_loop(d->pool), fd);
		if (broker == NULL)
			err = ERR_LIMIT;
	}
	if (err != OK) {
		if (fd != -1) {
			why = err == ERR_LIMIT ? "out of memory"
					       : strerror(errno);
			close(fd);
		}
		try_failed(d, err, why);
		return;
	}
	if (flows != NULL)
		backend_flows_count(flows, broker, &d->attempt.own,
		    &d->attempt.to);
	memcpy(text, d->endpoint->text, sizeof(text));
	backend_pool_tried(d->pool, d->endpoint, BACKEND_DIALLED, "");
	d->endpoint = NULL;
	finish(d, REASON_NONE, broker, text);
}

enum err
backend_dial_start(struct backend_dial **out, struct backend_pool *p,
    const struct backend_dial_request *request, backend_dial_done *done,
    void *arg)
{
	struct backend_dial *d =
	    calloc(1, sizeof(*d) + request->proxy_header.len);

	if (d == NULL)
		return ERR_NO_MEMORY;
	d->pool = backend_pool_get(p);
	d->done = done;
	d->arg = arg;
	backend_pool_enter(p, &d->waiter, request->client_id, endpoint_ready);
	d->header_len = request->proxy_header.len;
	if (d->header_len > 0)
		memcpy(d->header, request->proxy_header.data, d->header_len);
	timer_init(&d->timer, backend_pool_loop(p), deadline_passed, d);
	loop_deferred_init(&d->ended, ended);
	backend_attempt_init(&d->attempt, p, attempted, d);
	*out = d;
	timer_start_deadline(&d->timer, backend_pool_options(p)->timeout_ms);
	wait_turn(d);
	return OK;
}

void
backend_dial_cancel(struct backend_dial *d)
{
	if (d != NULL && d->done != NULL)
		release(d);
}
