/* SPDX-License-Identifier: ISC */
/*
 * Frame headers without wslay; see ws/frame.h.
 */
#include "ws/frame.h"

#include <string.h>

/* Bits of the first byte. */
#define FIN 0x80
#define RESERVED 0x70
#define OPCODE 0x0f
#define CONTROL 0x08
/* Bits of the second byte. */
#define MASKED 0x80
#define LENGTH 0x7f
#define LENGTH_16 126
#define LENGTH_64 127

static uint64_t
big_endian(const uint8_t *p, size_t bytes)
{
	uint64_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | *p++;
	return n;
}

static bool
legal_start(uint8_t first, uint8_t second)
{
	unsigned kind = first & OPCODE & ~CONTROL;

	if ((first & RESERVED) != 0 || (second & MASKED) == 0)
		return false;
	if ((first & CONTROL) == 0)
		return kind <= WS_OPCODE_BINARY;
	return kind <= (WS_OPCODE_PONG & ~CONTROL) && (first & FIN) != 0 &&
	    (second & LENGTH) <= WS_FRAME_CONTROL_MAX;
}

enum parse
ws_frame_parse(struct ws_frame *f, struct slice in, enum err *error)
{
	const uint8_t *p = in.data;
	uint64_t payload;
	size_t bytes, head;

	if (in.len < 2)
		return PARSE_MORE;
	*error = ERR_PROTOCOL;
	if (!legal_start(p[0], p[1]))
		return PARSE_BAD;
	payload = p[1] & LENGTH;
	bytes = payload == LENGTH_64 ? 8 : payload == LENGTH_16 ? 2 : 0;
	head = 2 + bytes + sizeof(f->key);
	if (in.len < head)
		return PARSE_MORE;
	if (bytes > 0)
		payload = big_endian(p + 2, bytes);
	if ((bytes == 2 && payload < LENGTH_16) ||
	    (bytes == 8 && (payload <= UINT16_MAX || payload > INT64_MAX)))
		return PARSE_BAD;
	if (payload > 0 && in.len == head)
		return PARSE_MORE;
	f->payload = payload;
	f->opcode = (enum ws_opcode)(p[0] & OPCODE);
	f->fin = (p[0] & FIN) != 0;
	f->head = (uint8_t)head;
	memcpy(f->key, p + 2 + bytes, sizeof(f->key));
	return PARSE_OK;
}

size_t
ws_frame_write(uint8_t *out, enum ws_opcode opcode, uint64_t payload)
{
	size_t bytes = payload > UINT16_MAX ? 8 : payload >= LENGTH_16 ? 2 : 0;
	size_t i;

	out[0] = (uint8_t)(FIN | opcode);
	out[1] = (uint8_t)(bytes == 8 ? LENGTH_64
		: bytes == 2          ? LENGTH_16
				      : payload);
	for (i = 0; i < bytes; i++)
		out[2 + i] = (uint8_t)(payload >> 8 * (bytes - 1 - i));
	return 2 + bytes;
}
