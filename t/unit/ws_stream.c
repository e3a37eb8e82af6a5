/*
 * The WebSocket stream over a stream beneath that the test plays.
 */
#include "ws/stream_ws.h"

#include <stdlib.h>

#include "alloc_kit.h"
#include "tap.h"
#include "ws_kit.h"

#define EVENTS_MAX 4000

/* One connection under test, with all around it. */
struct rig {
	struct loop *loop;
	struct wsk_lower lower;
	struct stream *ws;
	struct wsk_owner owner;
};

/* `in' (moved) will come; the first `behind' bytes came with the request. */
static void
rig_init(struct rig *r, struct wsk_bytes in, size_t behind)
{
	r->loop = loop_new();
	wsk_lower_init(&r->lower, in);
	r->lower.arrived = r->lower.taken = behind;
	r->ws = ws_stream_new(r->loop, &r->lower.stream,
	    slice_make(in.data, behind));
	wsk_owner_init(&r->owner, r->ws);
}

static void
rig_fini(struct rig *r)
{
	if (r->lower.closes == 0)
		stream_close(r->ws);
	if (r->lower.closes != 1)
		abort();
	wsk_turn(r->loop);
	loop_free(r->loop);
	wsk_owner_fini(&r->owner);
	wsk_lower_fini(&r->lower);
}

/* What the server's frames came to so far. */
static void
check_out(struct rig *r, const char *want, const char *name)
{
	struct wsk_bytes data = { NULL, 0 };
	char events[EVENTS_MAX];

	ok(wsk_split(&r->lower.out, &data, events, sizeof(events)),
	    "%s: whole frames went out", name);
	is_str(events, want, "%s: they were '%s'", name, want);
	wsk_free(&data);
}

static void
check_got(struct rig *r, const void *want, size_t len, const char *name)
{
	is_mem(r->owner.got.data, r->owner.got.len, want, len, "%s: data",
	    name);
}

/* A bit of everything that is allowed; `*plain' is the data in it. */
static struct wsk_bytes
a_bit_of_all(struct wsk_bytes *plain)
{
	static const size_t sizes[] = { 1, 0, 2, 125, 126, 127, 1000, 0, 3 };
	struct wsk_bytes in = { NULL, 0 };
	struct wsk_bytes noise;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		noise = wsk_noise(sizes[i]);
		wsk_add_frame(&in,
		    i % 3 == 0       ? 2
			: i % 3 == 1 ? 0
				     : WSK_FIN,
		    noise.data, noise.len);
		wsk_add(plain, noise.data, noise.len);
		if (i % 4 == 1)
			wsk_add_frame(&in, WSK_PING, "ping", i % 5);
		if (i % 4 == 2)
			wsk_add_frame(&in, WSK_PONG, "unasked", 7);
		wsk_free(&noise);
	}
	return in;
}

/* The same comes out whatever arrives at a time, is read at a time, and came
 * behind the request. */
static bool
read_cut(size_t arrive, size_t piece, bool once, size_t behind)
{
	struct wsk_bytes plain = { NULL, 0 };
	struct wsk_bytes in = a_bit_of_all(&plain);
	struct rig r;
	bool good;
	int turns;

	rig_init(&r, in, behind < in.len ? behind : in.len);
	r.owner.piece = piece;
	r.owner.once = once;
	stream_want_read(r.ws, true);
	for (turns = 0; turns < 3000 && behind > 0 && piece > 0; turns++)
		wsk_turn(r.loop);
	if (behind > 0)
		wsk_turn(r.loop);
	while (r.lower.arrived < r.lower.in.len)
		wsk_lower_arrive(&r.lower, arrive);
	good = r.owner.got.len == plain.len && r.owner.end == 1 &&
	    memcmp(r.owner.got.data, plain.data, plain.len) == 0;
	wsk_free(&plain);
	rig_fini(&r);
	return good;
}

static void
test_reading(void)
{
	static const size_t pieces[] = { 0, 1, 2, 5, 7, 100 };
	size_t i, arrive;
	bool good = true;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		for (arrive = 1; arrive <= 20; arrive++)
			good = good && read_cut(arrive, pieces[i], false, 0);
		good = good && read_cut(100000, pieces[i], false, 0);
		good = good && read_cut(100000, pieces[i], true, 0);
		good = good && read_cut(3, pieces[i], true, 0);
	}
	ok(good, "read: the same however it arrives and is read");
	good = true;
	for (i = 0; i <= 40; i++)
		good = good && read_cut(1, 0, false, i);
	good = good && read_cut(1, 0, true, 100000);
	good = good && read_cut(1, 3, true, 300);
	good = good && read_cut(1, 3, false, 300);
	ok(good, "read: bytes that came behind the request come first");
}

static void
test_short_count(void)
{
	struct wsk_bytes in = { NULL, 0 };
	uint8_t data[15000];
	struct rig r;
	int i;

	wsk_add_frame(&in, WSK_BINARY, "0123456789", 10);
	wsk_add_frame(&in, WSK_BINARY, "abcdefghij", 10);
	rig_init(&r, in, 0);
	r.owner.deaf = true;
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 0);
	r.lower.arrived = r.lower.in.len;
	is_int(stream_read(r.ws, data, 16), 10, "not a read for a few bytes");
	is_int(stream_read(r.ws, data, 16), 10, "the next frame");
	is_int(stream_read(r.ws, data, 16), STREAM_AGAIN, "then nothing");
	is_int((long long)r.lower.reads, 3, "as many reads beneath");
	rig_fini(&r);

	in = (struct wsk_bytes){ NULL, 0 };
	for (i = 0; i < 1000; i++)
		wsk_add_frame(&in, WSK_BINARY, "0123456789", 10);
	rig_init(&r, in, 0);
	r.lower.arrived = r.lower.in.len;
	is_int(stream_read(r.ws, data, sizeof(data)), 10000,
	    "small frames fill a large buffer");
	is_int((long long)r.lower.reads, 2, "in few reads");
	rig_fini(&r);
}

/* Writes all of `data' by `step', as much as is taken, through a window that
 * opens by `window'. */
static void
write_all(struct rig *r, const struct wsk_bytes *data, size_t step,
    size_t window)
{
	size_t at = 0, len;
	ssize_t n;
	int events;

	while (at < data->len) {
		len = data->len - at < step ? data->len - at : step;
		n = wsk_write(r->ws, data->data + at, len);
		if (n < 0 || (size_t)n > len)
			abort();
		at += (size_t)n;
		events = r->owner.writable;
		while ((size_t)n < len && r->owner.writable == events)
			wsk_lower_open(&r->lower, window);
	}
}

static bool
write_cut(size_t total, size_t step, size_t window)
{
	struct wsk_bytes data = wsk_noise(total);
	struct wsk_bytes out = { NULL, 0 };
	struct wsk_bytes in = { NULL, 0 };
	char events[EVENTS_MAX];
	struct rig r;
	bool good;

	rig_init(&r, in, 0);
	r.lower.window = window;
	write_all(&r, &data, step, window);
	r.lower.window = SIZE_MAX;
	good = stream_shutdown(r.ws) == OK &&
	    wsk_split(&r.lower.out, &out, events, sizeof(events)) &&
	    out.len == data.len && memcmp(out.data, data.data, data.len) == 0;
	wsk_free(&out);
	wsk_free(&data);
	rig_fini(&r);
	return good;
}

static void
test_writing(void)
{
	static const size_t steps[] = { 1, 2, 125, 126, 1000, 5000 };
	struct wsk_bytes in = { NULL, 0 };
	bool good = true;
	size_t i, window;
	struct rig r;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (window = 1; window <= 20; window++)
			good = good && write_cut(1500, steps[i], window);
		good = good && write_cut(1500, steps[i], 1000);
	}
	good = good && write_cut(200000, 65536, 65530);
	good = good && write_cut(200000, 200000, 7777);
	ok(good, "write: whole frames, whatever is taken at a time");

	rig_init(&r, in, 0);
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 5, "write: all");
	is_int((long long)r.lower.writes, 1, "header and payload in one write");
	is_mem(r.lower.out.data, r.lower.out.len, "\x82\x05hello", 7,
	    "write: the frame");
	r.lower.window = 0;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 0, "write: none");
	r.lower.window = 1;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 0,
	    "write: half a header counts nothing");
	wsk_lower_open(&r.lower, 3);
	is_int(r.owner.writable, 1, "WRITABLE as promised");
	is_int(wsk_write(r.ws, (const uint8_t *)"helloworld", 10), 2,
	    "write: the open frame goes on");
	wsk_lower_open(&r.lower, 100);
	is_int(wsk_write(r.ws, (const uint8_t *)"lloworld", 8), 8,
	    "write: its end, and a frame for the rest");
	check_out(&r, "d5 d5 d5", "write");
	wsk_lower_open(&r.lower, 100);
	is_int(r.owner.writable, 2, "no WRITABLE without a promise");
	rig_fini(&r);
}

static void
test_pings(void)
{
	struct wsk_bytes in = { NULL, 0 };
	struct rig r;
	size_t live;
	int i;

	wsk_add_frame(&in, 2, "a", 1);
	wsk_add_frame(&in, WSK_PING, "hello", 5);
	wsk_add_frame(&in, WSK_FIN, "b", 1);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 100000);
	check_got(&r, "ab", 2, "ping among fragments");
	is_mem(r.lower.out.data, r.lower.out.len, "\x8a\x05hello", 7,
	    "pong: with the ping's payload");
	rig_fini(&r);

	in = (struct wsk_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_PING, "lost", 4);
	wsk_add_frame(&in, WSK_PING, "", 0);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 100000);
	check_out(&r, "q0", "the latest of two pings that came at once");
	is_int(r.owner.end, 1, "pings: no end");
	rig_fini(&r);

	/* While a frame is open and nothing is taken. */
	in = (struct wsk_bytes){ NULL, 0 };
	for (i = 0; i < 1000; i++)
		wsk_add_frame(&in, WSK_PING, "0123456789", (size_t)i % 10);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	r.lower.window = 4;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 2,
	    "an open frame");
	live = alloc_kit_live();
	for (i = 0; i < 1000; i++)
		wsk_lower_arrive(&r.lower, 13);
	is_int((long long)(alloc_kit_live() - live), 1,
	    "a thousand pings: one small allocation");
	wsk_lower_open(&r.lower, 1);
	is_int(wsk_write(r.ws, (const uint8_t *)"llo", 3), 1, "it goes on");
	wsk_lower_open(&r.lower, 3);
	is_int(wsk_write(r.ws, (const uint8_t *)"lo", 2), 2, "and ends");
	wsk_lower_open(&r.lower, 1);
	wsk_lower_open(&r.lower, 1000);
	check_out(&r, "d5 q9", "the latest of a thousand pings");
	rig_fini(&r);
}

/* The other side closes with this payload, right behind data. */
static void
check_close(const char *name, const char *payload, size_t len,
    const char *reply, ssize_t end)
{
	struct wsk_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "bye", 3);
	wsk_add_frame(&in, WSK_CLOSE, payload, len);
	wsk_add_frame(&in, WSK_BINARY, "more", 4);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 100000);
	check_got(&r, "bye", 3, name);
	is_int(r.owner.end, 1, "%s: the end comes by itself", name);
	wsk_turn(r.loop);
	is_int(r.owner.end, end, "%s: the end", name);
	check_out(&r, reply, name);
	is_int(ws_stream_reason(r.ws),
	    end == STREAM_EOF ? REASON_NONE : REASON_WS_PROTOCOL, "%s: reason",
	    name);
	is_int(wsk_write(r.ws, (const uint8_t *)"late", 4), 4,
	    "%s: what is written now is dropped", name);
	is_int(stream_shutdown(r.ws), OK, "%s: shutdown", name);
	is_int(stream_shutdown(r.ws), OK, "%s: shutdown again", name);
	is_int(r.lower.shutdowns, 1, "%s: goes down", name);
	check_out(&r, reply, name);
	rig_fini(&r);
}

static void
test_their_close(void)
{
	char longest[125] = "\x0f\x9f";

	check_close("close 1000", "\x03\xe8", 2, "c1000", STREAM_EOF);
	check_close("close without code", "", 0, "c0", STREAM_EOF);
	check_close("close 1001 with text", "\x03\xe9gone", 6, "c1001",
	    STREAM_EOF);
	check_close("close 4999", "\x13\x87", 2, "c4999", STREAM_EOF);
	check_close("the longest close", longest, 125, "c3999", STREAM_EOF);
	check_close("half a code", "\x03", 1, "c1002", STREAM_ERROR);
	check_close("code 0", "\0\0", 2, "c1002", STREAM_ERROR);
	check_close("code 999", "\x03\xe7", 2, "c1002", STREAM_ERROR);
	check_close("code 1005", "\x03\xed", 2, "c1002", STREAM_ERROR);
	check_close("code 1006", "\x03\xee", 2, "c1002", STREAM_ERROR);
	check_close("code 1015", "\x03\xf7", 2, "c1002", STREAM_ERROR);
	check_close("code 2999", "\x0b\xb7", 2, "c1002", STREAM_ERROR);
	check_close("code 5000", "\x13\x88", 2, "c1002", STREAM_ERROR);
}

static void
test_our_close(void)
{
	struct wsk_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "late", 4);
	wsk_add_frame(&in, WSK_CLOSE, "\x03\xe9", 2);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	is_int(wsk_write(r.ws, (const uint8_t *)"last", 4), 4, "last words");
	ws_stream_set_close_code(r.ws, WS_CLOSE_GOING_AWAY);
	is_int(stream_shutdown(r.ws), OK, "shutdown");
	check_out(&r, "d4 c1001", "shutdown");
	is_int(r.lower.shutdowns, 0, "what is beneath stays open for theirs");
	wsk_lower_arrive(&r.lower, 10);
	check_got(&r, "late", 4, "reading goes on");
	wsk_lower_arrive(&r.lower, 10);
	is_int(r.owner.end, STREAM_EOF, "until their close frame");
	check_out(&r, "d4 c1001", "one close frame is enough");
	rig_fini(&r);

	/* Closed without shutdown. */
	rig_init(&r, (struct wsk_bytes){ NULL, 0 }, 0);
	ws_stream_set_close_code(r.ws, WS_CLOSE_POLICY);
	stream_close(r.ws);
	stream_close(r.ws);
	check_out(&r, "c1008", "close sends a close frame");
	rig_fini(&r);

	/* In the middle of a frame that the owner will not finish. */
	rig_init(&r, (struct wsk_bytes){ NULL, 0 }, 0);
	r.lower.window = 4;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 2, "half a frame");
	r.lower.window = 100;
	is_int(stream_shutdown(r.ws), OK, "shutdown within it");
	is_int(r.lower.shutdowns, 1, "ends what is beneath");
	is_mem(r.lower.out.data, r.lower.out.len, "\x82\x05he", 4,
	    "and adds nothing to the frame");
	rig_fini(&r);

	/* When nothing is taken. */
	rig_init(&r, (struct wsk_bytes){ NULL, 0 }, 0);
	r.lower.window = 1;
	is_int(stream_shutdown(r.ws), OK, "shutdown while full");
	wsk_lower_open(&r.lower, 1);
	wsk_lower_open(&r.lower, 100);
	check_out(&r, "c1000", "the close frame goes out in the end");
	is_int(r.owner.writable, 0, "WRITABLE was not promised to the owner");
	rig_fini(&r);
}

/* Data, then a violation. */
static void
check_violation(const char *name, unsigned first, bool masked,
    const char *reply, enum reason reason)
{
	struct wsk_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "good", 4);
	if (masked)
		wsk_add_frame(&in, first, "bad", 3);
	else
		wsk_add_server_frame(&in, first, "bad", 3);
	wsk_add_frame(&in, WSK_BINARY, "lost", 4);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 100000);
	wsk_turn(r.loop);
	check_got(&r, "good", 4, name);
	is_int(r.owner.end, STREAM_ERROR, "%s: an error", name);
	is_int(stream_error(r.ws), ERR_PROTOCOL, "%s: of protocol", name);
	is_int(ws_stream_reason(r.ws), reason, "%s: reason", name);
	check_out(&r, reply, name);
	rig_fini(&r);
}

static void
test_violations(void)
{
	check_violation("text", WSK_FIN | 1, true, "c1003", REASON_WS_TEXT);
	check_violation("text fragment", 1, true, "c1003", REASON_WS_TEXT);
	check_violation("unmasked", WSK_BINARY, false, "c1002",
	    REASON_WS_PROTOCOL);
	check_violation("RSV1", WSK_BINARY | 0x40, true, "c1002",
	    REASON_WS_PROTOCOL);
	check_violation("opcode 5", WSK_FIN | 5, true, "c1002",
	    REASON_WS_PROTOCOL);
	check_violation("opcode 14", WSK_FIN | 14, true, "c1002",
	    REASON_WS_PROTOCOL);
	check_violation("lone continuation", WSK_FIN, true, "c1002",
	    REASON_WS_PROTOCOL);
	check_violation("ping fragment", 9, true, "c1002", REASON_WS_PROTOCOL);
}

/* After it, what comes is dropped: linger sees the close frame out. */
static void
test_dropping(void)
{
	struct wsk_bytes in = { NULL, 0 };
	struct wsk_bytes noise = wsk_noise(400000);
	uint8_t data[1000];
	struct rig r;
	size_t i;

	wsk_add_frame(&in, WSK_FIN | 1, "text", 4);
	wsk_add(&in, noise.data, noise.len);
	wsk_free(&noise);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 10);
	is_int(r.owner.end, STREAM_ERROR, "text");
	is_int((long long)r.owner.got.len, 0, "no data");
	is_int(stream_read(r.ws, data, sizeof(data)), STREAM_AGAIN,
	    "then nothing comes");
	r.lower.arrived = r.lower.in.len;
	for (i = 0; stream_read(r.ws, data, sizeof(data)) == STREAM_AGAIN; i++)
		;
	is_int(stream_read(r.ws, data, sizeof(data)), STREAM_EOF,
	    "but not for ever");
	is_int((long long)i, 262, "256 KiB are dropped");
	rig_fini(&r);

	in = (struct wsk_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_FIN | 1, "text", 4);
	rig_init(&r, in, 0);
	r.lower.eof = true;
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 100);
	is_int(stream_read(r.ws, data, sizeof(data)), STREAM_EOF,
	    "or until they leave");
	rig_fini(&r);
}

static void
test_ends_beneath(void)
{
	struct wsk_bytes in = { NULL, 0 };
	uint8_t data[10];
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	in.len -= 2;
	rig_init(&r, in, 0);
	r.lower.eof = true;
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 100);
	check_got(&r, "hel", 3, "cut off");
	is_int(r.owner.end, STREAM_EOF, "cut off: EOF");
	is_int(r.lower.wanted, 0, "and no more reading beneath");
	is_int(stream_read(r.ws, data, 10), STREAM_EOF, "EOF stays");
	is_int(wsk_write(r.ws, (const uint8_t *)"still", 5), 5,
	    "writing goes on");
	is_int(stream_shutdown(r.ws), OK, "shutdown");
	is_int(r.lower.shutdowns, 1, "goes down");
	check_out(&r, "d5 c1000", "cut off");
	rig_fini(&r);

	in = (struct wsk_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	r.lower.broken = true;
	wsk_lower_arrive(&r.lower, 1);
	is_int(r.owner.end, STREAM_ERROR, "broken: error");
	is_int(stream_error(r.ws), ERR_RESET, "broken: which");
	is_int(ws_stream_reason(r.ws), REASON_NONE, "broken: not by frames");
	is_int(wsk_write(r.ws, (const uint8_t *)"x", 1), STREAM_ERROR,
	    "broken: no writing");
	rig_fini(&r);

	/* Broken while a write waits. */
	rig_init(&r, (struct wsk_bytes){ NULL, 0 }, 0);
	r.lower.window = 1;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 0,
	    "a write waits");
	r.lower.broken = true;
	wsk_lower_open(&r.lower, 1);
	is_int(r.owner.writable, 1, "the owner is woken");
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), STREAM_ERROR,
	    "to find the error");
	rig_fini(&r);
}

static void
test_back_pressure(void)
{
	struct wsk_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	wsk_add_frame(&in, WSK_CLOSE, "", 0);
	rig_init(&r, in, in.len);
	wsk_turn(r.loop);
	is_int(r.owner.readable, 0, "a new stream tells nothing unasked");
	stream_want_read(r.ws, true);
	stream_want_read(r.ws, false);
	wsk_turn(r.loop);
	is_int(r.owner.readable, 0, "nor one that was stopped");
	r.owner.deaf = true;
	stream_want_read(r.ws, true);
	wsk_turn(r.loop);
	wsk_turn(r.loop);
	ok(r.owner.readable >= 2, "READABLE is repeated until it is heard");
	r.owner.deaf = false;
	r.owner.piece = 11; /* the first frame */
	r.owner.once = true;
	wsk_turn(r.loop);
	check_got(&r, "hello", 5, "then");
	is_int(r.owner.end, 1, "the end has to wait");
	stream_want_read(r.ws, false);
	wsk_turn(r.loop);
	is_int(r.owner.end, 1, "till reading is wanted again");
	stream_want_read(r.ws, true);
	wsk_turn(r.loop);
	is_int(r.owner.end, STREAM_EOF, "and is told then");
	r.owner.readable = 0;
	stream_want_read(r.ws, true);
	wsk_turn(r.loop);
	is_int(r.owner.readable, 0, "once");
	rig_fini(&r);
}

/* Closed by its owner from inside the event, whichever it is. */
static void
close_it(struct stream *s, enum stream_event event, void *arg)
{
	int *told = arg;

	(void)event;
	*told += 1;
	stream_close(s);
}

static void
test_close_inside(void)
{
	struct wsk_bytes in = { NULL, 0 };
	struct rig r;
	int told = 0;

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	rig_init(&r, in, 0);
	stream_set_owner(r.ws, close_it, &told);
	stream_want_read(r.ws, true);
	wsk_lower_arrive(&r.lower, 100);
	is_int(told, 1, "closed inside READABLE");
	rig_fini(&r);

	in = (struct wsk_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	rig_init(&r, in, in.len);
	stream_set_owner(r.ws, close_it, &told);
	stream_want_read(r.ws, true);
	wsk_turn(r.loop);
	is_int(told, 2, "closed inside a READABLE of its own");
	rig_fini(&r);

	rig_init(&r, (struct wsk_bytes){ NULL, 0 }, 0);
	stream_set_owner(r.ws, close_it, &told);
	r.lower.window = 0;
	(void)wsk_write(r.ws, (const uint8_t *)"x", 1);
	wsk_lower_open(&r.lower, 100);
	is_int(told, 3, "closed inside WRITABLE");
	rig_fini(&r);
}

/* Empty frames without end give nothing to read; the loop must go on. */
static void
test_starving(void)
{
	struct wsk_bytes in = { NULL, 0 };
	struct wsk_bytes block = { NULL, 0 };
	static uint8_t data[LOOP_SCRATCH_LEN];
	struct rig r;
	int i;

	wsk_add_frame(&in, 2, "", 0);
	for (i = 0; i < 1000; i++)
		wsk_add_frame(&block, 0, "", 0);
	for (i = 0; i < 30; i++)
		wsk_add(&in, block.data, block.len);
	wsk_free(&block);
	wsk_add_frame(&in, WSK_FIN, "end", 3);
	rig_init(&r, in, 0);
	r.lower.arrived = r.lower.in.len;
	is_int(stream_read(r.ws, data, sizeof(data)), STREAM_AGAIN,
	    "empty frames give nothing");
	ok(r.lower.taken < r.lower.in.len, "and not all are taken at once");
	stream_want_read(r.ws, true);
	wsk_lower_tell(&r.lower, 100);
	check_got(&r, "end", 3, "they do end");
	rig_fini(&r);
}

static void
test_megabyte(void)
{
	struct wsk_bytes data = wsk_noise(1 << 20);
	struct wsk_bytes in = { NULL, 0 };
	struct wsk_bytes out = { NULL, 0 };
	char events[EVENTS_MAX];
	uint32_t seed = 1;
	size_t at, n;
	struct rig r;

	for (at = 0; at < data.len; at += n) {
		n = wsk_random(&seed) % 70000;
		n = n < data.len - at ? n : data.len - at;
		wsk_add_frame(&in, at == 0 ? 2 : 0, data.data + at, n);
		wsk_add_frame(&in, WSK_PING, "?", 1);
	}
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	r.lower.window = 10000;
	for (at = 0; at < data.len; at += n) {
		n = wsk_random(&seed) % 100000;
		n = n < data.len - at ? n : data.len - at;
		wsk_lower_arrive(&r.lower, wsk_random(&seed) % 100000);
		write_all(&r, &(struct wsk_bytes){ data.data + at, n },
		    wsk_random(&seed) % 70000 + 1, 30000);
	}
	while (r.lower.arrived < r.lower.in.len)
		wsk_lower_arrive(&r.lower, 5000);
	r.lower.window = SIZE_MAX;
	check_got(&r, data.data, data.len, "1 MiB in");
	is_int(stream_shutdown(r.ws), OK, "shutdown");
	ok(wsk_split(&r.lower.out, &out, events, sizeof(events)),
	    "1 MiB out: whole frames");
	is_mem(out.data, out.len, data.data, data.len, "1 MiB out: data");
	wsk_free(&out);
	wsk_free(&data);
	rig_fini(&r);
}

/* In the middle of a frame, of a header, of a ping; and after all that. */
static void
test_idle(void)
{
	struct wsk_bytes in = { NULL, 0 };
	size_t before, at_ping;
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	at_ping = in.len;
	wsk_add_frame(&in, WSK_PING, "12345", 5);
	wsk_add_frame(&in, WSK_BINARY, "x", 1);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	(void)wsk_write(r.ws, (const uint8_t *)"x", 1);
	wsk_lower_arrive(&r.lower, 8);
	before = alloc_kit_live();
	is_int((long long)r.owner.got.len, 2, "within a frame");
	wsk_lower_arrive(&r.lower, 7);
	is_int((long long)(alloc_kit_live() - before), 0,
	    "within a header: nothing held");
	wsk_lower_arrive(&r.lower, at_ping + 8 - r.lower.arrived);
	is_int((long long)(alloc_kit_live() - before), 1,
	    "within a ping: its payload is held");
	wsk_lower_arrive(&r.lower, 100);
	check_got(&r, "hellohellox", 11, "idle");
	is_int((long long)(alloc_kit_live() - before), 0,
	    "after it: nothing held");
	rig_fini(&r);
}

/* Whatever fails for want of memory, it ends in an error and nothing leaks. */
static void
test_memory(void)
{
	size_t before = alloc_kit_live();
	struct stream *ws;
	struct wsk_lower lower;
	struct loop *loop = loop_new();
	uint8_t data[STREAM_HEADROOM + 64];
	ssize_t n;
	unsigned i;

	for (i = 1; i <= 4; i++) {
		wsk_lower_init(&lower, (struct wsk_bytes){ NULL, 0 });
		alloc_kit_fail(i);
		ws = ws_stream_new(loop, &lower.stream, slice_str("behind"));
		alloc_kit_fail(0);
		is_int(ws != NULL, i == 4, "new, allocation %u failing", i);
		stream_close(ws);
		is_int(lower.closes, ws != NULL, "lower is closed with it");
		wsk_lower_fini(&lower);
	}
	for (i = 1; i <= 3; i++) {
		wsk_lower_init(&lower, (struct wsk_bytes){ NULL, 0 });
		wsk_add_frame(&lower.in, WSK_BINARY, "x", 1);
		wsk_add_frame(&lower.in, WSK_PING, "x", 1);
		wsk_add_frame(&lower.in, WSK_CLOSE, "", 0);
		lower.arrived = lower.in.len;
		wsk_add(&lower.out, "", 1);
		ws = ws_stream_new(loop, &lower.stream, slice_make(NULL, 0));
		alloc_kit_fail(i);
		n = stream_read(ws, data, 64);
		alloc_kit_fail(0);
		is_int(n, i < 3 ? STREAM_ERROR : 1,
		    "read, allocation %u failing", i);
		stream_close(ws);
		wsk_lower_fini(&lower);
	}
	wsk_lower_init(&lower, (struct wsk_bytes){ NULL, 0 });
	wsk_add(&lower.out, "", 1);
	ws = ws_stream_new(loop, &lower.stream, slice_make(NULL, 0));
	lower.window = 1;
	alloc_kit_fail(1);
	n = stream_write(ws, data + STREAM_HEADROOM, 1);
	is_int(n, STREAM_ERROR, "write, half a header and no memory");
	is_int(stream_error(ws), ERR_NO_MEMORY, "the error says so");
	alloc_kit_fail(0);
	stream_close(ws);
	wsk_lower_fini(&lower);
	wsk_turn(loop);
	loop_free(loop);
	is_int((long long)alloc_kit_live(), (long long)before, "nothing leaks");
}

int
main(void)
{
	test_reading();
	test_short_count();
	test_writing();
	test_pings();
	test_their_close();
	test_our_close();
	test_violations();
	test_dropping();
	test_ends_beneath();
	test_back_pressure();
	test_close_inside();
	test_starving();
	test_megabyte();
	test_idle();
	test_memory();
	return done_testing();
}
