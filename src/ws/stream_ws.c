/* SPDX-License-Identifier: ISC */
/*
 * A read goes straight into the owner's buffer and is decoded in place by
 * ws/decoder: payload is shorter than its frames, so nothing is left over.
 *
 * A write becomes one binary frame. Its header is written into the headroom
 * before the payload, so that both go down in one write; pongs and the close
 * frame go between frames. No payload is ever kept: if the stream beneath
 * takes only a part, the frame stays open and the next write continues it
 * without a header. The few bytes of a header or control frame that must be
 * kept are in memory that exists only while it is needed.
 */
#include "ws/stream_ws.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ws/decoder.h"

/* A read stops after this many bytes from beneath if most of them are not
 * payload: empty frames and pings yield no data but cost as much, and could
 * otherwise monopolise the loop. */
#define OVERHEAD_A_READ 4096
/* After such a read, the next one asks for no more than this. */
#define READ_THIN 2048
/* A read is complete when less room than this is left in the owner's buffer.
 * TLS asks the socket for no more than it is asked for; reading a few bytes at
 * a time would take a system call for each few. */
#define READ_MIN 4096
/* The most bytes that are dropped after a violation. */
#define DROP_BUDGET (256 * 1024)

/* The state of the peer's half. */
enum input {
	INPUT_OPEN,
	INPUT_EOF_FOUND, /* it has ended; the owner does not know yet */
	INPUT_EOF, /* the owner has read STREAM_EOF */
	INPUT_ERROR_FOUND, /* it has failed; the owner does not know yet */
	INPUT_ERROR /* the owner has read STREAM_ERROR */
};

/* The state of our half. */
enum output {
	OUTPUT_OPEN,
	OUTPUT_BLOCKED, /* the owner was promised STREAM_WRITABLE */
	OUTPUT_SHUT, /* the owner has ended it; the stream beneath is open */
	OUTPUT_ENDED /* the stream beneath was shut down */
};

/* The state of our close frame. */
enum close_frame {
	CLOSE_NONE,
	CLOSE_DUE, /* to be sent before anything else, between frames */
	CLOSE_SENT /* no frame may follow (RFC 6455 5.5.1) */
};

/* What has to be sent beside payload, and a ping or close frame that is being
 * read. */
struct control {
	uint8_t room[STREAM_HEADROOM]; /* for the streams beneath */
	uint8_t bytes[WS_FRAME_WRITE_MAX + WS_FRAME_CONTROL_MAX];
	size_t done; /* bytes of it that are sent */
	size_t len;
	enum {
		PONG_NONE,
		PONG_COMING, /* its ping is not complete */
		PONG_DUE
	} pong;
	uint8_t ping[WS_FRAME_CONTROL_MAX]; /* payload of the latest ping */
	size_t ping_len;
	uint8_t close[WS_FRAME_CONTROL_MAX]; /* payload of the peer's close */
	size_t close_len;
};

/* The bytes that came after the upgrade request and were not decoded yet. */
struct early {
	size_t done;
	size_t len;
	uint8_t data[];
};

struct stream_ws {
	struct stream stream; /* first: pointers to both are converted */
	union {
		struct loop_deferred again; /* reports READABLE once more */
		struct loop_garbage garbage; /* once `lower' is NULL */
	};
	struct loop *loop; /* borrowed */
	struct stream *lower; /* owned; NULL once closed */
	struct early *early; /* owned; NULL when all is decoded */
	struct ws_decoder decoder;
	uint64_t rest; /* payload of our open frame, announced, not sent */
	struct control *control; /* owned; NULL: no control frame */
	uint32_t dropped; /* bytes, after a violation */
	uint16_t code; /* of our close frame; 0: it has no code */
	uint8_t input; /* enum input */
	uint8_t output; /* enum output */
	uint8_t close_frame; /* enum close_frame */
	uint8_t reason; /* enum reason */
	bool mostly_overhead; /* the last read gave little payload for its bytes
			       */
	bool wanted; /* the owner wants READABLE */
};

static struct stream_ws *
from_stream(const struct stream *s)
{
	return list_entry(s, struct stream_ws, stream);
}

/*
 * Sending.
 */

static enum err
need_control(struct stream_ws *w)
{
	if (w->control == NULL)
		w->control = calloc(1, sizeof(*w->control));
	return w->control == NULL ? ERR_NO_MEMORY : OK;
}

/* Makes a close frame due, with this code; 0: without one. Only the first call
 * has an effect. */
static void
make_close_due(struct stream_ws *w, unsigned code)
{
	if (w->close_frame != CLOSE_NONE)
		return;
	w->close_frame = CLOSE_DUE;
	w->code = (uint16_t)code;
}

/* Puts a control frame into `control'; false if out of memory. */
static bool
put_control(struct control *control, enum ws_opcode opcode, const uint8_t *data,
    size_t len)
{
	size_t head = ws_frame_write(control->bytes, opcode, len);

	memcpy(control->bytes + head, data, len);
	control->done = 0;
	control->len = head + len;
	return head > 0;
}

static bool
put_pong(struct control *control)
{
	control->pong = PONG_NONE;
	return put_control(control, WS_OPCODE_PONG, control->ping,
	    control->ping_len);
}

static bool
queue_close(struct stream_ws *w)
{
	uint8_t code[2] = { (uint8_t)(w->code >> 8), (uint8_t)w->code };

	w->close_frame = CLOSE_SENT;
	return need_control(w) == OK &&
	    put_control(w->control, WS_OPCODE_CLOSE, code,
		w->code == 0 ? 0 : sizeof(code));
}

/* Puts the control frame that may go now into `control'. Returns 1 if there is
 * one, 0 if not, or STREAM_ERROR if out of memory. */
static int
queue_control(struct stream_ws *w)
{
	if (w->rest > 0)
		return 0;
	if (w->control != NULL && w->control->pong == PONG_DUE)
		return put_pong(w->control) ? 1 : STREAM_ERROR;
	if (w->close_frame == CLOSE_DUE)
		return queue_close(w) ? 1 : STREAM_ERROR;
	return 0;
}

/* Sends what is in `control'. Returns 1 if all of it was sent, 0 if not, or
 * STREAM_ERROR. */
static int
send_control(struct stream_ws *w)
{
	struct control *control = w->control;
	ssize_t n;

	if (control == NULL || control->done == control->len)
		return 1;
	n = stream_write(w->lower, control->bytes + control->done,
	    control->len - control->done);
	if (n < 0)
		return STREAM_ERROR;
	control->done += (size_t)n;
	return control->done == control->len;
}

/*
 * Sends header and control frames that are due. Returns 1 if nothing is left,
 * or only what has to wait for the end of the open frame; 0 if the stream
 * beneath is full and has promised WRITABLE; or STREAM_ERROR.
 */
static int
flush(struct stream_ws *w)
{
	int r;

	do {
		r = send_control(w);
		if (r != 1)
			return r;
		r = queue_control(w);
	} while (r == 1);
	if (r == 0 && w->control != NULL && w->control->pong == PONG_NONE &&
	    w->control->close_len == 0) {
		free(w->control);
		w->control = NULL;
	}
	return r == 0 ? 1 : r;
}

/* The stream beneath took `n' bytes of a header of `head' bytes and its
 * payload. Returns how many of them were payload; the rest of the header is
 * put into `control'. */
static ssize_t
count_payload(struct stream_ws *w, const uint8_t *header, size_t head, size_t n)
{
	if (n >= head) {
		w->rest -= n - head;
		return (ssize_t)(n - head);
	}
	if (need_control(w) != OK)
		return STREAM_ERROR;
	memcpy(w->control->bytes, header + n, head - n);
	w->control->done = 0;
	w->control->len = head - n;
	return 0;
}

/* Writes a new frame. The header goes into the bytes before `data': they are
 * headroom, or payload that was taken already. */
static ssize_t
write_frame(struct stream_ws *w, uint8_t *data, size_t len)
{
	uint8_t header[WS_FRAME_WRITE_MAX];
	size_t head = ws_frame_write(header, WS_OPCODE_BINARY, len);
	ssize_t n;

	if (head == 0)
		return STREAM_ERROR;
	memcpy(data - head, header, head);
	n = stream_write(w->lower, data - head, head + len);
	if (n <= 0)
		return n;
	w->rest = len;
	return count_payload(w, header, head, (size_t)n);
}

/* Continues the open frame. */
static ssize_t
write_rest(struct stream_ws *w, uint8_t *data, size_t len)
{
	ssize_t n;

	n = stream_write(w->lower, data, len < w->rest ? len : (size_t)w->rest);
	if (n > 0)
		w->rest -= (size_t)n;
	return n;
}

/* Does one write, at most to the end of a frame; 0: the stream beneath is
 * full. After our close frame, bytes are taken and dropped, as the peer would
 * drop them. */
static ssize_t
write_some(struct stream_ws *w, uint8_t *data, size_t len)
{
	int r = flush(w);

	if (r != 1)
		return r;
	if (w->close_frame == CLOSE_SENT)
		return (ssize_t)len;
	return w->rest > 0 ? write_rest(w, data, len)
			   : write_frame(w, data, len);
}

static ssize_t
write_all(struct stream_ws *w, uint8_t *data, size_t len)
{
	size_t taken = 0;
	ssize_t n;

	do {
		n = write_some(w, data + taken, len - taken);
		if (n < 0)
			return n;
		taken += (size_t)n;
	} while (taken < len && n > 0 && w->rest == 0);
	/* A pong or close frame may have waited for the end of the frame. */
	if (taken == len && flush(w) < 0)
		return STREAM_ERROR;
	return (ssize_t)taken;
}

/*
 * Receiving.
 */

/* Records that reading has come to an end; the owner learns it when it reads
 * the next time. */
static void
end_input(struct stream_ws *w, enum input input, enum err error)
{
	if (w->input != INPUT_OPEN)
		return;
	w->input = (uint8_t)input;
	w->stream.error = error;
}

/* Records a failure of the stream beneath, or else that memory ran out. */
static void
fail(struct stream_ws *w)
{
	enum err beneath = stream_error(w->lower);

	end_input(w, INPUT_ERROR_FOUND,
	    beneath == OK ? ERR_NO_MEMORY : beneath);
}

static void
violated(struct stream_ws *w, enum ws_close code, enum reason reason)
{
	make_close_due(w, code);
	w->reason = (uint8_t)reason;
	end_input(w, INPUT_ERROR_FOUND, ERR_PROTOCOL);
}

/* True for a code that a close frame may contain (RFC 6455 7.4 and its IANA
 * registry). */
static bool
valid_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static bool
is_utf8(struct slice s)
{
	uint32_t code;
	size_t n;

	while ((n = utf8_decode(s, &code)) > 0)
		s = slice_make(s.data + n, s.len - n);
	return s.len == 0;
}

/* Answers the peer's close frame with its code. The text after the code is for
 * people; it is only checked (RFC 6455 8.1). */
static void
take_close(struct stream_ws *w)
{
	size_t len = w->control == NULL ? 0 : w->control->close_len;
	unsigned code = 0;

	if (len >= 2)
		code =
		    (unsigned)w->control->close[0] << 8 | w->control->close[1];
	if (len == 1 || (len >= 2 && !valid_code(code))) {
		violated(w, WS_CLOSE_PROTOCOL, REASON_WS_PROTOCOL);
	} else if (len > 2 &&
	    !is_utf8(slice_make(w->control->close + 2, len - 2))) {
		violated(w, WS_CLOSE_INVALID, REASON_WS_PROTOCOL);
	} else {
		make_close_due(w, code);
		end_input(w, INPUT_EOF_FOUND, OK);
	}
}

/* Keeps the payload of a ping, for its pong. Only the latest ping is answered
 * (RFC 6455 5.5.3), so that pings that come faster than pongs are read cost no
 * memory. */
static void
take_ping(struct stream_ws *w, struct slice piece, size_t rest)
{
	struct control *control;

	if (need_control(w) != OK) {
		end_input(w, INPUT_ERROR_FOUND, ERR_NO_MEMORY);
		return;
	}
	control = w->control;
	if (control->pong != PONG_COMING)
		control->ping_len = 0;
	if (piece.len > 0)
		memcpy(control->ping + control->ping_len, piece.data,
		    piece.len);
	control->ping_len += piece.len;
	control->pong = rest > 0 ? PONG_COMING : PONG_DUE;
}

/* Keeps the payload of a close frame until it is complete. */
static void
keep_close(struct stream_ws *w, struct slice piece)
{
	struct control *control;

	if (piece.len == 0)
		return;
	if (need_control(w) != OK) {
		end_input(w, INPUT_ERROR_FOUND, ERR_NO_MEMORY);
		return;
	}
	control = w->control;
	memcpy(control->close + control->close_len, piece.data, piece.len);
	control->close_len += piece.len;
}

/* Receives control frames from the decoder. */
static void
take_control(void *arg, enum ws_opcode opcode, struct slice piece, size_t rest)
{
	struct stream_ws *w = arg;

	if (opcode == WS_OPCODE_PING)
		take_ping(w, piece, rest);
	else if (opcode == WS_OPCODE_CLOSE)
		keep_close(w, piece);
}

/* Acts on the state in which the decoder is after a piece of input. */
static void
take_state(struct stream_ws *w)
{
	switch ((enum ws_decoder_state)w->decoder.state) {
	case WS_DECODER_OPEN:
		break;
	case WS_DECODER_CLOSED:
		take_close(w);
		break;
	case WS_DECODER_TEXT:
		violated(w, WS_CLOSE_UNSUPPORTED, REASON_WS_TEXT);
		break;
	case WS_DECODER_BROKEN:
		violated(w, WS_CLOSE_PROTOCOL, REASON_WS_PROTOCOL);
		break;
	case WS_DECODER_NO_MEMORY:
		end_input(w, INPUT_ERROR_FOUND, ERR_NO_MEMORY);
		break;
	}
}

/*
 * The stream beneath does not report READABLE when it is silent but something
 * is left here: bytes that came after the upgrade request, or an end that came
 * right after payload. Then READABLE is reported in the next loop turn, and
 * again until the owner has read.
 */
static void
update_again(struct stream_ws *w)
{
	bool left = w->early != NULL || w->input == INPUT_EOF_FOUND ||
	    w->input == INPUT_ERROR_FOUND;

	if (left && w->wanted)
		loop_defer(w->loop, &w->again);
	else
		loop_deferred_cancel(&w->again);
}

static void
emit_readable(struct loop_deferred *d)
{
	struct stream_ws *w = list_entry(d, struct stream_ws, again);

	update_again(w);
	stream_emit(&w->stream, STREAM_READABLE); /* w may be gone */
}

static size_t
read_early(struct stream_ws *w, uint8_t *data, size_t len)
{
	struct early *b = w->early;

	if (len > b->len - b->done)
		len = b->len - b->done;
	memcpy(data, b->data + b->done, len);
	b->done += len;
	if (b->done == b->len) {
		free(b);
		w->early = NULL;
	}
	return len;
}

/* Reads the next bytes of the connection; `*more' is set if another call may
 * give some. */
static size_t
read_raw(struct stream_ws *w, uint8_t *data, size_t len, bool *more)
{
	ssize_t n;

	if (w->early != NULL)
		return read_early(w, data, len);
	n = stream_read(w->lower, data, len);
	*more = n == (ssize_t)len;
	if (n == STREAM_EOF)
		end_input(w, INPUT_EOF_FOUND, OK);
	else if (n == STREAM_ERROR)
		fail(w);
	return n > 0 ? (size_t)n : 0;
}

static bool
room_left(size_t got, size_t len)
{
	return got == 0 || len - got >= READ_MIN;
}

static bool
is_mostly_overhead(size_t overhead, size_t got)
{
	return overhead >= OVERHEAD_A_READ && overhead > got;
}

/* Reads payload until `data' is nearly full or there is none. Returns its
 * length. */
static size_t
read_payload(struct stream_ws *w, uint8_t *data, size_t len)
{
	struct ws_sink sink = { take_control, w };
	size_t got = 0, overhead = 0, n, payload;
	bool more = true;

	if (w->mostly_overhead && len > READ_THIN)
		len = READ_THIN;
	while (more && room_left(got, len) &&
	    !is_mostly_overhead(overhead, got) && w->input == INPUT_OPEN) {
		n = read_raw(w, data + got, len - got, &more);
		payload = ws_decoder_run(&w->decoder, data + got, n, &sink);
		got += payload;
		overhead += n - payload;
		take_state(w);
	}
	w->mostly_overhead = is_mostly_overhead(overhead, got);
	return got;
}

/* Drops what comes after the end of input, up to a limit. */
static ssize_t
drop(struct stream_ws *w, uint8_t *data, size_t len)
{
	ssize_t n = stream_read(w->lower, data, len);

	if (n <= 0)
		return n;
	if ((size_t)n > DROP_BUDGET - w->dropped)
		return STREAM_EOF;
	w->dropped += (uint32_t)n;
	return STREAM_AGAIN;
}

/* Reports the end of input to the owner. */
static ssize_t
report_end(struct stream_ws *w)
{
	bool broken = w->input == INPUT_ERROR_FOUND;

	w->input = broken ? INPUT_ERROR : INPUT_EOF;
	update_again(w);
	if (broken)
		return STREAM_ERROR;
	stream_want_read(w->lower, false);
	return STREAM_EOF;
}

/* True if the peer has ended its half properly and ours is still open. Nothing
 * is read until both have ended, and then only the end of the connection. */
static bool
is_half_closed(const struct stream_ws *w)
{
	return w->input == INPUT_EOF && w->output != OUTPUT_ENDED;
}

static ssize_t
ws_read(struct stream *s, uint8_t *data, size_t len)
{
	struct stream_ws *w = from_stream(s);
	size_t got;

	if (is_half_closed(w))
		return STREAM_EOF;
	if (w->input == INPUT_EOF || w->input == INPUT_ERROR)
		return drop(w, data, len);
	got = read_payload(w, data, len);
	/* All pings that came together are answered by one pong. */
	if (flush(w) < 0)
		fail(w);
	if (w->input != INPUT_OPEN && got == 0)
		return report_end(w);
	update_again(w);
	return got > 0 ? (ssize_t)got : STREAM_AGAIN;
}

/*
 * The rest of the stream interface.
 */

static ssize_t
ws_write(struct stream *s, uint8_t *data, size_t len)
{
	struct stream_ws *w = from_stream(s);
	ssize_t n = write_all(w, data, len);

	if (n < 0) {
		fail(w);
		return STREAM_ERROR;
	}
	if (w->output == OUTPUT_OPEN || w->output == OUTPUT_BLOCKED)
		w->output = (size_t)n < len ? OUTPUT_BLOCKED : OUTPUT_OPEN;
	return n;
}

static void
ws_want_read(struct stream *s, bool wanted)
{
	struct stream_ws *w = from_stream(s);

	w->wanted = wanted;
	stream_want_read(w->lower, wanted && !is_half_closed(w));
	update_again(w);
}

/*
 * Called when our close frame is sent. The stream beneath stays open until the
 * peer's close frame has come (RFC 6455 7.1.1), unless ours could not be sent
 * because the owner left a frame open.
 */
static enum err
end_beneath(struct stream_ws *w)
{
	if (w->output == OUTPUT_ENDED ||
	    (w->rest == 0 && w->input == INPUT_OPEN))
		return OK;
	w->output = OUTPUT_ENDED;
	return stream_shutdown(w->lower);
}

static enum err
ws_shutdown(struct stream *s)
{
	struct stream_ws *w = from_stream(s);
	int r;

	if (w->output != OUTPUT_ENDED)
		w->output = OUTPUT_SHUT;
	make_close_due(w, w->code);
	r = flush(w);
	if (r < 0) {
		fail(w);
		return w->stream.error;
	}
	return r == 0 ? OK : end_beneath(w);
}

static void
ws_close(struct stream *s)
{
	struct stream_ws *w = from_stream(s);

	if (w->lower == NULL)
		return;
	loop_deferred_cancel(&w->again);
	make_close_due(w, w->code);
	(void)flush(w); /* one last try */
	free(w->control);
	free(w->early);
	stream_close(w->lower);
	w->lower = NULL;
	w->garbage = (struct loop_garbage){ 0 };
	loop_free_later(w->loop, &w->garbage, w, free);
}

/* The stream beneath takes bytes again. */
static void
writable(struct stream_ws *w)
{
	int r = flush(w);

	if (r == 0)
		return;
	if (r < 0)
		fail(w);
	else if (w->output == OUTPUT_SHUT)
		(void)end_beneath(w); /* a failure is found by reading */
	if (w->output == OUTPUT_BLOCKED) {
		w->output = OUTPUT_OPEN;
		stream_emit(&w->stream, STREAM_WRITABLE); /* w may be gone */
	} else if (r < 0 && w->wanted) {
		stream_emit(&w->stream, STREAM_READABLE); /* w may be gone */
	}
}

static void
from_lower(struct stream *lower, enum stream_event event, void *arg)
{
	struct stream_ws *w = arg;

	(void)lower;
	if (event == STREAM_READABLE)
		stream_emit(&w->stream, STREAM_READABLE); /* w may be gone */
	else if (event == STREAM_WRITABLE)
		writable(w); /* w may be gone */
}

static const struct stream_ops ops = {
	.read = ws_read,
	.write = ws_write,
	.want_read = ws_want_read,
	.shutdown = ws_shutdown,
	.close = ws_close,
};

static enum err
keep_early(struct stream_ws *w, struct slice early)
{
	if (early.len == 0)
		return OK;
	w->early = calloc(1, sizeof(*w->early) + early.len);
	if (w->early == NULL)
		return ERR_NO_MEMORY;
	w->early->len = early.len;
	memcpy(w->early->data, early.data, early.len);
	return OK;
}

struct stream *
ws_stream_new(struct loop *loop, struct stream *lower, struct slice early)
{
	struct stream_ws *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	if (keep_early(w, early) != OK) {
		free(w);
		return NULL;
	}
	w->stream.ops = &ops;
	loop_deferred_init(&w->again, emit_readable);
	w->loop = loop;
	w->code = WS_CLOSE_NORMAL;
	ws_decoder_init(&w->decoder);
	w->lower = lower;
	stream_set_owner(lower, from_lower, w);
	return &w->stream;
}

void
ws_stream_set_close_code(struct stream *s, enum ws_close code)
{
	struct stream_ws *w = from_stream(s);

	if (w->close_frame == CLOSE_NONE)
		w->code = (uint16_t)code;
}

enum reason
ws_stream_reason(const struct stream *s)
{
	return (enum reason)from_stream(s)->reason;
}
