/*
 * A WebSocket as a stream (RFC 6455): what is read are the payloads of binary
 * frames, run together, since MQTT packets may span and share them [MQTT
 * 6.0.0-1, -2]; what is written goes out as binary frames. Pings are answered
 * here. A close frame from the other side is its EOF, and shutdown sends one.
 *
 * An idle one holds no buffer and no wslay context, also within a frame.
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
	WS_CLOSE_POLICY = 1008, /* denied, revoked, kicked */
	WS_CLOSE_INTERNAL = 1011,
	WS_CLOSE_TRY_LATER = 1013 /* broker unreachable, over a limit */
};

/*
 * Takes `lower', on which the upgrade is done, and becomes its owner; `behind'
 * are the bytes read behind the request, copied. NULL when memory runs out,
 * and then `lower' stays the caller's.
 *
 * The stream is open at once: no STREAM_OPEN comes. A read may stop short of
 * its buffer's end while there is more, and READABLE comes again then. After
 * STREAM_ERROR from a violation of the other side, reads say STREAM_AGAIN and
 * drop what comes, up to a bound and then STREAM_EOF, so that linger_start()
 * can see the close frame out. stream_close() without shutdown sends a close
 * frame too.
 */
struct stream *ws_stream_new(struct loop *loop, struct stream *lower,
    struct slice behind);

/* Sets the code of the close frame that shutdown or close will send; 1000 if
 * not set. Does nothing once one was sent. `s' must be a ws stream. */
void ws_stream_set_close_code(struct stream *s, enum ws_close code);

/* Why a read said STREAM_ERROR, if frames were the reason: REASON_WS_TEXT or
 * REASON_WS_PROTOCOL; else REASON_NONE. `s' must be a ws stream. */
enum reason ws_stream_reason(const struct stream *s);

#endif
