/*
 * One [identity NAME] profile, compiled: what is made of a client's names and
 * password. Frozen once made and counted, so that sessions of an old
 * configuration may go on using it.
 */
#ifndef IDENTITY_RULES_H
#define IDENTITY_RULES_H

#include <stdatomic.h>

#include "identity/template.h"

/* A profile as the configuration has it; all borrowed. */
struct identity_rules_spec {
	const char *name; /* what logs call it */
	const char *username; /* templates, or "none" */
	const char *clientid;
	enum config_mode username_mode;
	enum config_mode clientid_mode;
	enum config_password password;
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

/* Read freely, write never: made by identity_rules_new() only. */
struct identity_rules {
	atomic_uint refs; /* identity_rules_get() and _put() only */
	struct identity_field username;
	struct identity_field clientid;
	enum config_password password;
	enum config_without without_certificate;
	enum config_unsafe unsafe;
	bool assigned_clientid;
	bool user_properties;
	bool has_issuer;
	uint8_t issuer[CERT_SHA256_LEN];
	char name[]; /* what logs call it */
};

/* Told once for each fault: the option's name and a sentence. */
typedef void identity_complain_cb(void *arg, const char *option,
    const char *text);

/*
 * Compiles `spec'. ERR_CONFIG: `complain' was told every fault. A mode of fill
 * or match without a template is one, as it would do nothing; so is a ClientID
 * without a variable, as every client would throw out the one before it.
 * ERR_NO_MEMORY. *out is NULL on error, else counted once.
 */
enum err identity_rules_new(struct identity_rules **out,
    const struct identity_rules_spec *spec, identity_complain_cb *complain,
    void *arg) MUST_CHECK;

/* Takes a count more and returns `r'. Any thread. */
struct identity_rules *identity_rules_get(struct identity_rules *r);

/* Gives a count back; the last one frees. Any thread; NULL is fine. */
void identity_rules_put(struct identity_rules *r);

/*
 * The profile for `cert' (NULL: none) on a listener whose own is `own': the
 * one of `all' whose issuer is nearest above the certificate, else `own'.
 * Entries of `all' without an issuer are never chosen this way. When `own'
 * has an issuer and the certificate is not under it, identity_decide()
 * refuses. Borrowed.
 */
struct identity_rules *identity_rules_select(struct identity_rules *own,
    struct identity_rules *const *all, size_t count, const struct cert *cert);

/* Is `cert' (NULL: none, true) under the issuer of `r', or has `r' none? */
bool identity_rules_cover(const struct identity_rules *r,
    const struct cert *cert);

#endif
