/*
 * Getting a stream to a broker: pick an endpoint, connect, on failure go to
 * the next one, wait where waiting helps, all within one deadline.
 */
#ifndef BACKEND_DIAL_H
#define BACKEND_DIAL_H

#include "backend/pool.h"
#include "base/slice.h"
#include "domain/reason.h"
#include "io/stream.h"

struct backend_dial;

struct backend_dial_request {
	struct slice client_id; /* the final one, for balance = clientid */
	struct slice proxy_header; /* sent first, in one write; empty: none */
};

/*
 * How a dial ended. REASON_NONE: the callee owns `broker', which may be
 * written to at once, and `text' is the endpoint's address. Else broker is
 * NULL, reason is REASON_BACKEND_UNREACHABLE, _TIMEOUT or _BUSY, and `text'
 * says of the last try what went wrong ("192.0.2.1:1883: Connection
 * refused"). `text' dies with the call. The dial is gone when it is called.
 */
typedef void backend_dial_done(void *arg, enum reason reason,
    struct stream *broker, const char *text);

/*
 * Starts a dial; the slices are copied. `done' is called exactly once unless
 * the dial is cancelled, and never from inside the start. ERR_NO_MEMORY: no
 * dial, no done.
 */
enum err backend_dial_start(struct backend_dial **out, struct backend_pool *p,
    const struct backend_dial_request *request, backend_dial_done *done,
    void *arg) MUST_CHECK;

/* Ends the dial without a done. NULL is fine. */
void backend_dial_cancel(struct backend_dial *d);

#endif
