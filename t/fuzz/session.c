/* SPDX-License-Identifier: ISC */
/*
 * A whole session behind TLS: any client and any broker, in pieces and with
 * windows that the input chooses. The first byte chooses the profile; then
 * come steps, each a byte of what it is, a byte of length, and its bytes.
 *
 * What must hold: nothing reaches the broker before the client is admitted;
 * what it gets begins with a CONNECT that names the certificate and has no
 * password; behind it come the client's own bytes in order, with no second
 * CONNECT among them; and the client gets the broker's bytes in order.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/loop.h"
#include "identity/decide.h"
#include "mqtt/connect_read.h"
#include "mqtt/disconnect.h"
#include "relay/relay.h"
#include "unit/identity_kit.h"
#include "unit/script_stream.h"

#define CN "device-001"

enum progress {
	GREETING,
	RELAYING,
	OVER
};

struct session {
	struct loop *loop; /* borrowed */
	struct identity_rules *rules; /* owned */
	struct identity_kit cert;
	struct script client;
	struct script broker;
	struct buf sent_up; /* all the client ever sent */
	struct buf sent_down;
	struct mqtt_connect_read *greet; /* NULL once it is done */
	struct relay relay; /* only while RELAYING */
	size_t client_connect; /* bytes of the CONNECT, as it came */
	size_t broker_connect; /* and as it was written */
	bool dismissed; /* words of ours are behind the rest */
	bool assigns;
	uint8_t version;
	enum progress progress;
};

static const struct mqtt_policy policy = {
	.max_connect_size = 4096,
	.versions = MQTT_VERSIONS_ALL,
	.bridge = MQTT_BRIDGE_KEEP,
};

static void
answered(void *arg, uint8_t code)
{
	(void)arg;
	(void)code;
}

static void
dismiss(struct session *s)
{
	static const uint8_t bye[] = { 0xe0, 0x01, 0x98 };
	struct relay_closing_packets words = { slice_make(bye, 3),
		slice_make(NULL, 0) };

	s->dismissed = true;
	relay_dismiss(&s->relay, REASON_RELAY_KICKED, &words);
}

static void
violated(void *arg, enum reason reason)
{
	(void)reason;
	dismiss(arg);
}

static void
ended(void *arg, enum reason reason)
{
	struct session *s = arg;

	must(reason != REASON_NONE);
	s->progress = OVER;
}

static const struct relay_owner owner = { answered, violated, ended };

static void
relay(struct session *s, const struct mqtt_connect_result *g,
    const struct identity_decision *v, const struct buf *connect)
{
	struct relay_options o = { 0 };
	struct slice all = buf_slice(&g->bytes);

	o.connect = buf_slice(connect);
	o.after_connect =
	    slice_make(all.data + g->connect_len, all.len - g->connect_len);
	if (v->assign_client_id)
		o.assigned = v->client_id;
	o.client_maximum_packet = g->connect.maximum_packet_size;
	o.chunk = 4096;
	o.version = (uint8_t)g->level;
	s->version = o.version;
	s->assigns = v->assign_client_id;
	s->client_connect = g->connect_len;
	s->broker_connect = buf_len(connect);
	o.owner = &owner;
	o.arg = s;
	must(relay_start(&s->relay, s->loop, &s->client.stream,
		 &s->broker.stream, &o) == OK);
	s->progress = RELAYING;
}

static void
greeted(void *arg, enum reason reason, struct mqtt_connect_result *g)
{
	struct session *s = arg;
	struct identity_input in = { 0 };
	struct identity_decision v;
	struct buf connect;

	s->greet = NULL;
	s->progress = OVER;
	must(s->broker.out.len == 0);
	if (reason != REASON_NONE)
		return;
	in.cert = &s->cert.cert;
	in.connect = &g->connect;
	in.peer = slice_str("192.0.2.1");
	buf_init(&connect, 0);
	reason = identity_decide(s->rules, &in, NULL, &v);
	if (reason == REASON_NONE &&
	    mqtt_connect_write(&connect, &g->connect, &v.edit) == OK)
		relay(s, g, &v, &connect);
	identity_decision_fini(&v);
	buf_fini(&connect);
}

static void
setup(struct session *s, struct loop *loop, uint8_t choice)
{
	struct identity_rules_spec spec = {
		.name = "",
		.username = "${cn}",
		.clientid = choice & 3 ? "${cn}" : "none",
		.username_mode = CONFIG_MODE_OVERRIDE,
		.clientid_mode =
		    choice & 2 ? CONFIG_MODE_FILL : CONFIG_MODE_OVERRIDE,
		.assigned_clientid = (choice & 4) != 0,
		.user_properties = (choice & 8) != 0,
	};

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	must(identity_rules_new(&s->rules, &spec, NULL, NULL) == OK);
	identity_kit_init(&s->cert, "CN utf8 '" CN "'");
	script_init(&s->client);
	script_init(&s->broker);
	s->client.give = choice >> 4;
	buf_init(&s->sent_up, 0);
	buf_init(&s->sent_down, 0);
	must(mqtt_connect_read_start(&s->greet, loop, &s->client.stream,
		 &policy, greeted, s) == OK);
}

static void
feed(struct script *to, struct buf *all, struct slice bytes)
{
	if (to->eof || to->broken)
		return;
	must(bytes.len == 0 || buf_append(all, bytes.data, bytes.len) == OK);
	script_add(to, bytes.data, bytes.len);
}

/* One step; the low bit says whose side it is on. */
static void
step(struct session *s, uint8_t what, struct slice bytes)
{
	struct script *side = what & 1 ? &s->broker : &s->client;

	switch (what >> 1 & 7) {
	case 5:
		side->eof = true;
		break;
	case 6: /* the window: shut, or some bytes more */
		if (bytes.len == 0)
			side->take = 0;
		else if (s->progress == RELAYING)
			script_drain(side, bytes.data[0] * 16u);
		break;
	case 7:
		if ((what & 0x10) == 0)
			side->broken = true;
		else if (s->progress == RELAYING && !s->dismissed)
			dismiss(s);
		break;
	default:
		feed(side, what & 1 ? &s->sent_down : &s->sent_up, bytes);
	}
	if (s->progress == OVER)
		return;
	if (side == &s->client || s->progress == RELAYING)
		script_readable(side);
	script_turn(s->loop);
}

/* Behind the CONNECT no CONNECT, and nothing that is no packet. */
static void
check_packets(struct slice bytes)
{
	struct mqtt_cursor cursor;
	size_t at = 0;

	mqtt_cursor_init(&cursor);
	must(mqtt_cursor_walk(&cursor, bytes, &at, MQTT_CURSOR_AT(1)) ==
	    MQTT_CURSOR_END);
}

static bool
begins(struct slice whole, struct slice start)
{
	return start.len == 0 ||
	    (start.len <= whole.len &&
		memcmp(whole.data, start.data, start.len) == 0);
}

static void
check_up(struct session *s)
{
	struct slice got = kit_slice(&s->broker.out);
	struct slice sent = buf_slice(&s->sent_up);
	struct mqtt_connect c;
	const char *why;
	size_t used;

	if (s->client_connect == 0)
		must(got.len == 0);
	if (got.len == 0 || got.len < s->broker_connect)
		return;
	must(mqtt_connect_parse(&c, got, &used, &why) == PARSE_OK);
	must(used == s->broker_connect && !c.has_password);
	must(c.has_username && slice_equal(c.username, slice_str(CN)));
	got.data += used;
	got.len -= used;
	check_packets(got);
	sent.data += s->client_connect;
	sent.len -= s->client_connect;
	must(s->dismissed || begins(sent, got));
}

static void
check_down(struct session *s)
{
	struct slice got = kit_slice(&s->client.out);

	/* A CONNACK may have got a ClientID, and the dismissed hear more. */
	if (s->dismissed || s->assigns)
		return;
	must(begins(buf_slice(&s->sent_down), got));
}

static void
finish(struct session *s)
{
	mqtt_connect_read_cancel(s->greet);
	if (s->progress == RELAYING)
		relay_stop(&s->relay);
	script_turn(s->loop);
	check_up(s);
	check_down(s);
	script_fini(&s->client);
	script_fini(&s->broker);
	buf_fini(&s->sent_up);
	buf_fini(&s->sent_down);
	identity_kit_fini(&s->cert);
	identity_rules_put(s->rules);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loop *loop = fuzz_loop();
	struct session s;
	size_t at = 1;
	size_t len;

	if (size == 0)
		return 0;
	setup(&s, loop, data[0]);
	while (size - at >= 2 && s.progress != OVER) {
		len = data[at + 1];
		if (len > size - at - 2)
			len = size - at - 2;
		step(&s, data[at], slice_make(data + at + 2, len));
		at += 2 + len;
	}
	finish(&s);
	return 0;
}
