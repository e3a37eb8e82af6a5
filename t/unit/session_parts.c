/* SPDX-License-Identifier: ISC */
/*
 * The parts of a session that need no connection: the table of stages, the
 * sessions by certificate and by ClientID, the packets that end a session, and
 * what a reload changes for live sessions.
 */
#include <stdlib.h>

#include "../lib/denylist.h"
#include "alloc_kit.h"
#include "base/address.h"
#include "domain/reason.h"
#include "mqtt/disconnect.h"
#include "runtime/worker.h"
#include "session/client_check.h"
#include "session/client_ids.h"
#include "session/closing.h"
#include "session/stages.h"
#include "session/sweep.h"
#include "tap.h"

static void
test_stages(void)
{
	const struct stage_def *def;
	const char *name;
	unsigned i;

	for (i = 0; i < STAGE_COUNT; i++) {
		def = stage_def((enum stage)i);
		name = stage_name((enum stage)i);
		ok(def->start != NULL, "%s: starts", name);
		ok((def->from == 0) == (i == STAGE_ACCEPT),
		    "%s: only the first has no predecessor", name);
		ok(def->from >> i == 0, "%s: comes after earlier ones", name);
		ok((def->deadline == STAGE_NO_DEADLINE) ==
			(def->timeout == REASON_NONE),
		    "%s: a deadline has a reason", name);
		if (def->timeout != REASON_NONE)
			ok(strncmp(reason_name(def->timeout), name,
			       strlen(name)) == 0,
			    "%s: which has its name", name);
	}
	ok((stage_def(STAGE_MQTT)->from & 1U << STAGE_TLS) != 0 &&
		(stage_def(STAGE_MQTT)->from & 1U << STAGE_WS) != 0,
	    "mqtt comes after tls or ws");
}

static void
test_walk(void)
{
	struct session_manager m = { .workers = 2, .next_id = 11 };
	struct session s[6];
	struct session_walk w, other;
	unsigned i;

	memset(s, 0, sizeof(s));
	list_init(&m.sessions);
	list_init(&m.walks);
	session_walk_start(&m, &w);
	ok(session_walk_next(&m, &w) == NULL, "a walk over no sessions");
	for (i = 0; i < 6; i++)
		s[i].id = 1 + 2 * i; /* the last one is new */
	for (i = 0; i < 5; i++)
		list_append(&m.sessions, &s[i].node);
	session_walk_start(&m, &w);
	session_walk_start(&m, &other);
	ok(session_walk_next(&m, &w) == &s[0], "the oldest comes first");
	session_walk_skip(&m, &s[1]);
	list_remove(&s[1].node);
	session_walk_skip(&m, &s[2]);
	list_remove(&s[2].node);
	ok(session_walk_next(&m, &w) == &s[3], "those that ended are left out");
	session_walk_skip(&m, &s[3]);
	list_remove(&s[3].node);
	list_append(&m.sessions, &s[5].node);
	ok(session_walk_next(&m, &w) == &s[4], "the present one may end");
	ok(session_walk_next(&m, &w) == NULL, "newer ones are left out");
	ok(session_walk_next(&m, &other) == &s[0] &&
		session_walk_next(&m, &other) == &s[4],
	    "another walk goes on");
	session_walk_stop(&other);
	session_walk_stop(&other);
	ok(list_empty(&m.walks), "no walk is under way");
}

/* A member as a session of `m' from `address' has it. */
static void
make_member(struct cert_sessions_member *member, struct session_manager *m,
    const char *address)
{
	struct sockaddr_storage peer;

	memset(member, 0, sizeof(*member));
	if (address_parse(&peer, address) != OK)
		abort();
	session_address_store(&member->peer, &peer);
	member->manager = m;
}

static void
test_cert_sessions(void)
{
	struct cert_sessions_limit refuse = { 2, CERT_SESSIONS_REFUSE };
	struct cert_sessions_limit kick = { 2, CERT_SESSIONS_KICK_OLDEST };
	struct cert_sessions_limit one = { 1, CERT_SESSIONS_KICK_OLDEST };
	static const uint8_t sha256[32] = { 1 }, other[32] = { 1, [31] = 1 };
	struct session_manager *m = calloc(1, sizeof(*m));
	struct cert_sessions *c = cert_sessions_new();
	struct cert_sessions_member a[4];
	struct cert_sessions_result r;
	int i;

	if (m == NULL || c == NULL)
		abort();
	atomic_store(&m->dismiss_posted, true); /* there is no loop to wake */
	for (i = 0; i < 4; i++)
		make_member(&a[i], m,
		    i < 3 ? "192.0.2.1:1000" : "192.0.2.2:1000");
	is_int(cert_sessions_add(c, &a[0], sha256, &refuse, &r), OK, "first");
	ok(!r.full && !r.clone, "there is room");
	is_int(cert_sessions_add(c, &a[1], sha256, &refuse, &r), OK, "second");
	ok(!r.full && !r.clone, "the same host is no clone");
	is_int(cert_sessions_add(c, &a[3], sha256, &refuse, &r), OK, "third");
	ok(r.full && r.clone, "one too many, and from another host");
	is_int(cert_sessions_add(c, &a[3], other, &refuse, &r), OK, "another");
	ok(!r.full && !r.clone, "another certificate with the same beginning");
	cert_sessions_remove(&a[3]);
	is_int(cert_sessions_add(c, &a[2], sha256, &kick, &r), OK, "kick");
	ok(!r.full && atomic_load(&a[0].replaced) &&
		!atomic_load(&a[1].replaced),
	    "the oldest is replaced");
	is_int(cert_sessions_add(c, &a[3], sha256, &one, &r), OK, "fewer");
	ok(atomic_load(&a[1].replaced) && atomic_load(&a[2].replaced),
	    "a lower limit replaces several");
	for (i = 0; i < 4; i++)
		cert_sessions_remove(&a[i]);
	cert_sessions_remove(&a[0]);
	is_int(cert_sessions_add(c, &a[0], sha256, &one, &r), OK, "again");
	ok(!r.clone, "no session is left");
	cert_sessions_remove(&a[0]);
	cert_sessions_free(c);
	free(m);
}

static void
test_client_ids(void)
{
	struct client_ids *c = client_ids_new();
	struct slice id = slice_str("device");
	uint64_t key = client_ids_key(c, "", id);
	struct client_ids_member first = { 0 };
	struct client_ids_member second = { 0 };

	ok(key != client_ids_key(c, "other", id),
	    "a ClientID counts for each [backend]");
	is_int(client_ids_take(c, &first, key, 1), 0, "no session had it");
	is_int(client_ids_take(c, &second, key, 2), 1,
	    "the second takes it over");
	is_int(client_ids_release(c, &first), 2, "which the first learns");
	is_int(client_ids_release(c, &first), 0, "a second release is nothing");
	is_int(client_ids_release(c, &second), 0, "the second still has it");
	is_int(client_ids_take(c, &first, key, (uint64_t)1 << 32), 0,
	    "and has released it");
	is_int(client_ids_take(c, &second, key, 3), 1,
	    "an id of 0 modulo 2^32 is not taken for no session");
	is_int(client_ids_release(c, &second), 0, "the last one releases it");
	is_int(client_ids_release(c, &first), 3, "the other learns who it was");
	client_ids_free(c);
}

/* A session that is answered, or not, under a configuration. */
struct world {
	struct session session;
	struct session_manager manager;
	struct snapshot snapshot;
	struct config config;
	struct listener_state listener_state;
	struct config_listener listener;
	struct config_tls tls;
	struct identity_rules *rules;
};

/* Gives the session these names. */
static void
world_names(struct world *w, const char *username, const char *client_id)
{
	struct identity_decision v = { .username = slice_str(username),
		.client_id = slice_str(client_id) };
	struct mqtt_connect c = { 0 };

	session_identity_free(w->session.identity);
	w->session.identity = session_identity_new(w->rules, NULL, &c, &v);
	if (w->session.identity == NULL)
		abort();
}

static struct world *
world_new(enum mqtt_level level, bool answered)
{
	struct identity_rules_spec spec = { .name = "",
		.username = "none",
		.clientid = "none" };
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL || identity_rules_new(&w->rules, &spec, NULL, NULL) != OK)
		abort();
	w->session.manager = &w->manager;
	w->session.listener_state = &w->listener_state;
	w->session.level = level;
	w->session.answered = answered;
	w->session.stage = STAGE_RELAY;
	w->manager.snapshot = &w->snapshot;
	w->snapshot.config = &w->config;
	w->config.listener = &w->listener;
	w->config.listener_count = 1;
	w->listener.server_reference = "";
	w->listener.tls_profile = &w->tls;
	world_names(w, "", "");
	return w;
}

static void
world_free(struct world *w)
{
	session_identity_free(w->session.identity);
	identity_rules_put(w->rules);
	free(w);
}

static void
is_slice(struct slice got, const char *want, const char *text)
{
	is_mem(got.data, got.len, want, strlen(want), "%s", text);
}

/* What is kept of a client's names and certificate. */
static void
test_identity(void)
{
	struct world *w = world_new(MQTT_LEVEL_5, true);
	struct identity_decision v = { .username = slice_str("alice"),
		.client_id = slice_str("c1") };
	struct mqtt_connect c = { 0 };
	struct cert cert = { .chain_not_after = 7 };
	char word[LOG_VALUE_MAX + 10];
	struct session_identity *i;

	i = session_identity_new(w->rules, NULL, &c, &v);
	is_slice(session_identity_username(i), "alice", "its Username");
	is_slice(session_identity_client_id(i), "c1", "its ClientID");
	ok(session_identity_claimed_username(i).data == NULL &&
		session_identity_claimed_id(i).data == NULL,
	    "it claimed no names");
	ok(session_identity_other_form(i) == i->sha256 &&
		i->not_after == INT64_MAX,
	    "it has no certificate");
	session_identity_free(i);

	c.has_username = true;
	c.username = slice_str("alice");
	c.client_id = slice_str("mine");
	memset(cert.sha256, 1, sizeof(cert.sha256));
	memset(cert.other_form_sha256, 1, sizeof(cert.other_form_sha256));
	i = session_identity_new(w->rules, &cert, &c, &v);
	is_slice(session_identity_claimed_username(i), "alice",
	    "it claimed the name that it got");
	is_slice(session_identity_claimed_id(i), "mine",
	    "and another ClientID");
	ok(session_identity_other_form(i) == i->sha256 && i->not_after == 7,
	    "its certificate has one form");
	session_identity_free(i);

	memset(word, 'x', sizeof(word));
	c.username = slice_make(word, sizeof(word));
	c.client_id = slice_str("");
	memset(cert.other_form_sha256, 2, sizeof(cert.other_form_sha256));
	i = session_identity_new(w->rules, &cert, &c, &v);
	is_int((long long)session_identity_claimed_username(i).len,
	    LOG_VALUE_MAX + 1, "a long claim is cut");
	is_slice(session_identity_client_id(i), "c1",
	    "the other names are not");
	ok(session_identity_claimed_id(i).data == NULL, "no ClientID claimed");
	is_mem(session_identity_other_form(i), CERT_SHA256_LEN,
	    cert.other_form_sha256, CERT_SHA256_LEN,
	    "a certificate with two forms");
	session_identity_free(i);

	c.username = slice_str("");
	i = session_identity_new(w->rules, &cert, &c, &v);
	ok(session_identity_claimed_username(i).data != NULL &&
		session_identity_claimed_username(i).len == 0,
	    "an empty Username is a claim");
	session_identity_free(i);
	world_free(w);
}

static void
test_closing(void)
{
	static const struct {
		const char *name;
		enum mqtt_level level;
		bool answered;
		uint32_t maximum;
		enum reason reason;
		const char *client;
		size_t client_len;
		size_t broker_len;
	} rows[] = {
		{ "v5 before the CONNACK", MQTT_LEVEL_5, false, 0,
		    REASON_BACKEND_UNREACHABLE, "\x20\x03\x00\x88\x00", 5, 0 },
		{ "v3 before the CONNACK", MQTT_LEVEL_311, false, 0,
		    REASON_BACKEND_UNREACHABLE, "\x20\x02\x00\x03", 4, 0 },
		{ "no code of a DISCONNECT in a CONNACK", MQTT_LEVEL_5, false,
		    0, REASON_RELAY_KICKED, "\x20\x03\x00\x8a\x00", 5, 0 },
		{ "v5 after it", MQTT_LEVEL_5, true, 0, REASON_RELAY_KICKED,
		    "\xe0\x02\x98\x00", 4, 0 },
		{ "v3 has no DISCONNECT", MQTT_LEVEL_311, true, 0,
		    REASON_RELAY_KICKED, "", 0, 0 },
		{ "a drain spares the Will", MQTT_LEVEL_5, true, 0,
		    REASON_RELAY_DRAINED, "\xe0\x02\x8b\x00", 4, 2 },
		{ "and for v3", MQTT_LEVEL_311, true, 0, REASON_RELAY_DRAINED,
		    "", 0, 2 },
		{ "an ordinary end", MQTT_LEVEL_5, true, 0,
		    REASON_RELAY_CLIENT_CLOSED, "", 0, 0 },
		{ "too long for the client", MQTT_LEVEL_5, true, 3,
		    REASON_RELAY_KICKED, "", 0, 0 },
		{ "no CONNECT yet", MQTT_LEVEL_UNKNOWN, false, 0,
		    REASON_MQTT_TIMEOUT, "", 0, 0 },
	};
	struct closing_packets p;
	struct world *w;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w = world_new(rows[i].level, rows[i].answered);
		w->session.maximum_packet = rows[i].maximum;
		closing_packets_make(&p, &w->session, rows[i].reason);
		is_mem(p.client, p.client_len, rows[i].client,
		    rows[i].client_len, "%s: the client", rows[i].name);
		is_int((long long)p.broker_len, (long long)rows[i].broker_len,
		    "%s: the broker", rows[i].name);
		world_free(w);
	}
	w = world_new(MQTT_LEVEL_5, true);
	w->config.mqtt.will_on_kick = CONFIG_WILL_SUPPRESS;
	closing_packets_make(&p, &w->session, REASON_RELAY_DENIED);
	ok(p.broker_len > 0, "will_on_kick = suppress");
	w->listener.server_reference = "other:8883";
	closing_packets_make(&p, &w->session, REASON_RELAY_DRAINED);
	ok(p.client_len > 4 && p.client[2] == MQTT_DISCONNECT_USE_ANOTHER,
	    "a drain names the other server");
	w->session.maximum_packet = 5;
	closing_packets_make(&p, &w->session, REASON_RELAY_DRAINED);
	is_mem(p.client, p.client_len, "\xe0\x02\x8b\x00", 4,
	    "unless the client cannot take it");
	world_free(w);
}

static void
test_sweep(void)
{
	struct world *w = world_new(MQTT_LEVEL_5, true);
	struct snapshot next = w->snapshot;
	struct config config = w->config;
	struct config_listener renamed = w->listener;

	w->tls.on_expiry = CONFIG_ON_EXPIRY_DISCONNECT;
	w->session.identity->not_after = 100;
	ok(!sweep_is_expired(&w->session, 100), "valid to the last second");
	ok(sweep_is_expired(&w->session, 101), "and then expired");
	w->tls.on_expiry = CONFIG_ON_EXPIRY_KEEP;
	ok(!sweep_is_expired(&w->session, 101), "on_expiry = keep");
	w->listener_state.section = LISTENER_REMOVED;
	ok(!sweep_is_expired(&w->session, 101), "its listener was removed");

	w->listener.head.name = "tls";
	renamed.head.name = "tls";
	config.listener = &renamed;
	next.config = &config;
	is_int(sweep_find(&w->snapshot, &next), 0, "nothing has changed");
	renamed.head.name = "other";
	is_int(sweep_find(&w->snapshot, &next), SWEEP_TLS, "another listener");
	renamed.head.name = "tls";
	config.tls_count = 1;
	is_int(sweep_find(&w->snapshot, &next), SWEEP_TLS, "another profile");
	world_free(w);
}

static struct identity_denylist *
some_denied(void)
{
	struct identity_denylist *l;
	struct report r;

	report_init(&r);
	l = denylist_make(slice_str("as,who,reason,until\n"
				    "username,alice,stolen,\n"
				    "clientid,c1,,\n"
				    "peerhost,192.0.2.7,scanner,\n"
				    "username,bob,,1970-01-01T00:01:40Z\n"),
	    "deny.csv", &r);
	if (l == NULL)
		abort();
	report_fini(&r);
	return l;
}

static void
test_client_check(void)
{
	struct identity_denylist *l = some_denied();
	struct slice none = slice_str(""), c2 = slice_str("c2");
	struct client_check_detail d;
	struct sockaddr_storage peer;

	if (address_parse(&peer, "192.0.2.7:1000") != OK)
		abort();
	is_int(client_check_peer(l, &peer, 0, &d), REASON_ACCEPT_DENIED,
	    "address");
	is_str(d.text, "deny list: peerhost 192.0.2.7: scanner",
	    "the detail has the entry and its reason");
	if (address_parse(&peer, "192.0.2.8:1000") != OK)
		abort();
	is_int(client_check_peer(l, &peer, 0, &d), REASON_NONE,
	    "another address");
	is_int(client_check_peer(NULL, &peer, 0, &d), REASON_NONE, "no list");
	is_int(client_check_names(l, slice_str("alice"), c2, 0, &d),
	    REASON_IDENTITY_DENIED, "Username");
	is_int(client_check_names(l, none, slice_str("c1"), 0, &d),
	    REASON_IDENTITY_DENIED, "ClientID");
	is_str(d.text, "deny list: clientid c1", "an entry without a reason");
	is_int(
	    client_check_names(l, slice_str("c1"), slice_str("alice"), 0, &d),
	    REASON_NONE, "each counts for its own kind only");
	is_int(client_check_names(l, slice_str("bob"), c2, 99, &d),
	    REASON_IDENTITY_DENIED, "until 100 s");
	is_int(client_check_names(l, slice_str("bob"), c2, 100, &d),
	    REASON_NONE, "and no longer");
	is_int(client_check_cert(l, NULL, 0, &d), REASON_NONE,
	    "no certificate");
	identity_denylist_put(l);
}

/* What the deny list does to a live session. */
static void
test_sweep_judge(void)
{
	struct world *w = world_new(MQTT_LEVEL_5, true);
	struct identity_denylist *l = some_denied();
	struct tls_ctx *tls[1] = { NULL };
	struct client_check_detail d;

	w->snapshot.tls = tls;
	w->snapshot.denylist = l;
	world_names(w, "carol", "c2");
	is_int(sweep_judge(&w->session, SWEEP_DENYLIST, &d), REASON_NONE,
	    "a session that the list does not name stays");
	world_names(w, "alice", "c2");
	is_int(sweep_judge(&w->session, SWEEP_DENYLIST, &d),
	    REASON_RELAY_DENIED, "one that it names ends");
	is_str(d.text, "deny list: username alice: stolen", "for this entry");
	is_int(sweep_judge(&w->session, 0, &d), REASON_NONE,
	    "but only if the list is asked");
	w->listener_state.section = LISTENER_REMOVED;
	is_int(sweep_judge(&w->session, SWEEP_DENYLIST, &d),
	    REASON_RELAY_DRAINED, "its listener was removed");
	identity_denylist_put(l);
	world_free(w);
}

/* An order for a worker fails while it is made, when nothing has changed yet:
 * the snapshot is not counted. */
static void
test_orders(void)
{
	struct snapshot snapshot = { .refs = 1 };
	struct worker *none = NULL;

	alloc_kit_fail(1);
	ok(worker_order_reload(none, &snapshot) == NULL, "no memory: no order");
	ok(worker_order_drain(none, 1) == NULL, "nor one to drain");
	alloc_kit_fail(0);
	is_int(snapshot.refs, 1, "and no count of the snapshot");
	worker_order_free(worker_order_reload(none, &snapshot));
	is_int(snapshot.refs, 1, "an order that is not sent gives it back");
	worker_order_free(NULL);
}

int
main(void)
{
	test_stages();
	test_walk();
	test_cert_sessions();
	test_client_ids();
	test_identity();
	test_closing();
	test_sweep();
	test_client_check();
	test_sweep_judge();
	test_orders();
	return done_testing();
}
