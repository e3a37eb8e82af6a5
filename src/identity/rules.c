#include "identity/rules.h"

#include <stdio.h>
#include <stdlib.h>

/* One of the two fields; tells `complain' what is wrong with it. */
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
	snprintf(why, sizeof(why), "does nothing while %s is none", option);
	complain(arg, key, why);
	return ERR_CONFIG;
}

/* Both fields, so that the faults of both are told. */
static enum err
compile_fields(struct identity_rules *r, const struct identity_rules_spec *spec,
    identity_complain_cb *complain, void *arg)
{
	enum err username, clientid;

	username = compile(&r->username, "username", spec->username,
	    spec->username_mode, complain, arg);
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

/* How many steps above `cert' the issuer of `r' is; ca_count: nowhere. */
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
