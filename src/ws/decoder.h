/*
 * The incoming half of a WebSocket: frames off, payload out, in place. It
 * enforces what frames may follow one another (RFC 6455 5.4, 5.5) and that
 * MQTT comes in binary ones; a frame of any length passes through without
 * being held. Pure: the bytes come from stream_ws.
 */
#ifndef WS_DECODER_H
#define WS_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "ws/frame.h"

enum ws_decoder_state {
	WS_DECODER_OPEN,
	WS_DECODER_CLOSED, /* a close frame came; what follows is ignored */
	WS_DECODER_TEXT, /* a text frame came: close 1003 */
	WS_DECODER_BROKEN, /* RFC 6455 was violated: close 1002 */
	WS_DECODER_NO_MEMORY
};

struct ws_decoder {
	uint64_t rest; /* payload bytes of this frame yet to come */
	uint8_t state; /* enum ws_decoder_state */
	uint8_t key[4]; /* turned to fit the next payload byte */
	uint8_t head[WS_FRAME_HEAD_MAX]; /* a header half come */
	uint8_t head_len; /* bytes in it */
	uint8_t opcode; /* of this frame */
	bool in_message; /* a fragment came that was not final */
};

/* Who is told of control frames. */
struct ws_sink {
	/* The next piece of a ping's, pong's or close's payload, which has
	 * `rest' more bytes to come; 0 ends the frame. `piece' may be empty
	 * and dies with the call. */
	void (*control)(void *arg, enum ws_opcode opcode, struct slice piece,
	    size_t rest);
	void *arg; /* borrowed */
};

/* Makes `d' ready for the first byte behind the upgrade request. */
void ws_decoder_init(struct ws_decoder *d);

/*
 * Turns the `len' bytes at `data', the next of the connection, into the
 * payload of data frames, in place; returns how many bytes that is, 0 to
 * `len'. Bytes behind what changes the state are dropped, and so is all once
 * the state is not WS_DECODER_OPEN.
 */
size_t ws_decoder_run(struct ws_decoder *d, uint8_t *data, size_t len,
    const struct ws_sink *sink);

#endif
