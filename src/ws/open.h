/* SPDX-License-Identifier: ISC */
/*
 * The ws stage: reads the upgrade request from a stream, answers it, and turns
 * the stream into a WebSocket. It has no deadline; the session has.
 */
#ifndef WS_OPEN_H
#define WS_OPEN_H

#include "base/err.h"
#include "domain/reason.h"
#include "io/loop.h"
#include "io/stream.h"
#include "ws/upgrade.h"

struct ws_open;

/*
 * The stage is over, and its handle is invalid.
 *
 * REASON_NONE: 101 was sent. `ws' is the WebSocket and belongs to the callee,
 * which sets its owner (stream_set_owner()). It owns the stream beneath and
 * contains the bytes that came after the request.
 *
 * Otherwise `ws' is NULL and the stream beneath belongs to the callee again,
 * paused. The HTTP refusal is written to it; linger_start() gives the client
 * time to read it. REASON_WS_CLOSED: the client left, or its stream broke.
 * `detail' tells the log what was wrong with the request, or is NULL; it is
 * valid during the call.
 */
typedef void ws_open_done(void *arg, enum reason reason, struct stream *ws,
    const char *detail);

/*
 * Starts to read the request from `lower', which is open; it is borrowed until
 * `done' is called. `done' is never called from inside this function. `policy'
 * is copied, but what it points to must stay valid until then. ERR_NO_MEMORY:
 * nothing has changed.
 */
enum err ws_open_start(struct ws_open **out, struct loop *loop,
    struct stream *lower, const struct ws_policy *policy, ws_open_done *done,
    void *arg) MUST_CHECK;

/* Ends the stage: `done' will not be called, and the stream beneath belongs
 * to the caller again, paused. Accepts NULL. */
void ws_open_cancel(struct ws_open *o);

#endif
