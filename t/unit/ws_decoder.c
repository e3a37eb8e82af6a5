/* SPDX-License-Identifier: ISC */
/*
 * The incoming half: sequences of frames, however they are cut.
 */
#include "ws/decoder.h"

#include <stdlib.h>

#include "tap.h"
#include "ws_kit.h"

/* What came out of a decoder. */
struct found {
	struct kit_bytes data;
	char events[200]; /* "p3 c2": control frames and their lengths */
	size_t control_len; /* of the frame that is coming */
	enum ws_decoder_state state;
};

static void
on_control(void *arg, enum ws_opcode opcode, struct slice piece, size_t rest)
{
	struct found *f = arg;
	size_t at = strlen(f->events);

	f->control_len += piece.len;
	if (rest > 0)
		return;
	snprintf(f->events + at, sizeof(f->events) - at, "%s%c%zu",
	    at == 0 ? "" : " ",
	    opcode == WS_OPCODE_PING       ? 'p'
		: opcode == WS_OPCODE_PONG ? 'q'
					   : 'c',
	    f->control_len);
	f->control_len = 0;
}

/* Feeds `in' by `step' bytes, each from an allocation of its own. */
static void
decode(struct found *f, const struct kit_bytes *in, size_t step)
{
	struct ws_sink sink = { on_control, f };
	struct ws_decoder d;
	size_t at, n, got;
	uint8_t *piece;

	memset(f, 0, sizeof(*f));
	ws_decoder_init(&d);
	for (at = 0; at < in->len; at += n) {
		n = in->len - at < step ? in->len - at : step;
		piece = malloc(n);
		memcpy(piece, in->data + at, n);
		got = ws_decoder_run(&d, piece, n, &sink);
		kit_add(&f->data, piece, got);
		free(piece);
	}
	f->state = (enum ws_decoder_state)d.state;
}

static void
check(const char *name, struct kit_bytes in, enum ws_decoder_state state,
    const char *data, size_t len, const char *events)
{
	struct found whole, cut;
	bool same = true;
	size_t step;

	decode(&whole, &in, in.len);
	is_int(whole.state, state, "%s: state", name);
	is_mem(whole.data.data, whole.data.len, data, len, "%s: data", name);
	is_str(whole.events, events, "%s: control frames", name);
	for (step = 1; step < in.len && step < 300; step++) {
		decode(&cut, &in, step);
		same = same && cut.state == state && cut.data.len == len &&
		    memcmp(cut.data.data == NULL ? (void *)"" : cut.data.data,
			data, len) == 0 &&
		    strcmp(cut.events, events) == 0;
		kit_free(&cut.data);
	}
	ok(same, "%s: the same however it is cut", name);
	kit_free(&whole.data);
	kit_free(&in);
}

static void
good_sequences(void)
{
	struct kit_bytes in = { NULL, 0 };

	wsk_add_frame(&in, WSK_BINARY, "hello", 5);
	wsk_add_frame(&in, WSK_BINARY, "", 0);
	wsk_add_frame(&in, WSK_BINARY, " world", 6);
	check("binary frames", in, WS_DECODER_OPEN, "hello world", 11, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, 2, "a", 1);
	wsk_add_frame(&in, WSK_PING, "abc", 3);
	wsk_add_frame(&in, 0, "", 0);
	wsk_add_frame(&in, 0, "bc", 2);
	wsk_add_frame(&in, WSK_PONG, "", 0);
	wsk_add_frame(&in, WSK_PING, "", 0);
	wsk_add_frame(&in, WSK_FIN, "d", 1);
	wsk_add_frame(&in, WSK_BINARY, "e", 1);
	check("control frames among fragments", in, WS_DECODER_OPEN, "abcde", 5,
	    "p3 q0 p0");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, 2, "", 0);
	wsk_add_frame(&in, WSK_FIN, "", 0);
	check("an empty message in fragments", in, WS_DECODER_OPEN, "", 0, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_BINARY, "x", 1);
	wsk_add_frame(&in, WSK_CLOSE,
	    "\x03\xe8"
	    "bye",
	    5);
	wsk_add_frame(&in, WSK_BINARY, "y", 1);
	check("nothing behind a close frame", in, WS_DECODER_CLOSED, "x", 1,
	    "c5");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, 2, "x", 1);
	wsk_add_frame(&in, WSK_CLOSE, "", 0);
	check("a close frame within a message", in, WS_DECODER_CLOSED, "x", 1,
	    "c0");
}

static void
bad_sequences(void)
{
	struct kit_bytes in = { NULL, 0 };

	wsk_add_frame(&in, WSK_BINARY, "x", 1);
	wsk_add_frame(&in, WSK_FIN | 1, "text", 4);
	wsk_add_frame(&in, WSK_BINARY, "y", 1);
	check("text", in, WS_DECODER_TEXT, "x", 1, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, 1, "text", 4);
	check("text in fragments", in, WS_DECODER_TEXT, "", 0, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_FIN, "x", 1);
	check("a continuation of nothing", in, WS_DECODER_BROKEN, "", 0, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_BINARY, "x", 1);
	wsk_add_frame(&in, 0, "y", 1);
	check("a continuation of a whole message", in, WS_DECODER_BROKEN, "x",
	    1, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, 2, "x", 1);
	wsk_add_frame(&in, WSK_BINARY, "y", 1);
	check("a message within a message", in, WS_DECODER_BROKEN, "x", 1, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_BINARY, "x", 1);
	wsk_add_server_frame(&in, WSK_BINARY, "yy", 2);
	check("unmasked", in, WS_DECODER_BROKEN, "x", 1, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, 0xc2, "x", 1);
	check("a reserved bit", in, WS_DECODER_BROKEN, "", 0, "");

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, 9, "x", 1);
	check("a ping in fragments", in, WS_DECODER_BROKEN, "", 0, "");
}

/* A frame said to be of 2^62 bytes: they pass as they come. */
static void
check_huge(void)
{
	static const uint8_t head[] = { 0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0 };
	struct kit_bytes random = kit_random_bytes(1000);
	struct kit_bytes in = { NULL, 0 };

	kit_add(&in, head, sizeof(head));
	kit_add(&in, random.data, random.len);
	check("2^62 bytes", in, WS_DECODER_OPEN, (char *)random.data,
	    random.len, "");
	kit_free(&random);
}

int
main(void)
{
	good_sequences();
	bad_sequences();
	check_huge();
	return done_testing();
}
