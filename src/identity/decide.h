/* SPDX-License-Identifier: ISC */
/*
 * Decides about a client: may it in, under which names, and what changes in its
 * CONNECT. The daemon and `sallyport explain' both ask here, so they agree.
 *
 * The names of a client with a certificate come from the certificate, as the
 * [identity] profile says. A client without one needs a Username and a
 * password, which pass unchanged. There is no fallback: if something is missing
 * or doubtful, the client is refused.
 *
 *  mode of a field   client claims a name    client claims none
 *  none              kept                    kept
 *  override          set                     set
 *  fill              kept                    set
 *  match             equal: kept, otherwise  refused
 *                    refused
 *
 * An empty Username or ClientID counts as none. password = strip removes the
 * password of clients with a certificate; an empty Username is removed with it,
 * since a broker must not be sent half of a pair of credentials.
 */
#ifndef IDENTITY_DECIDE_H
#define IDENTITY_DECIDE_H

#include <stdatomic.h>

#include "identity/template.h"
#include "mqtt/connect_edit.h"

/* --- Profiles --- */

/* A profile as the configuration has it. All borrowed. */
struct identity_rules_spec {
	const char *name; /* as logs call it */
	const char *username; /* templates, or "none" */
	const char *clientid; /* or "prefixed"; may be the same pointer */
	enum config_mode username_mode;
	enum config_mode clientid_mode;
	enum config_password password;
	enum config_authentication authentication;
	enum config_without without_certificate;
	enum config_unsafe unsafe_characters;
	bool assigned_clientid;
	bool user_properties;
	/* The CA that `issuer =' names, as cert.cas has it; NULL: any CA. */
	const uint8_t *issuer;
};

/* One field's rule. */
struct identity_field {
	struct identity_template *template; /* owned; NULL: none */
	enum config_mode mode;
};

/* A compiled profile. Never changes, so sessions of an older configuration may
 * go on using it. */
struct identity_rules {
	atomic_uint refs; /* identity_rules_get() and _put() only */
	struct identity_field username;
	struct identity_field clientid;
	bool client_id_prefixed; /* clientid has no template then */
	enum config_password password;
	enum config_authentication authentication;
	enum config_without without_certificate;
	enum config_unsafe unsafe;
	bool assigned_clientid;
	bool user_properties;
	bool has_issuer;
	uint8_t issuer[CERT_SHA256_LEN];
	char name[]; /* what logs call it */
};

/* Called once for each fault, with the option's name and a sentence. */
typedef void identity_complain_cb(void *arg, const char *option,
    const char *text);

/*
 * Compiles `spec'. ERR_CONFIG: every fault was reported to `complain'. A mode
 * of fill or match without a template is a fault, as it would do nothing; so is
 * a template without a variable: each client would get the same Username, or
 * end the session of the one before it. ERR_NO_MEMORY. *out is NULL on error,
 * else counted once.
 */
enum err identity_rules_new(struct identity_rules **out,
    const struct identity_rules_spec *spec, identity_complain_cb *complain,
    void *arg) MUST_CHECK;

/* Takes a count more and returns `r'. Any thread. */
struct identity_rules *identity_rules_get(struct identity_rules *r);

/* Gives a count back; the last one frees. Any thread; NULL is allowed. */
void identity_rules_put(struct identity_rules *r);

/*
 * Returns the profile for `cert' (NULL: none) on a listener whose own is `own':
 * the one of `all' whose issuer is nearest above the certificate, else `own'.
 * Entries of `all' without an issuer are never chosen this way. If `own' has an
 * issuer and the certificate is not under it, identity_decide() refuses the
 * client. Borrowed.
 */
struct identity_rules *identity_rules_select(struct identity_rules *own,
    struct identity_rules *const *all, size_t count, const struct cert *cert);

/* True if `r' has no issuer, `cert' is NULL, or `cert' is under the issuer. */
bool identity_rules_cover(const struct identity_rules *r,
    const struct cert *cert);

/* --- Decisions --- */

/*
 * The User Properties of user_properties = on, in this order. Properties of
 * these names that a v5 client sends are removed, so that a broker can trust
 * them; those that begin with client- exist only if the client sent such a
 * name.
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
 * Filled by identity_decide(); end it with identity_decision_fini(). It points
 * into itself: do not copy or move it. Slices live as long as the decision and
 * the input that it was made of.
 */
struct identity_decision {
	struct mqtt_connect_edit edit; /* for mqtt_connect_write() */
	/* The client is v5, sent no ClientID and got one: put client_id into
	 * the CONNACK as Assigned Client Identifier. */
	bool assign_client_id;
	bool has_username; /* as the broker will see it: */
	struct slice username;
	struct slice client_id;
	char why[IDENTITY_WHY_MAX]; /* why it is refused; otherwise "" */
	struct mqtt_user_property properties[IDENTITY_PROPERTY_COUNT];
	struct buf mem; /* owned: the bytes of new names and values */
};

/* Called with each step and its outcome. The outcome holds text that the client
 * sent: escape it before showing it. Borrowed for the call. */
typedef void identity_trace_cb(void *arg, const char *step,
    struct slice outcome);

struct identity_trace {
	identity_trace_cb *cb;
	void *arg;
};

/*
 * Decides. REASON_NONE: admit the client as `out' says. REASON_IDENTITY_*:
 * refuse it; out->why names the field. REASON_ACCEPT_RESOURCE: out of memory.
 * `out' is filled in any case and must be ended. `trace' may be NULL.
 *
 * `in->connect' must be a CONNECT that mqtt_policy_parse() accepted: its
 * strings are UTF-8, and before MQTT 5 an empty ClientID comes only with a
 * clean session.
 */
enum reason identity_decide(const struct identity_rules *rules,
    const struct identity_input *in, const struct identity_trace *trace,
    struct identity_decision *out);

/* Frees what the decision owns. May be called twice, or for a zeroed one. */
void identity_decision_fini(struct identity_decision *v);

#endif
