/* SPDX-License-Identifier: ISC */
/*
 * The relay between two scripted streams: nothing lost, nothing altered,
 * nothing let through that may not pass, and orderly ends.
 */
#include "relay/relay.h"
#include "relay/connack_wait.h"

#include <stdlib.h>

#include "base/clock.h"
#include "mqtt/disconnect.h"
#include "script_stream.h"
#include "tap.h"

static const uint8_t connect_v5[] = "\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00"
				    "\x00\x02"
				    "ab";
/* Flags, and a property, that MQTT 5 does not have. */
static const uint8_t connack_odd[] = { 0x20, 0x05, 0x02, 0, 0x02, 0x7e, 1 };
static const uint8_t connack_v5[] = "\x20\x03\x00\x00\x00";
static const uint8_t publish[] = "\x30\x05\x00\x01tXY";
static const uint8_t bye[] = "\xe0\x01\x98";

struct fixture {
	struct loop *loop;
	struct script client;
	struct script broker;
	struct relay relay;
	struct buf connect;
	struct buf behind;
	struct slice assigned;
	uint32_t maximum;
	int answered; /* -1: not */
	enum reason violated;
	int ended;
	enum reason reason;
};

static void
answered(void *arg, uint8_t code)
{
	struct fixture *f = arg;

	f->answered = code;
}

static void
violated(void *arg, enum reason reason)
{
	struct fixture *f = arg;
	struct relay_closing_packets w = { slice_make(bye, 3),
		slice_make(NULL, 0) };

	f->violated = reason;
	relay_dismiss(&f->relay, reason, &w);
}

static void
ended(void *arg, enum reason reason)
{
	struct fixture *f = arg;

	f->ended++;
	f->reason = reason;
	loop_stop(f->loop);
}

static const struct relay_owner owner = {
	.answered = answered,
	.violated = violated,
	.ended = ended,
};

static void
setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->loop = loop_new();
	f->answered = -1;
	f->maximum = 0;
	script_init(&f->client);
	script_init(&f->broker);
	buf_init(&f->connect, 0);
	buf_init(&f->behind, 0);
	if (f->loop == NULL ||
	    buf_append(&f->connect, connect_v5, sizeof(connect_v5) - 1) != OK)
		abort();
}

static void
start(struct fixture *f)
{
	struct relay_options o = { 0 };

	o.connect = buf_slice(&f->connect);
	o.after_connect = buf_slice(&f->behind);
	o.assigned = f->assigned;
	o.client_maximum_packet = f->maximum;
	o.chunk = 4096;
	o.version = 5;
	o.owner = &owner;
	o.arg = f;
	is_int(relay_start(&f->relay, f->loop, &f->client.stream,
		   &f->broker.stream, &o),
	    OK, "the relay starts");
}

static void
teardown(struct fixture *f)
{
	if (f->ended == 0)
		relay_stop(&f->relay);
	script_fini(&f->client);
	script_fini(&f->broker);
	buf_fini(&f->connect);
	buf_fini(&f->behind);
	loop_free(f->loop);
}

static void
is_out(const struct script *s, const void *want, size_t len, const char *name)
{
	struct slice got = kit_slice(&s->out);

	is_mem(got.data, got.len, want, len, "%s", name);
}

static void
forget(struct script *s)
{
	kit_free(&s->out);
}

/* Started, CONNACK passed, and what came so far forgotten. */
static void
setup_open(struct fixture *f)
{
	setup(f);
	start(f);
	script_feed(&f->broker, connack_v5, 5);
	forget(&f->client);
	forget(&f->broker);
}

static void
test_begin(void)
{
	struct fixture f;

	setup(&f);
	if (buf_append(&f.behind, publish, 7) != OK)
		abort();
	start(&f);
	ok(f.broker.out.len == sizeof(connect_v5) - 1 + 7,
	    "CONNECT and what came behind it are sent");
	script_feed(&f.broker, connack_v5, 2);
	is_int((long long)f.client.out.len, 0, "half a CONNACK waits");
	script_feed(&f.broker, connack_v5 + 2, 3);
	is_out(&f.client, connack_v5, 5, "the CONNACK goes on");
	is_int(f.answered, 0, "and the owner has heard it");
	forget(&f.client);
	script_feed(&f.broker, publish, 7);
	is_out(&f.client, publish, 7, "then all goes through");
	teardown(&f);
}

static void
test_assigned(void)
{
	static const uint8_t want[] = "\x20\x09\x00\x00\x06\x12\x00\x03"
				      "dev";
	struct fixture f;

	setup(&f);
	f.assigned = slice_str("dev");
	start(&f);
	script_feed(&f.broker, "\xf0\x00", 2);
	is_out(&f.client, "\xf0\x00", 2, "AUTH before the CONNACK passes");
	forget(&f.client);
	script_feed(&f.broker, connack_v5, 5);
	is_out(&f.client, want, sizeof(want) - 1, "the ClientID is told");
	teardown(&f);

	setup(&f);
	f.assigned = slice_str("dev");
	f.maximum = 10;
	start(&f);
	script_feed(&f.broker, connack_v5, 5);
	is_int(f.violated, REASON_IDENTITY_CLIENTID,
	    "a ClientID the client cannot be told ends the session");
	is_int(f.answered, -1, "the CONNACK was not passed on");
	teardown(&f);
}

static void
test_second_connect(void)
{
	struct fixture f;
	uint8_t both[sizeof(connect_v5) - 1 + 7];

	setup_open(&f);
	memcpy(both, publish, 7);
	memcpy(both + 7, connect_v5, sizeof(connect_v5) - 1);
	script_feed(&f.client, both, sizeof(both));
	is_out(&f.broker, publish, 7, "what came before it passes");
	is_int(f.violated, REASON_RELAY_SECOND_CONNECT, "a second CONNECT");
	is_out(&f.client, bye, 3, "the client is told");
	if (f.ended == 0)
		loop_run(f.loop);
	is_int(f.ended, 1, "the session ends");
	is_int(f.reason, REASON_RELAY_SECOND_CONNECT, "for that reason");
	teardown(&f);
}

static void
test_pressure(void)
{
	struct fixture f;
	uint8_t large[20003];
	size_t passed = 0;

	memset(large, 'x', sizeof(large));
	large[0] = 0x30; /* remaining length 20000 = a0 9c 01 */
	large[1] = 0xa0;
	large[2] = 0x9c;
	large[3] = 0x01;
	setup_open(&f);
	f.broker.take = 100;
	script_feed(&f.client, large, sizeof(large));
	ok(!f.client.wanted, "a sink that refuses pauses the source");
	ok(buf_len(&f.relay.up.pending) <= 4096, "and little waits");
	while (passed < 1000 && script_unread(&f.client) > 0) {
		script_drain(&f.broker, 777);
		script_readable(&f.client);
		passed++;
	}
	script_drain(&f.broker, SIZE_MAX);
	script_readable(&f.client);
	is_out(&f.broker, large, sizeof(large), "all arrives, in order");
	ok(f.relay.up.pending.mem == NULL, "and no buffer is left");
	teardown(&f);
}

static void
test_half_close(void)
{
	struct fixture f;

	setup_open(&f);
	f.broker.take = 3;
	f.client.eof = true;
	script_feed(&f.client, publish, 7);
	ok(f.broker.shutdowns == 0, "EOF waits for the bytes before it");
	script_drain(&f.broker, SIZE_MAX);
	script_readable(&f.client);
	is_out(&f.broker, publish, 7, "they arrive");
	ok(f.broker.shutdowns > 0, "then the broker is told");
	is_int(f.ended, 0, "the other way stays open");
	script_feed(&f.broker, publish, 7);
	is_out(&f.client, publish, 7, "and works");
	f.broker.eof = true;
	script_readable(&f.broker);
	is_int(f.ended, 1, "until it ends too");
	is_int(f.reason, REASON_RELAY_CLIENT_CLOSED, "the first is named");
	teardown(&f);
}

static void
test_broken(void)
{
	struct fixture f;
	int i;

	setup_open(&f);
	f.broker.refuse = true;
	f.broker.eof = true;
	script_feed(&f.client, publish, 7);
	is_int(f.ended, 0, "a broker that takes nothing may still speak");
	script_feed(&f.broker, publish, 7);
	is_out(&f.client, publish, 7, "its last words arrive");
	is_int(f.reason, REASON_RELAY_BROKER_ERROR, "and it is blamed");
	teardown(&f);

	setup_open(&f);
	f.client.broken = true;
	script_feed(&f.client, publish, 7);
	is_out(&f.broker, publish, 7, "a broken client's last words arrive");
	is_int(f.ended, 1, "and the session is over");
	is_int(f.reason, REASON_RELAY_CLIENT_ERROR, "blamed on it");
	teardown(&f);

	setup_open(&f);
	script_feed(&f.client, "\x00\x00", 2);
	is_int(f.violated, REASON_RELAY_MALFORMED, "type 0 is no packet");
	is_int((long long)f.broker.out.len, 0, "nothing of it passes");
	teardown(&f);

	setup(&f);
	start(&f);
	script_feed(&f.broker, "\x20\x01\x00", 3);
	is_int(f.violated, REASON_RELAY_MALFORMED, "a CONNACK of one byte");
	is_out(&f.client, bye, 3, "the client is told instead");
	teardown(&f);

	setup(&f);
	start(&f);
	for (i = 0; i < 1000 && f.violated == 0; i++)
		script_feed(&f.broker, "\xf0\x00", 2);
	is_int(f.violated, REASON_RELAY_MALFORMED, "AUTH without end");
	is_int(i, CONNACK_WAIT_PACKETS_MAX + 1, "... after so many");
	teardown(&f);

	setup(&f);
	start(&f);
	script_feed(&f.broker, connack_odd, sizeof(connack_odd));
	is_out(&f.client, connack_odd, sizeof(connack_odd),
	    "what else a broker says in it is for its client to judge");
	is_int(f.answered, 0, "and it accepts");
	teardown(&f);

	setup(&f);
	f.assigned = slice_str("d");
	start(&f);
	script_feed(&f.broker, connack_odd, sizeof(connack_odd));
	is_int(f.violated, REASON_RELAY_MALFORMED,
	    "but a ClientID cannot be put into it");
	teardown(&f);
}

static void
test_dismiss(void)
{
	static const uint8_t normal[] = { 0xe0, 0x00 };
	struct relay_closing_packets w = { slice_make(bye, 3),
		slice_make(normal, 2) };
	struct fixture f;
	uint64_t began;

	setup_open(&f);
	script_feed(&f.broker, publish, 4);
	script_feed(&f.client, publish, 3);
	relay_dismiss(&f.relay, REASON_RELAY_KICKED, &w);
	is_out(&f.client, publish, 4, "mid-packet nothing is put in");
	script_feed(&f.broker, publish + 4, 3);
	script_feed(&f.broker, publish, 7);
	is_mem(f.client.out.data + 7, f.client.out.len - 7, bye, 3,
	    "the DISCONNECT follows the packet, and nothing follows it");
	is_int(f.ended, 0, "the broker's side is mid-packet still");
	script_feed(&f.client, publish + 3, 4);
	is_mem(f.broker.out.data + 7, f.broker.out.len - 7, normal, 2,
	    "the broker hears it at the boundary");
	is_int(f.ended, 1, "then it is over");
	is_int(f.reason, REASON_RELAY_KICKED, "kicked");
	teardown(&f);

	setup_open(&f);
	script_feed(&f.broker, publish, 4);
	relay_dismiss(&f.relay, REASON_RELAY_KICKED, &w);
	if (f.ended == 0)
		loop_run(f.loop);
	is_int(f.ended, 1, "a boundary that never comes is not waited for");
	teardown(&f);

	setup_open(&f);
	script_feed(&f.client, publish, 3);
	relay_dismiss(&f.relay, REASON_RELAY_KICKED, &w);
	f.client.refuse = true;
	script_feed(&f.broker, publish, 7);
	began = clock_mono_ms();
	if (f.ended == 0)
		loop_run(f.loop);
	ok(clock_mono_ms() - began < 5000, "nor longer if the client breaks");
	is_int(f.reason, REASON_RELAY_KICKED, "who was kicked stays so");
	teardown(&f);
}

int
main(void)
{
	test_begin();
	test_assigned();
	test_second_connect();
	test_pressure();
	test_half_close();
	test_broken();
	test_dismiss();
	return done_testing();
}
