/* SPDX-License-Identifier: ISC */
#include "session/sweep.h"

#include <stdio.h>

#include "base/clock.h"
#include "tls/stream_tls.h"

/*
 * A sweep is cut into slices with a pause between them, so that the others'
 * data waits for one slice at most and finds a CPU that is mostly free: 10 us
 * a session, 47 of 5,000 in a slice. It is over in half a second or so,
 * however many there are.
 */
#define SLICE_LEAST 8
#define SLICES 128
#define PAUSE_MS 1

/* The profile now in force at the entrance a session came by; NULL: gone. */
static const struct config_listener *
listener_of(const struct session_manager *m, const struct session *s)
{
	if (s->listener_state->section == LISTENER_REMOVED)
		return NULL;
	return &m->snapshot->config->listener[s->listener_state->section];
}

bool
sweep_is_expired(const struct session *s, int64_t now)
{
	const struct config_listener *l = listener_of(s->manager, s);

	return s->identity->not_after < now && l != NULL &&
	    l->tls_profile->on_expiry == CONFIG_ON_EXPIRY_DISCONNECT;
}

/*
 * What the TLS stage now says of a certificate, as a live session hears it.
 * A CRL that is missing or out of date says nothing of anybody: if that ended
 * sessions, one late file would throw out every device there is.
 */
static enum reason
live_reason(const struct session *s, enum reason reason)
{
	switch (reason) {
	case REASON_NONE:
		return REASON_NONE;
	case REASON_TLS_NO_CERTIFICATE: /* a rule for newcomers */
		return s->stage == STAGE_RELAY ? REASON_NONE
					       : REASON_RELAY_UNTRUSTED;
	case REASON_TLS_CRL_UNAVAILABLE:
		return s->stage == STAGE_RELAY ? REASON_NONE
					       : REASON_RELAY_REVOKED;
	case REASON_TLS_REVOKED:
		return REASON_RELAY_REVOKED;
	case REASON_TLS_EXPIRED:
		return REASON_RELAY_EXPIRED;
	default:
		return REASON_RELAY_UNTRUSTED;
	}
}

/* Is anything known of a live session on the deny list now in force? */
static enum reason
judge_denied(struct session *s, const struct tls_ctx *ctx, int64_t now,
    struct verdict_detail *detail)
{
	const struct snapshot *snapshot = s->manager->snapshot;
	struct sockaddr_storage peer;
	struct cert *cert = NULL;
	enum reason reason;

	if (snapshot->denylist == NULL)
		return REASON_NONE;
	session_peer(s, &peer);
	reason = verdict_peer(snapshot, &peer, now, detail);
	if (reason == REASON_NONE)
		reason = verdict_names(snapshot, s->identity->username,
		    s->identity->client_id, now, detail);
	if (reason == REASON_NONE && s->identity->has_certificate) {
		if (tls_stream_make_cert(s->tls, ctx, &cert) != OK)
			return REASON_RELAY_DENIED; /* in doubt, out */
		reason = verdict_cert(snapshot, cert, now, detail);
		tls_cert_free(cert);
	}
	return reason == REASON_NONE ? REASON_NONE : REASON_RELAY_DENIED;
}

/* Asks the TLS stage anew; the CAs now in force may end at another time. */
static enum reason
judge_tls(struct session *s, const struct tls_ctx *ctx, bool keeps_expired,
    const char **why)
{
	int64_t end;
	enum reason reason =
	    live_reason(s, tls_stream_recheck(s->tls, ctx, &end, why));

	if (reason == REASON_RELAY_EXPIRED && keeps_expired)
		reason = REASON_NONE;
	if (reason == REASON_NONE)
		s->identity->not_after = end;
	return reason;
}

enum reason
sweep_judge(struct session *s, unsigned what, int64_t now,
    struct verdict_detail *detail)
{
	const struct session_manager *m = s->manager;
	const struct config_listener *l = listener_of(m, s);
	const struct tls_ctx *ctx;
	const char *why = NULL;
	enum reason reason = REASON_NONE;

	detail->text[0] = '\0';
	/* No profile is left that could say who may stay. */
	if (l == NULL)
		return REASON_RELAY_DRAINED;
	ctx = m->snapshot->tls[l->tls_profile->head.index];
	if ((what & SWEEP_TLS) != 0)
		reason = judge_tls(s, ctx,
		    l->tls_profile->on_expiry == CONFIG_ON_EXPIRY_KEEP, &why);
	if (reason == REASON_NONE && (what & SWEEP_DENYLIST) != 0)
		return judge_denied(s, ctx, now, detail);
	if (why != NULL)
		snprintf(detail->text, sizeof(detail->text), "%s", why);
	return reason;
}

static void
sweep_one(struct session *s, int64_t now)
{
	struct verdict_detail detail;
	enum reason reason;

	if (s->stage != STAGE_RELAY)
		return; /* on its way, and judged where that ends */
	reason = sweep_judge(s, s->manager->sweep_what, now, &detail);
	if (reason != REASON_NONE)
		session_dismiss(s, reason, detail.text);
}

void
sweep_step(void *arg)
{
	struct session_manager *m = arg;
	int64_t now = clock_wall_s();
	size_t slice = SLICE_LEAST + m->session_count / SLICES;
	struct session *s;
	size_t n;

	for (n = 0; n < slice && m->sweep_next != &m->sessions; n++) {
		s = list_entry(m->sweep_next, struct session, node);
		m->sweep_next = s->node.next;
		sweep_one(s, now);
	}
	if (m->sweep_next == &m->sessions && m->sweep_again) {
		m->sweep_again = false;
		m->sweep_next = m->sessions.next;
	}
	if (m->sweep_next != &m->sessions)
		timer_start(&m->sweep, PAUSE_MS);
	else
		m->sweep_what = 0;
}

/* Do the profiles of two snapshots judge alike whoever came by a listener? */
static bool
tls_alike(const struct snapshot *a, const struct snapshot *b)
{
	const struct config *x = a->config;
	const struct config *y = b->config;
	size_t i;

	if (x->tls_count != y->tls_count ||
	    x->listener_count != y->listener_count)
		return false;
	for (i = 0; i < x->tls_count; i++)
		if (x->tls[i].on_expiry != y->tls[i].on_expiry ||
		    !tls_ctx_judges_alike(a->tls[i], b->tls[i]))
			return false;
	for (i = 0; i < x->listener_count; i++)
		if (strcmp(x->listener[i].head.name,
			y->listener[i].head.name) != 0 ||
		    x->listener[i].tls_profile->head.index !=
			y->listener[i].tls_profile->head.index)
			return false;
	return true;
}

unsigned
sweep_find(const struct snapshot *old, const struct snapshot *next)
{
	unsigned what = tls_alike(old, next) ? 0 : SWEEP_TLS;

	return old->denylist == next->denylist &&
		old->denylist_version == next->denylist_version
	    ? what
	    : what | SWEEP_DENYLIST;
}

void
sweep_start(struct session_manager *m, unsigned what)
{
	bool runs = m->sweep_what != 0;

	m->sweep_what |= what;
	m->sweep_again = runs;
	if (runs)
		return;
	m->sweep_next = m->sessions.next;
	timer_start(&m->sweep, PAUSE_MS);
}
