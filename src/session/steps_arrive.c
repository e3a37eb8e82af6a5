/*
 * From a fresh socket to a CONNECT: accept, tls, ws, mqtt.
 */
#include "session/steps.h"

#include <stdlib.h>
#include <string.h>

#include "accept/listener.h"
#include "base/clock.h"
#include "session/options.h"
#include "session/stages.h"
#include "session/verdict.h"
#include "tls/stream_tls.h"
#include "ws/stream_ws.h"

void
steps_failed(struct session *s, const char *what)
{
	session_dismiss(s, REASON_ACCEPT_RESOURCE, what);
}

/*
 * accept: who is it really, and may that address come in?
 */

/* Where the client came in, for the header that tells the broker. A balancer
 * may have told it already. */
static void
note_local(struct session_setup *a)
{
	struct sockaddr_storage at;

	if (a->listener->backend_profile->proxy_protocol ==
		CONFIG_PROXY_PROTOCOL_OFF ||
	    a->local.sa.sa_family != AF_UNSPEC)
		return;
	if (listener_bound(a->fd, &at) == OK)
		session_address_store(&a->local, &at);
}

static void
admit_peer(struct session *s)
{
	struct sockaddr_storage peer;
	struct verdict_detail detail;
	enum reason reason;

	note_local(s->setup);
	session_peer(s, &peer);
	reason =
	    verdict_peer(s->setup->snapshot, &peer, clock_wall_s(), &detail);
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail.text);
		return;
	}
	reason =
	    throttle_admit_peer(&s->ticket, &peer, loop_now(s->manager->loop));
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

	s->setup->step.proxy = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail);
		return;
	}
	if (header->kind == ACCEPT_PROXY_FORWARDED) {
		session_address_store(&s->line.peer, &header->source);
		session_address_store(&s->setup->local, &header->destination);
	}
	admit_peer(s);
}

void
steps_accept_start(struct session *s)
{
	struct session_setup *a = s->setup;
	struct accept_proxy_options o = { 0 };
	struct sockaddr_storage peer;

	if (a->listener->accept_proxy == CONFIG_ACCEPT_PROXY_OFF) {
		admit_peer(s);
		return;
	}
	session_peer(s, &peer);
	options_proxy_in(&o, a->listener);
	if (accept_proxy_start(&a->step.proxy, s->manager->loop, a->fd, &peer,
		&o, proxy_done, s) != OK)
		steps_failed(s, "out of memory");
}

void
steps_accept_cancel(struct session *s)
{
	accept_proxy_cancel(s->setup->step.proxy);
}

/*
 * tls: the handshake, and the certificate.
 */

static void
count_handshake(struct session *s, enum tls_suite suite, enum handshake result)
{
	struct counters *c = &s->manager->counters;

	counter_add(&c->handshakes[suite][result], 1);
	if (result != HANDSHAKE_FAILED)
		counters_observe(&c->handshake,
		    loop_now(s->manager->loop) - s->since);
}

/* Certificates can be denied too, and then the client hears it as an alert. */
static enum reason
judge_cert(struct session *s, struct verdict_detail *detail)
{
	return verdict_cert(s->setup->snapshot, tls_stream_cert(s->tls),
	    clock_wall_s(), detail);
}

static void
tls_is_open(struct session *s)
{
	struct verdict_detail detail = { "" };
	struct tls_info info;
	enum reason reason;

	tls_stream_info(s->tls, &info);
	throttle_handshake_done(&s->ticket,
	    info.resumed ? THROTTLE_RESUMED : THROTTLE_FULL,
	    loop_now(s->manager->loop));
	reason = judge_cert(s, &detail);
	if (reason != REASON_NONE) {
		tls_stream_refuse(s->tls, reason);
		session_dismiss(s, reason, detail.text);
		return;
	}
	count_handshake(s, info.suite,
	    info.resumed ? HANDSHAKE_RESUMED : HANDSHAKE_FULL);
	stage_enter(s,
	    s->setup->listener->transport == CONFIG_TRANSPORT_WEBSOCKET
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
	    loop_now(s->manager->loop));
	tls_stream_failure(stream, &reason, &detail);
	session_dismiss(s, reason, detail);
}

void
steps_tls_start(struct session *s)
{
	struct session_setup *a = s->setup;
	struct tls_ctx *ctx =
	    a->snapshot->tls[a->listener->tls_profile->head.index];

	s->client = tls_stream_new(s->manager->loop, ctx, a->fd,
	    a->listener->transport == CONFIG_TRANSPORT_WEBSOCKET
		? TLS_APP_HTTP
		: TLS_APP_MQTT);
	if (s->client == NULL) {
		steps_failed(s, "out of memory");
		return;
	}
	a->fd = -1;
	s->tls = s->client;
	stream_set_owner(s->client, on_handshake, s);
}

/* Whatever ends a connection in this stage, its handshake has failed. */
void
steps_tls_cancel(struct session *s)
{
	struct tls_info info = { .suite = TLS_SUITE_NONE };

	if (s->tls != NULL)
		tls_stream_info(s->tls, &info);
	count_handshake(s, info.suite, HANDSHAKE_FAILED);
}

/*
 * ws: the upgrade. From here on the client is a stream of MQTT bytes.
 */

static void
ws_done(void *arg, enum reason reason, struct stream *ws, const char *detail)
{
	struct session *s = arg;

	s->setup->step.ws = NULL;
	if (reason != REASON_NONE) {
		session_dismiss(s, reason, detail);
		return;
	}
	s->client = ws;
	stage_enter(s, STAGE_MQTT);
}

void
steps_ws_start(struct session *s)
{
	struct session_setup *a = s->setup;

	if (ws_open_start(&a->step.ws, s->manager->loop, s->client,
		&a->snapshot->ws[a->listener->head.index], ws_done, s) != OK)
		steps_failed(s, "out of memory");
}

void
steps_ws_cancel(struct session *s)
{
	ws_open_cancel(s->setup->step.ws);
}

enum reason
steps_client_reason(const struct session *s, enum reason reason)
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
connect_read_done(void *arg, enum reason reason,
    struct mqtt_connect_result *result)
{
	struct session *s = arg;
	struct admission *m;

	s->setup->step.connect_read = NULL;
	s->level = result->level;
	if (reason != REASON_NONE) {
		session_dismiss(s, steps_client_reason(s, reason), result->why);
		return;
	}
	m = calloc(1, sizeof(*m));
	if (m == NULL) {
		steps_failed(s, "out of memory");
		return;
	}
	s->maximum_packet = result->connect.maximum_packet_size;
	m->connect_read = *result;
	buf_init(&result->bytes, 0);
	buf_init(&m->connect, 0);
	s->connect_at = loop_now(s->manager->loop);
	s->setup->admission = m;
	stage_enter(s, STAGE_IDENTITY);
}

void
steps_mqtt_start(struct session *s)
{
	struct session_setup *a = s->setup;

	if (mqtt_connect_read_start(&a->step.connect_read, s->manager->loop,
		s->client, &a->snapshot->mqtt, connect_read_done, s) != OK)
		steps_failed(s, "out of memory");
}

void
steps_mqtt_cancel(struct session *s)
{
	mqtt_connect_read_cancel(s->setup->step.connect_read);
}
