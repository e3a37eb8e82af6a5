/*
 * From a CONNECT to a session: identity, backend, relay.
 */
#include "session/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/audit.h"
#include "session/proxy.h"
#include "session/stages.h"
#include "session/sweep.h"
#include "session/verdict.h"
#include "tls/stream_tls.h"

/*
 * identity: the verdict. It is there at once.
 */

static enum reason
judge(struct session *s, struct admission *m, struct verdict_detail *detail)
{
	struct session_setup *a = s->setup;
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
	in.client.connect = &m->connect_read.connect;
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
add_to_cert_sessions(struct session *s, const struct config_tls *t)
{
	struct cert_sessions_limit rules = { t->sessions_per_certificate,
		t->on_excess == CONFIG_ON_EXCESS_REFUSE
		    ? CERT_SESSIONS_REFUSE
		    : CERT_SESSIONS_KICK_OLDEST };
	struct cert_sessions_result answer;

	if (!s->identity->has_certificate)
		return REASON_NONE;
	if (cert_sessions_add(s->manager->cert_sessions, &s->line,
		s->identity->sha256, &rules, &answer) != OK)
		return REASON_ACCEPT_RESOURCE;
	if (answer.clone) {
		counter_add(&s->manager->counters.clone_suspects, 1);
		audit_clone(s, &answer.other);
	}
	return answer.full ? REASON_IDENTITY_SESSIONS : REASON_NONE;
}

void
steps_identity_start(struct session *s)
{
	struct admission *m = s->setup->admission;
	struct verdict_detail detail = { "" };
	enum reason reason = judge(s, m, &detail);

	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	s->identity = session_identity_new(
	    snapshot_rules(s->setup->snapshot, s->setup->listener, m->cert),
	    m->cert, &m->connect_read.connect, &m->verdict);
	if (s->identity == NULL) {
		steps_failed(s, "out of memory");
		return;
	}
	reason = add_to_cert_sessions(s, s->setup->listener->tls_profile);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, NULL);
		return;
	}
	if (m->cert == NULL)
		counter_add(&s->manager->counters.without_certificate, 1);
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
	if (s->setup->snapshot == s->manager->snapshot)
		return REASON_NONE;
	return sweep_judge(s, SWEEP_ALL, clock_wall_s(), detail);
}

static void
dial_done(void *arg, enum reason reason, struct stream *broker,
    const char *text)
{
	struct session *s = arg;
	struct verdict_detail detail = { "" };

	s->setup->step.dial = NULL;
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

void
steps_backend_start(struct session *s)
{
	struct session_setup *a = s->setup;
	uint8_t header[BACKEND_PROXY_OUT_MAX];
	struct backend_dial_request request;
	size_t header_len = 0;

	if (proxy_header(s, header, &header_len) != OK) {
		session_dismiss(s, REASON_IDENTITY_ENCODING,
		    "proxy_protocol = v2 passes the CN on, and this one is "
		    "not one short text");
		return;
	}
	request.client_id = a->admission->verdict.client_id;
	request.proxy_header = slice_make(header, header_len);
	if (backend_dial_start(&a->step.dial, a->pool, &request, dial_done,
		s) != OK)
		steps_failed(s, "out of memory");
}

void
steps_backend_cancel(struct session *s)
{
	backend_dial_cancel(s->setup->step.dial);
}

/*
 * relay: the two streams face each other.
 */

static void
relay_answered(void *arg, uint8_t code)
{
	struct session *s = arg;
	struct counters *c = &s->manager->counters;

	s->answered = true;
	counter_add(code == 0 ? &c->connack_accepted : &c->connack_refused, 1);
	counters_observe(&c->connack,
	    loop_now(s->manager->loop) - s->connect_at);
}

static void
relay_violated(void *arg, enum reason reason)
{
	session_dismiss(arg, reason, NULL);
}

static void
relay_ended(void *arg, enum reason reason)
{
	session_ended(arg, steps_client_reason(arg, reason));
}

static const struct relay_owner relay_owner = {
	.answered = relay_answered,
	.violated = relay_violated,
	.ended = relay_ended,
};

void
steps_relay_start(struct session *s)
{
	const struct admission *m = s->setup->admission;
	const struct config *cfg = s->setup->snapshot->config;
	struct relay_options o = { 0 };
	struct slice all = buf_slice(&m->connect_read.bytes);

	o.connect = buf_slice(&m->connect);
	o.behind = slice_make(all.data + m->connect_read.connect_len,
	    all.len - m->connect_read.connect_len);
	if (m->verdict.assign_client_id)
		o.assigned = m->verdict.client_id;
	o.client_maximum_packet = m->connect_read.connect.maximum_packet_size;
	o.idle_ms = cfg->timeouts.idle;
	o.chunk = cfg->limits.relay_buffer;
	o.version = (uint8_t)s->level;
	if (relay_start(&s->relay, s->manager->loop, s->client, s->broker, &o,
		&relay_owner, s) != OK) {
		session_kill(s, REASON_ACCEPT_RESOURCE);
		return;
	}
	counter_add(&s->manager->counters.opened, 1);
	tls_stream_shed(s->tls);
	session_setup_free(s->setup);
	s->setup = NULL;
}
