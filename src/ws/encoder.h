/*
 * The outgoing half of a WebSocket over the stream beneath: what is written
 * becomes one binary frame, with its header put in front of the payload in
 * place so that both go down in one write; pongs and the close frame go
 * between frames.
 *
 * No payload is ever kept here. Where the stream beneath takes a part only,
 * the frame stays open: what is written next is its remainder, without a
 * header. What must be kept, a few bytes of header or control frame, is in
 * memory that is had only while it is needed.
 */
#ifndef WS_ENCODER_H
#define WS_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"
#include "io/stream.h"

struct ws_owed;

enum ws_encoder_close {
	WS_ENCODER_OPEN,
	WS_ENCODER_CLOSE_DUE, /* a close frame is to be sent */
	WS_ENCODER_CLOSED /* no frame may follow (RFC 6455 5.5.1) */
};

struct ws_encoder {
	uint64_t rest; /* payload announced by a header and not yet taken */
	struct ws_owed *owed; /* owned; NULL when nothing is */
	enum ws_encoder_close close;
	uint16_t code; /* of the close frame; 0: none */
};

/* Makes `e' ready, owning nothing. */
void ws_encoder_init(struct ws_encoder *e);

/* Frees what `e' owns. */
void ws_encoder_fini(struct ws_encoder *e);

/*
 * stream_write() of `lower' and its contract, with a frame around. Once the
 * close frame is out, bytes are taken and dropped, as the other side would
 * drop them. After a short count the bytes not taken must be written next.
 * ERR_NO_MEMORY ends in STREAM_ERROR too.
 */
ssize_t ws_encoder_write(struct ws_encoder *e, struct stream *lower,
    uint8_t *data, size_t len);

/*
 * Sends what is due, as far as `lower' takes it: 1 all is out, or waits for
 * the end of an open frame; 0 `lower' is full and has promised WRITABLE;
 * STREAM_ERROR.
 */
int ws_encoder_flush(struct ws_encoder *e, struct stream *lower);

/*
 * The next piece of a ping's payload, with `rest' bytes to come; at 0 the
 * pong is due. Only the latest ping is answered (RFC 6455 5.5.3), so that
 * pings sent faster than pongs are read cost no memory.
 */
enum err ws_encoder_ping(struct ws_encoder *e, struct slice piece,
    size_t rest) MUST_CHECK;

/* A close frame is due, with this code; 0: without one. The first call holds,
 * further ones change nothing. */
void ws_encoder_close(struct ws_encoder *e, uint16_t code);

#endif
