#include "session/sweep.h"

#include <stdio.h>

#include "base/clock.h"
#include "tls/stream_tls.h"

/* The profile now in force at the entrance a session came by; NULL: gone. */
static const struct config_listener *
listener_of(const struct door *d, const struct session *s)
{
	if (s->entrance->section == ENTRANCE_GONE)
		return NULL;
	return &d->snapshot->config->listener[s->entrance->section];
}

bool
sweep_is_expired(const struct session *s, int64_t now)
{
	const struct config_listener *l = listener_of(s->door, s);

	return s->who->not_after < now && l != NULL &&
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
	case REASON_TLS_NO_CERTIFICATE: /* a rule for newcomers */
		return REASON_NONE;
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
judge_denied(const struct snapshot *snapshot, struct session *s, int64_t now,
    struct verdict_detail *detail)
{
	struct sockaddr_storage peer;
	struct cert *cert = NULL;
	enum reason reason;

	if (snapshot->denylist == NULL)
		return REASON_NONE;
	session_peer(s, &peer);
	reason = verdict_peer(snapshot, &peer, now, detail);
	if (reason == REASON_NONE)
		reason = verdict_names(snapshot, s->who->username,
		    s->who->client_id, now, detail);
	if (reason == REASON_NONE && s->who->has_certificate) {
		if (tls_stream_take_cert(s->tls, &cert) != OK || cert == NULL)
			return REASON_RELAY_DENIED; /* in doubt, out */
		reason = verdict_cert(snapshot, cert, now, detail);
		tls_cert_free(cert);
	}
	return reason == REASON_NONE ? REASON_NONE : REASON_RELAY_DENIED;
}

enum reason
sweep_judge(struct session *s, int64_t now, struct verdict_detail *detail)
{
	const struct door *d = s->door;
	const struct config_listener *l = listener_of(d, s);
	const char *why = NULL;
	enum reason reason;

	detail->text[0] = '\0';
	if (l == NULL)
		return REASON_NONE; /* its listener is gone; it may stay */
	reason = live_reason(s,
	    tls_stream_recheck(s->tls,
		d->snapshot->tls[l->tls_profile->head.index], &why));
	if (reason == REASON_RELAY_EXPIRED &&
	    l->tls_profile->on_expiry == CONFIG_ON_EXPIRY_KEEP)
		reason = REASON_NONE;
	if (reason == REASON_NONE)
		return judge_denied(d->snapshot, s, now, detail);
	if (why != NULL)
		snprintf(detail->text, sizeof(detail->text), "%s", why);
	return reason;
}

void
sweep_all(struct door *d)
{
	int64_t now = clock_wall_s();
	struct verdict_detail detail;
	enum reason reason;
	struct list *node;
	struct list *next;
	struct session *s;

	list_each(node, next, &d->sessions) {
		s = list_entry(node, struct session, node);
		if (s->stage != STAGE_RELAY)
			continue;
		reason = sweep_judge(s, now, &detail);
		if (reason != REASON_NONE)
			session_dismiss(s, reason, detail.text);
	}
}
