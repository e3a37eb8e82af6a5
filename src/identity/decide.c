/* SPDX-License-Identifier: ISC */
#include "identity/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "identity/text.h"

/* --- Profiles --- */

/* Compiles one of the two fields, and reports what is wrong with it. */
static enum err
compile(struct identity_field *f, const char *option, const char *text,
    enum config_mode mode, identity_complain_cb *complain, void *arg)
{
	char why[IDENTITY_WHY_MAX], key[32];
	enum err err;

	f->mode = mode;
	err = identity_template_compile(&f->template, slice_str(text), why);
	if (err == ERR_CONFIG)
		complain(arg, option, why);
	if (err != OK || f->template != NULL || mode == CONFIG_MODE_OVERRIDE)
		return err;
	snprintf(key, sizeof(key), "%s_mode", option);
	snprintf(why, sizeof(why), "has no use while %s = none", option);
	complain(arg, key, why);
	return ERR_CONFIG;
}

/* Compiles both fields, so that the faults of both are reported. */
static enum err
compile_fields(struct identity_rules *r, const struct identity_rules_spec *spec,
    identity_complain_cb *complain, void *arg)
{
	enum err username, clientid;

	username = compile(&r->username, "username", spec->username,
	    spec->username_mode, complain, arg);
	if (r->username.template != NULL &&
	    identity_template_is_constant(r->username.template)) {
		complain(arg, "username",
		    "has no variable: every client would get the same name "
		    "(write ${cn})");
		username = ERR_CONFIG;
	}
	if (username != OK && spec->clientid == spec->username)
		return username; /* it is the same template */
	r->client_id_prefixed = strcmp(spec->clientid, "prefixed") == 0;
	if (r->client_id_prefixed)
		return username; /* it needs nothing else */
	clientid = compile(&r->clientid, "clientid", spec->clientid,
	    spec->clientid_mode, complain, arg);
	if (r->clientid.template != NULL &&
	    identity_template_is_constant(r->clientid.template)) {
		complain(arg, "clientid",
		    "has no variable: every client would throw out the one "
		    "before it (write ${cn})");
		clientid = ERR_CONFIG;
	}
	return username == OK || clientid == ERR_NO_MEMORY ? clientid
							   : username;
}

enum err
identity_rules_new(struct identity_rules **out,
    const struct identity_rules_spec *spec, identity_complain_cb *complain,
    void *arg)
{
	size_t name_size = strlen(spec->name) + 1;
	struct identity_rules *r;
	enum err err;

	*out = NULL;
	r = calloc(1, sizeof(*r) + name_size);
	if (r == NULL)
		return ERR_NO_MEMORY;
	atomic_init(&r->refs, 1);
	memcpy(r->name, spec->name, name_size);
	r->password = spec->password;
	r->authentication = spec->authentication;
	r->without_certificate = spec->without_certificate;
	r->unsafe = spec->unsafe_characters;
	r->assigned_clientid = spec->assigned_clientid;
	r->user_properties = spec->user_properties;
	r->has_issuer = spec->issuer != NULL;
	if (r->has_issuer)
		memcpy(r->issuer, spec->issuer, sizeof(r->issuer));
	err = compile_fields(r, spec, complain, arg);
	if (err != OK) {
		identity_rules_put(r);
		return err;
	}
	*out = r;
	return OK;
}

struct identity_rules *
identity_rules_get(struct identity_rules *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void
identity_rules_put(struct identity_rules *r)
{
	if (r == NULL ||
	    atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) > 1)
		return;
	identity_template_free(r->username.template);
	identity_template_free(r->clientid.template);
	free(r);
}

/* The number of steps from `cert' up to the issuer of `r'; ca_count: it is not
 * above. */
static size_t
steps_above(const struct identity_rules *r, const struct cert *cert)
{
	size_t i;

	for (i = 0; i < cert->ca_count; i++) {
		if (memcmp(cert->cas[i], r->issuer, CERT_SHA256_LEN) == 0)
			break;
	}
	return i;
}

struct identity_rules *
identity_rules_select(struct identity_rules *own,
    struct identity_rules *const *all, size_t count, const struct cert *cert)
{
	struct identity_rules *best = own;
	size_t i, steps, nearest;

	if (cert == NULL)
		return own;
	nearest = cert->ca_count;
	for (i = 0; i < count; i++) {
		if (!all[i]->has_issuer)
			continue;
		steps = steps_above(all[i], cert);
		if (steps < nearest) {
			nearest = steps;
			best = all[i];
		}
	}
	return best;
}

bool
identity_rules_cover(const struct identity_rules *r, const struct cert *cert)
{
	return !r->has_issuer || cert == NULL ||
	    steps_above(r, cert) < cert->ca_count;
}

/* --- Decisions --- */

/* Values that are made: both names, and the properties from a certificate. */
#define PLACES_MAX (2 + IDENTITY_PROPERTY_COUNT)

/*
 * A decision that is being made. Values are collected in out->mem, which may
 * move while it grows, so the slices are set only at the end.
 */
struct decision_builder {
	const struct identity_rules *rules;
	const struct identity_input *in;
	const struct identity_trace *trace;
	struct identity_decision *out;
	struct {
		struct slice *to;
		size_t offset;
	} places[PLACES_MAX];
	size_t place_count;
};

static const char *const property_names[IDENTITY_PROPERTY_COUNT] = {
#define P(id, name) [IDENTITY_PROPERTY_##id] = name,
	IDENTITY_PROPERTIES(P)
#undef P
};

/* Their names as slices, for the edit that removes these User Properties from
 * the CONNECT. */
static const struct slice reserved[IDENTITY_PROPERTY_COUNT] = {
#define P(id, name) \
	[IDENTITY_PROPERTY_##id] = { (const uint8_t *)name, sizeof(name) - 1 },
	IDENTITY_PROPERTIES(P)
#undef P
};

/* Reports a step to the tracer, if there is one. */
__attribute__((format(printf, 3, 4))) static void
trace_step(const struct decision_builder *d, const char *step, const char *fmt,
    ...)
{
	char text[512];
	va_list ap;
	int n;

	if (d->trace == NULL)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	d->trace->cb(d->trace->arg, step, slice_make(text, (size_t)n));
}

__attribute__((format(printf, 4, 5))) static enum reason
refuse(const struct decision_builder *d, enum reason reason, const char *step,
    const char *fmt, ...)
{
	char *why = d->out->why;
	va_list ap;
	int n;

	n = snprintf(why, IDENTITY_WHY_MAX, "%s: ", step);
	va_start(ap, fmt);
	vsnprintf(why + n, IDENTITY_WHY_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	trace_step(d, step, "refused, %s: %s", reason_name(reason), why + n);
	return reason;
}

/* Stores a copy of `value', which set_slices() makes `to' point to. */
static enum reason
place(struct decision_builder *d, struct slice *to, struct slice value)
{
	d->places[d->place_count].to = to;
	d->places[d->place_count].offset = buf_len(&d->out->mem);
	to->len = value.len;
	if (buf_append(&d->out->mem, value.data, value.len) != OK)
		return refuse(d, REASON_ACCEPT_RESOURCE, "memory",
		    "out of memory");
	d->place_count++;
	return REASON_NONE;
}

/* Sets all slices of place(). */
static void
set_slices(struct decision_builder *d)
{
	size_t i;

	for (i = 0; i < d->place_count; i++)
		d->places[i].to->data =
		    buf_data(&d->out->mem) + d->places[i].offset;
}

static void
trace_set(const struct decision_builder *d, const char *step, struct slice text,
    struct slice value)
{
	int len = value.len < 256 ? (int)value.len : 256;

	trace_step(d, step, "set to \"%.*s\"%s, as %.*s says", len,
	    (const char *)value.data, value.len > 256 ? "..." : "",
	    text.len < 128 ? (int)text.len : 128, (const char *)text.data);
}

/* Decides one of the two names; see the table in the header. */
static enum reason
decide_field(struct decision_builder *d, const struct identity_field *f,
    const char *step, struct slice claim, struct mqtt_edit_field *edit)
{
	char why[IDENTITY_WHY_MAX];
	struct identity_name name;
	struct slice value;
	enum reason reason;

	if (f->template == NULL) {
		trace_step(d, step,
		    "left as the client sent it, because %s = none", step);
		return REASON_NONE;
	}
	if (f->mode == CONFIG_MODE_FILL && claim.len > 0) {
		trace_step(d, step, "the client's own: %s_mode is fill", step);
		return REASON_NONE;
	}
	reason = identity_template_render(f->template, d->in, d->rules->unsafe,
	    &name, why);
	if (reason != REASON_NONE)
		return refuse(d, reason, step, "%s", why);
	value = slice_make(name.bytes, name.len);
	if (slice_equal(claim, value)) {
		trace_step(d, step, "the client claims the right one");
		return REASON_NONE;
	}
	if (f->mode == CONFIG_MODE_MATCH)
		return refuse(d, REASON_IDENTITY_MISMATCH, step,
		    claim.len == 0 ? "the client claims none, but has to"
				   : "the client claims another");
	trace_set(d, step, identity_template_text(f->template), value);
	edit->what = MQTT_SET;
	return place(d, &edit->value, value);
}

/*
 * Decides the ClientID for clientid = prefixed: the Username that the
 * certificate gives, a slash, and what the client sent. So no device can have a
 * ClientID of another device, and each may have several sessions. A Username
 * has no slash unless unsafe_characters allows it. A client that sends no
 * ClientID gets a new one from the broker, which no other client has.
 */
static enum reason
prefix_client_id(struct decision_builder *d)
{
	struct slice claim = d->in->connect->client_id;
	char why[IDENTITY_WHY_MAX];
	struct identity_name name;
	enum reason reason;

	if (d->rules->username.template == NULL) {
		trace_step(d, "clientid",
		    "left as the client sent it, because username = none");
		return REASON_NONE;
	}
	if (claim.len == 0) {
		trace_step(d, "clientid",
		    "left to the broker: the client sent none");
		return REASON_NONE;
	}
	reason = identity_template_render(d->rules->username.template, d->in,
	    d->rules->unsafe, &name, why);
	if (reason != REASON_NONE)
		return refuse(d, reason, "clientid", "%s", why);
	if (name.len + 1 + claim.len > IDENTITY_NAME_MAX)
		return refuse(d, REASON_IDENTITY_TOO_LONG, "clientid",
		    "Username, slash and the client's ClientID have %zu bytes, "
		    "and MQTT allows %d",
		    name.len + 1 + claim.len, IDENTITY_NAME_MAX);
	name.bytes[name.len++] = '/';
	memcpy(name.bytes + name.len, claim.data, claim.len);
	name.len += claim.len;
	trace_set(d, "clientid", slice_str("prefixed"),
	    slice_make(name.bytes, name.len));
	d->out->edit.client_id.what = MQTT_SET;
	return place(d, &d->out->edit.client_id.value,
	    slice_make(name.bytes, name.len));
}

/* Decides the password, and an empty Username that cannot stay without it. */
static void
decide_password(struct decision_builder *d)
{
	const struct mqtt_connect *c = d->in->connect;
	struct mqtt_connect_edit *edit = &d->out->edit;

	if (!c->has_password) {
		trace_step(d, "password", "the client sent none");
		return;
	}
	if (d->rules->password == CONFIG_PASSWORD_KEEP) {
		trace_step(d, "password", "left as the client sent it");
		return;
	}
	trace_step(d, "password", "removed: the certificate is the proof");
	edit->password = MQTT_REMOVE;
	if (edit->username.what == MQTT_KEEP && c->has_username &&
	    c->username.len == 0) {
		trace_step(d, "username", "removed: it has no bytes");
		edit->username.what = MQTT_REMOVE;
	}
}

/* Decides the enhanced authentication of MQTT 5, the second way to log in at
 * the broker. */
static void
decide_authentication(struct decision_builder *d)
{
	const struct mqtt_connect *c = d->in->connect;

	if (d->rules->authentication == CONFIG_AUTHENTICATION_KEEP ||
	    c->level < MQTT_LEVEL_5)
		return;
	d->out->edit.authentication = MQTT_REMOVE;
	if (c->has_authentication)
		trace_step(d, "authentication",
		    "method and data removed: the certificate is the proof");
}

static enum reason
with_certificate(struct decision_builder *d)
{
	const struct mqtt_connect *c = d->in->connect;
	struct mqtt_connect_edit *edit = &d->out->edit;
	const struct slice none = { NULL, 0 };
	enum reason reason;

	if (!identity_rules_cover(d->rules, d->in->cert))
		return refuse(d, REASON_IDENTITY_ISSUER, "issuer",
		    "the certificate is not under the profile's CA");
	reason = decide_field(d, &d->rules->username, "username",
	    c->has_username ? c->username : none, &edit->username);
	if (reason != REASON_NONE)
		return reason;
	reason = d->rules->client_id_prefixed
	    ? prefix_client_id(d)
	    : decide_field(d, &d->rules->clientid, "clientid", c->client_id,
		  &edit->client_id);
	if (reason != REASON_NONE)
		return reason;
	decide_password(d);
	decide_authentication(d);
	return REASON_NONE;
}

/* Username and password must not be empty: a broker that trusts names would
 * otherwise give this client any name that it asks for. */
static enum reason
without_certificate(struct decision_builder *d)
{
	const struct mqtt_connect *c = d->in->connect;

	if (d->rules->without_certificate == CONFIG_WITHOUT_REFUSE)
		return refuse(d, REASON_IDENTITY_NO_CERTIFICATE, "certificate",
		    "none, and without_certificate is refuse");
	trace_step(d, "certificate", "none");
	if (!c->has_username || c->username.len == 0)
		return refuse(d, REASON_IDENTITY_NO_CREDENTIALS, "username",
		    "none, and no certificate either");
	if (!c->has_password || c->password.len == 0)
		return refuse(d, REASON_IDENTITY_NO_CREDENTIALS, "password",
		    "none, and no certificate either");
	trace_step(d, "username", "the client's own, for the broker to judge");
	return REASON_NONE;
}

/* Adds a property and returns its value, to be filled in. */
static struct slice *
add_property(struct decision_builder *d, enum identity_property which)
{
	struct identity_decision *v = d->out;
	struct mqtt_user_property *p = &v->properties[v->edit.add_count++];

	p->name = slice_str(property_names[which]);
	v->edit.add = v->properties;
	return &p->value;
}

static enum reason
add_variable(struct decision_builder *d, enum identity_property which,
    enum identity_variable v)
{
	char why[IDENTITY_WHY_MAX];
	struct identity_name value;
	enum reason reason;

	value.len = 0;
	reason =
	    identity_variable_append(v, d->in, d->rules->unsafe, &value, why);
	if (reason != REASON_NONE)
		return refuse(d, reason, property_names[which], "%s", why);
	return place(d, add_property(d, which),
	    slice_make(value.bytes, value.len));
}

/* The issuer's name; if it is a CA below one of client_ca, which chose its name
 * itself, that one's name follows. */
static enum reason
add_issuer(struct decision_builder *d)
{
	static const char under[] = " under ";
	const struct cert *cert = d->in->cert;
	char why[IDENTITY_WHY_MAX];
	struct identity_text_out out;
	struct identity_name value;
	enum reason reason;

	value.len = 0;
	reason = identity_variable_append(IDENTITY_ISSUER_DN, d->in,
	    d->rules->unsafe, &value, why);
	if (reason != REASON_NONE)
		return refuse(d, reason,
		    property_names[IDENTITY_PROPERTY_CERT_ISSUER], "%s", why);
	out.bytes = value.bytes;
	out.cap = IDENTITY_NAME_MAX;
	out.len = value.len;
	if (cert->anchor_count > 0 && out.cap - out.len > sizeof(under) - 1) {
		memcpy(out.bytes + out.len, under, sizeof(under) - 1);
		out.len += sizeof(under) - 1;
		if (identity_dn_append(cert->anchor, cert->anchor_count,
			IDENTITY_DN_EMQX, &out, NULL) == IDENTITY_TEXT_OK)
			value.len = out.len;
	}
	return place(d, add_property(d, IDENTITY_PROPERTY_CERT_ISSUER),
	    slice_make(value.bytes, value.len));
}

static enum reason
add_not_after(struct decision_builder *d)
{
	char text[TIME_TEXT_MAX];

	time_write(d->in->cert->not_after, text);
	return place(d, add_property(d, IDENTITY_PROPERTY_CERT_NOT_AFTER),
	    slice_str(text));
}

static enum reason
add_cert_properties(struct decision_builder *d)
{
	enum reason reason;

	reason =
	    add_variable(d, IDENTITY_PROPERTY_CERT_SHA256, IDENTITY_SHA256);
	if (reason == REASON_NONE)
		reason = add_variable(d, IDENTITY_PROPERTY_CERT_SERIAL,
		    IDENTITY_SERIAL);
	if (reason == REASON_NONE)
		reason = add_issuer(d);
	if (reason == REASON_NONE)
		reason = add_not_after(d);
	return reason;
}

/* Only v5 has properties. Reserved names are removed from every client's. */
static enum reason
decide_properties(struct decision_builder *d)
{
	const struct mqtt_connect *c = d->in->connect;
	struct mqtt_connect_edit *edit = &d->out->edit;
	enum reason reason;

	if (!d->rules->user_properties || c->level != MQTT_LEVEL_5)
		return REASON_NONE;
	if (c->user_property_count > 0) {
		edit->drop = reserved;
		edit->drop_count = IDENTITY_PROPERTY_COUNT;
	}
	if (d->in->cert == NULL)
		return REASON_NONE;
	reason = add_cert_properties(d);
	if (reason != REASON_NONE)
		return reason;
	if (c->has_username)
		*add_property(d, IDENTITY_PROPERTY_CLIENT_USERNAME) =
		    c->username;
	if (c->client_id.len > 0)
		*add_property(d, IDENTITY_PROPERTY_CLIENT_CLIENTID) =
		    c->client_id;
	trace_step(d, "user_properties", "%zu added", edit->add_count);
	return REASON_NONE;
}

/* Notes what the broker will see, and what the client must be told. */
static void
conclude(struct decision_builder *d)
{
	const struct mqtt_connect *c = d->in->connect;
	struct identity_decision *v = d->out;

	v->client_id = v->edit.client_id.what == MQTT_SET
	    ? v->edit.client_id.value
	    : c->client_id;
	v->has_username = v->edit.username.what == MQTT_SET ||
	    (v->edit.username.what == MQTT_KEEP && c->has_username);
	if (v->edit.username.what == MQTT_SET)
		v->username = v->edit.username.value;
	else if (v->has_username)
		v->username = c->username;
	v->assign_client_id = c->level == MQTT_LEVEL_5 &&
	    c->client_id.len == 0 && v->client_id.len > 0 &&
	    d->rules->assigned_clientid;
	if (v->assign_client_id)
		trace_step(d, "assigned_clientid", "the CONNACK will tell it");
}

enum reason
identity_decide(const struct identity_rules *rules,
    const struct identity_input *in, const struct identity_trace *trace,
    struct identity_decision *out)
{
	struct decision_builder d = { .rules = rules,
		.in = in,
		.trace = trace,
		.out = out };
	enum reason reason;

	memset(out, 0, sizeof(*out));
	buf_init(&out->mem, 0);
	trace_step(&d, "profile", "%s", rules->name);
	if (in->cert != NULL)
		reason = with_certificate(&d);
	else
		reason = without_certificate(&d);
	if (reason == REASON_NONE)
		reason = decide_properties(&d);
	if (reason != REASON_NONE) {
		memset(&out->edit, 0, sizeof(out->edit));
		return reason;
	}
	set_slices(&d);
	conclude(&d);
	return REASON_NONE;
}

void
identity_decision_fini(struct identity_decision *v)
{
	buf_fini(&v->mem);
}
