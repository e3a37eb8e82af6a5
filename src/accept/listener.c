/* SPDX-License-Identifier: ISC */
/*
 * A listener never spins. When descriptors or memory run out it pauses and
 * connections stay in the kernel's queue: a session that ends makes room. If
 * the shortage lasts, a descriptor kept in reserve is used to accept and close
 * connections, so that clients notice and can try elsewhere.
 */
#include "accept/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "io/timer.h"
#include "io/watch.h"

#define BACKLOG 4096

/* Connections accepted in one turn at most: sessions need their turn too. */
#define ACCEPT_BATCH 32

/* How many connections in a row inherit the same keepalive times. */
#define SPREAD_AFTER 16

/* How long the listener pauses when descriptors ran out. */
#define EXHAUSTED_MS 100

/* After this many pauses in a row, connections are shed. */
#define SHED_AFTER_PAUSES 10

/* Any client can cause the warning, so it is logged at most this often. */
#define EXHAUSTED_LOG_MS 10000

struct listener {
	struct loop_garbage garbage;
	struct loop *loop; /* borrowed */
	struct watch watch; /* owns the socket */
	struct timer pause; /* runs while paused */
	struct socket_options socket;
	bool inherits; /* what waits was made after the socket had them */
	unsigned accepted; /* with what was inherited */
	listener_cb *cb;
	void *arg; /* borrowed: the owner */
	bool shared; /* another process may have the socket, too */
	bool held; /* until listener_begin() */
	bool closed; /* by the owner */
	bool paused; /* until the timer fires */
	int reserve; /* owned; -1 = there is none */
	int leaving; /* owned; unhooked, closed two turns later; -1 = none */
	bool polled; /* epoll has been told of `leaving' */
	struct loop_deferred close_later;
	struct loop_deferred free_at_end; /* if that is not run any more */
	unsigned exhausted; /* pauses in a row for lack of descriptors */
	uint64_t logged; /* when the shortage was last logged; 0 = never */
	struct listener_counts *counts; /* borrowed */
	char address[ADDRESS_TEXT_MAX];
};

static enum err
set_option(int fd, int level, int name)
{
	static const int on = 1;

	return setsockopt(fd, level, name, &on, sizeof(on)) == 0 ? OK
								 : ERR_SYSTEM;
}

/*
 * Binds and listens. The first socket of an address is exclusive until it
 * listens: of several programs that bind the address at the same time, listen()
 * succeeds in one, and EADDRINUSE tells the others. Then the address is shared
 * (SO_REUSEPORT) with the sockets of our other workers.
 */
static enum err
bind_one(int *out, const struct sockaddr_storage *at, int backlog, bool first)
{
	int fd = socket(at->ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd == -1)
		return ERR_SYSTEM;
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR) == OK &&
	    (at->ss_family != AF_INET6 ||
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == OK) &&
	    (first || set_option(fd, SOL_SOCKET, SO_REUSEPORT) == OK) &&
	    bind(fd, (const struct sockaddr *)at, address_len(at)) == 0 &&
	    listen(fd, backlog) == 0 &&
	    (!first || set_option(fd, SOL_SOCKET, SO_REUSEPORT) == OK)) {
		*out = fd;
		return OK;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return ERR_SYSTEM;
}

static void
close_all(int *fds, size_t count)
{
	int saved = errno;

	while (count-- > 0)
		close(fds[count]);
	errno = saved;
}

enum err
listener_bind(int *fds, size_t count, const struct sockaddr_storage *at,
    const struct listener_options *options)
{
	int backlog = options->backlog > 0 ? options->backlog : BACKLOG;
	struct sockaddr_storage where = *at;
	enum err err;
	size_t i;

	for (i = 0; i < count; i++) {
		err = bind_one(&fds[i], &where, backlog, i == 0);
		if (err == OK && i == 0)
			err = listener_bound(fds[0], &where);
		if (err != OK) {
			close_all(fds, i);
			return err;
		}
	}
	return OK;
}

enum err
listener_check(const struct sockaddr_storage *at)
{
	struct sockaddr_storage where = *at;
	int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int saved, rc;

	if (fd == -1)
		return ERR_SYSTEM;
	address_set_port(&where, 0);
	rc = bind(fd, (const struct sockaddr *)&where, address_len(&where));
	saved = errno;
	close(fd);
	errno = saved;
	return rc == 0 ? OK : ERR_SYSTEM;
}

enum err
listener_adopt(int *fds, size_t count, int fd)
{
	socklen_t len = sizeof(int);
	struct sockaddr_storage at;
	int listening = 0;
	size_t i;

	if (listener_bound(fd, &at) != OK ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == -1)
		return ERR_SYSTEM;
	if (!listening ||
	    (at.ss_family != AF_INET && at.ss_family != AF_INET6)) {
		errno = EINVAL;
		return ERR_SYSTEM;
	}
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return ERR_SYSTEM;
	fds[0] = fd;
	for (i = 1; i < count; i++) {
		fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (fds[i] == -1) {
			close_all(fds + 1, i - 1);
			return ERR_SYSTEM;
		}
	}
	return OK;
}

enum err
listener_bound(int fd, struct sockaddr_storage *at)
{
	socklen_t len = sizeof(*at);

	memset(at, 0, sizeof(*at));
	return getsockname(fd, (struct sockaddr *)at, &len) == 0 ? OK
								 : ERR_SYSTEM;
}

/* Duplicates the socket: opening a file could fail in the sandbox. */
static void
keep_reserve(struct listener *l)
{
	if (l->reserve == -1)
		l->reserve = fcntl(l->watch.fd, F_DUPFD_CLOEXEC, 0);
}

/* Tells the kernel to hold back connections that have sent nothing. After about
 * `seconds' it drops them or hands them over. If the kernel lacks the option,
 * such connections only use a descriptor each. */
static void
defer(int fd, unsigned seconds)
{
	int s = (int)seconds;

	if (s != 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &s,
		    sizeof(s));
}

/* Watches the socket if connections are wanted now. */
static void
update(struct listener *l)
{
	watch_read(&l->watch, !l->closed && !l->paused && !l->held);
}

static void
pause_for(struct listener *l, uint64_t ms)
{
	l->paused = true;
	timer_start(&l->pause, ms);
	update(l);
}

static void
finish(struct listener *l)
{
	loop_deferred_cancel(&l->close_later);
	loop_deferred_cancel(&l->free_at_end);
	watch_fini(&l->watch);
	if (l->leaving != -1)
		close(l->leaving);
	l->leaving = -1;
	loop_free_later(l->loop, &l->garbage, l, free);
}

/*
 * Closing a socket that other processes hold open does not take it out of our
 * epoll set: it would keep waking this loop, and no event belongs to it any
 * more. So it stays open until libevent has told epoll, which it does when it
 * next waits for events: after the deferred work of the next turn and before
 * that of the turn after.
 */
static void
close_later(struct loop_deferred *d)
{
	struct listener *l = list_entry(d, struct listener, close_later);

	if (l->polled) {
		finish(l);
		return;
	}
	l->polled = true;
	loop_defer(l->loop, d);
}

static void
free_at_end(struct loop_deferred *d)
{
	finish(list_entry(d, struct listener, free_at_end));
}

static void
pause_over(void *arg)
{
	struct listener *l = arg;

	l->paused = false;
	keep_reserve(l); /* another thread may have got it */
	update(l);
}

/* Sheds load: uses the reserve to accept and close what waits, one at a time.
 */
static void
close_waiting(struct listener *l)
{
	int i, fd;

	if (l->reserve == -1)
		return;
	close(l->reserve);
	l->reserve = -1;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1)
			break;
		close(fd);
		counter_add(&l->counts->shed, 1);
	}
	keep_reserve(l);
}

static void
log_exhausted(struct listener *l, int error)
{
	uint64_t now = loop_now(l->loop);
	struct log_line line;

	if (l->logged != 0 && now - l->logged < EXHAUSTED_LOG_MS)
		return;
	l->logged = now;
	log_begin(&line, LOG_LEVEL_WARN, "accept_exhausted");
	log_str(&line, "stage", "accept");
	log_str(&line, "listener", l->address);
	log_str(&line, "error", strerror(error));
	log_u64(&line, "pauses", counter_get(&l->counts->exhausted));
	log_u64(&line, "shed", counter_get(&l->counts->shed));
	log_str(&line, "msg", "clients wait: raise the limit of open files");
	log_end(&line);
}

static void
exhausted(struct listener *l, int error)
{
	counter_add(&l->counts->exhausted, 1);
	if (++l->exhausted > SHED_AFTER_PAUSES)
		close_waiting(l);
	log_exhausted(l, error);
	pause_for(l, EXHAUSTED_MS);
}

/* True for errors that concern one connection, not the socket: Linux returns
 * pending network errors from accept(2). */
static bool
is_transient(int error)
{
	return error == ECONNABORTED || error == EINTR || error == EPROTO ||
	    error == ENETDOWN || error == ENOPROTOOPT || error == EHOSTDOWN ||
	    error == ENONET || error == EHOSTUNREACH || error == EOPNOTSUPP ||
	    error == ENETUNREACH || error == ETIMEDOUT || error == EPERM;
}

/*
 * The socket has the options, and each connection that is made from then on
 * inherits them on Linux. An older connection has to be tuned itself. Until the
 * queue has been empty once, any connection may be older.
 */
static void
tune(struct listener *l, int fd)
{
	if (!l->inherits)
		socket_tune(fd, &l->socket);
	else if (++l->accepted % SPREAD_AFTER == 0)
		socket_spread(l->watch.fd, &l->socket,
		    l->accepted / SPREAD_AFTER);
}

/* Accepts one connection; false if there is no more to do in this turn. */
static bool
accept_one(struct listener *l)
{
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);
	int fd = accept4(l->watch.fd, (struct sockaddr *)&peer, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd != -1) {
		l->exhausted = 0;
		address_unmap(&peer);
		tune(l, fd);
		l->cb(l, fd, &peer, l->arg); /* l may be closed */
		return true;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		l->inherits = true;
		return false;
	}
	if (is_transient(errno))
		return true;
	/* EMFILE, ENFILE, ENOBUFS, ENOMEM, or an unknown error: the socket
	 * stays readable, so without a pause this would spin. */
	exhausted(l, errno);
	return false;
}

static void
readable(enum watch_event event, void *arg)
{
	struct listener *l = arg;
	int i;

	(void)event;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		/* The owner may have closed the listener in its callback; the
		 * memory lives until the end of the turn. */
		if (!accept_one(l) || l->closed)
			return;
	}
}

enum err
listener_new(struct listener **out, struct loop *loop, int fd,
    const struct listener_options *options, listener_cb *cb, void *arg)
{
	struct listener *l = calloc(1, sizeof(*l));
	struct sockaddr_storage at;

	if (l == NULL)
		return ERR_NO_MEMORY;
	l->loop = loop;
	l->socket = options->socket;
	l->counts = options->counts;
	l->cb = cb;
	l->arg = arg;
	loop_deferred_init(&l->close_later, close_later);
	loop_deferred_init(&l->free_at_end, free_at_end);
	if (listener_bound(fd, &at) == OK)
		address_text_port(l->address, &at);
	l->reserve = -1;
	l->leaving = -1;
	l->shared = options->shared;
	l->held = options->held;
	timer_init(&l->pause, loop, pause_over, l);
	watch_init(&l->watch, loop, fd, readable, l);
	defer(fd, options->defer_s);
	keep_reserve(l);
	socket_tune(fd, &l->socket);
	update(l);
	*out = l;
	return OK;
}

void
listener_begin(struct listener *l)
{
	l->held = false;
	update(l);
}

int
listener_descriptor(const struct listener *l)
{
	return l->watch.fd;
}

void
listener_close(struct listener *l)
{
	if (l == NULL || l->closed)
		return;
	l->closed = true;
	update(l);
	timer_stop(&l->pause);
	if (l->reserve != -1)
		close(l->reserve);
	l->reserve = -1;
	if (l->shared) {
		loop_at_end(l->loop, &l->free_at_end);
		l->leaving = watch_release(&l->watch);
		loop_defer(l->loop, &l->close_later);
	} else {
		finish(l);
	}
}
