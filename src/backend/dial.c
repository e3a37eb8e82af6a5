#include "backend/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/attempt.h"
#include "backend/flows.h"
#include "backend/queue.h"
#include "io/stream_fd.h"

/* A dial waits in the pool's queue, or tries an endpoint, or has ended and
 * will say so in the next turn. */
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
	struct timer timer; /* WAITING: the deadline */
	struct loop_deferred ended; /* ENDED: tells the owner */
	enum state state;
	uint64_t began; /* ms */
	enum err error; /* of the last try; OK = none was made */
	bool whole; /* the try has all the time it should have */
	backend_dial_done *done; /* NULL once told or cancelled */
	void *arg; /* borrowed: the owner */
	char text[ADDRESS_TEXT_MAX + 96];
	size_t header_len;
	uint8_t header[]; /* the PROXY header */
};

/* Unhooks all; the memory goes at the end of the turn. */
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
	backend_queue_leave(backend_pool_queue(p), &d->waiter);
	if (e != NULL)
		backend_queue_note(backend_pool_queue(p), e, BACKEND_GIVEN_UP,
		    "");
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

/* Milliseconds to the deadline. */
static uint64_t
left(const struct backend_dial *d)
{
	uint64_t all = backend_pool_options(d->pool)->timeout_ms;
	uint64_t gone = loop_now(backend_pool_loop(d->pool)) - d->began;

	return gone < all ? all - gone : 0;
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
	if (backend_pool_options(d->pool)->hold == BACKEND_HOLD)
		d->waiter.tried = 0; /* a new round */
	timer_start(&d->timer, left(d));
	if (backend_queue_wait(backend_pool_queue(d->pool), &d->waiter) == OK)
		return;
	d->error = ERR_LIMIT;
	snprintf(d->text, sizeof(d->text), "too many wait for backend %s",
	    backend_pool_options(d->pool)->name);
	end_soon(d);
}

static void
try_endpoint(struct backend_dial *d, struct backend_endpoint *e)
{
	uint64_t remaining = left(d);
	uint64_t share;

	d->state = TRYING;
	d->endpoint = e;
	d->waiter.tried |= UINT64_C(1) << e->slot;
	timer_stop(&d->timer);
	share = backend_queue_share(backend_pool_queue(d->pool), &d->waiter,
	    remaining);
	/* A try cut short by our own deadline says nothing of the endpoint. */
	d->whole = share < remaining ||
	    remaining >= backend_pool_options(d->pool)->timeout_ms / 4;
	backend_attempt_start(&d->attempt, &e->address, share);
}

static void
go(struct backend_waiter *w, struct backend_endpoint *e)
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
	case ERR_LIMIT:
		return REASON_BACKEND_BUSY;
	case ERR_TIMEOUT:
		return REASON_BACKEND_TIMEOUT;
	case OK: /* never got its turn */
		return backend_pool_up(d->pool) ? REASON_BACKEND_BUSY
						: REASON_BACKEND_UNREACHABLE;
	default:
		return REASON_BACKEND_UNREACHABLE;
	}
}

/* The deadline passed while it waited, or the dial ended a turn ago. */
static void
give_up(void *arg)
{
	struct backend_dial *d = arg;

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
blame(const struct backend_dial *d, enum err err)
{
	if (err == ERR_LIMIT)
		return BACKEND_NO_FAULT;
	return err == ERR_TIMEOUT && !d->whole ? BACKEND_GIVEN_UP
					       : BACKEND_FAILED;
}

/* The try failed: the next endpoint, or wait, or give up. */
static void
fail(struct backend_dial *d, enum err err, const char *why)
{
	struct backend_endpoint *e = d->endpoint;

	d->endpoint = NULL;
	d->error = err;
	snprintf(d->text, sizeof(d->text), "%s: %s", e->text, why);
	backend_queue_note(backend_pool_queue(d->pool), e, blame(d, err), why);
	if (left(d) == 0) {
		give_up(d);
		return;
	}
	e = backend_queue_next(backend_pool_queue(d->pool), &d->waiter);
	if (e != NULL)
		try_endpoint(d, e);
	else
		wait_turn(d);
}

/* Sends the PROXY header, whole or not at all: a fresh socket has room. */
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
		fail(d, err, why);
		return;
	}
	if (backend_pool_options(d->pool)->flows != NULL)
		backend_flows_count(backend_pool_options(d->pool)->flows,
		    broker, &d->attempt.own, &d->attempt.to);
	memcpy(text, d->endpoint->text, sizeof(text));
	backend_queue_note(backend_pool_queue(d->pool), d->endpoint,
	    BACKEND_DIALLED, "");
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
	backend_pool_queue(p)->counts.dials++;
	d->began = loop_now(backend_pool_loop(p));
	d->done = done;
	d->arg = arg;
	loop_deferred_init(&d->ended, ended);
	list_init(&d->waiter.node);
	d->waiter.go = go;
	d->waiter.hash = backend_pick_hash(request->client_id);
	d->header_len = request->proxy_header.len;
	if (d->header_len > 0)
		memcpy(d->header, request->proxy_header.data, d->header_len);
	timer_init(&d->timer, backend_pool_loop(p), give_up, d);
	backend_attempt_init(&d->attempt, backend_pool_loop(p),
	    &backend_pool_options(p)->socket, backend_pool_sources(p),
	    attempted, d);
	*out = d;
	wait_turn(d);
	return OK;
}

void
backend_dial_cancel(struct backend_dial *d)
{
	if (d != NULL && d->done != NULL)
		release(d);
}
