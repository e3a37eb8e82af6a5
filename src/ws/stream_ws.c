/*
 * The glue between the two halves, the stream beneath and the owner. A read
 * goes straight into the owner's buffer and is decoded there: payload is
 * shorter than its frames, so nothing is ever left over.
 *
 * One thing the stream beneath cannot do is say READABLE again when it is
 * silent but something is left to tell: bytes that came behind the upgrade
 * request, or an end that came right behind payload. A timer of no length
 * does, in memory that is had only then.
 */
#include "ws/stream_ws.h"

#include <stdlib.h>
#include <string.h>

#include "io/timer.h"
#include "ws/decoder.h"
#include "ws/encoder.h"

/* Bytes that a read takes from beneath, if most of them are not payload: empty
 * frames and pings yield nothing, cost as much as any, and could else hold the
 * loop for ever. */
#define OVERHEAD_A_READ 4096
/* Where it was like that the last time, no more than this is taken at once. */
#define READ_THIN 2048
/* With less room than this left in the owner's buffer a read is good enough:
 * TLS asks the socket for no more than what it is asked for, and a few bytes
 * at a time would be a system call for each few. */
#define READ_MIN 4096
/* The most bytes dropped after a violation. */
#define DROP_BUDGET (256 * 1024)

enum input {
	INPUT_OPEN,
	INPUT_EOF, /* a close frame, or the end of the stream beneath */
	INPUT_BROKEN /* a violation, or an error beneath */
};

/* What is left to tell though the stream beneath is silent. */
struct again {
	struct timer timer;
	struct buf behind; /* read behind the request, not decoded yet */
};

struct stream_ws {
	struct stream stream; /* first: the two are cast into one another */
	struct loop_grave grave;
	struct loop *loop; /* borrowed */
	struct stream *lower; /* owned; NULL once closed */
	struct again *again; /* owned; NULL when nothing is left to tell */
	struct ws_decoder decoder;
	struct ws_encoder encoder;
	uint32_t dropped; /* bytes, after a violation */
	uint16_t close_code; /* for shutdown and close */
	uint16_t peer_code; /* of its close frame */
	uint8_t peer_code_len; /* bytes of it that came */
	uint8_t input; /* enum input */
	uint8_t reason; /* enum reason */
	bool thin; /* the last read gave little payload */
	bool told; /* the owner knows that input is not open */
	bool wanted; /* the owner wants READABLE */
	bool blocked; /* the owner was promised WRITABLE */
	bool shut; /* the owner has ended its half */
	bool ended; /* and ours beneath is, too */
};

static struct stream_ws *
from_stream(const struct stream *s)
{
	return list_entry(s, struct stream_ws, stream);
}

/* Reading has come to an end, which the owner is to be told. */
static void
end_input(struct stream_ws *w, enum input input, enum err error)
{
	if (w->input != INPUT_OPEN)
		return;
	w->input = (uint8_t)input;
	w->stream.error = error;
}

/* Something beneath failed: it says what, or it was memory. */
static void
fail(struct stream_ws *w)
{
	enum err beneath = stream_error(w->lower);

	end_input(w, INPUT_BROKEN, beneath == OK ? ERR_NO_MEMORY : beneath);
}

static void
violated(struct stream_ws *w, enum ws_close code, enum reason reason)
{
	ws_encoder_close(&w->encoder, (uint16_t)code);
	w->reason = (uint8_t)reason;
	end_input(w, INPUT_BROKEN, ERR_PROTOCOL);
}

/* Codes that may stand in a close frame (RFC 6455 7.4 and its registry). */
static bool
valid_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/* Its close frame is in: answer with its code. The text in it is for people
 * and not looked at. */
static void
take_close(struct stream_ws *w)
{
	if (w->peer_code_len == 1 ||
	    (w->peer_code_len == 2 && !valid_code(w->peer_code))) {
		violated(w, WS_CLOSE_PROTOCOL, REASON_WS_PROTOCOL);
		return;
	}
	ws_encoder_close(&w->encoder, w->peer_code);
	end_input(w, INPUT_EOF, OK);
}

/* The decoder's sink. */
static void
take_control(void *arg, enum ws_opcode opcode, struct slice piece, size_t rest)
{
	struct stream_ws *w = arg;
	size_t i;

	if (opcode == WS_OPCODE_PING &&
	    ws_encoder_ping(&w->encoder, piece, rest) != OK)
		end_input(w, INPUT_BROKEN, ERR_NO_MEMORY);
	if (opcode != WS_OPCODE_CLOSE)
		return;
	for (i = 0; i < piece.len && w->peer_code_len < 2; i++) {
		w->peer_code = (uint16_t)(w->peer_code << 8 | piece.data[i]);
		w->peer_code_len++;
	}
}

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
		end_input(w, INPUT_BROKEN, ERR_NO_MEMORY);
		break;
	}
}

/* Is there something to tell that the stream beneath will not bring up? */
static bool
left_to_tell(const struct stream_ws *w)
{
	return (w->input != INPUT_OPEN && !w->told) ||
	    (w->again != NULL && buf_len(&w->again->behind) > 0);
}

static void
free_again(struct stream_ws *w)
{
	if (w->again == NULL)
		return;
	timer_stop(&w->again->timer);
	buf_fini(&w->again->behind);
	free(w->again);
	w->again = NULL;
}

static void tell_again(void *arg);

static enum err
need_again(struct stream_ws *w)
{
	if (w->again != NULL)
		return OK;
	w->again = calloc(1, sizeof(*w->again));
	if (w->again == NULL)
		return ERR_NO_MEMORY;
	timer_init(&w->again->timer, w->loop, tell_again, w);
	buf_init(&w->again->behind, 0);
	return OK;
}

/*
 * Runs the timer while it is needed, and frees it when it is not. A write that
 * failed leaves an end to tell and no timer yet. Without memory for one then,
 * the stream beneath, which is as broken, brings it up.
 */
static void
settle(struct stream_ws *w)
{
	if (!left_to_tell(w))
		free_again(w);
	else if (w->wanted && need_again(w) == OK)
		timer_start(&w->again->timer, 0);
	else if (w->again != NULL)
		timer_stop(&w->again->timer);
}

static void
tell_again(void *arg)
{
	struct stream_ws *w = arg;

	settle(w); /* until the owner has read */
	stream_tell(&w->stream, STREAM_READABLE); /* w may be gone */
}

/* The next bytes of the connection; `*more': another call may give some. */
static size_t
read_raw(struct stream_ws *w, uint8_t *data, size_t len, bool *more)
{
	struct buf *behind = w->again == NULL ? NULL : &w->again->behind;
	ssize_t n;

	if (behind != NULL && buf_len(behind) > 0) {
		if (len > buf_len(behind))
			len = buf_len(behind);
		memcpy(data, buf_data(behind), len);
		buf_consume(behind, len);
		return len;
	}
	n = stream_read(w->lower, data, len);
	*more = n == (ssize_t)len;
	if (n == STREAM_EOF)
		end_input(w, INPUT_EOF, OK);
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
is_thin(size_t overhead, size_t got)
{
	return overhead >= OVERHEAD_A_READ && overhead > got;
}

/* Fills `data' with payload, nearly, as far as there is any; returns how
 * much. */
static size_t
read_payload(struct stream_ws *w, uint8_t *data, size_t len)
{
	struct ws_sink sink = { take_control, w };
	size_t got = 0, overhead = 0, n, payload;
	bool more = true;

	if (w->thin && len > READ_THIN)
		len = READ_THIN;
	while (more && room_left(got, len) && !is_thin(overhead, got) &&
	    w->input == INPUT_OPEN) {
		n = read_raw(w, data + got, len - got, &more);
		payload = ws_decoder_run(&w->decoder, data + got, n, &sink);
		got += payload;
		overhead += n - payload;
		take_state(w);
	}
	w->thin = is_thin(overhead, got);
	return got;
}

/* After a violation: what comes is dropped, but not for ever. */
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

/* Their half has ended as it should, ours goes on: nothing is left to read
 * until both have, and then the end of the connection. */
static bool
is_half_closed(const struct stream_ws *w)
{
	return w->told && w->input == INPUT_EOF && !w->ended;
}

/* Tells of the end; from then on nothing is read but what is dropped. */
static ssize_t
tell_end(struct stream_ws *w)
{
	w->told = true;
	settle(w);
	if (w->input == INPUT_BROKEN)
		return STREAM_ERROR;
	stream_want_read(w->lower, false);
	return STREAM_EOF;
}

static ssize_t
ws_read(struct stream *s, uint8_t *data, size_t len)
{
	struct stream_ws *w = from_stream(s);
	size_t got;

	if (w->told)
		return is_half_closed(w) ? STREAM_EOF : drop(w, data, len);
	got = read_payload(w, data, len);
	/* Pongs of all pings that came at once are one pong. */
	if (ws_encoder_flush(&w->encoder, w->lower) < 0)
		fail(w);
	if (w->input != INPUT_OPEN && got == 0)
		return tell_end(w);
	if (w->input != INPUT_OPEN && need_again(w) != OK) {
		/* What was read is lost: never let that look like EOF. */
		w->input = INPUT_BROKEN;
		w->stream.error = ERR_NO_MEMORY;
		return tell_end(w);
	}
	settle(w);
	return got > 0 ? (ssize_t)got : STREAM_AGAIN;
}

static ssize_t
ws_write(struct stream *s, uint8_t *data, size_t len)
{
	struct stream_ws *w = from_stream(s);
	ssize_t n = ws_encoder_write(&w->encoder, w->lower, data, len);

	if (n < 0) {
		fail(w);
		return STREAM_ERROR;
	}
	w->blocked = (size_t)n < len;
	return n;
}

static void
ws_want_read(struct stream *s, bool wanted)
{
	struct stream_ws *w = from_stream(s);

	w->wanted = wanted;
	stream_want_read(w->lower, wanted && !is_half_closed(w));
	settle(w);
}

/*
 * Our close frame is out. The half beneath stays open until theirs has come
 * (RFC 6455 7.1.1), unless ours could not go: the owner left a frame open.
 */
static enum err
end_beneath(struct stream_ws *w)
{
	if (w->ended || (w->encoder.rest == 0 && w->input == INPUT_OPEN))
		return OK;
	w->ended = true;
	return stream_shutdown(w->lower);
}

static enum err
ws_shutdown(struct stream *s)
{
	struct stream_ws *w = from_stream(s);
	int r;

	w->shut = true;
	ws_encoder_close(&w->encoder, w->close_code);
	r = ws_encoder_flush(&w->encoder, w->lower);
	if (r < 0) {
		fail(w);
		return w->stream.error;
	}
	return r == 0 ? OK : end_beneath(w);
}

static void
bury(struct loop_grave *g)
{
	free(list_entry(g, struct stream_ws, grave));
}

static void
ws_close(struct stream *s)
{
	struct stream_ws *w = from_stream(s);

	if (w->lower == NULL)
		return;
	free_again(w);
	ws_encoder_close(&w->encoder, w->close_code);
	(void)ws_encoder_flush(&w->encoder, w->lower); /* the one last try */
	ws_encoder_fini(&w->encoder);
	stream_close(w->lower);
	w->lower = NULL;
	loop_bury(w->loop, &w->grave);
}

/* The stream beneath takes bytes again. */
static void
writable(struct stream_ws *w)
{
	int r = ws_encoder_flush(&w->encoder, w->lower);

	if (r == 0)
		return;
	if (r < 0)
		fail(w);
	else if (w->shut)
		(void)end_beneath(w); /* a failure shows on reading */
	if (w->blocked) {
		w->blocked = false;
		stream_tell(&w->stream, STREAM_WRITABLE); /* w may be gone */
	} else if (r < 0 && w->wanted) {
		stream_tell(&w->stream, STREAM_READABLE); /* w may be gone */
	}
}

static void
from_lower(struct stream *lower, enum stream_event event, void *arg)
{
	struct stream_ws *w = arg;

	(void)lower;
	if (event == STREAM_READABLE)
		stream_tell(&w->stream, STREAM_READABLE); /* w may be gone */
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

struct stream *
ws_stream_new(struct loop *loop, struct stream *lower, struct slice behind)
{
	struct stream_ws *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->stream.ops = &ops;
	w->grave.bury = bury;
	list_init(&w->grave.node);
	w->loop = loop;
	w->close_code = WS_CLOSE_NORMAL;
	ws_decoder_init(&w->decoder);
	ws_encoder_init(&w->encoder);
	if (behind.len > 0 &&
	    (need_again(w) != OK ||
		buf_append(&w->again->behind, behind.data, behind.len) != OK)) {
		free_again(w);
		free(w);
		return NULL;
	}
	w->lower = lower;
	stream_set_owner(lower, from_lower, w);
	return &w->stream;
}

void
ws_stream_set_close_code(struct stream *s, enum ws_close code)
{
	from_stream(s)->close_code = (uint16_t)code;
}

enum reason
ws_stream_reason(const struct stream *s)
{
	return (enum reason)from_stream(s)->reason;
}
