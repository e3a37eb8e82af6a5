/* SPDX-License-Identifier: ISC */
#include "session/audit.h"

#include <stdio.h>

#include "base/encode.h"
#include "base/hash.h"
#include "base/log.h"
#include "identity/text.h"
#include "session/stages.h"
#include "tls/stream_tls.h"

/*
 * Budgets.
 */

static void
init_refusals(struct audit_refusals *r)
{
	memset(r, 0, sizeof(*r));
	ratelimit_init(&r->limit, AUDIT_REFUSALS_A_SECOND,
	    AUDIT_REFUSALS_A_SECOND);
}

void
audit_init(struct audit *a)
{
	memset(a, 0, sizeof(*a));
	init_refusals(&a->verified);
	init_refusals(&a->unverified);
	ratelimit_init(&a->checks, AUDIT_CHECKS_A_SECOND,
	    AUDIT_CHECKS_A_SECOND);
	ratelimit_init(&a->shared, AUDIT_SHARED_LINES_A_SECOND,
	    AUDIT_SHARED_LINES_BURST);
}

static const char *
event_name(enum audit_event event)
{
	static const char *const names[] = {
#define X(id, name) name,
		AUDIT_EVENTS(X)
#undef X
	};

	return names[event];
}

static void
log_left_out(enum audit_event event, enum reason reason, uint32_t lines)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARN, "not_logged");
	log_u64(&l, "lines", lines);
	log_str(&l, "of", event_name(event));
	if (reason != REASON_NONE)
		log_str(&l, "reason", reason_name(reason));
	log_end(&l);
}

void
audit_tick(struct audit *a)
{
	unsigned event;
	unsigned reason;

	for (event = 0; event < AUDIT_EVENT_COUNT; event++)
		for (reason = 0; reason < REASON_COUNT; reason++) {
			if (a->left_out[event][reason] == 0)
				continue;
			log_left_out((enum audit_event)event,
			    (enum reason)reason, a->left_out[event][reason]);
			a->left_out[event][reason] = 0;
		}
	memset(a->verified.seen, 0, sizeof(a->verified.seen));
	memset(a->unverified.seen, 0, sizeof(a->unverified.seen));
	a->verified.seen_count = a->unverified.seen_count = 0;
}

/* True for the first refusal of that reason and subject in this second, as long
 * as there is room to remember it. */
static bool
is_first(struct audit_refusals *r, enum reason reason, uint64_t subject)
{
	size_t size = sizeof(r->seen) / sizeof(r->seen[0]);
	uint64_t hash = hash_mix(subject + (uint64_t)reason);
	uint32_t tag = (uint32_t)(hash >> 32) | 1;
	size_t i = hash % size;

	while (r->seen[i] != 0) {
		if (r->seen[i] == tag)
			return false;
		i = (i + 1) % size;
	}
	if (r->seen_count == AUDIT_FIRSTS)
		return false;
	r->seen[i] = tag;
	r->seen_count++;
	return true;
}

static uint64_t
certificate_subject(const uint8_t tbs_sha256[CERT_SHA256_LEN])
{
	uint64_t subject;

	memcpy(&subject, tbs_sha256, sizeof(subject));
	return subject;
}

static uint64_t
network_subject(const struct session *s)
{
	struct sockaddr_storage peer;
	uint8_t key[16];
	uint8_t kind;

	session_peer(s, &peer);
	kind = address_prefix(key, &peer, 24, 64);
	return hash_fnv(hash_fnv_byte(HASH_FNV_BEGIN, kind),
	    slice_make(key, sizeof(key)));
}

/* The certificate that passed verification, or NULL. */
static const struct cert *
verified_cert(const struct session *s)
{
	const struct session_setup *setup = s->setup;

	if (setup != NULL && setup->connect != NULL)
		return setup->connect->cert;
	return s->tls == NULL ? NULL : tls_stream_cert(s->tls);
}

/* True if a line of that event, reason and subject is within the budget `r'.
 * Otherwise the line is counted as left out. */
static bool
may_log(struct session *s, struct audit_refusals *r, enum audit_event event,
    enum reason reason, uint64_t subject)
{
	struct audit *a = &s->manager->audit;

	if (is_first(r, reason, subject) ||
	    ratelimit_try(&r->limit, loop_now(s->manager->loop)) == 0)
		return true;
	a->left_out[event][reason]++;
	return false;
}

static bool
may_log_refusal(struct session *s, enum reason reason)
{
	struct audit *a = &s->manager->audit;
	const struct cert *cert = verified_cert(s);

	if (s->identity != NULL && s->identity->has_certificate)
		return may_log(s, &a->verified, AUDIT_REFUSE, reason,
		    certificate_subject(s->identity->tbs_sha256));
	if (cert != NULL)
		return may_log(s, &a->verified, AUDIT_REFUSE, reason,
		    certificate_subject(cert->tbs_sha256));
	return may_log(s, &a->unverified, AUDIT_REFUSE, reason,
	    network_subject(s));
}

/*
 * Returns the budget of `subject': its own, or one that is full and therefore
 * not needed by another. If all of its group are in use, because very many
 * devices come at once, it is one that such subjects share: a full one would
 * leave certificates that take turns without a limit.
 */
static struct ratelimit *
budget_of(struct audit *a, uint64_t subject, uint64_t now)
{
	size_t groups = AUDIT_CERTIFICATES / AUDIT_GROUP;
	struct audit_certificate *c =
	    &a->certificates[subject % groups * AUDIT_GROUP];
	struct audit_certificate *unused = NULL;
	size_t i;

	for (i = 0; i < AUDIT_GROUP; i++) {
		if (c[i].subject == subject)
			return &c[i].limit;
		if (unused == NULL && ratelimit_is_full(&c[i].limit, now))
			unused = &c[i];
	}
	if (unused == NULL)
		return &a->shared;
	unused->subject = subject;
	ratelimit_init(&unused->limit, AUDIT_SESSION_LINES_A_SECOND,
	    AUDIT_SESSION_LINES_BURST);
	return &unused->limit;
}

static bool
may_log_session(struct session *s, enum audit_event event, enum reason reason)
{
	struct audit *a = &s->manager->audit;
	uint64_t now = loop_now(s->manager->loop);
	uint64_t subject = s->identity->has_certificate
	    ? certificate_subject(s->identity->tbs_sha256)
	    : network_subject(s);

	if (ratelimit_try(budget_of(a, subject, now), now) == 0)
		return true;
	a->left_out[event][reason]++;
	return false;
}

/*
 * Fields. The short form, for a terminal, leaves out fields that the event
 * implies, fields with their usual value, and fields of a certificate that only
 * its CA needs.
 */

static void
add_peer(struct log_line *l, const struct session *s)
{
	char text[ADDRESS_TEXT_MAX];
	struct sockaddr_storage peer;

	session_peer(s, &peer);
	address_text_port(text, &peer);
	log_str(l, "peer", text);
}

/* The first fields of every line. */
static void
add_common(struct log_line *l, const struct session *s)
{
	log_u64(l, "sid", s->id);
	if (!log_is_short(l))
		log_str(l, "stage", stage_name(s->stage));
	add_peer(l, s);
	log_str(l, "listener", s->listener_state->name);
}

static void
begin(struct log_line *l, const struct session *s, enum log_level level,
    enum audit_event event)
{
	log_begin(l, level, event_name(event));
	add_common(l, s);
}

static void
add_hex(struct log_line *l, const char *key, struct slice bytes)
{
	char text[2 * CERT_SHA256_LEN + 1];

	if (bytes.len > CERT_SHA256_LEN)
		bytes.len = CERT_SHA256_LEN;
	encode_hex(text, bytes);
	log_str(l, key, text);
}

static void
add_dn(struct log_line *l, const char *key, const struct cert_attr *attrs,
    size_t count)
{
	uint8_t text[512];
	struct identity_text_out out = { text, sizeof(text), 0 };

	if (identity_dn_append(attrs, count, IDENTITY_DN_EMQX, &out, NULL) ==
	    IDENTITY_TEXT_OK)
		log_slice(l, key, slice_make(text, out.len));
}

/* Enough of the certificate to find it at its CA. */
static void
add_cert(struct log_line *l, const struct cert *c)
{
	if (!log_is_short(l)) {
		add_hex(l, "cert_sha256",
		    slice_make(c->sha256, CERT_SHA256_LEN));
		add_hex(l, "cert_serial", c->serial);
		add_dn(l, "cert_issuer", c->issuer, c->issuer_count);
	}
	add_dn(l, "cert_subject", c->subject, c->subject_count);
}

static void
add_tls(struct log_line *l, const struct session *s)
{
	struct tls_info info;

	if (s->tls == NULL || s->stage <= STAGE_TLS || log_is_short(l))
		return;
	tls_stream_info(s->tls, &info);
	log_str(l, "tls", info.version);
	log_str(l, "cipher", info.cipher);
	log_bool(l, "resumed", info.resumed);
	if (info.sni[0] != '\0')
		log_str(l, "sni", info.sni);
}

static void
add_profile(struct log_line *l, const struct identity_rules *r)
{
	if (!log_is_short(l) || strcmp(r->name, "default") != 0)
		log_str(l, "identity", r->name);
}

/* The names that the broker knows the client by. */
static void
add_names(struct log_line *l, const struct session_identity *i)
{
	log_slice(l, "client_id", session_identity_client_id(i));
	log_slice(l, "user", session_identity_username(i));
}

/* The names that the client claimed. They come last, because the client chooses
 * them and the line's length is limited. */
static void
add_claims(struct log_line *l, struct slice client_id, struct slice username)
{
	if (client_id.len > 0)
		log_slice(l, "client_clientid", client_id);
	if (username.data != NULL)
		log_slice(l, "client_username", username);
}

/* The broker's answer to the CONNECT. */
static void
add_connack(struct log_line *l, const struct session *s)
{
	if (!s->answered)
		log_str(l, "connack", "none");
	else if (!log_is_short(l) || s->connack != 0)
		log_fmt(l, "connack", "0x%02x", s->connack);
}

static void
add_disconnect(struct log_line *l, const char *key, const struct half *h)
{
	int code = half_disconnect_code(h);

	if (code >= 0)
		log_fmt(l, key, "0x%02x", code);
}

/* Adds how the relay ended. */
static void
add_relay(struct log_line *l, const struct session *s)
{
	uint64_t age = loop_now(s->manager->loop) - s->accepted_ms;

	add_connack(l, s);
	add_disconnect(l, "client_disconnect", &s->relay.up);
	add_disconnect(l, "broker_disconnect", &s->relay.down);
	log_u64(l, "up", s->relay.up.bytes);
	log_u64(l, "down", s->relay.down.bytes);
	log_seconds(l, "age_s", age);
}

static void
add_detail(struct log_line *l, const char *detail)
{
	if (detail != NULL && detail[0] != '\0')
		log_str(l, "detail", detail);
}

/*
 * Lines.
 */

void
audit_open(struct session *s)
{
	struct slice claimed = { 0 };
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_INFO) ||
	    !may_log_session(s, AUDIT_OPEN, REASON_NONE))
		return;
	begin(&l, s, LOG_LEVEL_INFO, AUDIT_OPEN);
	add_names(&l, s->identity);
	if (!log_is_short(&l))
		log_u64(&l, "version", s->level);
	if (s->open_line->takes_over != 0)
		log_u64(&l, "takes_over", s->open_line->takes_over);
	if (s->open_line->cert != NULL && !log_is_short(&l))
		add_cert(&l, s->open_line->cert);
	add_profile(&l, s->identity->rules);
	log_str(&l, "backend", s->open_line->backend);
	add_connack(&l, s);
	add_tls(&l, s);
	if (!log_is_short(&l) ||
	    !slice_equal(session_identity_claimed_id(s->identity),
		session_identity_client_id(s->identity)))
		claimed = session_identity_claimed_id(s->identity);
	add_claims(&l, claimed, session_identity_claimed_username(s->identity));
	log_end(&l);
}

/* A certificate that did not pass verification is logged, too, but marked as
 * unverified: it proves nothing, and selects no profile. */
static void
add_refused_cert(struct log_line *l, const struct session *s)
{
	const struct session_setup *setup = s->setup;
	const struct cert *verified = verified_cert(s);
	struct cert *c = NULL;

	if (verified != NULL) {
		if (!log_is_short(l))
			log_str(l, "cert", "verified");
		add_cert(l, verified);
	} else if (s->tls != NULL &&
	    tls_stream_make_cert(s->tls, NULL, &c) == OK) {
		log_str(l, "cert",
		    s->identity != NULL ? "verified" : "unverified");
		add_cert(l, c);
	}
	tls_facts_free(c);
	if (s->identity != NULL)
		add_profile(l, s->identity->rules);
	else
		add_profile(l,
		    snapshot_rules(setup->snapshot, setup->listener, verified));
}

/* Health checks of load balancers come every few seconds and say nothing. Those
 * of a stranger who connects all the time look the same, and cost as much as a
 * handshake: so above a rate that no balancer has, they are refusals like any
 * other. */
static enum log_level
level_of(struct session *s, enum reason reason)
{
	bool check =
	    reason == REASON_ACCEPT_CHECK || reason == REASON_TLS_CHECK;

	return check &&
		ratelimit_try(&s->manager->audit.checks,
		    loop_now(s->manager->loop)) == 0
	    ? LOG_LEVEL_DEBUG
	    : LOG_LEVEL_INFO;
}

void
audit_refuse(struct session *s, enum reason reason, const char *detail)
{
	const struct session_connect *c =
	    s->setup == NULL ? NULL : s->setup->connect;
	enum log_level level = level_of(s, reason);
	struct log_line l;

	if (!log_enabled(level) || !may_log_refusal(s, reason))
		return;
	begin(&l, s, level, AUDIT_REFUSE);
	log_str(&l, "reason", reason_name(reason));
	add_detail(&l, detail);
	if (s->stage == STAGE_RELAY)
		add_relay(&l, s);
	add_refused_cert(&l, s);
	add_tls(&l, s);
	if (s->identity != NULL) {
		add_names(&l, s->identity);
		add_claims(&l, session_identity_claimed_id(s->identity),
		    session_identity_claimed_username(s->identity));
	} else if (c != NULL) {
		add_claims(&l, c->connect_read.connect.client_id,
		    c->connect_read.connect.username);
	}
	log_end(&l);
}

/* The first fields of a live session's lines. Its certificate is in the open
 * line with the same sid. */
static void
begin_live(struct log_line *l, const struct session *s, enum audit_event event,
    enum reason reason)
{
	begin(l, s, LOG_LEVEL_INFO, event);
	add_names(l, s->identity);
	log_str(l, "reason", reason_name(reason));
}

void
audit_dismiss(struct session *s, enum reason reason, const char *detail)
{
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_INFO) ||
	    !may_log_session(s, AUDIT_DISMISS, reason))
		return;
	begin_live(&l, s, AUDIT_DISMISS, reason);
	add_detail(&l, detail);
	log_end(&l);
}

void
audit_close(struct session *s, enum reason reason, uint32_t other)
{
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_INFO) ||
	    !may_log_session(s, AUDIT_CLOSE, reason))
		return;
	begin_live(&l, s, AUDIT_CLOSE, reason);
	if (other != 0)
		log_u64(&l, "taken_over_by", other);
	add_relay(&l, s);
	add_profile(&l, s->identity->rules);
	log_end(&l);
}

void
audit_clone(struct session *s, const union session_address *other)
{
	char text[ADDRESS_TEXT_MAX];
	struct sockaddr_storage address;
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_WARN) ||
	    !may_log(s, &s->manager->audit.verified, AUDIT_CLONE, REASON_NONE,
		certificate_subject(s->identity->tbs_sha256)))
		return;
	session_address_load(other, &address);
	address_text_port(text, &address);
	log_begin(&l, LOG_LEVEL_WARN, "clone_suspect");
	add_common(&l, s);
	log_str(&l, "also_from", text);
	log_slice(&l, "user", session_identity_username(s->identity));
	add_hex(&l, "cert_sha256",
	    slice_make(s->identity->sha256, CERT_SHA256_LEN));
	log_end(&l);
}
