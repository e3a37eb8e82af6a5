/* SPDX-License-Identifier: ISC */
/*
 * The incoming half of a WebSocket: removes the frames and leaves the payload,
 * in place. Enforces which frames may follow one another (RFC 6455 5.4, 5.5)
 * and that MQTT comes in binary frames. A frame of any length passes through
 * without being buffered. Pure: ws/stream_ws reads the bytes.
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
	WS_DECODER_TEXT, /* a text frame came: close with 1003 */
	WS_DECODER_BROKEN, /* RFC 6455 was violated: close with 1002 */
	WS_DECODER_NO_MEMORY
};

struct ws_decoder {
	uint64_t rest; /* payload bytes of this frame that have not come */
	uint8_t state; /* enum ws_decoder_state */
	uint8_t key[4]; /* rotated to fit the next payload byte */
	uint8_t head[WS_FRAME_HEAD_MAX]; /* the header so far */
	uint8_t head_len; /* bytes in `head' */
	uint8_t opcode; /* of this frame */
	bool in_message; /* the last data frame was not a final one */
};

/* The receiver of control frames. */
struct ws_sink {
	/* Called with each piece of the payload of a ping, pong or close
	 * frame; `rest' bytes follow, and 0 ends the frame. `piece' may be
	 * empty; it is valid during the call. */
	void (*control)(void *arg, enum ws_opcode opcode, struct slice piece,
	    size_t rest);
	void *arg; /* borrowed */
};

/* Prepares `d' for the first byte after the upgrade request. */
void ws_decoder_init(struct ws_decoder *d);

/*
 * Replaces the `len' bytes at `data', the next ones of the connection, by the
 * payload of data frames. Returns the length of that payload, 0 to `len'. The
 * bytes after one that changes the state are dropped, and so are all bytes
 * once the state is not WS_DECODER_OPEN.
 */
size_t ws_decoder_run(struct ws_decoder *d, uint8_t *data, size_t len,
    const struct ws_sink *sink);

/*
 * Unmasks `len' bytes from `from' to `to' (RFC 6455 5.3). The two may overlap
 * if `to' is not after `from'. Rotates `key' to fit the byte that follows.
 * Costs 0.02 to 0.05 ns a byte.
 */
void ws_unmask(uint8_t *to, const uint8_t *from, size_t len, uint8_t key[4]);

#endif
