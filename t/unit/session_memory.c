/* SPDX-License-Identifier: ISC */
/*
 * Memory runs out at every allocation of a session behind TLS, from the first
 * byte of its CONNECT to the broker's CONNACK: it ends with a reason or goes
 * on, nothing reaches the broker that should not, and nothing is leaked.
 */
#include <stdlib.h>

#include "alloc_kit.h"
#include "identity/decide.h"
#include "identity_kit.h"
#include "mqtt/connect_read.h"
#include "net_kit.h"
#include "relay/relay.h"
#include "script_stream.h"
#include "tap.h"

static const uint8_t connect_v5[] = "\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00"
				    "\x00\x00\x30\x05\x00\x01tXY";
static const uint8_t connack_v5[] = "\x20\x03\x00\x00\x00\x30\x05\x00\x01tXY";

struct session {
	struct loop *loop;
	struct identity_rules *rules;
	const struct cert *cert;
	struct script client;
	struct script broker;
	struct relay relay;
	bool relaying;
	bool ended;
	enum reason reason;
};

static const struct mqtt_policy policy = {
	.max_connect_size = 4096,
	.versions = MQTT_VERSIONS_ALL,
};

static void
answered(void *arg, uint8_t code)
{
	(void)arg;
	(void)code;
}

static void
violated(void *arg, enum reason reason)
{
	struct session *s = arg;
	struct relay_closing_packets nothing = { { NULL, 0 }, { NULL, 0 } };

	relay_dismiss(&s->relay, reason, &nothing);
}

static void
ended(void *arg, enum reason reason)
{
	struct session *s = arg;

	s->ended = true;
	s->reason = reason;
}

static const struct relay_owner owner = { answered, violated, ended };

static void
begin_relay(struct session *s, const struct mqtt_connect_result *g,
    const struct identity_decision *v, const struct buf *connect)
{
	struct relay_options o = { .chunk = 4096, .version = 5 };
	struct slice all = buf_slice(&g->bytes);

	o.connect = buf_slice(connect);
	o.after_connect =
	    slice_make(all.data + g->connect_len, all.len - g->connect_len);
	o.assigned = v->client_id;
	o.owner = &owner;
	o.arg = s;
	s->relaying = relay_start(&s->relay, s->loop, &s->client.stream,
			  &s->broker.stream, &o) == OK;
	if (!s->relaying)
		s->reason = REASON_ACCEPT_RESOURCE;
}

static void
connect_read_done(void *arg, enum reason reason, struct mqtt_connect_result *g)
{
	struct session *s = arg;
	struct identity_input in = { .cert = s->cert };
	struct identity_decision v;
	struct buf connect;

	s->reason = reason;
	if (reason != REASON_NONE)
		return;
	in.connect = &g->connect;
	in.peer = slice_str("192.0.2.1");
	buf_init(&connect, 0);
	s->reason = identity_decide(s->rules, &in, NULL, &v);
	if (s->reason == REASON_NONE &&
	    mqtt_connect_write(&connect, &g->connect, &v.edit) != OK)
		s->reason = REASON_ACCEPT_RESOURCE;
	if (s->reason == REASON_NONE)
		begin_relay(s, g, &v, &connect);
	identity_decision_fini(&v);
	buf_fini(&connect);
}

/* Feeds both sides; failures begin at the n'th allocation; 0: none. */
static void
run(struct session *s, unsigned n)
{
	struct mqtt_connect_read *connect_read = NULL;

	script_add(&s->client, connect_v5, sizeof(connect_v5) - 1);
	script_add(&s->broker, connack_v5, sizeof(connack_v5) - 1);
	alloc_kit_fail(n);
	if (mqtt_connect_read_start(&connect_read, s->loop, &s->client.stream,
		&policy, connect_read_done, s) != OK)
		s->reason = REASON_ACCEPT_RESOURCE;
	else
		script_readable(&s->client);
	if (s->relaying)
		script_readable(&s->broker);
	alloc_kit_fail(0);
	if (s->relaying && !s->ended)
		relay_stop(&s->relay);
}

/* One life; returns true if it went as if there were memory enough. */
static bool
live(struct loop *loop, struct identity_rules *rules, const struct cert *cert,
    unsigned n)
{
	struct session s = { .loop = loop, .rules = rules, .cert = cert };
	size_t before = alloc_kit_live();
	bool good;

	script_init(&s.client);
	script_init(&s.broker);
	run(&s, n);
	good = s.relaying && s.reason == REASON_NONE && !s.ended &&
	    s.client.out.len > sizeof(connack_v5);
	if (!s.relaying)
		is_int((long long)s.broker.out.len, 0,
		    "failure %u: the broker gets nothing", n);
	script_fini(&s.client);
	script_fini(&s.broker);
	net_kit_turns(loop); /* what is freed at the end of a turn */
	is_int(alloc_kit_live(), before, "failure %u: nothing is leaked", n);
	return good;
}

int
main(void)
{
	struct identity_rules_spec spec = {
		.name = "",
		.username = "${cn}",
		.clientid = "${cn}",
		.assigned_clientid = true,
		.user_properties = true,
	};
	struct loop *loop = loop_new();
	struct identity_rules *rules;
	struct identity_kit kit;
	unsigned n;

	identity_kit_init(&kit, "CN utf8 'device-001'");
	if (!ok(loop != NULL &&
		    identity_rules_new(&rules, &spec, NULL, NULL) == OK,
		"set up"))
		return done_testing();
	ok(live(loop, rules, &kit.cert, 0), "with memory all is well");
	for (n = 1; n < 100 && !live(loop, rules, &kit.cert, n); n++)
		;
	ok(n > 3 && n < 100, "%u allocations, each has failed", n - 1);
	identity_rules_put(rules);
	identity_kit_fini(&kit);
	loop_free(loop);
	return done_testing();
}
