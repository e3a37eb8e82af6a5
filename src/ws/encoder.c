#include "ws/encoder.h"

#include <stdlib.h>
#include <string.h>

#include "ws/frame.h"

/* What has to go down beside payload. The room comes first and is used by
 * the streams beneath. */
struct ws_owed {
	uint8_t room[STREAM_HEADROOM];
	uint8_t bytes[WS_FRAME_WRITE_MAX + WS_FRAME_CONTROL_MAX];
	size_t done; /* of them, gone down already */
	size_t len;
	enum {
		PONG_NONE,
		PONG_COMING,
		PONG_DUE
	} pong;
	uint8_t ping[WS_FRAME_CONTROL_MAX]; /* the latest one's payload */
	size_t ping_len;
};

void
ws_encoder_init(struct ws_encoder *e)
{
	memset(e, 0, sizeof(*e));
}

void
ws_encoder_fini(struct ws_encoder *e)
{
	free(e->owed);
	e->owed = NULL;
}

static enum err
need_owed(struct ws_encoder *e)
{
	if (e->owed == NULL)
		e->owed = calloc(1, sizeof(*e->owed));
	return e->owed == NULL ? ERR_NO_MEMORY : OK;
}

/* Makes a control frame the bytes owed; false when memory runs out. */
static bool
owe_control(struct ws_owed *owed, enum ws_opcode opcode, const uint8_t *data,
    size_t len)
{
	size_t head = ws_frame_write(owed->bytes, opcode, len);

	memcpy(owed->bytes + head, data, len);
	owed->done = 0;
	owed->len = head + len;
	return head > 0;
}

static bool
owe_pong(struct ws_owed *owed)
{
	owed->pong = PONG_NONE;
	return owe_control(owed, WS_OPCODE_PONG, owed->ping, owed->ping_len);
}

static bool
owe_close(struct ws_encoder *e)
{
	uint8_t code[2] = { (uint8_t)(e->code >> 8), (uint8_t)e->code };

	e->close = WS_ENCODER_CLOSED;
	return need_owed(e) == OK &&
	    owe_control(e->owed, WS_OPCODE_CLOSE, code,
		e->code == 0 ? 0 : sizeof(code));
}

/* Makes the control frame that may go now the bytes owed: 1 did so, 0 there
 * is none, or STREAM_ERROR. */
static int
owe_next(struct ws_encoder *e)
{
	if (e->rest > 0)
		return 0;
	if (e->owed != NULL && e->owed->pong == PONG_DUE)
		return owe_pong(e->owed) ? 1 : STREAM_ERROR;
	if (e->close == WS_ENCODER_CLOSE_DUE)
		return owe_close(e) ? 1 : STREAM_ERROR;
	return 0;
}

/* Sends the bytes owed: 1 all of them, 0 not all, or STREAM_ERROR. */
static int
pay(struct ws_encoder *e, struct stream *lower)
{
	struct ws_owed *owed = e->owed;
	ssize_t n;

	if (owed == NULL || owed->done == owed->len)
		return 1;
	n = stream_write(lower, owed->bytes + owed->done,
	    owed->len - owed->done);
	if (n < 0)
		return STREAM_ERROR;
	owed->done += (size_t)n;
	return owed->done == owed->len;
}

int
ws_encoder_flush(struct ws_encoder *e, struct stream *lower)
{
	int r;

	do {
		r = pay(e, lower);
		if (r != 1)
			return r;
		r = owe_next(e);
	} while (r == 1);
	if (r == 0 && e->owed != NULL && e->owed->pong == PONG_NONE) {
		free(e->owed);
		e->owed = NULL;
	}
	return r == 0 ? 1 : r;
}

/* `lower' took `n' bytes of a header of `head' bytes and its payload. Returns
 * how many of them were payload, and owes what is left of the header. */
static ssize_t
count_payload(struct ws_encoder *e, const uint8_t *header, size_t head,
    size_t n)
{
	if (n >= head) {
		e->rest -= n - head;
		return (ssize_t)(n - head);
	}
	if (need_owed(e) != OK)
		return STREAM_ERROR;
	memcpy(e->owed->bytes, header + n, head - n);
	e->owed->done = 0;
	e->owed->len = head - n;
	return 0;
}

/* Writes a new frame, the header into the bytes in front of `data': they are
 * headroom, or taken already. */
static ssize_t
write_frame(struct ws_encoder *e, struct stream *lower, uint8_t *data,
    size_t len)
{
	uint8_t header[WS_FRAME_WRITE_MAX];
	size_t head = ws_frame_write(header, WS_OPCODE_BINARY, len);
	ssize_t n;

	if (head == 0)
		return STREAM_ERROR;
	memcpy(data - head, header, head);
	n = stream_write(lower, data - head, head + len);
	if (n <= 0)
		return n;
	e->rest = len;
	return count_payload(e, header, head, (size_t)n);
}

/* Writes on in the open frame. */
static ssize_t
write_rest(struct ws_encoder *e, struct stream *lower, uint8_t *data,
    size_t len)
{
	ssize_t n;

	n = stream_write(lower, data, len < e->rest ? len : (size_t)e->rest);
	if (n > 0)
		e->rest -= (size_t)n;
	return n;
}

/* One write to `lower', at most to the end of a frame; 0: it is full. */
static ssize_t
write_some(struct ws_encoder *e, struct stream *lower, uint8_t *data,
    size_t len)
{
	int r = ws_encoder_flush(e, lower);

	if (r != 1)
		return r;
	if (e->close == WS_ENCODER_CLOSED)
		return (ssize_t)len;
	return e->rest > 0 ? write_rest(e, lower, data, len)
			   : write_frame(e, lower, data, len);
}

ssize_t
ws_encoder_write(struct ws_encoder *e, struct stream *lower, uint8_t *data,
    size_t len)
{
	size_t taken = 0;
	ssize_t n;

	do {
		n = write_some(e, lower, data + taken, len - taken);
		if (n < 0)
			return n;
		taken += (size_t)n;
	} while (taken < len && n > 0 && e->rest == 0);
	/* A pong or close frame may have waited for the end of the frame. */
	if (taken == len && ws_encoder_flush(e, lower) < 0)
		return STREAM_ERROR;
	return (ssize_t)taken;
}

enum err
ws_encoder_ping(struct ws_encoder *e, struct slice piece, size_t rest)
{
	struct ws_owed *owed;

	if (need_owed(e) != OK)
		return ERR_NO_MEMORY;
	owed = e->owed;
	if (owed->pong != PONG_COMING)
		owed->ping_len = 0;
	if (piece.len > 0)
		memcpy(owed->ping + owed->ping_len, piece.data, piece.len);
	owed->ping_len += piece.len;
	owed->pong = rest > 0 ? PONG_COMING : PONG_DUE;
	return OK;
}

void
ws_encoder_close(struct ws_encoder *e, uint16_t code)
{
	if (e->close != WS_ENCODER_OPEN)
		return;
	e->close = WS_ENCODER_CLOSE_DUE;
	e->code = code;
}
