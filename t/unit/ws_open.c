/* SPDX-License-Identifier: ISC */
/*
 * The ws stage over a stream beneath that the test plays.
 */
#include "ws/open.h"

#include "alloc_kit.h"
#include "tap.h"
#include "ws_kit.h"

#define GOOD \
	"GET /mqtt HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\n" \
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
	"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
#define GOOD_ANSWER \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" \
	"Connection: Upgrade\r\n" \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" \
	"Sec-WebSocket-Protocol: mqtt\r\n\r\n"

static const struct ws_policy policy = { .path = "/mqtt" };

struct rig {
	struct loop *loop;
	struct script lower;
	struct ws_open *open; /* NULL once done */
	struct stream *ws; /* what done gave */
	struct wsk_owner owner;
	enum reason reason;
	const char *detail;
	int done;
};

static void
done(void *arg, enum reason reason, struct stream *ws, const char *detail)
{
	struct rig *r = arg;

	r->done++;
	r->reason = reason;
	r->detail = detail;
	r->open = NULL;
	r->ws = ws;
	if (ws != NULL) {
		wsk_owner_init(&r->owner, ws);
		stream_want_read(ws, true);
	}
}

static enum err
rig_init(struct rig *r, struct kit_bytes in)
{
	enum err err;

	memset(r, 0, sizeof(*r));
	r->loop = loop_new();
	wsk_lower_init(&r->lower, in);
	err = ws_open_start(&r->open, r->loop, &r->lower.stream, &policy, done,
	    r);
	is_int(r->done, 0, "done is not called from inside start");
	return err;
}

static void
rig_fini(struct rig *r)
{
	ws_open_cancel(r->open);
	stream_close(r->ws);
	script_turn(r->loop);
	loop_free(r->loop);
	wsk_owner_fini(&r->owner);
	script_fini(&r->lower);
}

/* A good request with frames right behind, arriving by `step'. */
static void
check_good(size_t step)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	kit_add_str(&in, GOOD);
	wsk_add_frame(&in, WSK_BINARY, "CONNECT", 7);
	wsk_add_frame(&in, WSK_BINARY, "SUBSCRIBE", 9);
	is_int(rig_init(&r, in), OK, "start");
	while (r.lower.arrived < r.lower.in.len)
		script_arrive(&r.lower, step);
	script_turn(r.loop);
	is_int(r.done, 1, "by %zu: done once", step);
	is_int(r.reason, REASON_NONE, "by %zu: let in", step);
	ok(r.ws != NULL, "by %zu: a WebSocket", step);
	is_mem(r.lower.out.data, r.lower.out.len, GOOD_ANSWER,
	    strlen(GOOD_ANSWER), "by %zu: 101", step);
	is_mem(r.owner.got.data, r.owner.got.len, "CONNECTSUBSCRIBE", 16,
	    "by %zu: what came behind the request is there", step);
	rig_fini(&r);
	is_int(r.lower.closes, 1, "by %zu: what is beneath is closed", step);
}

/* A long run of frames behind the request, more than the stage reads. */
static void
check_much_behind(void)
{
	struct kit_bytes random = kit_random_bytes(100000);
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	kit_add_str(&in, GOOD);
	wsk_add_frame(&in, WSK_BINARY, random.data, random.len);
	is_int(rig_init(&r, in), OK, "start");
	script_arrive(&r.lower, in.len);
	script_turn(r.loop);
	script_tell(&r.lower, 100);
	is_mem(r.owner.got.data, r.owner.got.len, random.data, random.len,
	    "100 kB right behind the request");
	kit_free(&random);
	rig_fini(&r);
}

/* The answer is taken by `window' bytes at a time. */
static void
check_slow_answer(const char *request, size_t window, enum reason reason)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;
	int i;

	kit_add_str(&in, request);
	wsk_add_frame(&in, WSK_BINARY, "x", 1);
	is_int(rig_init(&r, in), OK, "start");
	r.lower.take = 0;
	script_arrive(&r.lower, in.len);
	is_int(r.done, 0, "not done before the answer is out");
	is_int(r.lower.wanted, 0, "and nothing is read meanwhile");
	for (i = 0; i < 1000 && r.done == 0; i++)
		script_drain(&r.lower, window);
	is_int(r.done, 1, "done when it is");
	is_int(r.reason, reason, "its reason");
	ok(memcmp(r.lower.out.data, "HTTP/1.1 ", 9) == 0, "its answer");
	rig_fini(&r);
}

static void
check_refused(const char *request, enum reason reason, const char *status)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	kit_add_str(&in, request);
	is_int(rig_init(&r, in), OK, "start");
	script_arrive(&r.lower, in.len);
	is_int(r.done, 1, "%s: done", status);
	is_int(r.reason, reason, "%s: reason", status);
	ok(r.ws == NULL, "%s: no WebSocket", status);
	ok(r.detail != NULL, "%s: detail '%s'", status, r.detail);
	ok(memcmp(r.lower.out.data, status, strlen(status)) == 0, "%s: answer",
	    status);
	is_int(r.lower.closes, 0, "%s: the caller has the stream back", status);
	is_int(r.lower.wanted, 0, "%s: and it is silent", status);
	rig_fini(&r);
}

static void
check_endless(void)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	in = kit_random_bytes(9000);
	memset(in.data, 'x', in.len);
	is_int(rig_init(&r, in), OK, "start");
	while (r.done == 0 && r.lower.arrived < in.len)
		script_arrive(&r.lower, 11);
	is_int(r.reason, REASON_WS_TOO_LARGE, "an endless line");
	ok(r.lower.taken <= WS_UPGRADE_MAX + 11, "no more is read");
	rig_fini(&r);
}

static void
check_leaving(void)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	kit_add_str(&in, "GET /mq");
	is_int(rig_init(&r, in), OK, "start");
	script_arrive(&r.lower, in.len);
	is_int(r.done, 0, "half a request");
	r.lower.eof = true;
	script_arrive(&r.lower, 0);
	is_int(r.reason, REASON_WS_CLOSED, "they left");
	ok(r.detail == NULL, "no detail");
	is_int((long long)r.lower.out.len, 0, "no answer");
	rig_fini(&r);

	in = (struct kit_bytes){ NULL, 0 };
	kit_add_str(&in, GOOD);
	is_int(rig_init(&r, in), OK, "start");
	r.lower.take = 10;
	script_arrive(&r.lower, in.len);
	script_break(&r.lower);
	script_drain(&r.lower, 10);
	is_int(r.reason, REASON_WS_CLOSED, "it broke during the answer");
	rig_fini(&r);
}

static void
check_cancel(void)
{
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	kit_add_str(&in, GOOD);
	is_int(rig_init(&r, in), OK, "start");
	script_arrive(&r.lower, 20);
	ws_open_cancel(r.open);
	ws_open_cancel(r.open);
	r.open = NULL;
	is_int(r.lower.wanted, 0, "cancelled: silent");
	script_arrive(&r.lower, 1000);
	is_int(r.done, 0, "cancelled: not done");
	is_int(r.lower.closes, 0, "cancelled: the stream is the caller's");
	rig_fini(&r);
	ws_open_cancel(NULL);
}

/* Allocation `n' fails from the request's arrival on. */
static void
check_memory(unsigned n, size_t first, enum reason reason)
{
	size_t before = alloc_kit_live();
	struct kit_bytes in = { NULL, 0 };
	struct rig r;

	kit_add_str(&in, GOOD "xx");
	is_int(rig_init(&r, in), OK, "start");
	alloc_kit_fail(n);
	script_arrive(&r.lower, first);
	script_arrive(&r.lower, 1000);
	alloc_kit_fail(0);
	is_int(r.done, 1, "allocation %u fails: done", n);
	is_int(r.reason, reason, "allocation %u fails: reason", n);
	rig_fini(&r);
	is_int((long long)alloc_kit_live(), (long long)before, "nothing leaks");
}

int
main(void)
{
	struct ws_open *open = NULL;
	size_t step;

	for (step = 1; step <= 12; step++)
		check_good(step);
	check_good(100);
	check_good(100000);
	check_much_behind();
	check_slow_answer(GOOD, 1, REASON_NONE);
	check_slow_answer(GOOD, 50, REASON_NONE);
	check_slow_answer("HELO x\r\n", 1, REASON_WS_MALFORMED);
	check_refused("\x10\x0e", REASON_WS_MALFORMED, "HTTP/1.1 400 ");
	check_refused("GET /x HTTP/1.1\r\nHost: b\r\n\r\n", REASON_WS_PATH,
	    "HTTP/1.1 404 ");
	check_refused("GET / HTTP/1.1\r\nHost: b\r\n\r\n", REASON_WS_UPGRADE,
	    "HTTP/1.1 200 ");
	check_refused("GET /mqtt HTTP/1.1\r\nHost: b\r\n\r\n",
	    REASON_WS_UPGRADE, "HTTP/1.1 426 ");
	check_refused("PUT /mqtt HTTP/1.1\r\nHost: b\r\n\r\n", REASON_WS_METHOD,
	    "HTTP/1.1 405 ");
	check_endless();
	check_leaving();
	check_cancel();
	for (step = 1; step <= 4; step++)
		check_memory((unsigned)step, 1000, REASON_ACCEPT_RESOURCE);
	check_memory(5, 1000, REASON_NONE);
	check_memory(1, 10, REASON_ACCEPT_RESOURCE);
	alloc_kit_fail(1);
	is_int(ws_open_start(&open, NULL, NULL, &policy, done, NULL),
	    ERR_NO_MEMORY, "start without memory");
	alloc_kit_fail(0);
	return done_testing();
}
