/*
 * The verdict: may this client in, as whom, and what of its CONNECT changes.
 * The daemon and `sallyport explain' both ask here, so they cannot disagree.
 *
 * A client with a certificate is who its certificate and the profile say; a
 * client without one needs a Username and a password, which pass unchanged.
 * Nothing here ever falls back: what is missing or doubtful refuses.
 *
 *  field's rule   client claims a name    client claims none
 *  none           kept                    kept
 *  override       set                     set
 *  fill           kept                    set
 *  match          equal: kept, else       refused
 *                 refused
 *
 * A Username of no bytes claims none, and so does a ClientID of no bytes.
 * Passwords of clients with a certificate are removed by password = strip;
 * a Username of no bytes that is left then goes with it, since no broker may
 * be sent half a pair of credentials.
 */
#ifndef IDENTITY_DECIDE_H
#define IDENTITY_DECIDE_H

#include "identity/rules.h"
#include "mqtt/connect_edit.h"

/*
 * The User Properties of user_properties = on, in this order. A client's own
 * of these names are left out for every v5 client, so that a broker can trust
 * them; those of client- are only there if the client sent such a name.
 */
#define IDENTITY_PROPERTIES(P) \
	P(CERT_SHA256, "cert-sha256") \
	P(CERT_SERIAL, "cert-serial") \
	P(CERT_ISSUER, "cert-issuer") \
	P(CERT_NOT_AFTER, "cert-not-after") \
	P(CLIENT_USERNAME, "client-username") \
	P(CLIENT_CLIENTID, "client-clientid")

enum identity_property {
#define P(id, name) IDENTITY_PROPERTY_##id,
	IDENTITY_PROPERTIES(P)
#undef P
	IDENTITY_PROPERTY_COUNT
};

/*
 * Fill by identity_decide(), then end with identity_verdict_fini(). It points
 * into itself: do not copy or move it. Slices live as long as the verdict and
 * the input it was made of.
 */
struct identity_verdict {
	struct mqtt_connect_edit edit; /* for mqtt_connect_write() */
	/* The client sent no ClientID, is v5, got one and is to be told: put
	 * client_id as Assigned Client Identifier in the good CONNACK. */
	bool assign_client_id;
	bool has_username; /* as the broker will see it: */
	struct slice username;
	struct slice client_id;
	char why[IDENTITY_WHY_MAX]; /* of a refusal; "" otherwise */
	struct mqtt_user_property properties[IDENTITY_PROPERTY_COUNT];
	struct buf mem; /* owned: the bytes of new names and values */
};

/* Told each step and its outcome, both UTF-8 but with client bytes in them:
 * escape before showing. Borrowed for the call. */
typedef void identity_trace_cb(void *arg, const char *step,
    struct slice outcome);

struct identity_trace {
	identity_trace_cb *cb;
	void *arg;
};

/*
 * Decides. REASON_NONE: let it in as `out' says. REASON_IDENTITY_*: refuse
 * it; out->why names the field. REASON_ACCEPT_RESOURCE: out of memory. `out'
 * is filled in any case and must be ended. `trace' may be NULL.
 *
 * `in->connect' must be a CONNECT that mqtt_policy_parse() found good: its
 * strings are UTF-8, and below MQTT 5 an empty ClientID is a clean session's.
 */
enum reason identity_decide(const struct identity_rules *rules,
    const struct identity_input *in, const struct identity_trace *trace,
    struct identity_verdict *out);

/* Frees what the verdict owns; twice is fine, and so is a zeroed one. */
void identity_verdict_fini(struct identity_verdict *v);

#endif
