/* SPDX-License-Identifier: ISC */
/*
 * Frame headers through the frame API of wslay; see ws/frame.h.
 */
#include "ws/frame.h"

#include <string.h>
#include <wslay/wslay.h>

#define LENGTH 0x7f

/* wslay's recv callback: returns the bytes of `arg' once, then -1. */
static ssize_t
feed(uint8_t *to, size_t len, int flags, void *arg)
{
	struct slice *in = arg;
	size_t n = in->len < len ? in->len : len;

	(void)flags;
	if (n == 0)
		return -1;
	memcpy(to, in->data, n);
	in->len = 0;
	return (ssize_t)n;
}

static bool
known(unsigned opcode)
{
	return opcode <= WS_OPCODE_BINARY ||
	    (opcode >= WS_OPCODE_CLOSE && opcode <= WS_OPCODE_PONG);
}

/* Copies what wslay found. wslay does not reveal the masking key, which is the
 * last four bytes of the header. */
static enum parse
adopt(struct ws_frame *f, const struct wslay_frame_iocb *io, const uint8_t *in)
{
	unsigned len = in[1] & LENGTH;

	if (io->rsv != WSLAY_RSV_NONE || !io->mask || !known(io->opcode))
		return PARSE_BAD;
	f->payload = io->payload_length;
	f->opcode = (enum ws_opcode)io->opcode;
	f->fin = io->fin != 0;
	f->head = len == 127 ? 14 : len == 126 ? 8 : 6;
	memcpy(f->key, in + f->head - sizeof(f->key), sizeof(f->key));
	return PARSE_OK;
}

enum parse
ws_frame_parse(struct ws_frame *f, struct slice in, enum err *error)
{
	struct wslay_frame_callbacks callbacks = { .recv_callback = feed };
	wslay_frame_context_ptr ctx;
	struct wslay_frame_iocb io;
	struct slice rest = in;
	ssize_t n;

	if (in.len < 2)
		return PARSE_MORE;
	if (rest.len > WS_FRAME_LOOKAHEAD)
		rest.len = WS_FRAME_LOOKAHEAD;
	if (wslay_frame_context_init(&ctx, &callbacks, &rest) != 0) {
		*error = ERR_NO_MEMORY;
		return PARSE_BAD;
	}
	n = wslay_frame_recv(ctx, &io);
	wslay_frame_context_free(ctx);
	if (n == WSLAY_ERR_WANT_READ)
		return PARSE_MORE;
	*error = ERR_PROTOCOL;
	return n < 0 ? PARSE_BAD : adopt(f, &io, in.data);
}

struct head {
	uint8_t *data; /* borrowed from the caller */
	size_t len;
};

/* wslay's send callback: keeps the header. */
static ssize_t
keep(const uint8_t *data, size_t len, int flags, void *arg)
{
	struct head *head = arg;

	(void)flags;
	memcpy(head->data, data, len);
	head->len = len;
	return (ssize_t)len;
}

size_t
ws_frame_write(uint8_t *out, enum ws_opcode opcode, uint64_t payload)
{
	struct wslay_frame_callbacks callbacks = { .send_callback = keep };
	struct wslay_frame_iocb io = { .fin = 1,
		.opcode = (uint8_t)opcode,
		.payload_length = payload };
	struct head head = { out, 0 };
	wslay_frame_context_ptr ctx;
	ssize_t n;

	if (wslay_frame_context_init(&ctx, &callbacks, &head) != 0)
		return 0;
	/* No payload is given, so wslay only sends the header. */
	n = wslay_frame_send(ctx, &io);
	wslay_frame_context_free(ctx);
	return n < 0 ? 0 : head.len;
}
