/* SPDX-License-Identifier: ISC */
/*
 * The path of a connection. Read it downwards: the table, then how a
 * connection moves on, then the seven stages in their order, each with its
 * start, the callback that ends it, and its cancel, if it can be cancelled.
 *
 *	accept -> tls -> (ws) -> mqtt -> identity -> backend -> relay
 *
 * A stage ends in one of two ways: it enters the next one, or it calls
 * session_dismiss() with a close reason; the relay, which is the last, ends by
 * session_relay_ended(). All may free the session, so they are the last thing
 *that a step does. The work itself is done in the folder that has the stage's
 *name; of these folders none includes another, except that some use the MQTT
 *codec. Only the wait for a handshake token is in accept/pending.c, because all
 * connections that have sent no CONNECT yet are counted there.
 *
 * A listener (accept/listener.c) hands a new connection to its worker
 * (accepted() in runtime/worker.c), and session_open() calls stages_begin().
 */
#include "session/stages.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/clock.h"
#include "session/audit.h"
#include "session/client_check.h"
#include "session/options.h"
#include "session/proxy_to_broker.h"
#include "session/sweep.h"
#include "tls/stream_tls.h"
#include "ws/stream_ws.h"

/*
 * The table.
 */

static void start_accept(struct session *s);
static void cancel_accept(struct session *s);
static void start_tls(struct session *s);
static void cancel_tls(struct session *s);
static void start_ws(struct session *s);
static void cancel_ws(struct session *s);
static void start_mqtt(struct session *s);
static void cancel_mqtt(struct session *s);
static void start_identity(struct session *s);
static void start_backend(struct session *s);
static void cancel_backend(struct session *s);
static void start_relay(struct session *s);

#define AFTER(stage) (1U << (stage))
#define WITHIN(option) offsetof(struct config_timeouts, option)

static const struct stage_def stages[STAGE_COUNT] = {
	/* A PROXY header may take as long as the handshake after it. */
	[STAGE_ACCEPT] = { 0, WITHIN(tls), REASON_ACCEPT_TIMEOUT, start_accept,
	    cancel_accept },
	[STAGE_TLS] = { AFTER(STAGE_ACCEPT), WITHIN(tls), REASON_TLS_TIMEOUT,
	    start_tls, cancel_tls },
	[STAGE_WS] = { AFTER(STAGE_TLS), WITHIN(ws), REASON_WS_TIMEOUT,
	    start_ws, cancel_ws },
	[STAGE_MQTT] = { AFTER(STAGE_TLS) | AFTER(STAGE_WS), WITHIN(mqtt),
	    REASON_MQTT_TIMEOUT, start_mqtt, cancel_mqtt },
	/* The identity is decided at once; a fleet answers in a second. */
	[STAGE_IDENTITY] = { AFTER(STAGE_MQTT), STAGE_NO_DEADLINE, REASON_NONE,
	    start_identity, NULL },
	/* A dial has a deadline of its own, over all of its tries. */
	[STAGE_BACKEND] = { AFTER(STAGE_IDENTITY), STAGE_NO_DEADLINE,
	    REASON_NONE, start_backend, cancel_backend },
	/* The relay knows [timeouts] idle. session_dismiss() ends it. */
	[STAGE_RELAY] = { AFTER(STAGE_BACKEND), STAGE_NO_DEADLINE, REASON_NONE,
	    start_relay, NULL },
};

const struct stage_def *
stage_def(enum stage stage)
{
	return &stages[stage];
}

/*
 * Moving on.
 */

/* The present stage's time limit in milliseconds; it has one. */
static uint64_t
time_limit(const struct session *s)
{
	const struct config *cfg = s->setup->snapshot->config;
	uint64_t ms;

	memcpy(&ms, (const char *)&cfg->timeouts + stages[s->stage].deadline,
	    sizeof(ms));
	return ms;
}

static void
deadline_passed(void *arg)
{
	struct session *s = arg;

	if (s->stage == STAGE_TLS && s->tls != NULL &&
	    tls_stream_is_signing(s->tls))
		session_dismiss(s, REASON_TLS_KEY,
		    "no signature within [timeouts] tls");
	else
		session_dismiss(s, stages[s->stage].timeout, NULL);
}

/* Starts the present stage and its deadline. */
static void
run(struct session *s)
{
	const struct stage_def *def = &stages[s->stage];
	struct session_setup *setup = s->setup;

	if (def->deadline == STAGE_NO_DEADLINE)
		timer_stop(&setup->deadline);
	else
		timer_start_deadline(&setup->deadline, time_limit(s));
	def->start(s); /* s may be gone */
}

void
stages_begin(struct session *s)
{
	timer_init(&s->setup->deadline, s->manager->loop, deadline_passed, s);
	run(s);
}

/* Enters the next stage; after session_new(), nothing else writes s->stage. `s'
 * may be gone afterwards. */
static void
enter(struct session *s, enum stage next)
{
	struct counters *c = &s->manager->counters;

	assert((stages[next].from & AFTER(s->stage)) != 0);
	counter_sub(&c->live[s->stage], 1);
	counter_add(&c->live[next], 1);
	counter_sub(&s->listener_state->live[s->stage], 1);
	counter_add(&s->listener_state->live[next], 1);
	s->stage = next;
	run(s); /* s may be gone */
}

static void
out_of_memory(struct session *s)
{
	session_dismiss(s, REASON_ACCEPT_RESOURCE, "out of memory");
}

/* Counts one observation of `ms' milliseconds. */
static void
observe(struct histogram *h, uint64_t ms)
{
	static const uint64_t bounds[] = {
#define X(ms) ms,
		COUNTERS_BUCKETS(X)
#undef X
	};
	unsigned i = 0;

	while (i < sizeof(bounds) / sizeof(bounds[0]) && ms > bounds[i])
		i++;
	counter_add(&h->buckets[i], 1);
	counter_add(&h->sum_ms, ms);
}

static void
free_connect(struct session *s, struct session_connect *c)
{
	identity_decision_fini(&c->decision);
	buf_fini(&c->connect_read.bytes);
	buf_fini(&c->rewritten);
	buf_fini(&c->after_connect);
	tls_facts_free(c->cert);
	atomic_fetch_sub(&s->manager->memory->used, c->charged);
	free(c);
}

void
stages_free_setup(struct session *s)
{
	struct session_setup *setup = s->setup;

	if (setup == NULL)
		return;
	s->setup = NULL;
	timer_stop(&setup->deadline);
	(void)pending_end(&setup->handshake, PENDING_OUTCOME_FAILED);
	if (setup->connect != NULL)
		free_connect(s, setup->connect);
	if (setup->fd != -1)
		close(setup->fd);
	backend_pool_put(setup->pool);
	snapshot_put(setup->snapshot);
	free(setup);
}

/*
 * accept: reads the PROXY header of a trusted balancer, if there is to be one,
 * and checks the client's address.
 */

/* Checks the client's address against the deny list and its limits. */
static void
check_peer(struct session *s)
{
	struct sockaddr_storage peer;
	struct client_check_detail detail;
	enum reason reason;

	proxy_to_broker_note_local(s->setup);
	session_peer(s, &peer);
	reason = client_check_peer(s->setup->snapshot->denylist, &peer,
	    clock_wall_s(), &detail);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	reason =
	    throttle_admit_peer(&s->slot, &peer, loop_now(s->manager->loop));
	if (reason != REASON_NONE)
		session_dismiss(s, reason, NULL);
	else
		enter(s, STAGE_TLS);
}

static void
proxy_header_read(void *arg, enum reason reason,
    const struct accept_proxy_header *header, const char *detail)
{
	struct session *s = arg;

	s->setup->operation.proxy = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail);
		return;
	}
	if (header->kind == ACCEPT_PROXY_FORWARDED) {
		session_address_store(&s->member.peer, &header->source);
		session_address_store(&s->setup->local, &header->destination);
		pending_move(&s->setup->handshake, &header->source);
	}
	check_peer(s);
}

static void
start_accept(struct session *s)
{
	struct session_setup *setup = s->setup;
	struct accept_proxy_options o = { 0 };
	struct sockaddr_storage peer;

	if (setup->listener->accept_proxy == CONFIG_ACCEPT_PROXY_OFF) {
		check_peer(s);
		return;
	}
	session_peer(s, &peer);
	options_proxy_in(&o, setup->listener);
	o.peer = &peer;
	if (accept_proxy_start(&setup->operation.proxy, s->manager->loop,
		setup->fd, &o, proxy_header_read, s) != OK)
		out_of_memory(s);
}

static void
cancel_accept(struct session *s)
{
	accept_proxy_cancel(s->setup->operation.proxy);
}

/*
 * tls: the handshake, and the deny list for the certificate.
 */

static bool
is_websocket(const struct session *s)
{
	return s->setup->listener->transport == CONFIG_TRANSPORT_WEBSOCKET;
}

static void
count_handshake(struct session *s, enum tls_suite suite, enum handshake result)
{
	struct counters *c = &s->manager->counters;

	counter_add(&c->handshakes[suite][result], 1);
	if (result != HANDSHAKE_FAILED)
		observe(&c->handshake,
		    loop_now(s->manager->loop) - s->accepted_ms);
}

/* The deny list is checked before MQTT begins, so a denied certificate is
 * refused by a TLS alert. */
static void
handshake_done(struct session *s)
{
	struct client_check_detail detail = { "" };
	enum pending_outcome how;
	struct tls_info info;
	enum reason reason;

	tls_stream_info(s->tls, &info);
	how = info.resumed ? PENDING_OUTCOME_RESUMED : PENDING_OUTCOME_FULL;
	if (tls_stream_cert(s->tls) == NULL)
		pending_unverified(&s->setup->handshake, how);
	else
		pending_verified(&s->setup->handshake, how);
	reason = client_check_cert(s->setup->snapshot->denylist,
	    tls_stream_cert(s->tls), clock_wall_s(), &detail);
	if (reason != REASON_NONE) {
		tls_stream_refuse(s->tls, reason);
		session_dismiss(s, reason, detail.text);
		return;
	}
	count_handshake(s, info.suite,
	    info.resumed ? HANDSHAKE_RESUMED : HANDSHAKE_FULL);
	enter(s, is_websocket(s) ? STAGE_WS : STAGE_MQTT);
}

/* True if the deny list lets the certificate of a ticket in. If not, a full
 * handshake follows, in which the client may show a renewed certificate. */
static bool
admit_ticket(const struct cert *cert, void *arg)
{
	const struct session *s = arg;
	struct client_check_detail detail;

	return client_check_cert(s->setup->snapshot->denylist, cert,
		   clock_wall_s(), &detail) == REASON_NONE;
}

static void
on_handshake(struct stream *stream, enum stream_event event, void *arg)
{
	struct session *s = arg;
	struct tls_info info;
	enum reason reason;
	const char *detail;

	if (event == STREAM_OPEN) {
		handshake_done(s);
		return;
	}
	if (event != STREAM_BROKEN)
		return;
	tls_stream_info(s->tls, &info);
	(void)pending_end(&s->setup->handshake,
	    info.suite == TLS_SUITE_NONE ? PENDING_OUTCOME_NO_WORK
					 : PENDING_OUTCOME_FAILED);
	tls_stream_failure(stream, &reason, &detail);
	session_dismiss(s, reason, detail);
}

/* The ClientHello has arrived, or something that is not one. */
static void
hello_arrived(struct pending_handshake *h)
{
	struct session_setup *setup =
	    list_entry(h, struct session_setup, handshake);
	struct session *s = setup->session;
	struct tls_ctx *ctx =
	    setup->snapshot->tls[setup->listener->tls_profile->head.index];

	s->client = tls_stream_new(s->manager->loop, ctx, setup->fd,
	    is_websocket(s) ? TLS_APP_HTTP : TLS_APP_MQTT);
	if (s->client == NULL) {
		out_of_memory(s);
		return;
	}
	setup->fd = -1;
	s->tls = s->client;
	stream_set_owner(s->client, on_handshake, s);
	if (setup->snapshot->denylist != NULL)
		tls_stream_set_admit(s->client, admit_ticket, s);
}

static void
start_tls(struct session *s)
{
	pending_wait(&s->setup->handshake, s->setup->fd, hello_arrived);
}

/* A connection that ends in this stage counts as a failed handshake, whatever
 * the reason was. */
static void
cancel_tls(struct session *s)
{
	struct tls_info info = { .suite = TLS_SUITE_NONE };

	if (s->tls != NULL)
		tls_stream_info(s->tls, &info);
	count_handshake(s, info.suite, HANDSHAKE_FAILED);
}

/*
 * ws: the HTTP upgrade. After it the client is a stream of MQTT bytes.
 */

static void
upgrade_done(void *arg, enum reason reason, struct stream *ws,
    const char *detail)
{
	struct session *s = arg;

	s->setup->operation.ws = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail);
		return;
	}
	s->client = ws;
	enter(s, STAGE_MQTT);
}

static void
start_ws(struct session *s)
{
	struct session_setup *setup = s->setup;

	if (ws_open_start(&setup->operation.ws, s->manager->loop, s->client,
		&setup->snapshot->ws[setup->listener->head.index], upgrade_done,
		s) != OK)
		out_of_memory(s);
}

static void
cancel_ws(struct session *s)
{
	ws_open_cancel(s->setup->operation.ws);
}

/* A broken WebSocket frame and a broken connection look alike to the stages
 * after ws. Returns the WebSocket's own reason if it has one, else `reason'. */
static enum reason
refine_reason(const struct session *s, enum reason reason)
{
	enum reason ws = REASON_NONE;

	if (s->client != s->tls &&
	    (reason == REASON_MQTT_CLOSED ||
		reason == REASON_RELAY_CLIENT_ERROR))
		ws = ws_stream_reason(s->client);
	return ws == REASON_NONE ? reason : ws;
}

/*
 * mqtt: reads the CONNECT.
 */

static void
connect_read_done(void *arg, enum reason reason,
    struct mqtt_connect_result *result)
{
	struct session *s = arg;
	struct session_connect *c;

	s->setup->operation.connect_read = NULL;
	s->level = result->level;
	if (reason != REASON_NONE) {
		session_dismiss(s, refine_reason(s, reason), result->why);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		out_of_memory(s);
		return;
	}
	s->maximum_packet = result->connect.maximum_packet_size;
	c->connect_read = *result;
	buf_init(&result->bytes, 0); /* they are ours now */
	buf_init(&c->rewritten, 0);
	buf_init(&c->after_connect, 0);
	s->setup->connect = c;
	enter(s, STAGE_IDENTITY);
}

static void
start_mqtt(struct session *s)
{
	struct session_setup *setup = s->setup;

	if (mqtt_connect_read_start(&setup->operation.connect_read,
		s->manager->loop, s->client, &setup->snapshot->mqtt,
		connect_read_done, s) != OK) {
		out_of_memory(s);
		return;
	}
	mqtt_connect_read_set_budget(setup->operation.connect_read,
	    &s->manager->memory->reading);
}

static void
cancel_mqtt(struct session *s)
{
	mqtt_connect_read_cancel(s->setup->operation.connect_read);
}

/*
 * identity: decides who the client is and whether it may connect.
 */

/* Decides, and writes the CONNECT for the broker to c->rewritten. */
static enum reason
decide(struct session *s, struct session_connect *c,
    struct client_check_detail *detail)
{
	char address[ADDRESS_TEXT_MAX];
	struct sockaddr_storage peer;
	struct client_check_input in;
	struct tls_info info;

	if (tls_stream_take_cert(s->tls, &c->cert) != OK)
		return REASON_ACCEPT_RESOURCE;
	session_peer(s, &peer);
	address_text(address, &peer);
	tls_stream_info(s->tls, &info);
	in.listener = s->setup->listener;
	in.client.cert = c->cert;
	in.client.connect = &c->connect_read.connect;
	in.client.sni = slice_str(info.sni);
	in.client.peer = slice_str(address);
	in.now = clock_wall_s();
	in.trace = NULL;
	return client_check_connect(s->setup->snapshot, &in, &c->decision,
	    &c->rewritten, detail);
}

static void enter_backend(struct session *s);
static enum reason check_again(struct session *s,
    struct client_check_detail *detail);

/* True if a session with a limit must be refused when the fleet cannot be
 * asked. */
static bool
needs_fleet(const struct session *s)
{
	return s->setup->snapshot->config->fleet.when_down ==
	    CONFIG_WHEN_DOWN_REFUSE;
}

static void
suspect_clone(struct session *s, const union session_address *other)
{
	counter_add(&s->manager->counters.clone_suspects, 1);
	audit_clone(s, other);
}

/* The other replicas have answered, or could not be asked. */
static void
fleet_answered(struct cert_sessions_member *member,
    const struct cert_sessions_request *request)
{
	struct session *s = list_entry(member, struct session, member);
	struct client_check_detail detail = { "" };
	enum reason reason = REASON_NONE;

	if (session_is_leaving(s))
		return;
	if (request->clone)
		suspect_clone(s, &request->other);
	if (!request->waits)
		return;
	if (request->answer == CERT_SESSIONS_FULL)
		reason = REASON_IDENTITY_SESSIONS;
	else if (request->answer == CERT_SESSIONS_UNANSWERED && needs_fleet(s))
		reason = REASON_IDENTITY_FLEET;
	if (reason == REASON_NONE)
		reason = check_again(s, &detail);
	if (reason != REASON_NONE)
		session_dismiss(s, reason, detail.text);
	else
		enter_backend(s);
}

/* True if the other replicas may say no: a session that may be refused waits,
 * because otherwise each replica would admit as many as there may be in all.
 * One that ends older sessions instead does not: these end a moment after it
 * has begun, as they do on one replica. */
static bool
may_be_refused(struct session *s, const struct cert_sessions_limit *limit)
{
	return limit->max > 0 &&
	    (limit->excess == CERT_SESSIONS_REFUSE || needs_fleet(s));
}

/* Asks the other replicas of a fleet for a session that was added. If
 * *waits is set, the stage continues in fleet_answered(). A suspected clone can
 * be reported later. */
static enum reason
ask_fleet(struct session *s, const struct cert_sessions_limit *limit,
    const struct cert_sessions_result *result, bool *waits)
{
	struct cert_sessions_request request = {
		.home = s->manager->loop,
		.answered = fleet_answered,
		.limit = *limit,
		.count = result->count,
		.waits = may_be_refused(s, limit),
		.clone_known = result->clone,
	};
	enum err err;

	if (s->setup->snapshot->fleet_denied == NULL)
		return REASON_NONE;
	memcpy(request.sha256, s->identity->tbs_sha256, sizeof(request.sha256));
	err = cert_sessions_ask(&s->member, &request);
	if (err == OK)
		*waits = request.waits;
	else if (request.waits && needs_fleet(s))
		return REASON_IDENTITY_FLEET;
	return REASON_NONE;
}

/* Counts the session under its certificate, within the certificate's limit. */
static enum reason
add_to_cert_sessions(struct session *s, bool *waits)
{
	const struct config_tls *t = s->setup->listener->tls_profile;
	struct cert_sessions_limit limit = { t->sessions_per_certificate,
		t->on_excess == CONFIG_ON_EXCESS_REFUSE
		    ? CERT_SESSIONS_REFUSE
		    : CERT_SESSIONS_KICK_OLDEST };
	struct cert_sessions_result result;

	if (!s->identity->has_certificate)
		return REASON_NONE;
	if (cert_sessions_add(s->manager->cert_sessions, &s->member,
		s->identity->tbs_sha256, &limit, &result) != OK)
		return REASON_ACCEPT_RESOURCE;
	if (result.clone)
		suspect_clone(s, &result.other);
	if (result.full)
		return REASON_IDENTITY_SESSIONS;
	return ask_fleet(s, &limit, &result, waits);
}

/* Stores a filter of everything by which the deny list could name the client,
 * for later changes of the list. */
static enum err
note_filter(struct session *s, const struct cert *cert)
{
	const struct session_identity *i = s->identity;
	struct identity_deny_filter filter;
	struct sockaddr_storage peer;

	session_peer(s, &peer);
	identity_deny_filter(&filter, cert, session_identity_username(i),
	    session_identity_client_id(i), &peer);
	return sweep_add_filter(s, &filter);
}

/*
 * Decides again if a reload has replaced the snapshot that the connection was
 * checked with, or if the deny list has changed since, or if the certificate
 * has expired. A sweep judges only sessions in the stages backend and relay, so
 * a connection is checked when it enters these: before the broker learns of a
 * client that was revoked meanwhile.
 */
static enum reason
check_again(struct session *s, struct client_check_detail *detail)
{
	const struct session_setup *setup = s->setup;

	if (sweep_is_expired(s, clock_wall_s()))
		return REASON_RELAY_EXPIRED;
	if (setup->snapshot != s->manager->snapshot)
		return sweep_judge(s, SWEEP_ALL, detail);
	if (identity_denylist_version(setup->snapshot->denylist) !=
	    setup->denylist_version)
		return sweep_judge(s, SWEEP_DENYLIST, detail);
	return REASON_NONE;
}

/*
 * Frees what is not needed any more while the client waits for a broker, above
 * all the CONNECT as the client sent it, and counts the rest. Returns
 * REASON_BACKEND_BUSY if all waiting CONNECTs together have too many bytes.
 */
static enum reason
shrink(struct session *s, struct session_connect *c)
{
	struct session_memory *memory = s->manager->memory;
	size_t connect_len = c->connect_read.connect_len;
	struct slice all = buf_slice(&c->connect_read.bytes);

	if (all.len > connect_len &&
	    buf_append(&c->after_connect, all.data + connect_len,
		all.len - connect_len) != OK)
		return REASON_ACCEPT_RESOURCE;
	c->assign_client_id = c->decision.assign_client_id;
	c->refuse_auth = c->decision.edit.authentication == MQTT_REMOVE;
	identity_decision_fini(&c->decision);
	buf_fini(&c->connect_read.bytes);
	c->charged = buf_len(&c->rewritten) + buf_len(&c->after_connect);
	if (atomic_fetch_add(&memory->used, c->charged) + c->charged >
	    atomic_load(&memory->max))
		return REASON_BACKEND_BUSY;
	return REASON_NONE;
}

/* The client is admitted: the stage backend follows. */
static void
enter_backend(struct session *s)
{
	struct session_connect *c = s->setup->connect;
	enum reason reason;

	if (c->cert == NULL)
		counter_add(&s->manager->counters.without_certificate, 1);
	reason = shrink(s, c);
	if (reason == REASON_NONE)
		enter(s, STAGE_BACKEND);
	else
		session_dismiss(s, reason,
		    reason == REASON_BACKEND_BUSY
			? "see [limits] connect_memory"
			: NULL);
}

static void
start_identity(struct session *s)
{
	struct session_setup *setup = s->setup;
	struct session_connect *c = setup->connect;
	struct client_check_detail detail = { "" };
	enum reason reason = decide(s, c, &detail);
	bool waits = false;

	/* Its CONNECT has arrived: too late if another connection was admitted
	 * in its place. */
	if (!pending_end(&setup->handshake, PENDING_OUTCOME_FULL) &&
	    reason == REASON_NONE)
		reason = REASON_ACCEPT_EVICTED;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	s->identity = session_identity_new(
	    snapshot_rules(setup->snapshot, setup->listener, c->cert), c->cert,
	    &c->connect_read.connect, &c->decision);
	if (s->identity == NULL || note_filter(s, c->cert) != OK) {
		out_of_memory(s);
		return;
	}
	reason = check_again(s, &detail);
	if (reason == REASON_NONE)
		reason = add_to_cert_sessions(s, &waits);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	if (!waits)
		enter_backend(s);
}

/*
 * backend: dials the broker. No connection to it exists before this stage.
 */

/* The open line is written when the broker has accepted the session, and says
 * more than a session keeps. False: out of memory. */
static bool
keep_for_open_line(struct session *s, const char *backend)
{
	size_t size = strlen(backend) + 1;
	struct session_open_line *line = malloc(sizeof(*line) + size);

	if (line == NULL)
		return false;
	memcpy(line->backend, backend, size);
	line->cert = s->setup->connect->cert;
	s->setup->connect->cert = NULL;
	s->open_line = line;
	return true;
}

static void
dial_done(void *arg, enum reason reason, struct stream *broker,
    const char *text)
{
	struct session *s = arg;
	struct client_check_detail detail = { "" };

	s->setup->operation.dial = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, text);
		return;
	}
	s->broker = broker;
	reason = check_again(s, &detail);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	if (!keep_for_open_line(s, text)) {
		out_of_memory(s);
		return;
	}
	enter(s, STAGE_RELAY);
}

static void
start_backend(struct session *s)
{
	struct session_setup *setup = s->setup;
	uint8_t header[BACKEND_PROXY_OUT_MAX];
	struct backend_dial_request request;
	size_t header_len;

	if (proxy_to_broker_write(s, header, &header_len) != OK) {
		session_dismiss(s, REASON_IDENTITY_ENCODING,
		    "proxy_protocol = v2 passes the CN on, and this one is "
		    "not one short text");
		return;
	}
	request.client_id = session_identity_client_id(s->identity);
	request.proxy_header = slice_make(header, header_len);
	if (backend_dial_start(&setup->operation.dial, setup->pool, &request,
		dial_done, s) != OK)
		out_of_memory(s);
}

static void
cancel_backend(struct session *s)
{
	backend_dial_cancel(s->setup->operation.dial);
}

/*
 * relay: connects the two streams. See relay/relay.h; the session ends by
 * session_relay_ended().
 */

static void
broker_answered(void *arg, uint8_t code)
{
	struct session *s = arg;
	struct counters *c = &s->manager->counters;

	s->answered = true;
	s->connack = code;
	if (code == 0)
		audit_open(s);
	session_open_line_free(s);
	counter_add(code == 0 ? &c->connack_accepted : &c->connack_refused, 1);
	observe(&c->connack, loop_now(s->manager->loop) - s->accepted_ms);
}

static void
relay_violated(void *arg, enum reason reason)
{
	session_dismiss(arg, reason, NULL);
}

static void
relay_ended(void *arg, enum reason reason)
{
	session_relay_ended(arg, refine_reason(arg, reason));
}

static const struct relay_owner relay_owner = {
	.answered = broker_answered,
	.violated = relay_violated,
	.ended = relay_ended,
};

static void
start_relay(struct session *s)
{
	const struct session_connect *c = s->setup->connect;
	const struct config *cfg = s->setup->snapshot->config;
	struct client_ids *client_ids = s->manager->client_ids;
	struct relay_options o = { 0 };
	uint64_t key;

	o.connect = buf_slice(&c->rewritten);
	o.after_connect = buf_slice(&c->after_connect);
	if (c->assign_client_id)
		o.assigned = session_identity_client_id(s->identity);
	if (c->refuse_auth)
		o.refuse = MQTT_CURSOR_AT(MQTT_TYPE_AUTH);
	o.client_maximum_packet = s->maximum_packet;
	o.idle_ms = cfg->timeouts.idle;
	o.chunk = cfg->limits.relay_buffer;
	o.version = (uint8_t)s->level;
	key = client_ids_key(client_ids,
	    s->setup->listener->backend_profile->head.name,
	    session_identity_client_id(s->identity));
	s->open_line->takes_over =
	    client_ids_take(client_ids, &s->client_id, key, s->id);
	o.owner = &relay_owner;
	o.arg = s;
	if (relay_start(&s->relay, s->manager->loop, s->client, s->broker,
		&o) != OK) {
		session_kill(s, REASON_ACCEPT_RESOURCE);
		return;
	}
	counter_add(&s->manager->counters.opened, 1);
	tls_stream_free_handshake(s->tls);
	stages_free_setup(s);
}
