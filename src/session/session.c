/*
 * The life of a session: how it begins, and the one way out for all ends.
 */
#include "session/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/audit.h"
#include "session/closing.h"
#include "session/stages.h"
#include "tls/stream_tls.h"

/* How long a refused client has to read why, and a broker what it was sent
 * last. */
#define LINGER_MS 1000

void
session_setup_free(struct session_setup *a)
{
	if (a == NULL)
		return;
	timer_stop(&a->deadline);
	if (a->admission != NULL) {
		identity_verdict_fini(&a->admission->verdict);
		buf_fini(&a->admission->connect_read.bytes);
		buf_fini(&a->admission->connect);
		tls_cert_free(a->admission->cert);
		free(a->admission);
	}
	if (a->fd != -1)
		close(a->fd);
	backend_pool_put(a->pool);
	snapshot_put(a->snapshot);
	free(a);
}

static void
bury(struct loop_grave *g)
{
	struct session *s = list_entry(g, struct session, grave);

	session_identity_free(s->identity);
	free(s);
}

void
session_peer(const struct session *s, struct sockaddr_storage *out)
{
	session_address_load(&s->line.peer, out);
}

static void
count_end(struct session *s, enum reason reason)
{
	struct counters *c = &s->manager->counters;

	counter_add(&c->ended[reason], 1);
	counter_sub(&c->live[s->stage], 1);
	counter_sub(&s->listener_state->live[s->stage], 1);
	if (s->stage != STAGE_RELAY)
		return;
	counter_add(&c->bytes_up, s->relay.up.bytes);
	counter_add(&c->bytes_down, s->relay.down.bytes);
}

/* A broker whose bytes were not read any more: a reset would destroy what is
 * on its way to it, the DISCONNECT above all that saves from a Will. */
static void
part_from_broker(struct session *s)
{
	struct session_manager *d = s->manager;

	if (s->stage == STAGE_RELAY && !s->relay.down.eof)
		linger_start(&d->parting, d->loop, s->broker, LINGER_MS);
	else
		stream_close(s->broker);
	s->broker = NULL;
}

/* Gives back everything but the client's stream, which the caller has dealt
 * with, and the memory, which goes at the end of the turn. */
static void
leave(struct session *s, enum reason reason)
{
	struct session_manager *d = s->manager;

	s->over = true;
	count_end(s, reason);
	cert_sessions_remove(&s->line);
	throttle_release(&s->ticket, loop_now(d->loop));
	session_setup_free(s->setup);
	s->setup = NULL;
	part_from_broker(s);
	s->client = NULL;
	s->tls = NULL;
	if (d->sweep_next == &s->node)
		d->sweep_next = s->node.next;
	list_remove(&s->node);
	loop_bury(d->loop, &s->grave);
	d->session_count--;
}

/* Says the last words, if there are any, and lets the client read them. One
 * that was too slow to hear anything is not waited for again. */
static void
part_from_client(struct session *s, enum reason reason,
    struct closing_packets *w)
{
	bool late = reason == stage_def(s->stage)->late;

	if (s->client == NULL)
		return;
	if (s->client != s->tls)
		ws_stream_set_close_code(s->client,
		    closing_websocket_code(reason));
	if ((late && w->client_len == 0) ||
	    (w->client_len > 0 &&
		stream_write(s->client, w->client, w->client_len) < 0))
		stream_close(s->client);
	else
		linger_start(&s->manager->lingering, s->manager->loop,
		    s->client, LINGER_MS);
}

/* The way out before the relay. */
static void
refuse(struct session *s, enum reason reason, const char *detail)
{
	const struct stage_def *def = stage_def(s->stage);
	struct closing_packets w;

	audit_refuse(s, reason, detail);
	if (def->cancel != NULL)
		def->cancel(s);
	closing_packets_make(&w, s, reason);
	part_from_client(s, reason, &w);
	leave(s, reason);
}

void
session_dismiss(struct session *s, enum reason reason, const char *detail)
{
	struct relay_closing_packets rw;
	struct closing_packets w;

	if (s->over)
		return;
	if (s->stage != STAGE_RELAY) {
		refuse(s, reason, detail);
		return;
	}
	if (session_is_leaving(s))
		return;
	audit_dismiss(s, reason, detail);
	closing_packets_make(&w, s, reason);
	rw.to_client = slice_make(w.client, w.client_len);
	rw.to_broker = slice_make(w.broker, w.broker_len);
	relay_dismiss(&s->relay, reason, &rw);
}

bool
session_is_leaving(const struct session *s)
{
	return s->over ||
	    (s->stage == STAGE_RELAY && s->relay.farewell != NULL);
}

void
session_ended(struct session *s, enum reason reason)
{
	struct closing_packets none;

	if (s->over)
		return;
	none.client_len = 0;
	audit_close(s, reason);
	part_from_client(s, reason, &none);
	leave(s, reason);
}

void
session_kill(struct session *s, enum reason reason)
{
	const struct stage_def *def = stage_def(s->stage);

	if (s->over)
		return;
	if (s->stage == STAGE_RELAY) {
		relay_stop(&s->relay);
		audit_close(s, reason);
	} else {
		audit_refuse(s, reason, NULL);
		if (def->cancel != NULL)
			def->cancel(s);
	}
	stream_close(s->client);
	leave(s, reason);
}

static struct session *
session_new(struct session_manager *d, const struct sockaddr_storage *peer,
    struct listener_state *listener_state)
{
	struct session *s = calloc(1, sizeof(*s));
	struct session_setup *a = calloc(1, sizeof(*a));

	if (s == NULL || a == NULL) {
		free(s);
		free(a);
		return NULL;
	}
	a->snapshot = snapshot_get(d->snapshot);
	a->listener = &a->snapshot->config->listener[listener_state->section];
	a->pool = backend_pool_get(
	    d->pools[a->listener->backend_profile->head.index]);
	a->fd = -1;
	timer_init(&a->deadline, d->loop, NULL, NULL);
	s->setup = a;
	s->manager = d;
	s->listener_state = listener_state;
	s->id = d->next_id++;
	s->since = loop_now(d->loop);
	s->stage = STAGE_ACCEPT;
	s->line.manager = d;
	session_address_store(&s->line.peer, peer);
	s->grave.bury = bury;
	list_init(&s->grave.node);
	list_init(&s->node);
	list_append(&d->sessions, &s->node);
	d->session_count++;
	return s;
}

void
session_open(struct session_manager *d, int fd,
    const struct sockaddr_storage *peer, struct listener_state *listener_state)
{
	struct session *s = session_new(d, peer, listener_state);
	enum reason reason;

	counter_add(&d->counters.accepted, 1);
	counter_add(&listener_state->accepted, 1);
	if (s == NULL) {
		counter_add(&d->counters.ended[REASON_ACCEPT_RESOURCE], 1);
		close(fd);
		return;
	}
	s->setup->fd = fd;
	counter_add(&d->counters.live[STAGE_ACCEPT], 1);
	counter_add(&listener_state->live[STAGE_ACCEPT], 1);
	reason = throttle_admit(d->throttle, &s->ticket, s->since);
	if (reason != REASON_NONE)
		session_dismiss(s, reason, NULL);
	else
		stage_begin(s);
}
