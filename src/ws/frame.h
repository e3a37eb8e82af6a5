/*
 * One WebSocket frame header (RFC 6455 5.2) as a server reads and writes it,
 * and the unmasking. wslay does the framing; it is shown headers only, because
 * it unmasks byte by byte through two copies, at 1.5 ns a byte, which is more
 * than TLS costs. Nothing is kept between calls: a wslay context is 4.2 KiB.
 * frame_wslay.c is that; configure takes frame_plain.c for a static program
 * where wslay is a shared library only. What frames may follow one another is
 * stream_ws's to say.
 */
#ifndef WS_FRAME_H
#define WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* The longest header: 2 bytes, 8 of length, 4 of masking key. */
#define WS_FRAME_HEAD_MAX 14
/* wslay tells of a frame with its first payload byte: one more than above is
 * always enough for ws_frame_parse() not to say MORE. */
#define WS_FRAME_LOOK (WS_FRAME_HEAD_MAX + 1)
/* The longest header we write: never masked (RFC 6455 5.1). */
#define WS_FRAME_WRITE_MAX 10
#define WS_FRAME_CONTROL_MAX 125

enum ws_opcode {
	WS_OPCODE_CONTINUATION = 0x0,
	WS_OPCODE_TEXT = 0x1,
	WS_OPCODE_BINARY = 0x2,
	WS_OPCODE_CLOSE = 0x8,
	WS_OPCODE_PING = 0x9,
	WS_OPCODE_PONG = 0xa
};

struct ws_frame {
	uint64_t payload; /* bytes behind the header, below 2^63 */
	enum ws_opcode opcode;
	bool fin;
	uint8_t key[4]; /* for ws_frame_unmask() */
	uint8_t head; /* bytes of the header */
};

/*
 * Reads the header `in' begins with. MORE also when the header is complete but
 * has payload of which no byte is there yet. BAD: a length not in its shortest
 * form or over 63 bits, a control frame that is long or fragmented, a reserved
 * bit, an unknown opcode, no mask (5.1: a server MUST close then). `error'
 * says ERR_PROTOCOL then, or ERR_NO_MEMORY.
 */
enum parse ws_frame_parse(struct ws_frame *f, struct slice in, enum err *error);

/* Writes the header of a final, unmasked frame to `out' (WS_FRAME_WRITE_MAX
 * bytes); returns its length, or 0 when memory ran out. */
size_t ws_frame_write(uint8_t *out, enum ws_opcode opcode, uint64_t payload);

/*
 * Unmasks `len' bytes from `from' to `to', which may overlap as long as `to'
 * is not behind `from', and turns `key' so that it fits the byte that follows.
 */
void ws_frame_unmask(uint8_t *to, const uint8_t *from, size_t len,
    uint8_t key[4]);

#endif
