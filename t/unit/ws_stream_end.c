/* SPDX-License-Identifier: ISC */
/*
 * How a WebSocket stream ends: by them, by us, by a violation, by what is
 * beneath, by its owner in the middle of an event.
 */
#include "tap.h"
#include "ws_rig.h"

/* The other side closes with this payload, right behind data. */
static void
check_close(const char *name, const char *payload, size_t len,
    const char *reply, ssize_t end)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "bye", 3);
	wsk_add_frame(&in, WSK_CLOSE, payload, len);
	wsk_add_frame(&in, WSK_BINARY, "more", 4);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 100000);
	rig_check_got(&r, "bye", 3, name);
	is_int(r.owner.end, 1, "%s: the end comes by itself", name);
	script_turn(r.loop);
	is_int(r.owner.end, end, "%s: the end", name);
	rig_check_out(&r, reply, name);
	is_int(ws_stream_reason(r.ws),
	    end == STREAM_EOF ? REASON_NONE : REASON_WS_PROTOCOL, "%s: reason",
	    name);
	is_int(wsk_write(r.ws, (const uint8_t *)"late", 4), 4,
	    "%s: what is written now is dropped", name);
	is_int(stream_shutdown(r.ws), OK, "%s: shutdown", name);
	is_int(stream_shutdown(r.ws), OK, "%s: shutdown again", name);
	is_int(r.lower.shutdowns, 1, "%s: goes down", name);
	rig_check_out(&r, reply, name);
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
	check_close("close with a reason of UTF-8", "\x03\xe8 \xc3\xbc\0", 6,
	    "c1000", STREAM_EOF);
	check_close("a reason that is not UTF-8", "\x03\xe8\xff", 3, "c1007",
	    STREAM_ERROR);
	check_close("a reason that is cut", "\x03\xe8\xe2\x82", 4, "c1007",
	    STREAM_ERROR);
	check_close("a surrogate", "\x03\xe8\xed\xa0\x80", 5, "c1007",
	    STREAM_ERROR);
	check_close("a bad code with a bad reason", "\x03\xe7\xff", 3, "c1002",
	    STREAM_ERROR);
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
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "late", 4);
	wsk_add_frame(&in, WSK_CLOSE, "\x03\xe9", 2);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	is_int(wsk_write(r.ws, (const uint8_t *)"last", 4), 4, "last words");
	ws_stream_set_close_code(r.ws, WS_CLOSE_GOING_AWAY);
	is_int(stream_shutdown(r.ws), OK, "shutdown");
	rig_check_out(&r, "d4 c1001", "shutdown");
	is_int(r.lower.shutdowns, 0, "what is beneath stays open for theirs");
	script_arrive(&r.lower, 10);
	rig_check_got(&r, "late", 4, "reading goes on");
	script_arrive(&r.lower, 10);
	is_int(r.owner.end, STREAM_EOF, "until their close frame");
	rig_check_out(&r, "d4 c1001", "one close frame is enough");
	rig_fini(&r);

	/* Closed without shutdown. */
	rig_init(&r, (struct kit_bytes){ NULL, 0 }, 0);
	ws_stream_set_close_code(r.ws, WS_CLOSE_POLICY);
	stream_close(r.ws);
	stream_close(r.ws);
	rig_check_out(&r, "c1008", "close sends a close frame");
	rig_fini(&r);

	/* In the middle of a frame that the owner will not finish. */
	rig_init(&r, (struct kit_bytes){ NULL, 0 }, 0);
	r.lower.take = 4;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 2, "half a frame");
	r.lower.take = 100;
	is_int(stream_shutdown(r.ws), OK, "shutdown within it");
	is_int(r.lower.shutdowns, 1, "ends what is beneath");
	is_mem(r.lower.out.data, r.lower.out.len, "\x82\x05he", 4,
	    "and adds nothing to the frame");
	rig_fini(&r);

	/* When nothing is taken. */
	rig_init(&r, (struct kit_bytes){ NULL, 0 }, 0);
	r.lower.take = 1;
	is_int(stream_shutdown(r.ws), OK, "shutdown while full");
	script_drain(&r.lower, 1);
	script_drain(&r.lower, 100);
	rig_check_out(&r, "c1000", "the close frame goes out in the end");
	is_int(r.owner.writable, 0, "WRITABLE was not promised to the owner");
	rig_fini(&r);
}

/* Data, then a violation. */
static void
check_violation(const char *name, unsigned first, bool masked,
    const char *reply, enum reason reason)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "good", 4);
	if (masked)
		wsk_add_frame(&in, first, "bad", 3);
	else
		wsk_add_server_frame(&in, first, "bad", 3);
	wsk_add_frame(&in, WSK_BINARY, "lost", 4);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 100000);
	script_turn(r.loop);
	rig_check_got(&r, "good", 4, name);
	is_int(r.owner.end, STREAM_ERROR, "%s: an error", name);
	is_int(stream_error(r.ws), ERR_PROTOCOL, "%s: of protocol", name);
	is_int(ws_stream_reason(r.ws), reason, "%s: reason", name);
	rig_check_out(&r, reply, name);
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
	struct kit_bytes in = { NULL, 0 };
	struct kit_bytes random = kit_random_bytes(400000);
	uint8_t data[1000];
	struct rig r;
	size_t i;

	wsk_add_frame(&in, WSK_FIN | 1, "text", 4);
	kit_add(&in, random.data, random.len);
	kit_free(&random);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 10);
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

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_FIN | 1, "text", 4);
	rig_init(&r, in, 0);
	r.lower.eof = true;
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 100);
	is_int(stream_read(r.ws, data, sizeof(data)), STREAM_EOF,
	    "or until they leave");
	rig_fini(&r);
}

static void
test_ends_beneath(void)
{
	struct kit_bytes in = { NULL, 0 };
	uint8_t data[10];
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	in.len -= 2;
	rig_init(&r, in, 0);
	r.lower.eof = true;
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 100);
	rig_check_got(&r, "hel", 3, "cut off");
	is_int(r.owner.end, STREAM_EOF, "cut off: EOF");
	is_int(r.lower.wanted, 0, "and no more reading beneath");
	is_int(stream_read(r.ws, data, 10), STREAM_EOF, "EOF stays");
	is_int(wsk_write(r.ws, (const uint8_t *)"still", 5), 5,
	    "writing goes on");
	is_int(stream_shutdown(r.ws), OK, "shutdown");
	is_int(r.lower.shutdowns, 1, "goes down");
	rig_check_out(&r, "d5 c1000", "cut off");
	rig_fini(&r);

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	script_break(&r.lower);
	script_arrive(&r.lower, 1);
	is_int(r.owner.end, STREAM_ERROR, "broken: error");
	is_int(stream_error(r.ws), ERR_RESET, "broken: which");
	is_int(ws_stream_reason(r.ws), REASON_NONE, "broken: not by frames");
	is_int(wsk_write(r.ws, (const uint8_t *)"x", 1), STREAM_ERROR,
	    "broken: no writing");
	rig_fini(&r);

	/* Broken while a write waits. */
	rig_init(&r, (struct kit_bytes){ NULL, 0 }, 0);
	r.lower.take = 1;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 0,
	    "a write waits");
	script_break(&r.lower);
	script_drain(&r.lower, 1);
	is_int(r.owner.writable, 1, "the owner is woken");
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), STREAM_ERROR,
	    "to find the error");
	rig_fini(&r);

	/* A write finds it broken while there is no reader. */
	rig_init(&r, (struct kit_bytes){ NULL, 0 }, 0);
	stream_want_read(r.ws, true);
	stream_want_read(r.ws, false);
	script_break(&r.lower);
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), STREAM_ERROR,
	    "a write finds the error");
	stream_want_read(r.ws, false);
	script_turn(r.loop);
	is_int(r.owner.end, 1, "which is not told while reading is paused");
	stream_want_read(r.ws, true);
	script_turn(r.loop);
	is_int(r.owner.end, STREAM_ERROR, "but once it is wanted again");
	rig_fini(&r);
}

static void
test_back_pressure(void)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	wsk_add_frame(&in, WSK_CLOSE, "", 0);
	rig_init(&r, in, in.len);
	script_turn(r.loop);
	is_int(r.owner.readable, 0, "a new stream tells nothing unasked");
	stream_want_read(r.ws, true);
	stream_want_read(r.ws, false);
	script_turn(r.loop);
	is_int(r.owner.readable, 0, "nor one that was stopped");
	r.owner.deaf = true;
	stream_want_read(r.ws, true);
	script_turn(r.loop);
	script_turn(r.loop);
	ok(r.owner.readable >= 2, "READABLE is repeated until it is heard");
	r.owner.deaf = false;
	r.owner.piece = 11; /* the first frame */
	r.owner.once = true;
	script_turn(r.loop);
	rig_check_got(&r, "hello", 5, "then");
	is_int(r.owner.end, 1, "the end has to wait");
	stream_want_read(r.ws, false);
	script_turn(r.loop);
	is_int(r.owner.end, 1, "till reading is wanted again");
	stream_want_read(r.ws, true);
	script_turn(r.loop);
	is_int(r.owner.end, STREAM_EOF, "and is told then");
	r.owner.readable = 0;
	stream_want_read(r.ws, true);
	script_turn(r.loop);
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
	struct kit_bytes in = { NULL, 0 };
	struct rig r;
	int told = 0;

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	rig_init(&r, in, 0);
	stream_set_owner(r.ws, close_it, &told);
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 100);
	is_int(told, 1, "closed inside READABLE");
	rig_fini(&r);

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	rig_init(&r, in, in.len);
	stream_set_owner(r.ws, close_it, &told);
	stream_want_read(r.ws, true);
	script_turn(r.loop);
	is_int(told, 2, "closed inside a READABLE of its own");
	rig_fini(&r);

	rig_init(&r, (struct kit_bytes){ NULL, 0 }, 0);
	stream_set_owner(r.ws, close_it, &told);
	r.lower.take = 0;
	(void)wsk_write(r.ws, (const uint8_t *)"x", 1);
	script_drain(&r.lower, 100);
	is_int(told, 3, "closed inside WRITABLE");
	rig_fini(&r);
}

int
main(void)
{
	test_their_close();
	test_our_close();
	test_violations();
	test_dropping();
	test_ends_beneath();
	test_back_pressure();
	test_close_inside();
	return done_testing();
}
