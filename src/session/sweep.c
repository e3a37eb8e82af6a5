#include "session/sweep.h"

#include "base/clock.h"
#include "identity/denylist.h"
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

/* What the TLS stage now says of a certificate, as a live session hears it. */
static enum reason
live_reason(enum reason reason)
{
	switch (reason) {
	case REASON_NONE:
	case REASON_TLS_NO_CERTIFICATE: /* a rule for newcomers */
		return REASON_NONE;
	case REASON_TLS_REVOKED:
	case REASON_TLS_CRL_UNAVAILABLE:
		return REASON_RELAY_REVOKED;
	case REASON_TLS_EXPIRED:
		return REASON_RELAY_EXPIRED;
	default:
		return REASON_RELAY_UNTRUSTED;
	}
}

static bool
is_denied(const struct door *d, struct session *s, int64_t now)
{
	const struct identity_denylist *list = d->snapshot->denylist;
	struct sockaddr_storage peer;
	struct identity_deny found;
	struct cert *cert = NULL;
	bool denied;

	if (list == NULL)
		return false;
	session_peer(s, &peer);
	if (identity_denylist_match_peer(list, &peer, now, &found) ||
	    identity_denylist_match_names(list, s->who->username,
		s->who->client_id, now, &found))
		return true;
	if (!s->who->has_certificate)
		return false;
	if (tls_stream_take_cert(s->tls, &cert) != OK || cert == NULL)
		return true; /* in doubt, out */
	denied = identity_denylist_match_cert(list, cert, now, &found);
	tls_cert_free(cert);
	return denied;
}

enum reason
sweep_judge(struct session *s, int64_t now, const char **detail)
{
	const struct door *d = s->door;
	const struct config_listener *l = listener_of(d, s);
	enum reason reason;

	*detail = NULL;
	if (l == NULL)
		return REASON_NONE; /* its listener is gone; it may stay */
	reason = live_reason(tls_stream_recheck(s->tls,
	    d->snapshot->tls[l->tls_profile->head.index], detail));
	if (reason == REASON_RELAY_EXPIRED &&
	    l->tls_profile->on_expiry == CONFIG_ON_EXPIRY_KEEP)
		reason = REASON_NONE;
	if (reason != REASON_NONE)
		return reason;
	return is_denied(d, s, now) ? REASON_RELAY_DENIED : REASON_NONE;
}

void
sweep_all(struct door *d)
{
	int64_t now = clock_wall_s();
	const char *detail;
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
			session_dismiss(s, reason, detail);
	}
}
