/* SPDX-License-Identifier: ISC */
/*
 * The life of a session: how it begins, and the only way out for all ends.
 *
 *	session_dismiss()   before the relay: refuse() and leave()
 *	                    in the relay: relay_dismiss(), later
 *	                    session_relay_ended() and leave()
 *	session_kill()      leave() at once
 */
#include "session/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket.h"
#include "mqtt/disconnect.h"
#include "session/audit.h"
#include "session/closing.h"
#include "session/stages.h"
#include "session/sweep.h"
#include "tls/stream_tls.h"

/* How long a refused client may take to read why, and a broker to read what it
 * was sent last. */
#define LINGER_MS 1000

/*
 * The identity.
 */

/* Returns how many bytes of a claimed name are kept: none if the client got the
 * name that it claimed, and at most one more than is logged, so that the log
 * shows that the name was cut. */
static size_t
claim_len(struct slice claimed, struct slice final)
{
	if (slice_equal(claimed, final))
		return 0;
	return claimed.len > LOG_VALUE_MAX ? LOG_VALUE_MAX + 1 : claimed.len;
}

struct slice
session_identity_username(const struct session_identity *i)
{
	return slice_make(i->text, i->username_len);
}

struct slice
session_identity_client_id(const struct session_identity *i)
{
	return slice_make(i->text + i->username_len, i->client_id_len);
}

/* What is kept of a claimed name, `len' bytes at `at' in i->text. */
static struct slice
claimed(const struct session_identity *i, enum session_claim claim,
    struct slice same, size_t at, size_t len)
{
	if (claim == SESSION_CLAIM_NONE)
		return slice_make(NULL, 0);
	if (claim == SESSION_CLAIM_SAME)
		return same;
	return slice_make(i->text + at, len);
}

struct slice
session_identity_claimed_username(const struct session_identity *i)
{
	return claimed(i, i->username_claim, session_identity_username(i),
	    (size_t)i->username_len + i->client_id_len,
	    i->claimed_username_len);
}

struct slice
session_identity_claimed_id(const struct session_identity *i)
{
	return claimed(i, i->client_id_claim, session_identity_client_id(i),
	    (size_t)i->username_len + i->client_id_len +
		i->claimed_username_len,
	    i->claimed_id_len);
}

const uint8_t *
session_identity_other_form(const struct session_identity *i)
{
	if (!i->has_other_form)
		return i->sha256;
	return i->text + i->username_len + i->client_id_len +
	    i->claimed_username_len + i->claimed_id_len;
}

/* Appends `len' bytes to i->text, of which `*used' are taken. */
static void
keep(struct session_identity *i, size_t *used, const uint8_t *data, size_t len)
{
	if (len > 0)
		memcpy(i->text + *used, data, len);
	*used += len;
}

static void
keep_certificate(struct session_identity *i, const struct cert *cert)
{
	memcpy(i->sha256, cert->sha256, CERT_SHA256_LEN);
	memcpy(i->tbs_sha256, cert->tbs_sha256, CERT_SHA256_LEN);
	i->not_after = cert->chain_not_after;
	i->has_certificate = true;
}

static enum session_claim
compare_claim(bool given, struct slice claimed, struct slice final)
{
	if (!given)
		return SESSION_CLAIM_NONE;
	return slice_equal(claimed, final) ? SESSION_CLAIM_SAME
					   : SESSION_CLAIM_OTHER;
}

struct session_identity *
session_identity_new(struct identity_rules *rules, const struct cert *cert,
    const struct mqtt_connect *c, const struct identity_decision *v)
{
	size_t name_len = claim_len(c->username, v->username);
	size_t id_len = claim_len(c->client_id, v->client_id);
	bool other_form = cert != NULL &&
	    memcmp(cert->other_form_sha256, cert->sha256, CERT_SHA256_LEN) != 0;
	struct session_identity *i =
	    malloc(sizeof(*i) + v->username.len + v->client_id.len + name_len +
		id_len + (other_form ? CERT_SHA256_LEN : 0));
	size_t used = 0;

	if (i == NULL)
		return NULL;
	memset(i, 0, sizeof(*i));
	i->rules = identity_rules_get(rules);
	i->not_after = INT64_MAX;
	if (cert != NULL)
		keep_certificate(i, cert);
	i->username_claim =
	    compare_claim(c->has_username, c->username, v->username);
	i->client_id_claim =
	    compare_claim(c->client_id.len > 0, c->client_id, v->client_id);
	i->username_len = (uint16_t)v->username.len;
	keep(i, &used, v->username.data, v->username.len);
	i->client_id_len = (uint16_t)v->client_id.len;
	keep(i, &used, v->client_id.data, v->client_id.len);
	i->claimed_username_len = (uint16_t)name_len;
	keep(i, &used, c->username.data, name_len);
	i->claimed_id_len = (uint16_t)id_len;
	keep(i, &used, c->client_id.data, id_len);
	i->has_other_form = other_form;
	if (other_form)
		keep(i, &used, cert->other_form_sha256, CERT_SHA256_LEN);
	return i;
}

void
session_identity_free(struct session_identity *i)
{
	if (i == NULL)
		return;
	identity_rules_put(i->rules);
	free(i);
}

void
session_peer(const struct session *s, struct sockaddr_storage *out)
{
	session_address_load(&s->member.peer, out);
}

/*
 * The way out.
 */

void
session_open_line_free(struct session *s)
{
	if (s->open_line == NULL)
		return;
	tls_facts_free(s->open_line->cert);
	free(s->open_line);
	s->open_line = NULL;
}

static void
session_free(void *memory)
{
	struct session *s = memory;

	session_open_line_free(s);

	session_identity_free(s->identity);
	free(s);
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
	session_manager_count_end(s->manager, s);
}

/* If the broker's bytes were not all read, closing the socket would send a
 * reset, which destroys what is still on its way to the broker: above all the
 * DISCONNECT that suppresses the Will. So the rest is read and dropped. */
static void
part_from_broker(struct session *s)
{
	struct session_manager *m = s->manager;

	if (s->stage == STAGE_RELAY && !s->relay.down.eof)
		linger_start(&m->lingering_brokers, m->loop, s->broker,
		    LINGER_MS);
	else
		stream_close(s->broker);
	s->broker = NULL;
}

/* Releases everything but the client's stream, which the caller has dealt
 * with. The memory is freed at the end of the turn. */
static void
leave(struct session *s, enum reason reason)
{
	struct session_manager *m = s->manager;

	s->ended = true;
	count_end(s, reason);
	cert_sessions_remove(&s->member);
	(void)client_ids_release(m->client_ids, &s->client_id);
	throttle_release(&s->slot, loop_now(m->loop));
	stages_free_setup(s);
	part_from_broker(s);
	s->client = NULL;
	s->tls = NULL;
	if (m->sweep_next == &s->node)
		m->sweep_next = s->node.next;
	sweep_remove_filter(s);
	session_walk_skip(m, s);
	list_remove(&s->node);
	loop_free_later(m->loop, &s->garbage, s, session_free);
	m->session_count--;
}

/* Strangers must not take the time to read from clients that are known. */
static struct linger_set *
linger_set_of(const struct session *s)
{
	struct session_manager *m = s->manager;

	if (s->stage == STAGE_RELAY)
		return &m->lingering;
	return s->stage <= STAGE_TLS ? &m->unauthenticated : &m->refused;
}

/* Sends the closing packet, if there is one, and gives the client time to read
 * it. A client that missed a deadline gets no second one, unless it has a
 * packet to read. */
static void
part_from_client(struct session *s, enum reason reason,
    struct closing_packets *packets)
{
	bool timed_out = reason == stage_def(s->stage)->timeout;
	struct session_manager *m = s->manager;

	if (s->client == NULL)
		return;
	if (s->client != s->tls)
		ws_stream_set_close_code(s->client,
		    closing_websocket_code(reason));
	if ((timed_out && packets->client_len == 0) ||
	    (packets->client_len > 0 &&
		stream_write(s->client, packets->client, packets->client_len) <
		    0))
		stream_close(s->client);
	else
		linger_start(linger_set_of(s), m->loop, s->client, LINGER_MS);
}

static void
cancel_stage(struct session *s)
{
	const struct stage_def *def = stage_def(s->stage);

	if (def->cancel != NULL)
		def->cancel(s);
}

/* Ends a session before the relay. */
static void
refuse(struct session *s, enum reason reason, const char *detail)
{
	struct closing_packets packets;

	audit_refuse(s, reason, detail);
	cancel_stage(s);
	closing_packets_make(&packets, s, reason);
	part_from_client(s, reason, &packets);
	leave(s, reason);
}

void
session_dismiss(struct session *s, enum reason reason, const char *detail)
{
	struct relay_closing_packets to_relay;
	struct closing_packets packets;

	if (session_is_leaving(s))
		return;
	if (s->stage != STAGE_RELAY) {
		refuse(s, reason, detail);
		return;
	}
	audit_dismiss(s, reason, detail);
	closing_packets_make(&packets, s, reason);
	to_relay.to_client = slice_make(packets.client, packets.client_len);
	to_relay.to_broker = slice_make(packets.broker, packets.broker_len);
	relay_dismiss(&s->relay, reason, &to_relay);
}

/* Refines why a relay has ended. `code' is that of the broker's DISCONNECT, -1
 * without one; `other' the session that has taken over the ClientID, or 0. */
static enum reason
broker_reason(const struct session *s, enum reason reason, int code,
    uint32_t other)
{
	bool by_broker = reason == REASON_RELAY_BROKER_CLOSED ||
	    reason == REASON_RELAY_BROKER_ERROR;

	if (s->answered && s->connack != 0)
		return REASON_RELAY_BROKER_REFUSED;
	if (code == MQTT_DISCONNECT_TAKEN_OVER)
		return REASON_RELAY_TAKEN_OVER;
	if (code >= 0)
		return REASON_RELAY_BROKER_DISCONNECT;
	return by_broker && other != 0 ? REASON_RELAY_TAKEN_OVER : reason;
}

/* Logs the end of a session in the relay. If a client leaves because of what
 * the broker said, the broker ended the session. */
static void
log_relay_end(struct session *s, enum reason *reason)
{
	uint32_t other =
	    client_ids_release(s->manager->client_ids, &s->client_id);
	int code = half_disconnect_code(&s->relay.down);

	switch (*reason) {
	case REASON_RELAY_CLIENT_CLOSED:
	case REASON_RELAY_CLIENT_ERROR:
	case REASON_RELAY_BROKER_CLOSED:
	case REASON_RELAY_BROKER_ERROR:
		*reason = broker_reason(s, *reason, code, other);
		break;
	default:
		break;
	}
	if (s->answered && s->connack == 0)
		audit_close(s, *reason, other);
	else
		audit_refuse(s, *reason, NULL);
}

bool
session_is_leaving(const struct session *s)
{
	return s->ended ||
	    (s->stage == STAGE_RELAY && relay_is_dismissed(&s->relay));
}

void
session_relay_ended(struct session *s, enum reason reason)
{
	struct closing_packets none = { .client_len = 0 };

	if (s->ended)
		return;
	log_relay_end(s, &reason);
	part_from_client(s, reason, &none);
	leave(s, reason);
}

void
session_kill(struct session *s, enum reason reason)
{
	if (s->ended)
		return;
	if (s->stage == STAGE_RELAY) {
		relay_stop(&s->relay);
		log_relay_end(s, &reason);
	} else {
		audit_refuse(s, reason, NULL);
		cancel_stage(s);
	}
	stream_close(s->client);
	leave(s, reason);
}

/*
 * Dead peers.
 */

/* How long a peer may leave sent data unacknowledged. */
#define SILENT_MS 120000

void
session_check_peers(struct session *s)
{
	uint32_t bytes = (uint32_t)(s->relay.up.bytes + s->relay.down.bytes);
	uint64_t unread = s->manager->snapshot->config->timeouts.unread;
	enum socket_health client;
	enum socket_health broker;

	if (!s->checked_busy && bytes == s->checked_bytes)
		return;
	client = socket_check(stream_descriptor(s->tls), SILENT_MS, unread);
	broker = socket_check(stream_descriptor(s->broker), SILENT_MS, unread);
	s->checked_bytes = bytes;
	s->checked_busy = client != SOCKET_QUIET || broker != SOCKET_QUIET;
	if (client == SOCKET_DEAD)
		session_kill(s, REASON_RELAY_CLIENT_ERROR);
	else if (broker == SOCKET_DEAD)
		session_kill(s, REASON_RELAY_BROKER_ERROR);
	else if (client == SOCKET_UNREAD)
		session_dismiss(s, REASON_RELAY_UNREAD,
		    "the client does not read");
	else if (broker == SOCKET_UNREAD)
		session_dismiss(s, REASON_RELAY_UNREAD,
		    "the broker does not read");
}

/*
 * The beginning.
 */

static struct session *
session_new(struct session_manager *m, const struct sockaddr_storage *peer,
    struct listener_state *listener_state)
{
	struct session *s = calloc(1, sizeof(*s));
	struct session_setup *setup = calloc(1, sizeof(*setup));

	if (s == NULL || setup == NULL) {
		free(s);
		free(setup);
		return NULL;
	}
	setup->snapshot = snapshot_get(m->snapshot);
	setup->listener =
	    &setup->snapshot->config->listener[listener_state->section];
	setup->pool = backend_pool_get(
	    m->pools[setup->listener->backend_profile->head.index]);
	setup->denylist_version =
	    identity_denylist_version(setup->snapshot->denylist);
	setup->fd = -1;
	timer_init(&setup->deadline, m->loop, NULL, NULL);
	s->setup = setup;
	setup->session = s;
	s->manager = m;
	s->listener_state = listener_state;
	s->id = m->next_id;
	m->next_id += m->workers;
	s->accepted_ms = loop_now(m->loop);
	s->stage = STAGE_ACCEPT;
	s->member.manager = m;
	session_address_store(&s->member.peer, peer);
	list_init(&s->node);
	list_append(&m->sessions, &s->node);
	m->session_count++;
	return s;
}

void
session_end_pending(struct pending_handshake *h)
{
	struct session_setup *setup =
	    list_entry(h, struct session_setup, handshake);

	session_dismiss(setup->session, REASON_ACCEPT_EVICTED, NULL);
}

void
session_open(struct session_manager *m, int fd,
    const struct sockaddr_storage *peer, struct listener_state *listener_state)
{
	struct session *s = session_new(m, peer, listener_state);
	enum reason reason;

	counter_add(&m->counters.accepted, 1);
	counter_add(&listener_state->accepted, 1);
	if (s == NULL) {
		counter_add(&m->counters.ended[REASON_ACCEPT_RESOURCE], 1);
		close(fd);
		return;
	}
	s->setup->fd = fd;
	counter_add(&m->counters.live[STAGE_ACCEPT], 1);
	counter_add(&listener_state->live[STAGE_ACCEPT], 1);
	reason = throttle_admit(m->throttle, &s->slot);
	if (reason != REASON_NONE && pending_make_room(&m->handshakes)) {
		throttle_admit_over_limit(m->throttle, &s->slot);
		reason = REASON_NONE;
	}
	if (reason == REASON_NONE)
		pending_begin(&s->setup->handshake, &m->handshakes, peer);
	if (reason != REASON_NONE)
		session_dismiss(s, reason, NULL);
	else
		stages_begin(s);
}
