/* SPDX-License-Identifier: ISC */
/*
 * The WebSocket stream over a stream beneath that the test plays: reading,
 * writing, pings, memory. How it ends is in ws_stream_end.c.
 */
#include "ws/stream_ws.h"

#include <stdlib.h>

#include "alloc_kit.h"
#include "tap.h"
#include "ws_rig.h"

/* A bit of everything that is allowed; `*plain' is the data in it. */
static struct kit_bytes
a_bit_of_all(struct kit_bytes *plain)
{
	static const size_t sizes[] = { 1, 0, 2, 125, 126, 127, 1000, 0, 3 };
	struct kit_bytes in = { NULL, 0 };
	struct kit_bytes random;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		random = kit_random_bytes(sizes[i]);
		wsk_add_frame(&in,
		    i % 3 == 0       ? 2
			: i % 3 == 1 ? 0
				     : WSK_FIN,
		    random.data, random.len);
		kit_add(plain, random.data, random.len);
		if (i % 4 == 1)
			wsk_add_frame(&in, WSK_PING, "ping", i % 5);
		if (i % 4 == 2)
			wsk_add_frame(&in, WSK_PONG, "unasked", 7);
		kit_free(&random);
	}
	return in;
}

/* The same comes out whatever arrives at a time, is read at a time, and came
 * behind the request. */
static bool
read_cut(size_t arrive, size_t piece, bool once, size_t behind)
{
	struct kit_bytes plain = { NULL, 0 };
	struct kit_bytes in = a_bit_of_all(&plain);
	struct rig r;
	bool good;
	int turns;

	rig_init(&r, in, behind < in.len ? behind : in.len);
	r.owner.piece = piece;
	r.owner.once = once;
	stream_want_read(r.ws, true);
	for (turns = 0; turns < 400 && behind > 0 && piece > 0; turns++)
		script_turn(r.loop);
	if (behind > 0)
		script_turn(r.loop);
	while (r.lower.arrived < r.lower.in.len)
		script_arrive(&r.lower, arrive);
	good = r.owner.got.len == plain.len && r.owner.end == 1 &&
	    memcmp(r.owner.got.data, plain.data, plain.len) == 0;
	kit_free(&plain);
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
	struct kit_bytes in = { NULL, 0 };
	uint8_t data[15000];
	struct rig r;
	int i;

	wsk_add_frame(&in, WSK_BINARY, "0123456789", 10);
	wsk_add_frame(&in, WSK_BINARY, "abcdefghij", 10);
	rig_init(&r, in, 0);
	r.owner.deaf = true;
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 0);
	r.lower.arrived = r.lower.in.len;
	is_int(stream_read(r.ws, data, 16), 10, "not a read for a few bytes");
	is_int(stream_read(r.ws, data, 16), 10, "the next frame");
	is_int(stream_read(r.ws, data, 16), STREAM_AGAIN, "then nothing");
	is_int((long long)r.lower.reads, 3, "as many reads beneath");
	rig_fini(&r);

	in = (struct kit_bytes){ NULL, 0 };
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
write_all(struct rig *r, const struct kit_bytes *data, size_t step,
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
			script_drain(&r->lower, window);
	}
}

static bool
write_cut(size_t total, size_t step, size_t window)
{
	struct kit_bytes data = kit_random_bytes(total);
	struct kit_bytes out = { NULL, 0 };
	struct kit_bytes in = { NULL, 0 };
	char events[EVENTS_MAX];
	struct rig r;
	bool good;

	rig_init(&r, in, 0);
	r.lower.take = window;
	write_all(&r, &data, step, window);
	r.lower.take = SIZE_MAX;
	good = stream_shutdown(r.ws) == OK &&
	    wsk_split(&r.lower.out, &out, events, sizeof(events)) &&
	    out.len == data.len && memcmp(out.data, data.data, data.len) == 0;
	kit_free(&out);
	kit_free(&data);
	rig_fini(&r);
	return good;
}

static void
test_writing(void)
{
	static const size_t steps[] = { 1, 2, 125, 126, 1000, 5000 };
	struct kit_bytes in = { NULL, 0 };
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
	r.lower.take = 0;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 0, "write: none");
	r.lower.take = 1;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 0,
	    "write: half a header counts nothing");
	script_drain(&r.lower, 3);
	is_int(r.owner.writable, 1, "WRITABLE as promised");
	is_int(wsk_write(r.ws, (const uint8_t *)"helloworld", 10), 2,
	    "write: the open frame goes on");
	script_drain(&r.lower, 100);
	is_int(wsk_write(r.ws, (const uint8_t *)"lloworld", 8), 8,
	    "write: its end, and a frame for the rest");
	rig_check_out(&r, "d5 d5 d5", "write");
	script_drain(&r.lower, 100);
	is_int(r.owner.writable, 2, "no WRITABLE without a promise");
	rig_fini(&r);
}

static void
test_pings(void)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;
	size_t live;
	int i;

	wsk_add_frame(&in, 2, "a", 1);
	wsk_add_frame(&in, WSK_PING, "hello", 5);
	wsk_add_frame(&in, WSK_FIN, "b", 1);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 100000);
	rig_check_got(&r, "ab", 2, "ping among fragments");
	is_mem(r.lower.out.data, r.lower.out.len, "\x8a\x05hello", 7,
	    "pong: with the ping's payload");
	rig_fini(&r);

	in = (struct kit_bytes){ NULL, 0 };
	wsk_add_frame(&in, WSK_PING, "lost", 4);
	wsk_add_frame(&in, WSK_PING, "", 0);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	script_arrive(&r.lower, 100000);
	rig_check_out(&r, "q0", "the latest of two pings that came at once");
	is_int(r.owner.end, 1, "pings: no end");
	rig_fini(&r);

	/* While a frame is open and nothing is taken. */
	in = (struct kit_bytes){ NULL, 0 };
	for (i = 0; i < 1000; i++)
		wsk_add_frame(&in, WSK_PING, "0123456789", (size_t)i % 10);
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	r.lower.take = 4;
	is_int(wsk_write(r.ws, (const uint8_t *)"hello", 5), 2,
	    "an open frame");
	live = alloc_kit_live();
	for (i = 0; i < 1000; i++)
		script_arrive(&r.lower, 13);
	is_int((long long)(alloc_kit_live() - live), 1,
	    "a thousand pings: one small allocation");
	script_drain(&r.lower, 1);
	is_int(wsk_write(r.ws, (const uint8_t *)"llo", 3), 1, "it goes on");
	script_drain(&r.lower, 3);
	is_int(wsk_write(r.ws, (const uint8_t *)"lo", 2), 2, "and ends");
	script_drain(&r.lower, 1);
	script_drain(&r.lower, 1000);
	rig_check_out(&r, "d5 q9", "the latest of a thousand pings");
	rig_fini(&r);
}

/* Empty frames without end give nothing to read; the loop must go on. */
static void
test_starving(void)
{
	struct kit_bytes in = { NULL, 0 };
	struct kit_bytes block = { NULL, 0 };
	static uint8_t data[LOOP_SCRATCH_LEN];
	struct rig r;
	int i;

	wsk_add_frame(&in, 2, "", 0);
	for (i = 0; i < 1000; i++)
		wsk_add_frame(&block, 0, "", 0);
	for (i = 0; i < 30; i++)
		kit_add(&in, block.data, block.len);
	kit_free(&block);
	wsk_add_frame(&in, WSK_FIN, "end", 3);
	rig_init(&r, in, 0);
	r.lower.arrived = r.lower.in.len;
	is_int(stream_read(r.ws, data, sizeof(data)), STREAM_AGAIN,
	    "empty frames give nothing");
	ok(r.lower.taken < r.lower.in.len, "and not all are taken at once");
	stream_want_read(r.ws, true);
	script_tell(&r.lower, 100);
	rig_check_got(&r, "end", 3, "they do end");
	rig_fini(&r);
}

static void
test_megabyte(void)
{
	struct kit_bytes data = kit_random_bytes(1 << 20);
	struct kit_bytes in = { NULL, 0 };
	struct kit_bytes out = { NULL, 0 };
	char events[EVENTS_MAX];
	uint32_t seed = 1;
	size_t at, n;
	struct rig r;

	for (at = 0; at < data.len; at += n) {
		n = kit_random(&seed) % 70000;
		n = n < data.len - at ? n : data.len - at;
		wsk_add_frame(&in, at == 0 ? 2 : 0, data.data + at, n);
		wsk_add_frame(&in, WSK_PING, "?", 1);
	}
	rig_init(&r, in, 0);
	stream_want_read(r.ws, true);
	r.lower.take = 10000;
	for (at = 0; at < data.len; at += n) {
		n = kit_random(&seed) % 100000;
		n = n < data.len - at ? n : data.len - at;
		script_arrive(&r.lower, kit_random(&seed) % 100000);
		write_all(&r, &(struct kit_bytes){ data.data + at, n },
		    kit_random(&seed) % 70000 + 1, 30000);
	}
	while (r.lower.arrived < r.lower.in.len)
		script_arrive(&r.lower, 5000);
	r.lower.take = SIZE_MAX;
	rig_check_got(&r, data.data, data.len, "1 MiB in");
	is_int(stream_shutdown(r.ws), OK, "shutdown");
	ok(wsk_split(&r.lower.out, &out, events, sizeof(events)),
	    "1 MiB out: whole frames");
	is_mem(out.data, out.len, data.data, data.len, "1 MiB out: data");
	kit_free(&out);
	kit_free(&data);
	rig_fini(&r);
}

/* In the middle of a frame, of a header, of a ping; and after all that. */
static void
test_idle(void)
{
	struct kit_bytes in = { NULL, 0 };
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
	script_arrive(&r.lower, 8);
	before = alloc_kit_live();
	is_int((long long)r.owner.got.len, 2, "within a frame");
	script_arrive(&r.lower, 7);
	is_int((long long)(alloc_kit_live() - before), 0,
	    "within a header: nothing held");
	script_arrive(&r.lower, at_ping + 8 - r.lower.arrived);
	is_int((long long)(alloc_kit_live() - before), 1,
	    "within a ping: its payload is held");
	script_arrive(&r.lower, 100);
	rig_check_got(&r, "hellohellox", 11, "idle");
	is_int((long long)(alloc_kit_live() - before), 0,
	    "after it: nothing held");
	rig_fini(&r);
}

/* Each failed allocation ends in an error, and nothing leaks. */
static void
test_memory(void)
{
	size_t before = alloc_kit_live();
	struct stream *ws;
	struct script lower;
	struct loop *loop = loop_new();
	uint8_t data[STREAM_HEADROOM + 64];
	ssize_t n;
	unsigned i;

	for (i = 1; i <= 3; i++) {
		wsk_lower_init(&lower, (struct kit_bytes){ NULL, 0 });
		alloc_kit_fail(i);
		ws = ws_stream_new(loop, &lower.stream, slice_str("behind"));
		alloc_kit_fail(0);
		is_int(ws != NULL, i == 3, "new, allocation %u failing", i);
		stream_close(ws);
		is_int(lower.closes, ws != NULL, "lower is closed with it");
		script_fini(&lower);
	}
	for (i = 1; i <= 2; i++) {
		wsk_lower_init(&lower, (struct kit_bytes){ NULL, 0 });
		wsk_add_frame(&lower.in, WSK_BINARY, "x", 1);
		wsk_add_frame(&lower.in, WSK_PING, "x", 1);
		wsk_add_frame(&lower.in, WSK_CLOSE, "", 0);
		lower.arrived = lower.in.len;
		kit_add(&lower.out, "", 1);
		ws = ws_stream_new(loop, &lower.stream, slice_make(NULL, 0));
		alloc_kit_fail(i);
		n = stream_read(ws, data, 64);
		is_int(n, 1, "read, allocation %u failing: the payload", i);
		n = stream_read(ws, data, 64);
		alloc_kit_fail(0);
		is_int(n, i < 2 ? STREAM_ERROR : STREAM_EOF,
		    "allocation %u failing: then the end", i);
		stream_close(ws);
		script_fini(&lower);
	}
	wsk_lower_init(&lower, (struct kit_bytes){ NULL, 0 });
	kit_add(&lower.out, "", 1);
	ws = ws_stream_new(loop, &lower.stream, slice_make(NULL, 0));
	lower.take = 1;
	alloc_kit_fail(1);
	n = stream_write(ws, data + STREAM_HEADROOM, 1);
	is_int(n, STREAM_ERROR, "write, half a header and no memory");
	is_int(stream_error(ws), ERR_NO_MEMORY, "the error says so");
	alloc_kit_fail(0);
	stream_close(ws);
	script_fini(&lower);
	script_turn(loop);
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
	test_starving();
	test_megabyte();
	test_idle();
	test_memory();
	return done_testing();
}
