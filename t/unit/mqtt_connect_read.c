/* SPDX-License-Identifier: ISC */
/*
 * The mqtt stage over a stream that gives what the test wants, and once over
 * a real socket: one result, at the right byte, with all bytes in order.
 */
#include "mqtt/connect_read.h"

#include <sys/socket.h>
#include <unistd.h>

#include "alloc_kit.h"
#include "io/stream_fd.h"
#include "mqtt_kit.h"
#include "net_kit.h"
#include "script_stream.h"
#include "tap.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_SIZE 256

static const struct mqtt_policy open_policy = {
	.max_connect_size = MAX_SIZE,
	.versions = MQTT_VERSIONS_ALL,
	.bridge = MQTT_BRIDGE_KEEP,
};

/* One greeting, and what came of it. */
struct bench {
	struct loop *loop;
	struct script script;
	struct mqtt_connect_read *greet;
	unsigned calls;
	enum reason reason;
	struct mqtt_connect_result result;
	bool closes; /* the callback closes the stream */
};

static void
done(void *arg, enum reason reason, struct mqtt_connect_result *result)
{
	struct bench *b = arg;

	b->calls++;
	b->greet = NULL;
	b->reason = reason;
	b->result = *result;
	buf_init(&result->bytes, 0);
	if (b->closes)
		stream_close(&b->script.stream);
}

static void
setup(struct bench *b, struct loop *loop, const struct mqtt_policy *policy)
{
	memset(b, 0, sizeof(*b));
	b->loop = loop;
	script_init(&b->script);
	if (mqtt_connect_read_start(&b->greet, loop, &b->script.stream, policy,
		done, b) != OK)
		diag("greet does not start");
}

static void
teardown(struct bench *b)
{
	mqtt_connect_read_cancel(b->greet);
	buf_fini(&b->result.bytes);
	script_fini(&b->script);
}

/* Judged once, paused, and without an owner for events. */
static bool
is_over(struct bench *b, enum reason reason)
{
	stream_emit(&b->script.stream, STREAM_READABLE);
	stream_emit(&b->script.stream, STREAM_WRITABLE);
	if (b->calls == 1 && b->reason == reason && b->greet == NULL &&
	    !b->script.wanted)
		return true;
	diag("%u calls, reason %s, wanted %d", b->calls, reason_name(b->reason),
	    b->script.wanted);
	return false;
}

#define V31 "0006'MQIsdp'03"
#define V311 "0004'MQTT'04"
#define V5 "0004'MQTT'05"

static const struct row {
	const char *name;
	enum reason reason;
	unsigned level;
	size_t len; /* of the CONNECT */
	const char *hex;
} rows[] = {
	{ "3.1.1", REASON_NONE, 4, 16, "10 0e" V311 "02 003c 0002'id'" },
	{ "3.1", REASON_NONE, 3, 18, "10 10" V31 "02 003c 0002'id'" },
	{ "v5", REASON_NONE, 5, 17, "10 0f" V5 "02 003c 00 0002'id'" },
	{ "with packets behind it", REASON_NONE, 4, 16,
	    "10 0e" V311 "02 003c 0002'id' 82 06 0001 0001'#' 00 c000" },
	{ "a bridge", REASON_NONE, 4, 16,
	    "10 0e 0004'MQTT'84 02 003c 0002'id'" },
	{ "3.1.1, empty ClientID, clean", REASON_NONE, 4, 14,
	    "10 0c" V311 "02 003c 0000" },
	{ "v5, empty ClientID, not clean", REASON_NONE, 5, 15,
	    "10 0d" V5 "00 003c 00 0000" },
	{ "3.1.1, empty ClientID, not clean", REASON_MQTT_CLIENTID, 4, 14,
	    "10 0c" V311 "00 003c 0000" },
	{ "3.1, empty ClientID, not clean", REASON_MQTT_CLIENTID, 3, 16,
	    "10 0e" V31 "00 003c 0000" },
	{ "HTTP", REASON_MQTT_NOT_CONNECT, 0, 0, "'G'" },
	{ "a reserved flag", REASON_MQTT_MALFORMED, 4, 0,
	    "10 0e" V311 "03 003c 0002'id'" },
	{ "a property twice", REASON_MQTT_PROTOCOL, 5, 0,
	    "10 13" V5 "02 003c 04 1700 1700 0002'id'" },
	{ "level 9", REASON_MQTT_VERSION, 5, 0,
	    "10 0e 0004'MQTT'09 02 003c 0002'id'" },
	{ "too large: v5", REASON_MQTT_TOO_LARGE, 5, 0,
	    "10 fe01 0004'MQTT'05" },
	{ "too large: 3.1", REASON_MQTT_TOO_LARGE, 3, 0,
	    "10 ffffff7f 0006'MQIsdp'03" },
	{ "too large, and another protocol", REASON_MQTT_TOO_LARGE, 0, 0,
	    "10 ffffff7f 0006'XXXXXX'"
	    "03" },
};

static bool
has_bytes(const struct bench *b, const struct row *row, struct slice in)
{
	const struct mqtt_connect_result *r = &b->result;

	if (row->reason != REASON_NONE)
		return r->why != NULL && r->level == row->level;
	return r->why == NULL && r->level == row->level &&
	    r->connect_len == row->len && r->connect.raw.len == row->len &&
	    r->connect.raw.data == buf_data(&r->bytes) &&
	    slice_equal(buf_slice(&r->bytes), in);
}

static void
check_rows(struct loop *loop)
{
	struct kit_bytes b;
	struct bench bench;
	size_t i, pos;

	for (i = 0; i < LEN(rows); i++) {
		b = kit_hex(rows[i].hex);
		setup(&bench, loop, &open_policy);
		script_feed(&bench.script, b.data, b.len);
		ok(is_over(&bench, rows[i].reason) &&
			has_bytes(&bench, &rows[i], kit_slice(&b)),
		    "%s, at once", rows[i].name);
		teardown(&bench);
		setup(&bench, loop, &open_policy);
		for (pos = 0; pos < b.len && bench.calls == 0; pos++)
			script_feed(&bench.script, b.data + pos, 1);
		b.len = pos; /* what it had when it knew */
		ok(is_over(&bench, rows[i].reason) &&
			has_bytes(&bench, &rows[i], kit_slice(&b)),
		    "%s, byte by byte", rows[i].name);
		teardown(&bench);
		kit_free(&b);
	}
}

/* 256 is let in, 257 is not, and that is known before it comes. */
static void
check_cap(struct loop *loop)
{
	struct mqtt_kit_connect k = { .level = 4, .clean = true };
	struct kit_bytes b;
	struct bench bench;

	k.client_id = kit_run('c', MAX_SIZE - 15);
	b = mqtt_kit_connect(&k);
	is_int((long long)b.len, MAX_SIZE, "a CONNECT of 256");
	setup(&bench, loop, &open_policy);
	script_feed(&bench.script, b.data, b.len - 1);
	is_int(bench.calls, 0, "is waited for");
	script_feed(&bench.script, b.data + b.len - 1, 1);
	ok(is_over(&bench, REASON_NONE), "and let in");
	teardown(&bench);
	kit_free(&b);
	k.client_id = kit_run('c', MAX_SIZE - 14);
	b = mqtt_kit_connect(&k);
	setup(&bench, loop, &open_policy);
	script_feed(&bench.script, b.data, 10);
	ok(is_over(&bench, REASON_MQTT_TOO_LARGE), "257: refused after 10");
	teardown(&bench);
	kit_free(&b);
}

/* Bytes behind the CONNECT are taken up to the cap; others stay where they
 * are, for the relay. */
static void
check_flood(struct loop *loop)
{
	struct kit_bytes b = kit_hex(rows[0].hex);
	size_t len = b.len;
	struct bench bench;

	kit_add(&b, kit_run('\xc0', 60000).data, 60000);
	setup(&bench, loop, &open_policy);
	script_feed(&bench.script, b.data, b.len);
	ok(is_over(&bench, REASON_NONE), "60,000 bytes behind it");
	is_int((long long)bench.result.connect_len, (long long)len,
	    "its length");
	is_int((long long)buf_len(&bench.result.bytes), MAX_SIZE,
	    "no more than the cap is held");
	is_int((long long)script_unread(&bench.script),
	    (long long)(b.len - MAX_SIZE), "the rest waits in the stream");
	teardown(&bench);
	kit_free(&b);
}

/* What is held grows with what has come, not with what was claimed. */
static void
check_claim(struct loop *loop)
{
	static const struct mqtt_policy large = {
		.max_connect_size = 1 << 20,
		.versions = MQTT_VERSIONS_ALL,
	};
	struct kit_bytes b = kit_hex("10 f0ff3f" V311 "02 003c");
	struct bench bench;
	size_t before;

	net_kit_turns(loop); /* frees what the tests before have left */
	setup(&bench, loop, &large);
	script_add(&bench.script, b.data, b.len);
	before = alloc_kit_live();
	script_readable(&bench.script);
	is_int(bench.calls, 0, "a megabyte claimed: waits");
	ok(alloc_kit_live() - before <= 1, "and holds one buffer");
	mqtt_connect_read_cancel(bench.greet);
	bench.greet = NULL;
	net_kit_turns(loop);
	is_int((long long)(before - alloc_kit_live()), 1,
	    "a cancel frees it, and itself in the same turn");
	teardown(&bench);
	kit_free(&b);
}

static void
check_end(struct loop *loop, const char *name, size_t sent,
    enum stream_event event, bool broken)
{
	struct kit_bytes b = kit_hex(rows[0].hex);
	struct bench bench;

	setup(&bench, loop, &open_policy);
	script_feed(&bench.script, b.data, sent);
	bench.script.eof = !broken;
	bench.script.broken = broken;
	bench.script.stream.error = broken ? ERR_RESET : OK;
	stream_emit(&bench.script.stream, event);
	ok(is_over(&bench, REASON_MQTT_CLOSED), "%s", name);
	is_str(bench.result.why,
	    broken ? err_text(ERR_RESET) : "closed by the client", "%s: why",
	    name);
	teardown(&bench);
	kit_free(&b);
}

static void
check_ends(struct loop *loop)
{
	check_end(loop, "closed at once", 0, STREAM_READABLE, false);
	check_end(loop, "closed after a byte", 1, STREAM_READABLE, false);
	check_end(loop, "closed one byte short", 15, STREAM_READABLE, false);
	check_end(loop, "reset one byte short", 15, STREAM_READABLE, true);
	check_end(loop, "broken", 5, STREAM_BROKEN, true);
}

static void
check_policy(struct loop *loop)
{
	struct mqtt_policy policy = open_policy;
	struct kit_bytes b;
	struct bench bench;

	policy.versions = MQTT_VERSION_BIT(MQTT_LEVEL_5);
	b = kit_hex(rows[0].hex);
	setup(&bench, loop, &policy);
	script_feed(&bench.script, b.data, b.len);
	ok(is_over(&bench, REASON_MQTT_VERSION), "3.1.1 where only v5 may");
	is_int(bench.result.level, 4, "answered as 3.1.1");
	teardown(&bench);
	kit_free(&b);
	policy = open_policy;
	policy.bridge = MQTT_BRIDGE_REFUSE;
	b = kit_hex(rows[4].hex);
	setup(&bench, loop, &policy);
	script_feed(&bench.script, b.data, b.len);
	ok(is_over(&bench, REASON_MQTT_BRIDGE), "a bridge where none may");
	teardown(&bench);
	kit_free(&b);
	b = kit_hex(rows[0].hex);
	setup(&bench, loop, &policy);
	script_feed(&bench.script, b.data, b.len);
	ok(is_over(&bench, REASON_NONE), "a device where no bridge may");
	teardown(&bench);
	kit_free(&b);
}

static void
check_odd_events(struct loop *loop)
{
	struct kit_bytes b = kit_hex(rows[0].hex);
	struct bench bench;

	setup(&bench, loop, &open_policy);
	stream_emit(&bench.script.stream, STREAM_READABLE);
	stream_emit(&bench.script.stream, STREAM_WRITABLE);
	stream_emit(&bench.script.stream, STREAM_OPEN);
	is_int(bench.calls, 0, "events without bytes");
	bench.closes = true;
	script_feed(&bench.script, b.data, b.len);
	ok(is_over(&bench, REASON_NONE) && bench.script.closes == 1,
	    "closed from inside the callback");
	teardown(&bench);
	setup(&bench, loop, &open_policy);
	script_feed(&bench.script, b.data, 5);
	mqtt_connect_read_cancel(bench.greet);
	bench.greet = NULL;
	script_feed(&bench.script, b.data + 5, b.len - 5);
	stream_emit(&bench.script.stream, STREAM_READABLE);
	ok(bench.calls == 0 && !bench.script.wanted, "cancelled");
	mqtt_connect_read_cancel(NULL);
	teardown(&bench);
	kit_free(&b);
}

static void
check_no_memory(struct loop *loop)
{
	struct kit_bytes b = kit_hex(rows[0].hex);
	struct bench bench = { .loop = loop };

	script_init(&bench.script);
	alloc_kit_fail(1);
	is_int(mqtt_connect_read_start(&bench.greet, loop, &bench.script.stream,
		   &open_policy, done, &bench),
	    ERR_NO_MEMORY, "no memory to start");
	alloc_kit_fail(0);
	ok(bench.greet == NULL && bench.script.stream.cb == NULL,
	    "the stream is untouched");
	script_fini(&bench.script);
	setup(&bench, loop, &open_policy);
	script_add(&bench.script, b.data, b.len);
	alloc_kit_fail(1);
	script_readable(&bench.script);
	alloc_kit_fail(0);
	ok(is_over(&bench, REASON_ACCEPT_RESOURCE), "no memory for the bytes");
	teardown(&bench);
	kit_free(&b);
}

/* A budget bounds what is unfinished, but for the first bytes of each. */
static void
check_budget(struct loop *loop)
{
	static const uint8_t begin[] = { 0x10, 0xff, 0x7f, 0, 4, 'M', 'Q', 'T',
		'T', 4 };
	static const uint8_t zeros[1024];
	struct mqtt_policy policy = open_policy;
	struct mqtt_connect_budget budget = { 0, 2048 };
	struct bench bench;
	unsigned i;

	policy.max_connect_size = 65536;
	setup(&bench, loop, &policy);
	mqtt_connect_read_set_budget(bench.greet, &budget);
	script_add(&bench.script, begin, sizeof(begin));
	script_readable(&bench.script);
	for (i = 0; i < 5 && bench.calls == 0; i++) {
		script_add(&bench.script, zeros, sizeof(zeros));
		script_readable(&bench.script);
	}
	is_int(bench.calls, 0, "five KiB of a CONNECT fit the budget");
	is_int((long long)budget.used, 1024 + sizeof(begin),
	    "which counts all but the first four");
	budget.max = 1500;
	script_add(&bench.script, zeros, sizeof(zeros));
	script_readable(&bench.script);
	ok(is_over(&bench, REASON_ACCEPT_RESOURCE), "a sixth does not");
	is_int((long long)budget.used, 0, "all is given back");
	teardown(&bench);
}

static void
done_on_socket(void *arg, enum reason reason,
    struct mqtt_connect_result *result)
{
	struct bench *b = arg;

	done(arg, reason, result);
	loop_stop(b->loop);
}

static void
check_socket(struct loop *loop)
{
	struct kit_bytes b = kit_hex(rows[3].hex);
	struct bench bench = { .loop = loop };
	struct stream *s;
	int fds[2];
	size_t i;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1 ||
	    (s = stream_fd_new(loop, fds[0])) == NULL ||
	    mqtt_connect_read_start(&bench.greet, loop, s, &open_policy,
		done_on_socket, &bench) != OK)
		return;
	for (i = 0; i < 10; i++) {
		if (write(fds[1], b.data + i, 1) != 1)
			diag("a socket takes no byte");
		net_kit_turns(loop);
	}
	is_int(bench.calls, 0, "a socket: undecided after ten bytes");
	if (write(fds[1], b.data + i, b.len - i) == -1)
		diag("a socket takes no bytes");
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "a socket: decided");
	ok(bench.calls == 1 && bench.reason == REASON_NONE &&
		slice_equal(buf_slice(&bench.result.bytes), kit_slice(&b)),
	    "a socket: all bytes, in order");
	buf_fini(&bench.result.bytes);
	stream_close(s);
	net_kit_turns(loop);
	close(fds[1]);
	kit_free(&b);
}

int
main(void)
{
	struct loop *loop = loop_new();
	size_t live;

	if (!ok(loop != NULL, "a loop"))
		return done_testing();
	live = alloc_kit_live();
	check_rows(loop);
	check_cap(loop);
	check_flood(loop);
	check_claim(loop);
	check_ends(loop);
	check_policy(loop);
	check_odd_events(loop);
	check_no_memory(loop);
	check_budget(loop);
	check_socket(loop);
	is_int((long long)alloc_kit_live(), (long long)live, "all is freed");
	loop_free(loop);
	return done_testing();
}
