/* SPDX-License-Identifier: ISC */
#include "session/audit.h"

#include <stdio.h>

#include "base/encode.h"
#include "base/log.h"
#include "identity/text.h"
#include "tls/stream_tls.h"

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
	log_str(l, "stage", stage_name(s->stage));
	add_peer(l, s);
	log_str(l, "listener", s->listener_state->name);
}

static void
begin(struct log_line *l, const struct session *s, const char *event)
{
	log_begin(l, LOG_LEVEL_INFO, event);
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

static void
add_sha256(struct log_line *l, const struct session_identity *i)
{
	if (i->has_certificate)
		add_hex(l, "cert_sha256",
		    slice_make(i->sha256, CERT_SHA256_LEN));
}

/* Enough of the certificate to find it at its CA. */
static void
add_cert(struct log_line *l, const struct cert *c)
{
	add_hex(l, "cert_sha256", slice_make(c->sha256, CERT_SHA256_LEN));
	add_hex(l, "cert_serial", c->serial);
	add_dn(l, "cert_issuer", c->issuer, c->issuer_count);
	add_dn(l, "cert_subject", c->subject, c->subject_count);
}

/* The same for a live session, which keeps the certificate's hash only. */
static void
add_live_cert(struct log_line *l, const struct session *s)
{
	struct cert *c = NULL;

	if (!s->identity->has_certificate)
		return;
	if (tls_stream_make_cert(s->tls, NULL, &c) == OK)
		add_cert(l, c);
	else
		add_sha256(l, s->identity);
	tls_cert_free(c);
}

static void
add_tls(struct log_line *l, const struct session *s)
{
	struct tls_info info;

	if (s->tls == NULL || s->stage <= STAGE_TLS)
		return;
	tls_stream_info(s->tls, &info);
	log_str(l, "tls", info.version);
	log_str(l, "cipher", info.cipher);
	log_str(l, "resumed", info.resumed ? "yes" : "no");
	if (info.sni[0] != '\0')
		log_str(l, "sni", info.sni);
}

static void
add_profile(struct log_line *l, const struct identity_rules *r)
{
	log_str(l, "identity", r->name);
}

/* The names that the broker knows the client by. */
static void
add_names(struct log_line *l, const struct session_identity *i)
{
	log_slice(l, "client_id", i->client_id);
	log_slice(l, "user", i->username);
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

void
audit_open(const struct session *s, const char *address)
{
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	begin(&l, s, "open");
	add_names(&l, s->identity);
	log_u64(&l, "version", s->level);
	if (s->setup->admission->cert != NULL)
		add_cert(&l, s->setup->admission->cert);
	add_profile(&l, s->identity->rules);
	log_str(&l, "backend", address);
	add_tls(&l, s);
	add_claims(&l, s->identity->claimed_id, s->identity->claimed_username);
	log_end(&l);
}

/* A certificate that did not pass verification is logged, too, but marked as
 * unverified: it proves nothing, and selects no profile. */
static void
add_refused_cert(struct log_line *l, const struct session *s)
{
	const struct session_setup *a = s->setup;
	const struct cert *verified = NULL;
	struct cert *c = NULL;

	if (a->admission != NULL)
		verified = a->admission->cert;
	else if (s->tls != NULL)
		verified = tls_stream_cert(s->tls);
	if (verified != NULL) {
		log_str(l, "cert", "verified");
		add_cert(l, verified);
	} else if (s->tls != NULL &&
	    tls_stream_make_cert(s->tls, NULL, &c) == OK) {
		log_str(l, "cert", "unverified");
		add_cert(l, c);
	}
	tls_cert_free(c);
	add_profile(l, snapshot_rules(a->snapshot, a->listener, verified));
}

/* The number of lines left out since the last one that was written. */
static void
add_unlogged(struct log_line *l, struct session_manager *m)
{
	if (m->refusals_unlogged > 0)
		log_u64(l, "not_logged", m->refusals_unlogged);
	m->refusals_unlogged = 0;
}

void
audit_refuse(struct session *s, enum reason reason, const char *detail)
{
	const struct admission *a = s->setup->admission;
	struct session_manager *m = s->manager;
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	if (ratelimit_try(&m->refusals, loop_now(m->loop)) != 0) {
		m->refusals_unlogged++;
		return;
	}
	begin(&l, s, "refuse");
	log_str(&l, "reason", reason_name(reason));
	if (detail != NULL && detail[0] != '\0')
		log_str(&l, "detail", detail);
	add_unlogged(&l, m);
	add_refused_cert(&l, s);
	add_tls(&l, s);
	if (s->identity != NULL)
		add_names(&l, s->identity);
	if (a != NULL)
		add_claims(&l, a->connect_read.connect.client_id,
		    a->connect_read.connect.username);
	log_end(&l);
}

/* The first fields of a live session's lines. */
static void
begin_live(struct log_line *l, const struct session *s, const char *event,
    enum reason reason)
{
	begin(l, s, event);
	add_names(l, s->identity);
	log_str(l, "reason", reason_name(reason));
}

void
audit_dismiss(const struct session *s, enum reason reason, const char *detail)
{
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	begin_live(&l, s, "dismiss", reason);
	if (detail != NULL && detail[0] != '\0')
		log_str(&l, "detail", detail);
	add_sha256(&l, s->identity);
	log_end(&l);
}

void
audit_close(const struct session *s, enum reason reason)
{
	uint64_t age = loop_now(s->manager->loop) - s->since;
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	begin_live(&l, s, "close", reason);
	add_live_cert(&l, s);
	add_profile(&l, s->identity->rules);
	log_u64(&l, "up", s->relay.up.bytes);
	log_u64(&l, "down", s->relay.down.bytes);
	log_fmt(&l, "age", "%llu.%03llus", (unsigned long long)(age / 1000),
	    (unsigned long long)(age % 1000));
	add_claims(&l, s->identity->claimed_id, s->identity->claimed_username);
	log_end(&l);
}

void
audit_clone(const struct session *s, const union session_address *other)
{
	char text[ADDRESS_TEXT_MAX];
	struct sockaddr_storage address;
	struct log_line l;

	if (!log_enabled(LOG_LEVEL_WARN))
		return;
	session_address_load(other, &address);
	address_text_port(text, &address);
	log_begin(&l, LOG_LEVEL_WARN, "clone_suspect");
	add_common(&l, s);
	log_str(&l, "also_from", text);
	log_slice(&l, "user", s->identity->username);
	add_hex(&l, "cert_sha256",
	    slice_make(s->identity->sha256, CERT_SHA256_LEN));
	log_end(&l);
}
