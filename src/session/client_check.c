/* SPDX-License-Identifier: ISC */
#include "session/client_check.h"

#include <stdio.h>

/* Writes the entry, and the reason that it gives, to `d'. */
static void
name_entry(struct client_check_detail *d, const struct identity_deny *found)
{
	snprintf(d->text, sizeof(d->text), "deny list: %s %.*s%s%.*s",
	    identity_deny_word(found->kind),
	    (int)(found->value.len < 128 ? found->value.len : 128),
	    (const char *)found->value.data, found->reason.len > 0 ? ": " : "",
	    (int)(found->reason.len < 100 ? found->reason.len : 100),
	    (const char *)found->reason.data);
}

enum reason
client_check_peer(struct identity_denylist *l,
    const struct sockaddr_storage *peer, int64_t now,
    struct client_check_detail *detail)
{
	struct identity_deny found;

	if (!identity_denylist_match_peer(l, peer, now, &found))
		return REASON_NONE;
	name_entry(detail, &found);
	return REASON_ACCEPT_DENIED;
}

enum reason
client_check_cert(struct identity_denylist *l, const struct cert *cert,
    int64_t now, struct client_check_detail *detail)
{
	struct identity_deny found;

	if (cert == NULL || !identity_denylist_match_cert(l, cert, now, &found))
		return REASON_NONE;
	name_entry(detail, &found);
	return REASON_TLS_DENIED;
}

enum reason
client_check_names(struct identity_denylist *l, struct slice username,
    struct slice client_id, int64_t now, struct client_check_detail *detail)
{
	struct identity_deny found;

	if (!identity_denylist_match_names(l, username, client_id, now, &found))
		return REASON_NONE;
	name_entry(detail, &found);
	return REASON_IDENTITY_DENIED;
}

/* True if the CONNACK that tells the client its ClientID fits into its Maximum
 * Packet Size. Such a CONNACK has at least 8 bytes beside the ClientID: header
 * (2), flags, code, length of the properties, property id and length (2). */
static bool
can_be_told(const struct mqtt_connect *c, const struct identity_decision *v)
{
	return !v->assign_client_id || c->maximum_packet_size == 0 ||
	    v->client_id.len + 8 <= c->maximum_packet_size;
}

/* Writes the CONNECT for the broker to `connect'. */
static enum reason
rewrite(const struct client_check_input *in, const struct identity_decision *v,
    struct buf *connect, struct client_check_detail *detail)
{
	switch (mqtt_connect_write(connect, in->client.connect, &v->edit)) {
	case OK:
		return REASON_NONE;
	case ERR_NO_MEMORY:
		return REASON_ACCEPT_RESOURCE;
	default:
		snprintf(detail->text, sizeof(detail->text),
		    "the rewritten CONNECT is larger than MQTT allows");
		return REASON_IDENTITY_TOO_LONG;
	}
}

enum reason
client_check_connect(const struct snapshot *s,
    const struct client_check_input *in, struct identity_decision *out,
    struct buf *connect, struct client_check_detail *detail)
{
	enum reason reason;

	detail->text[0] = '\0';
	reason =
	    identity_decide(snapshot_rules(s, in->listener, in->client.cert),
		&in->client, in->trace, out);
	if (reason != REASON_NONE) {
		snprintf(detail->text, sizeof(detail->text), "%s", out->why);
		return reason;
	}
	if (!can_be_told(in->client.connect, out)) {
		snprintf(detail->text, sizeof(detail->text),
		    "its Maximum Packet Size leaves no room to tell it");
		return REASON_IDENTITY_CLIENTID;
	}
	reason = client_check_names(s->denylist, out->username, out->client_id,
	    in->now, detail);
	if (reason != REASON_NONE)
		return reason;
	return rewrite(in, out, connect, detail);
}
