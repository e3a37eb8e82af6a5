/*
 * The ws stage: reads the upgrade request off a stream, answers it, and makes
 * a WebSocket of the stream. How long that may take is the session's to say.
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
 * The stage is over and `ws_open' gone. REASON_NONE: 101 is sent and `ws' is
 * the WebSocket, whose owner the callee now is (stream_set_owner()); it has
 * taken the stream beneath and holds the bytes that came behind the request.
 * Else `ws' is NULL, and the stream beneath is the callee's again, with no
 * reading wanted: the HTTP refusal is written to it, and linger_start() will
 * let it be read. REASON_WS_CLOSED: the client left, or its stream broke.
 * `detail', static, says for the log what was wrong with the request; NULL:
 * nothing, or not known yet.
 */
typedef void ws_open_done(void *arg, enum reason reason, struct stream *ws,
    const char *detail);

/*
 * Begins to read the request from `lower', which is open, and is borrowed
 * until `done' is called; it is never called from inside this. `policy' is
 * copied; what it points at must live until then. ERR_NO_MEMORY changes
 * nothing.
 */
enum err ws_open_start(struct ws_open **out, struct loop *loop,
    struct stream *lower, const struct ws_policy *policy, ws_open_done *done,
    void *arg) MUST_CHECK;

/* Ends the stage; `done' will not be called, and the stream beneath is the
 * caller's again, with no reading wanted. NULL is fine. */
void ws_open_cancel(struct ws_open *o);

#endif
