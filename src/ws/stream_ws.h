/* SPDX-License-Identifier: ISC */
/*
 * A WebSocket as a stream (RFC 6455). Reads give the payload of binary frames
 * without their boundaries, because MQTT packets may span frames and share
 * them [MQTT-6.0.0-1, -2]. Writes go out as binary frames. Pings are answered
 * here. The peer's close frame is its end of file; stream_shutdown() sends a
 * close frame.
 *
 * An idle WebSocket holds no buffer and no wslay context, not even in the
 * middle of a frame.
 */
#ifndef WS_STREAM_WS_H
#define WS_STREAM_WS_H

#include <stdint.h>

#include "base/slice.h"
#include "domain/reason.h"
#include "io/loop.h"
#include "io/stream.h"

/* Status codes of a close frame (RFC 6455 7.4.1). */
enum ws_close {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_GOING_AWAY = 1001, /* shutting down */
	WS_CLOSE_PROTOCOL = 1002,
	WS_CLOSE_UNSUPPORTED = 1003, /* text */
	WS_CLOSE_INVALID = 1007, /* text that is not UTF-8 */
	WS_CLOSE_POLICY = 1008, /* denied, revoked, kicked */
	WS_CLOSE_INTERNAL = 1011,
	WS_CLOSE_TRY_LATER = 1013 /* broker unreachable, over a limit */
};

/*
 * Makes a WebSocket of `lower', on which the upgrade is complete, and takes
 * ownership of it. `early' holds the bytes that were read after the request;
 * they are copied. Returns NULL if out of memory; then `lower' still belongs
 * to the caller.
 *
 * The stream is open at once: STREAM_OPEN is not reported. A read may return
 * less than requested although more has come; READABLE is then reported again.
 * After the peer has violated the protocol, a read returns STREAM_ERROR, and
 * later reads return STREAM_AGAIN and drop what comes, up to a limit and then
 * STREAM_EOF; linger_start() thus waits until the close frame has arrived.
 * stream_close() sends a close frame if stream_shutdown() was not called.
 */
struct stream *ws_stream_new(struct loop *loop, struct stream *lower,
    struct slice early);

/* Sets the code of the close frame that shutdown or close will send; the
 * default is 1000. Has no effect once a close frame is due. `s' must be a
 * WebSocket. */
void ws_stream_set_close_code(struct stream *s, enum ws_close code);

/* The close reason if a read returned STREAM_ERROR because of the peer's
 * frames: REASON_WS_TEXT or REASON_WS_PROTOCOL; otherwise REASON_NONE. `s'
 * must be a WebSocket. */
enum reason ws_stream_reason(const struct stream *s);

#endif
