#include "session/stages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/clock.h"
#include "base/log.h"
#include "session/audit.h"
#include "session/options.h"
#include "session/proxy.h"
#include "session/sweep.h"
#include "session/verdict.h"
#include "tls/stream_tls.h"
#include "ws/stream_ws.h"

static void
step_failed(struct session *s, const char *what)
{
	session_dismiss(s, REASON_ACCEPT_RESOURCE, what);
}

/*
 * accept: who is it really, and may that address come in?
 */

/* Where the client came in, for the header that tells the broker. A balancer
 * may have told it already. */
static void
note_local(struct approach *a)
{
	struct sockaddr_storage at;

	if (a->listener->backend_profile->proxy_protocol ==
		CONFIG_PROXY_PROTOCOL_OFF ||
	    a->local.sa.sa_family != AF_UNSPEC)
		return;
	if (listener_bound(a->fd, &at) == OK)
		session_address_keep(&a->local, &at);
}

static void
admit_peer(struct session *s)
{
	struct sockaddr_storage peer;
	struct verdict_detail detail;
	enum reason reason;

	note_local(s->approach);
	session_peer(s, &peer);
	reason =
	    verdict_peer(s->approach->snapshot, &peer, clock_wall_s(), &detail);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	reason =
	    throttle_admit_peer(&s->ticket, &peer, loop_now(s->door->loop));
	if (reason != REASON_NONE)
		session_dismiss(s, reason, NULL);
	else
		stage_enter(s, STAGE_TLS);
}

static void
proxy_done(void *arg, enum reason reason,
    const struct accept_proxy_header *header, const char *detail)
{
	struct session *s = arg;

	s->approach->step.proxy = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail);
		return;
	}
	if (header->kind == ACCEPT_PROXY_FORWARDED) {
		session_address_keep(&s->line.peer, &header->source);
		session_address_keep(&s->approach->local, &header->destination);
	}
	admit_peer(s);
}

static void
start_accept(struct session *s)
{
	struct approach *a = s->approach;
	struct accept_proxy_options o = { 0 };
	struct sockaddr_storage peer;

	if (a->listener->accept_proxy == CONFIG_ACCEPT_PROXY_OFF) {
		admit_peer(s);
		return;
	}
	session_peer(s, &peer);
	options_proxy_in(&o, a->listener);
	if (accept_proxy_start(&a->step.proxy, s->door->loop, a->fd, &peer, &o,
		proxy_done, s) != OK)
		step_failed(s, "out of memory");
}

static void
cancel_accept(struct session *s)
{
	accept_proxy_cancel(s->approach->step.proxy);
}

/*
 * tls: the handshake, and the certificate.
 */

static void
count_handshake(struct session *s, const struct tls_info *info)
{
	struct counters *c = &s->door->counters;
	bool v13 = strcmp(info->version, "TLSv1.3") == 0;

	if (info->resumed)
		counter_add(v13 ? &c->handshakes_resumed_13
				: &c->handshakes_resumed_12,
		    1);
	else
		counter_add(
		    v13 ? &c->handshakes_full_13 : &c->handshakes_full_12, 1);
	counters_observe(&c->handshake, loop_now(s->door->loop) - s->since);
}

/* Certificates can be denied too, and then the client hears it as an alert. */
static enum reason
judge_cert(struct session *s, struct verdict_detail *detail)
{
	const struct snapshot *snapshot = s->approach->snapshot;
	struct cert *cert = NULL;
	enum reason reason;

	if (snapshot->denylist == NULL)
		return REASON_NONE;
	if (tls_stream_take_cert(s->tls, &cert) != OK)
		return REASON_ACCEPT_RESOURCE;
	reason = verdict_cert(snapshot, cert, clock_wall_s(), detail);
	tls_cert_free(cert);
	return reason;
}

static void
tls_is_open(struct session *s)
{
	struct verdict_detail detail = { "" };
	struct tls_info info;
	enum reason reason;

	tls_stream_info(s->tls, &info);
	count_handshake(s, &info);
	throttle_handshake_done(&s->ticket,
	    info.resumed ? THROTTLE_RESUMED : THROTTLE_FULL,
	    loop_now(s->door->loop));
	reason = judge_cert(s, &detail);
	if (reason != REASON_NONE) {
		tls_stream_refuse(s->tls, reason);
		session_dismiss(s, reason, detail.text);
		return;
	}
	stage_enter(s,
	    s->approach->listener->transport == CONFIG_TRANSPORT_WEBSOCKET
		? STAGE_WS
		: STAGE_MQTT);
}

static void
on_handshake(struct stream *stream, enum stream_event event, void *arg)
{
	struct session *s = arg;
	enum reason reason;
	const char *detail;

	if (event == STREAM_OPEN) {
		tls_is_open(s);
		return;
	}
	if (event != STREAM_BROKEN)
		return;
	throttle_handshake_done(&s->ticket, THROTTLE_FAILED,
	    loop_now(s->door->loop));
	tls_stream_failure(stream, &reason, &detail);
	session_dismiss(s, reason, detail);
}

static void
start_tls(struct session *s)
{
	struct approach *a = s->approach;
	struct tls_ctx *ctx =
	    a->snapshot->tls[a->listener->tls_profile->head.index];

	s->client = tls_stream_new(s->door->loop, ctx, a->fd,
	    a->listener->transport == CONFIG_TRANSPORT_WEBSOCKET
		? TLS_APP_HTTP
		: TLS_APP_MQTT);
	if (s->client == NULL) {
		step_failed(s, "out of memory");
		return;
	}
	a->fd = -1;
	s->tls = s->client;
	stream_set_owner(s->client, on_handshake, s);
}

/*
 * ws: the upgrade. From here on the client is a stream of MQTT bytes.
 */

static void
ws_done(void *arg, enum reason reason, struct stream *ws)
{
	struct session *s = arg;
	const char *detail = ws_open_detail(s->approach->step.ws);

	s->approach->step.ws = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail);
		return;
	}
	s->client = ws;
	stage_enter(s, STAGE_MQTT);
}

static void
start_ws(struct session *s)
{
	struct approach *a = s->approach;

	if (ws_open_start(&a->step.ws, s->door->loop, s->client,
		&a->snapshot->ws[a->listener->head.index], ws_done, s) != OK)
		step_failed(s, "out of memory");
}

static void
cancel_ws(struct session *s)
{
	ws_open_cancel(s->approach->step.ws);
}

/* A client that broke the rules of its frames is told apart from one whose
 * connection broke: they look alike to whoever reads MQTT. */
static enum reason
client_reason(const struct session *s, enum reason reason)
{
	enum reason ws = REASON_NONE;

	if (s->client != s->tls &&
	    (reason == REASON_MQTT_CLOSED ||
		reason == REASON_RELAY_CLIENT_ERROR))
		ws = ws_stream_reason(s->client);
	return ws == REASON_NONE ? reason : ws;
}

/*
 * mqtt: the CONNECT.
 */

static void
greet_done(void *arg, enum reason reason, struct greet_result *result)
{
	struct session *s = arg;
	struct admission *m;

	s->approach->step.greet = NULL;
	s->level = result->level;
	if (reason != REASON_NONE) {
		session_dismiss(s, client_reason(s, reason), result->why);
		return;
	}
	m = calloc(1, sizeof(*m));
	if (m == NULL) {
		step_failed(s, "out of memory");
		return;
	}
	m->greet = *result;
	buf_init(&result->bytes, 0);
	buf_init(&m->connect, 0);
	s->connect_at = loop_now(s->door->loop);
	s->approach->admission = m;
	stage_enter(s, STAGE_IDENTITY);
}

static void
start_mqtt(struct session *s)
{
	struct approach *a = s->approach;

	if (mqtt_greet_start(&a->step.greet, s->door->loop, s->client,
		&a->snapshot->mqtt, greet_done, s) != OK)
		step_failed(s, "out of memory");
}

static void
cancel_mqtt(struct session *s)
{
	mqtt_greet_cancel(s->approach->step.greet);
}

/*
 * identity: the verdict. It is there at once.
 */

/* Keeps whose session it is; the certificate's facts go with the approach. */
static enum err
keep_who(struct session *s)
{
	const struct admission *m = s->approach->admission;
	const struct identity_verdict *v = &m->verdict;
	size_t user = v->has_username ? v->username.len : 0;
	struct session_who *w = malloc(sizeof(*w) + user + v->client_id.len);

	if (w == NULL)
		return ERR_NO_MEMORY;
	memset(w, 0, sizeof(*w));
	w->not_after = INT64_MAX;
	if (m->cert != NULL) {
		memcpy(w->sha256, m->cert->sha256, CERT_SHA256_LEN);
		w->not_after = m->cert->chain_not_after;
		w->has_certificate = true;
	}
	if (user > 0)
		memcpy(w->text, v->username.data, user);
	if (v->client_id.len > 0)
		memcpy(w->text + user, v->client_id.data, v->client_id.len);
	w->username = slice_make(w->text, user);
	w->client_id = slice_make(w->text + user, v->client_id.len);
	s->who = w;
	return OK;
}

static enum reason
judge(struct session *s, struct admission *m, struct verdict_detail *detail)
{
	struct approach *a = s->approach;
	char address[ADDRESS_TEXT_MAX];
	struct sockaddr_storage peer;
	struct verdict_input in;
	struct tls_info info;

	if (tls_stream_take_cert(s->tls, &m->cert) != OK)
		return REASON_ACCEPT_RESOURCE;
	session_peer(s, &peer);
	address_text(address, &peer);
	tls_stream_info(s->tls, &info);
	in.listener = a->listener;
	in.client.cert = m->cert;
	in.client.connect = &m->greet.connect;
	in.client.sni = slice_str(info.sni);
	in.client.peer = slice_str(address);
	in.now = clock_wall_s();
	in.trace = NULL;
	return verdict_connect(a->snapshot, &in, &m->verdict, &m->connect,
	    detail);
}

/* Puts the certificate on the roll of those that are in; its own rules say how
 * often it may stand there. */
static enum reason
enter_roll(struct session *s, const struct config_tls *t)
{
	struct roll_rules rules = { t->sessions_per_certificate,
		t->on_excess == CONFIG_ON_EXCESS_REFUSE ? ROLL_REFUSE
							: ROLL_KICK_OLDEST };
	struct roll_answer answer;

	if (!s->who->has_certificate)
		return REASON_NONE;
	if (roll_enter(s->door->roll, &s->line, s->who->sha256, &rules,
		&answer) != OK)
		return REASON_ACCEPT_RESOURCE;
	if (answer.clone) {
		counter_add(&s->door->counters.clone_suspects, 1);
		audit_clone(s, &answer.other);
	}
	if (answer.full)
		return REASON_IDENTITY_SESSIONS;
	if (answer.kick_door != NULL)
		door_dismiss(answer.kick_door, answer.kick_id,
		    REASON_RELAY_REPLACED);
	return REASON_NONE;
}

static void
start_identity(struct session *s)
{
	struct admission *m = s->approach->admission;
	struct verdict_detail detail = { "" };
	enum reason reason = judge(s, m, &detail);

	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	if (keep_who(s) != OK) {
		step_failed(s, "out of memory");
		return;
	}
	reason = enter_roll(s, s->approach->listener->tls_profile);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, NULL);
		return;
	}
	if (m->cert == NULL)
		counter_add(&s->door->counters.without_certificate, 1);
	stage_enter(s, STAGE_BACKEND);
}

/*
 * backend: only now is the broker dialled.
 */

/* Whoever was judged by a snapshot that is no more in force is judged again:
 * a revocation must not lose a race. */
static enum reason
judge_late(struct session *s, struct verdict_detail *detail)
{
	if (s->approach->snapshot == s->door->snapshot)
		return REASON_NONE;
	return sweep_judge(s, SWEEP_ALL, clock_wall_s(), detail);
}

static void
dial_done(void *arg, enum reason reason, struct stream *broker,
    const char *text)
{
	struct session *s = arg;
	struct verdict_detail detail = { "" };

	s->approach->step.dial = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, text);
		return;
	}
	s->broker = broker;
	reason = judge_late(s, &detail);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	audit_open(s, text);
	stage_enter(s, STAGE_RELAY);
}

static void
start_backend(struct session *s)
{
	struct approach *a = s->approach;
	uint8_t header[BACKEND_PROXY_OUT_MAX];
	struct backend_dial_request request;
	size_t header_len = 0;

	if (proxy_header(s, header, &header_len) != OK) {
		session_dismiss(s, REASON_IDENTITY_ENCODING,
		    "the CN does not fit into a PROXY header");
		return;
	}
	request.client_id = a->admission->verdict.client_id;
	request.proxy_header = slice_make(header, header_len);
	if (backend_dial_start(&a->step.dial, a->pool, &request, dial_done,
		s) != OK)
		step_failed(s, "out of memory");
}

static void
cancel_backend(struct session *s)
{
	backend_dial_cancel(s->approach->step.dial);
}

/*
 * relay: the two streams face each other.
 */

static void
relay_answered(void *arg, uint8_t code)
{
	struct session *s = arg;
	struct counters *c = &s->door->counters;

	s->answered = true;
	counter_add(code == 0 ? &c->connack_accepted : &c->connack_refused, 1);
	counters_observe(&c->connack, loop_now(s->door->loop) - s->connect_at);
}

static void
relay_violated(void *arg, enum reason reason)
{
	session_dismiss(arg, reason, NULL);
}

static void
relay_ended(void *arg, enum reason reason)
{
	session_ended(arg, client_reason(arg, reason));
}

static const struct relay_owner relay_owner = {
	.answered = relay_answered,
	.violated = relay_violated,
	.ended = relay_ended,
};

static void
start_relay(struct session *s)
{
	const struct admission *m = s->approach->admission;
	const struct config *cfg = s->approach->snapshot->config;
	struct relay_options o = { 0 };
	struct slice all = buf_slice(&m->greet.bytes);

	o.connect = buf_slice(&m->connect);
	o.behind = slice_make(all.data + m->greet.connect_len,
	    all.len - m->greet.connect_len);
	if (m->verdict.assign_client_id)
		o.assigned = m->verdict.client_id;
	o.client_maximum_packet = m->greet.connect.maximum_packet_size;
	o.idle_ms = cfg->timeouts.idle;
	o.chunk = cfg->limits.relay_buffer;
	o.version = (uint8_t)s->level;
	if (relay_start(&s->relay, s->door->loop, s->client, s->broker, &o,
		&relay_owner, s) != OK) {
		session_kill(s, REASON_ACCEPT_RESOURCE);
		return;
	}
	counter_add(&s->door->counters.opened, 1);
	tls_stream_shed(s->tls);
	approach_free(s->approach);
	s->approach = NULL;
}

/*
 * The table.
 */

#define AFTER(stage) (1U << (stage))

static uint64_t
deadline_tls(const struct config_timeouts *t)
{
	return t->tls;
}

static uint64_t
deadline_ws(const struct config_timeouts *t)
{
	return t->ws;
}

static uint64_t
deadline_mqtt(const struct config_timeouts *t)
{
	return t->mqtt;
}

static const struct stage_def stages[STAGE_COUNT] = {
	/* A PROXY header has as long as the handshake behind it. */
	[STAGE_ACCEPT] = { 0, deadline_tls, REASON_ACCEPT_TIMEOUT, start_accept,
	    cancel_accept },
	[STAGE_TLS] = { AFTER(STAGE_ACCEPT), deadline_tls, REASON_TLS_TIMEOUT,
	    start_tls, NULL },
	[STAGE_WS] = { AFTER(STAGE_TLS), deadline_ws, REASON_WS_TIMEOUT,
	    start_ws, cancel_ws },
	[STAGE_MQTT] = { AFTER(STAGE_TLS) | AFTER(STAGE_WS), deadline_mqtt,
	    REASON_MQTT_TIMEOUT, start_mqtt, cancel_mqtt },
	[STAGE_IDENTITY] = { AFTER(STAGE_MQTT), NULL, REASON_NONE,
	    start_identity, NULL },
	/* Dialling keeps its own deadline, over all its tries. */
	[STAGE_BACKEND] = { AFTER(STAGE_IDENTITY), NULL, REASON_NONE,
	    start_backend, cancel_backend },
	[STAGE_RELAY] = { AFTER(STAGE_BACKEND), NULL, REASON_NONE, start_relay,
	    NULL },
};

const struct stage_def *
stage_def(enum stage stage)
{
	return &stages[stage];
}

static void
too_late(void *arg)
{
	struct session *s = arg;

	session_dismiss(s, stages[s->stage].late, NULL);
}

static void
run(struct session *s)
{
	const struct stage_def *def = &stages[s->stage];
	struct approach *a = s->approach;

	if (def->deadline != NULL)
		timer_start(&a->deadline,
		    def->deadline(&a->snapshot->config->timeouts));
	else
		timer_stop(&a->deadline);
	def->start(s); /* s may be gone */
}

void
stage_begin(struct session *s)
{
	timer_init(&s->approach->deadline, s->door->loop, too_late, s);
	run(s);
}

void
stage_enter(struct session *s, enum stage next)
{
	struct counters *c = &s->door->counters;

	assert((stages[next].from & AFTER(s->stage)) != 0);
	counter_sub(&c->live[s->stage], 1);
	counter_add(&c->live[next], 1);
	counter_sub(&s->entrance->live[s->stage], 1);
	counter_add(&s->entrance->live[next], 1);
	s->stage = next;
	run(s); /* s may be gone */
}
