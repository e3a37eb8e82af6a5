/* SPDX-License-Identifier: ISC */
/*
 * One WebSocket frame header (RFC 6455 5.2) as a server reads and writes it.
 * Which frames may follow one another is checked in ws/decoder.
 *
 * Two files implement this, and configure takes one of them: frame_wslay.c
 * uses wslay wherever it can be linked; frame_plain.c is for a static program
 * where the distribution has wslay as a shared library only (Debian). Both
 * are tested by t/unit/ws_frame. HACKING says why a static program does not
 * build wslay from its source.
 *
 * wslay sees frame headers only: it would unmask byte by byte through two
 * copies, at 1.4 to 2.3 ns a byte, which is more than TLS costs. Nothing is
 * kept between calls, because a wslay context takes 4.2 KiB. A context for
 * each header costs about 100 ns, most of it for clearing these 4.2 KiB; see
 * t/bench/NOTES. Relaying a small message through TLS and two sockets costs
 * tens of microseconds, or one if many arrive together.
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
/* wslay reports a frame together with its first payload byte. With this many
 * bytes ws_frame_parse() never returns PARSE_MORE. */
#define WS_FRAME_LOOKAHEAD (WS_FRAME_HEAD_MAX + 1)
/* The longest header that we write: a server never masks (RFC 6455 5.1). */
#define WS_FRAME_WRITE_MAX 10
/* The longest payload of a control frame (5.5). */
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
	uint64_t payload; /* bytes after the header; less than 2^63 */
	enum ws_opcode opcode;
	bool fin;
	uint8_t key[4]; /* for ws_unmask() */
	uint8_t head; /* bytes of the header */
};

/*
 * Reads the header at the front of `in'. PARSE_MORE is also returned if the
 * header is complete but has a payload of which no byte has arrived.
 * PARSE_BAD: `error' is ERR_NO_MEMORY, or ERR_PROTOCOL for a length that is
 * not in its shortest form or has 64 bits, a long or fragmented control frame,
 * a reserved bit, an unknown opcode, or a frame that is not masked (5.1).
 */
enum parse ws_frame_parse(struct ws_frame *f, struct slice in, enum err *error);

/* Writes the header of a final, unmasked frame to `out', which has room for
 * WS_FRAME_WRITE_MAX bytes. Returns its length, or 0 if out of memory. */
size_t ws_frame_write(uint8_t *out, enum ws_opcode opcode, uint64_t payload);

#endif
