/* SPDX-License-Identifier: ISC */
/*
 * Probes against a broker of a few lines: what they send, what they make of
 * the answers, and what that does to the dials.
 */
#include "backend/health.h"

#include <stdlib.h>
#include <unistd.h>

#include "backend/dial.h"
#include "base/address.h"
#include "base/log.h"
#include "byte_kit.h"
#include "io/stream_fd.h"
#include "io/watch.h"
#include "net_kit.h"
#include "tap.h"

/* Takes connections, keeps what the last one sent, and gives `answer'. */
struct broker {
	struct loop *loop;
	struct watch watch;
	struct sockaddr_storage at;
	char address[ADDRESS_TEXT_MAX];
	struct stream *streams[200];
	int count;
	int ended; /* connections the other side closed */
	const char *answer; /* hex; NULL: none; "": close */
	uint8_t got[4096];
	size_t got_len;
};

static void
on_data(struct stream *s, enum stream_event event, void *arg)
{
	struct broker *b = arg;
	uint8_t out[STREAM_HEADROOM + 16];
	struct kit_bytes answer;
	ssize_t n;

	if (event != STREAM_READABLE)
		return;
	n = stream_read(s, b->got + b->got_len, sizeof(b->got) - b->got_len);
	if (n == STREAM_AGAIN)
		return;
	if (n <= 0) {
		b->ended++;
		stream_want_read(s, false);
		return;
	}
	b->got_len += (size_t)n;
	if (b->answer == NULL)
		return;
	answer = kit_hex(b->answer);
	if (answer.len == 0)
		stream_shutdown(s);
	else
		memcpy(out + STREAM_HEADROOM, answer.data, answer.len);
	if (answer.len > 0)
		(void)stream_write(s, out + STREAM_HEADROOM, answer.len);
	kit_free(&answer);
	b->answer = NULL; /* DISCONNECT gets none */
}

static void
on_client(enum watch_event event, void *arg)
{
	struct broker *b = arg;
	int fd = accept4(b->watch.fd, NULL, NULL, SOCK_NONBLOCK);

	(void)event;
	if (fd == -1 || b->count == 200)
		return;
	b->got_len = 0;
	b->streams[b->count] = stream_fd_new(b->loop, fd);
	stream_set_owner(b->streams[b->count], on_data, b);
	stream_want_read(b->streams[b->count++], true);
}

static void
broker_start(struct broker *b, struct loop *loop, const char *answer)
{
	memset(b, 0, sizeof(*b));
	b->loop = loop;
	b->answer = answer;
	watch_init(&b->watch, loop, net_kit_listen(&b->at, 50), on_client, b);
	watch_read(&b->watch, true);
	address_text_port(b->address, &b->at);
}

static void
broker_stop(struct broker *b)
{
	int i;

	for (i = 0; i < b->count; i++)
		stream_close(b->streams[i]);
	watch_fini(&b->watch);
	net_kit_turns(b->loop);
}

static struct backend_pool *
pool(struct loop *loop, const struct broker *b, const struct backend_options *o)
{
	const char *addresses[] = { b->address };
	struct backend_options all = *o;
	struct backend_pool *p;

	all.name = "test";
	all.addresses = addresses;
	all.address_count = 1;
	all.backoff_ms = 20;
	all.backoff_max_ms = 40;
	if (backend_pool_new(&p, loop, NULL, &all) != OK)
		abort();
	return p;
}

static void
keep_status(const struct backend_status *s, void *arg)
{
	struct backend_status *out = arg;

	*out = *s;
}

/* Runs the loop until the endpoint is in that state; false after long. */
static bool
await_state(struct loop *loop, struct backend_pool *p, enum backend_state state)
{
	struct backend_status s;
	int i;

	for (i = 0; i < 400; i++) {
		backend_pool_each(p, keep_status, &s);
		if (s.state == state)
			return true;
		(void)net_kit_run(loop, 5);
	}
	return false;
}

/* Runs the loop until that many connections were made and ended. */
static bool
await_ends(struct loop *loop, struct broker *b, int ended)
{
	int i;

	for (i = 0; i < 400 && b->ended < ended; i++)
		(void)net_kit_run(loop, 5);
	return b->ended >= ended;
}

static void
is_sent(struct broker *b, const char *want, const char *name)
{
	struct kit_bytes w = kit_hex(want);

	is_mem(b->got, b->got_len, w.data, w.len, "%s", name);
	kit_free(&w);
}

static void
test_mqtt(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.probe = CONFIG_PROBE_MQTT,
		.probe_interval_ms = 30,
		.probe_client_id = "probe-1",
		.probe_username = "user",
		.probe_password = "pass" };
	struct broker b;
	struct backend_pool *p;

	broker_start(&b, loop, "20020000");
	p = pool(loop, &b, &o);
	ok(await_ends(loop, &b, 1), "a probe comes, and goes");
	is_sent(&b,
	    "101f 0004'MQTT'04 c2 003c 0007'probe-1' 0004'user' 0004'pass' "
	    "e000",
	    "a CONNECT, and a DISCONNECT after the answer");
	ok(backend_pool_up(p), "the broker is up");
	b.answer = "20020000";
	ok(await_ends(loop, &b, 2), "so it goes on");
	backend_pool_put(p);
	broker_stop(&b);
}

static void
test_long_texts(struct loop *loop)
{
	static char id[BACKEND_PROBE_TEXT_MAX + 2];
	const char *addresses[] = { "127.0.0.1:1" };
	struct backend_options o = { .hold = true,
		.probe = CONFIG_PROBE_MQTT,
		.probe_interval_ms = 10000 };
	struct broker b;
	struct backend_pool *p;

	memset(id, 'x', BACKEND_PROBE_TEXT_MAX);
	o.probe_client_id = id;
	o.probe_username = id;
	o.probe_password = id;
	broker_start(&b, loop, "20020000");
	p = pool(loop, &b, &o);
	ok(await_ends(loop, &b, 1), "the longest probe");
	is_int((long long)b.got_len, 3 + 10 + 3 * 1026 + 2, "is sent whole");
	ok(b.got[0] == 0x10 && b.got[1] == (0x80 | (3088 & 127)) &&
		b.got[2] == 3088 >> 7,
	    "and says its length");
	backend_pool_put(p);
	broker_stop(&b);
	id[BACKEND_PROBE_TEXT_MAX] = 'x';
	o.name = "test";
	o.addresses = addresses;
	o.address_count = 1;
	is_int(backend_pool_new(&p, loop, NULL, &o), ERR_CONFIG,
	    "one byte more is refused");
	net_kit_turns(loop);
}

static const struct probe_result {
	const char *name;
	const char *answer; /* hex */
	enum backend_state state;
	const char *error;
} probe_results[] = {
	{ "accepted", "20020000", BACKEND_UP, "" },
	{ "refused as unknown", "20020005", BACKEND_UP, "" },
	{ "unavailable", "20020003", BACKEND_DOWN,
	    "the broker says it is unavailable" },
	{ "HTTP", "'HTTP'", BACKEND_DOWN,
	    "the answer to a probe is not a CONNACK" },
	{ "closed", "", BACKEND_DOWN, "closed without a CONNACK" },
	{ "silent", NULL, BACKEND_DOWN, "no CONNACK in time" },
};

static void
test_probe_result(struct loop *loop, const struct probe_result *v)
{
	struct backend_options o = { .hold = true,
		.probe = CONFIG_PROBE_MQTT,
		.probe_interval_ms = 10000,
		.probe_timeout_ms = 60,
		.probe_client_id = "p" };
	struct backend_status s;
	struct broker b;
	struct backend_pool *p;

	broker_start(&b, loop, v->answer);
	p = pool(loop, &b, &o);
	ok(await_ends(loop, &b, 1), "%s: probed", v->name);
	backend_pool_each(p, keep_status, &s);
	is_int(s.state, v->state, "%s: its state", v->name);
	is_str(s.error, v->error, "%s: the reason", v->name);
	backend_pool_put(p);
	broker_stop(&b);
}

/* Down and up again by probes alone. */
static void
test_recovery(struct loop *loop, enum config_probe probe)
{
	struct backend_options o = { .hold = true,
		.probe = probe,
		.probe_interval_ms = 20,
		.probe_timeout_ms = 500,
		.probe_client_id = "p" };
	struct broker b;
	struct backend_pool *p;
	int port_holder;

	broker_start(&b, loop, "20020000");
	p = pool(loop, &b, &o);
	ok(await_ends(loop, &b, 1), "probed once");
	broker_stop(&b);
	ok(await_state(loop, p, BACKEND_DOWN), "the broker goes: down");
	ok(!backend_pool_up(p), "the pool, too");
	port_holder = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(port_holder, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 },
	    sizeof(int));
	if (bind(port_holder, (struct sockaddr *)&b.at, address_len(&b.at)) ==
		-1 ||
	    listen(port_holder, 50) == -1)
		abort();
	watch_init(&b.watch, loop, port_holder, on_client, &b);
	watch_read(&b.watch, true);
	b.count = 0;
	b.answer = "20020000";
	ok(await_state(loop, p, BACKEND_UP), "it is back: up");
	backend_pool_put(p);
	broker_stop(&b);
}

struct call {
	struct loop *loop;
	enum reason reason;
};

static void
on_dialled(void *arg, enum reason reason, struct stream *broker,
    const char *text)
{
	struct call *c = arg;

	(void)text;
	c->reason = reason;
	stream_close(broker);
	loop_stop(c->loop);
}

/* The port is open but the broker behind it does not answer: no device is
 * sent there. */
static void
test_dials(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.probe = CONFIG_PROBE_MQTT,
		.probe_interval_ms = 20,
		.probe_timeout_ms = 20,
		.probe_client_id = "p",
		.timeout_ms = 150 };
	struct backend_dial_request r = { { NULL, 0 }, { NULL, 0 } };
	struct call c = { .loop = loop };
	struct backend_dial *d;
	struct broker b;
	struct backend_pool *p;

	broker_start(&b, loop, NULL);
	p = pool(loop, &b, &o);
	ok(await_state(loop, p, BACKEND_DOWN), "open, but not answering");
	if (backend_dial_start(&d, p, &r, on_dialled, &c) != OK)
		abort();
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "a dial");
	is_int(c.reason, REASON_BACKEND_UNREACHABLE, "is not let through");
	b.answer = "20020000";
	if (backend_dial_start(&d, p, &r, on_dialled, &c) != OK)
		abort();
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "it answers");
	is_int(c.reason, REASON_NONE, "now it is");
	backend_pool_put(p);
	broker_stop(&b);
}

static void
test_proxy(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.probe = CONFIG_PROBE_MQTT,
		.probe_interval_ms = 10000,
		.probe_client_id = "p",
		.probe_proxy = CONFIG_PROXY_PROTOCOL_V1 };
	struct broker b;
	struct backend_pool *p;

	broker_start(&b, loop, "20020000");
	p = pool(loop, &b, &o);
	ok(await_ends(loop, &b, 1), "with a PROXY header");
	ok(b.got_len > 30 &&
		memcmp(b.got, "PROXY TCP4 127.0.0.1 127.0.0.1 ", 31) == 0,
	    "it comes first");
	ok(memchr(b.got, 0x10, b.got_len) != NULL, "then the CONNECT");
	backend_pool_put(p);
	broker_stop(&b);
}

/* The pool goes in the middle of a probe. */
static void
test_cut_off(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.probe = CONFIG_PROBE_MQTT,
		.probe_client_id = "p" };
	struct broker b;
	struct backend_pool *p;
	int i;

	broker_start(&b, loop, NULL);
	p = pool(loop, &b, &o);
	for (i = 0; i < 400 && b.got_len == 0; i++)
		(void)net_kit_run(loop, 5);
	backend_pool_put(p);
	ok(await_ends(loop, &b, 1), "a probe is cut off with its pool");
	broker_stop(&b);
}

int
main(void)
{
	struct loop *loop = loop_new();
	size_t i;

	log_set_level(LOG_LEVEL_ERROR);
	test_mqtt(loop);
	test_long_texts(loop);
	for (i = 0; i < sizeof(probe_results) / sizeof(probe_results[0]); i++)
		test_probe_result(loop, &probe_results[i]);
	test_recovery(loop, CONFIG_PROBE_TCP);
	test_recovery(loop, CONFIG_PROBE_MQTT);
	test_dials(loop);
	test_proxy(loop);
	test_cut_off(loop);
	loop_free(loop);
	return done_testing();
}
