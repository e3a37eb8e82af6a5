/* SPDX-License-Identifier: ISC */
#include "session/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "config/option.h"
#include "session/options.h"
#include "tls/client.h"
#include "tls/ctx.h"
#include "tls/load.h"

/* A load under way. */
struct loading {
	struct snapshot *s; /* under construction */
	const struct snapshot *previous; /* borrowed; may be NULL */
	struct report *why; /* borrowed */
	struct report *warnings; /* borrowed */
};

struct snapshot *
snapshot_get(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
snapshot_free(struct snapshot *s)
{
	const struct config *cfg = s->config;
	size_t i;

	for (i = 0; s->tls != NULL && i < cfg->tls_count; i++)
		tls_ctx_put(s->tls[i]);
	for (i = 0; s->tls_inputs != NULL && i < cfg->tls_count; i++)
		tls_profile_inputs_fini(&s->tls_inputs[i]);
	for (i = 0; s->identity != NULL && i < cfg->identity_count; i++)
		identity_rules_put(s->identity[i]);
	free(s->tls);
	free(s->tls_inputs);
	free(s->identity);
	free(s->ws);
	for (i = 0; s->connect_rate != NULL && i < cfg->backend_count; i++)
		backend_connect_rate_put(s->connect_rate[i]);
	free(s->connect_rate);
	identity_denylist_put(s->denylist);
	identity_denylist_put(s->fleet_file);
	identity_denylist_put(s->fleet_denied);
	tls_client_put(s->fleet_tls);
	if (s->fleet_password != NULL)
		file_wipe((uint8_t *)s->fleet_password,
		    strlen(s->fleet_password));
	tls_tickets_put(s->tickets);
	config_put(s->config);
	free(s);
}

void
snapshot_put(struct snapshot *s)
{
	if (s == NULL ||
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (s->last_put != NULL)
		s->last_put(s->last_put_arg, s);
	else
		snapshot_free(s);
}

void
snapshot_on_last_put(struct snapshot *s,
    void (*last_put)(void *arg, struct snapshot *s), void *arg)
{
	s->last_put = last_put;
	s->last_put_arg = arg;
}

struct identity_rules *
snapshot_rules(const struct snapshot *s, const struct config_listener *l,
    const struct cert *cert)
{
	return identity_rules_select(
	    s->identity[l->identity_profile->head.index], s->identity,
	    s->config->identity_count, cert);
}

/* For complaints about [tls] options: they name the option's line. */
struct tls_place {
	const struct loading *loading;
	struct config_tls *section;
};

static void
report_tls(const struct tls_place *p, struct report *to, const char *option,
    const char *text)
{
	const struct config_option *o =
	    config_option_find(config_section_find("tls"), option);

	config_complain(p->loading->s->config, to, &p->section->head,
	    config_option_where(o, p->section), option, "%s", text);
}

static void
refuse_tls(void *arg, const char *option, const char *text)
{
	const struct tls_place *p = arg;

	report_tls(p, p->loading->why, option, text);
}

static void
warn_tls(void *arg, const char *option, const char *text)
{
	const struct tls_place *p = arg;

	report_tls(p, p->loading->warnings, option, text);
}

/* Returns the index of the profile in force of the same name, or tls_count. */
static size_t
find_previous(const struct loading *l, const char *name)
{
	const struct config *cfg = l->previous->config;
	size_t i = 0;

	while (i < cfg->tls_count && strcmp(cfg->tls[i].head.name, name) != 0)
		i++;
	return i;
}

/* A profile of which nothing has changed is shared, unless there is something
 * to warn of. */
static bool
share_tls_profile(struct loading *l, size_t i, size_t before)
{
	const struct snapshot *p = l->previous;

	if (!tls_profile_inputs_same(&p->tls_inputs[before],
		&l->s->tls_inputs[i], p->tls[before]))
		return false;
	l->s->tls[i] = tls_ctx_get(p->tls[before]);
	l->s->tls_shared++;
	return true;
}

static enum err
load_tls_profile(struct loading *l, size_t i)
{
	struct config_tls *t = &l->s->config->tls[i];
	size_t warnings = l->warnings->count;
	struct tls_place at = { l, t };
	struct tls_load_report say = { refuse_tls, warn_tls, &at };
	const struct tls_ctx *previous = NULL;
	struct tls_tickets *tickets = NULL;
	struct tls_options o;
	size_t before;
	enum err err = tls_profile_inputs_note(&l->s->tls_inputs[i], t);

	if (err == OK && l->previous != NULL) {
		before = find_previous(l, t->head.name);
		if (before < l->previous->config->tls_count) {
			if (share_tls_profile(l, i, before))
				return OK;
			previous = l->previous->tls[before];
		}
	}
	options_tls(&o, t);
	if (err != OK)
		return err;
	if (t->ticket_keys[0] != '\0')
		err = tls_tickets_load(&tickets, t->ticket_keys, &say);
	else
		tickets = tls_tickets_get(l->s->tickets);
	if (err != OK)
		return err;
	err = tls_ctx_new(&l->s->tls[i], &o, tickets, previous, &say);
	tls_tickets_put(tickets);
	if (l->warnings->count > warnings)
		l->s->tls_inputs[i].settled = false;
	return err;
}

/* Ticket keys that were generated are kept, or a reload would cost every device
 * a full handshake. */
static enum err
load_tls(struct loading *l)
{
	const struct config *cfg = l->s->config;
	enum err result = OK;
	enum err err;
	size_t i;

	l->s->tickets = l->previous != NULL
	    ? tls_tickets_get(l->previous->tickets)
	    : tls_tickets_new();
	l->s->tls = calloc(cfg->tls_count, sizeof(struct tls_ctx *));
	l->s->tls_inputs =
	    calloc(cfg->tls_count, sizeof(struct tls_profile_inputs));
	if (l->s->tickets == NULL || l->s->tls == NULL ||
	    l->s->tls_inputs == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < cfg->tls_count; i++) {
		if (cfg->tls[i].head.bad)
			continue;
		err = load_tls_profile(l, i);
		if (err != OK)
			result = err;
	}
	return result;
}

/* For complaints about [identity] options: they name the option's line. */
struct identity_place {
	const struct loading *loading;
	const struct config_identity *section;
};

static void
complain_identity(void *arg, const char *option, const char *text)
{
	const struct identity_place *p = arg;
	const struct config_identity *i = p->section;
	const struct config *cfg = p->loading->s->config;
	struct report *why = p->loading->why;

	if (strcmp(option, "username") == 0)
		CONFIG_COMPLAIN(cfg, why, i, username, "%s", text);
	else if (strcmp(option, "clientid") == 0)
		CONFIG_COMPLAIN(cfg, why, i, clientid, "%s", text);
	else if (strcmp(option, "username_mode") == 0)
		CONFIG_COMPLAIN(cfg, why, i, username_mode, "%s", text);
	else
		CONFIG_COMPLAIN(cfg, why, i, clientid_mode, "%s", text);
}

/* Reads the CA of the option issuer. Some client_ca must contain it, or the
 * profile would never be used. */
static enum err
load_issuer(struct loading *l, const struct config_identity *i,
    uint8_t ca[CERT_SHA256_LEN])
{
	const struct config *cfg = l->s->config;
	enum err err = tls_ca_read(i->issuer, ca);
	size_t n;

	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK) {
		CONFIG_COMPLAIN(cfg, l->why, i, issuer,
		    "%s: is not a file with one CA certificate (name a PEM "
		    "file of one CA that is also in client_ca)",
		    i->issuer);
		return ERR_CONFIG;
	}
	for (n = 0; n < cfg->tls_count; n++)
		if (l->s->tls[n] == NULL || tls_ctx_trusts(l->s->tls[n], ca))
			return OK;
	CONFIG_COMPLAIN(cfg, l->why, i, issuer,
	    "%s: this CA is in no client_ca, so no client can have a "
	    "certificate of it (add it to client_ca of [tls])",
	    i->issuer);
	return ERR_CONFIG;
}

/* A CA may have one profile only; with two, the choice would be arbitrary. */
static enum err
check_issuer_once(const struct loading *l, const struct config_identity *i,
    const uint8_t ca[CERT_SHA256_LEN])
{
	const struct config *cfg = l->s->config;
	const struct identity_rules *other;
	const char *name;
	size_t n;

	for (n = 0; n < i->head.index; n++) {
		other = l->s->identity[n];
		if (other == NULL || !other->has_issuer ||
		    memcmp(other->issuer, ca, CERT_SHA256_LEN) != 0)
			continue;
		name = cfg->identity[n].head.name;
		CONFIG_COMPLAIN(cfg, l->why, i, issuer,
		    "[identity%s%s] is for this CA already (make one profile "
		    "of the two)",
		    name[0] == '\0' ? "" : " ", name);
		return ERR_CONFIG;
	}
	return OK;
}

/* Warns of a template with the issuer's name where a CA of client_ca may make
 * CAs below it: these choose that name, perhaps another tenant's. */
static void
warn_of_issuer_name(const struct loading *l, const struct config_identity *i)
{
	const struct config *cfg = l->s->config;
	char ca[TLS_CA_TEXT_MAX];
	size_t n;

	if (strstr(i->username, "issuer.") == NULL &&
	    strstr(config_clientid(i), "issuer.") == NULL)
		return;
	for (n = 0; n < cfg->tls_count; n++) {
		if (l->s->tls[n] == NULL ||
		    tls_ctx_delegating_ca(l->s->tls[n], ca) == NULL)
			continue;
		CONFIG_COMPLAIN(cfg, l->warnings, i, username,
		    "the name of the issuer is no proof of the tenant: %s may "
		    "make CAs below it (no pathLenConstraint of 0), and they "
		    "choose their names (use [identity NAME] with issuer = "
		    "FILE)",
		    ca);
		return;
	}
}

static enum err
load_identity_profile(struct loading *l, struct identity_place *at,
    size_t index)
{
	struct identity_rules_spec spec;
	uint8_t ca[CERT_SHA256_LEN];
	enum err err;

	options_identity(&spec, at->section);
	warn_of_issuer_name(l, at->section);
	if (at->section->issuer[0] != '\0') {
		err = load_issuer(l, at->section, ca);
		if (err == OK)
			err = check_issuer_once(l, at->section, ca);
		if (err != OK)
			return err;
		spec.issuer = ca;
	}
	return identity_rules_new(&l->s->identity[index], &spec,
	    complain_identity, at);
}

static enum err
load_identity(struct loading *l)
{
	const struct config *cfg = l->s->config;
	struct identity_place at = { .loading = l };
	enum err result = OK;
	enum err err;
	size_t i;

	l->s->identity =
	    calloc(cfg->identity_count, sizeof(struct identity_rules *));
	if (l->s->identity == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < cfg->identity_count; i++) {
		if (cfg->identity[i].head.bad)
			continue;
		at.section = &cfg->identity[i];
		err = load_identity_profile(l, &at, i);
		if (err != OK)
			result = err;
	}
	return result;
}

/* Warns if everybody may read or write the secret in the file of the option
 * `key' of [fleet], as of the secrets of [tls]. */
#define WARN_IF_OPEN(l, f, key) \
	do { \
		struct stat st_; \
		if (stat((f)->key, &st_) == 0 && (st_.st_mode & S_IRWXO) != 0) \
			CONFIG_COMPLAIN((l)->s->config, (l)->warnings, f, key, \
			    "%.512s: everybody may read or write it (try: " \
			    "chmod o= %.512s)", \
			    (f)->key, (f)->key); \
	} while (0)

/* The longest password of the fleet's Redis server, in a file. */
#define FLEET_PASSWORD_MAX 4096

/* Returns the password, which is the first line of `text', a string of `len'
 * bytes. If the text has no password, returns NULL and sets *fault to the
 * reason. */
static char *
first_line(char *text, size_t len, const char **fault)
{
	if (len >= 2 &&
	    (memcmp(text, "\xff\xfe", 2) == 0 ||
		memcmp(text, "\xfe\xff", 2) == 0)) {
		*fault = "the file is UTF-16 text (save it as UTF-8)";
		return NULL;
	}
	if (strlen(text) != len) {
		*fault = "the file holds a NUL byte (a password is text)";
		return NULL;
	}
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3; /* a byte order mark, which some editors write */
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] != '\0')
		return text;
	*fault = "its first line is empty (write the password there)";
	return NULL;
}

/* Takes the password from the option, or from the first line of the file. */
static enum err
load_fleet_password(struct loading *l)
{
	const struct config *cfg = l->s->config;
	const struct config_fleet *f = &cfg->fleet;
	const char *fault = NULL;
	uint8_t *data;
	char *line;
	size_t len;
	enum err err;

	if (f->password_file[0] == '\0') {
		l->s->fleet_password = strdup(f->password);
		return l->s->fleet_password == NULL ? ERR_NO_MEMORY : OK;
	}
	err = file_read(&data, &len, f->password_file, FLEET_PASSWORD_MAX);
	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK) {
		CONFIG_COMPLAIN(cfg, l->why, f, password_file, "%.512s: %s",
		    f->password_file, file_error(err));
		return ERR_CONFIG;
	}
	WARN_IF_OPEN(l, f, password_file);
	l->s->fleet_password = (char *)data;
	line = first_line((char *)data, len, &fault);
	if (line != NULL) {
		memmove(data, line, strlen(line) + 1);
		return OK;
	}
	CONFIG_COMPLAIN(cfg, l->why, f, password_file, "%.512s: %s",
	    f->password_file, fault);
	return ERR_CONFIG;
}

static enum err
load_fleet_tls(struct loading *l)
{
	const struct config *cfg = l->s->config;
	const struct config_fleet *f = &cfg->fleet;
	struct tls_client_options o = { f->ca, f->certificate, f->private_key };
	enum tls_client_file file;
	const char *why;
	enum err err;

	if (!f->tls)
		return OK;
	if (f->private_key[0] != '\0')
		WARN_IF_OPEN(l, f, private_key);
	err = tls_client_new(&l->s->fleet_tls, &o, &file, &why);
	if (err != ERR_CONFIG)
		return err;
	switch (file) {
	case TLS_CLIENT_CA:
		CONFIG_COMPLAIN(cfg, l->why, f, ca, "%.512s: %s", f->ca, why);
		break;
	case TLS_CLIENT_CERTIFICATE:
		CONFIG_COMPLAIN(cfg, l->why, f, certificate, "%.512s: %s",
		    f->certificate, why);
		break;
	case TLS_CLIENT_PRIVATE_KEY:
		CONFIG_COMPLAIN(cfg, l->why, f, private_key, "%.512s: %s",
		    f->private_key, why);
		break;
	}
	return err;
}

/* The fleet's list is made once; a reload cannot begin or end a fleet. */
static enum err
load_fleet(struct loading *l)
{
	const struct snapshot *previous = l->previous;
	const struct config_fleet *f = &l->s->config->fleet;
	enum err err = OK;

	if (previous != NULL)
		l->s->fleet_denied =
		    identity_denylist_get(previous->fleet_denied);
	if (f->head.bad || f->address.count == 0)
		return OK;
	if (previous == NULL)
		err = identity_denylist_new(&l->s->fleet_denied);
	if (err == OK)
		err = load_fleet_password(l);
	return err == OK ? load_fleet_tls(l) : err;
}

/* A file has one list, which all snapshots that name it share. It changes on
 * its own (runtime/denylist.h), so it is read here only when it is new. */
static enum err
load_deny_file(struct loading *l, struct identity_denylist **out,
    struct identity_denylist *previous)
{
	const char *file = l->s->config->denylist.file;
	enum err err;

	if (previous != NULL &&
	    strcmp(l->previous->config->denylist.file, file) == 0) {
		*out = identity_denylist_get(previous);
		return OK;
	}
	err = identity_denylist_new(out);
	if (err == OK && file[0] != '\0')
		err = identity_denylist_load(*out, file, l->why);
	return err == ERR_SYSTEM ? ERR_CONFIG : err;
}

/* A reload cannot begin or end to share the file. */
static bool
is_file_shared(const struct loading *l)
{
	return l->s->fleet_denied != NULL &&
	    (l->previous != NULL ? l->previous->fleet_file != NULL
				 : l->s->config->denylist.shared);
}

/* With a fleet there is always a list, which also asks the fleet's. */
static enum err
load_denylist(struct loading *l)
{
	const struct snapshot *previous = l->previous;
	struct identity_denylist *old =
	    previous == NULL ? NULL : previous->denylist;
	enum err err;

	if (l->s->config->denylist.head.bad ||
	    (l->s->config->denylist.file[0] == '\0' &&
		l->s->fleet_denied == NULL))
		return OK;
	if (!is_file_shared(l)) {
		err = load_deny_file(l, &l->s->denylist, old);
	} else {
		err = load_deny_file(l, &l->s->fleet_file,
		    previous == NULL ? NULL : previous->fleet_file);
		if (err != OK)
			return err;
		l->s->denylist = identity_denylist_get(old);
		if (old == NULL)
			err = identity_denylist_new(&l->s->denylist);
	}
	if (err == OK && l->s->denylist != old)
		identity_denylist_share(l->s->denylist, l->s->fleet_denied);
	return err;
}

static enum err
load_listeners(struct loading *l)
{
	const struct config *cfg = l->s->config;
	size_t i;

	l->s->ws = calloc(cfg->listener_count, sizeof(*l->s->ws));
	if (l->s->ws == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < cfg->listener_count; i++)
		options_ws(&l->s->ws[i], &cfg->listener[i]);
	return OK;
}

/* All workers share the connect rate of a [backend], so it is here and not in a
 * worker's pool. */
static enum err
load_backends(struct loading *l)
{
	const struct config *cfg = l->s->config;
	const struct config_backend *old;
	uint32_t rate;
	size_t i;

	l->s->connect_rate =
	    calloc(cfg->backend_count, sizeof(*l->s->connect_rate));
	if (l->s->connect_rate == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < cfg->backend_count; i++) {
		rate = cfg->backend[i].connect_rate;
		old = l->previous == NULL
		    ? NULL
		    : config_backend_before(l->previous->config, cfg, i);
		if (old != NULL)
			l->s->connect_rate[i] = backend_connect_rate_get(
			    l->previous->connect_rate[old->head.index]);
		else if (rate != 0) {
			l->s->connect_rate[i] = backend_connect_rate_new(rate);
			if (l->s->connect_rate[i] == NULL)
				return ERR_NO_MEMORY;
		}
	}
	return OK;
}

/* Names the files to `reading', except for that of the deny list. */
struct naming {
	const struct snapshot_reading *reading;
	const char *denylist;
};

static void
name_file(const char *path, void *arg)
{
	const struct naming *n = arg;

	if (strcmp(path, n->denylist) != 0)
		n->reading->file(path, n->reading->arg);
}

/* The file of a deny list that is in force is watched on its own. One that was
 * to be in force, but is not, may be what is wrong. */
static void
name_denylist(const struct loading *l, const struct snapshot_reading *reading)
{
	const char *file = l->s->config->denylist.file;

	if (file[0] != '\0' &&
	    (l->previous == NULL || l->s->denylist == NULL ||
		l->s->denylist != l->previous->denylist ||
		l->s->fleet_file != l->previous->fleet_file))
		reading->file(file, reading->arg);
}

enum err
snapshot_load(struct snapshot **out, const char *file,
    const struct snapshot *previous, const struct snapshot_reading *reading,
    struct report *why, struct report *warnings)
{
	static enum err (*const parts[])(struct loading *) = { load_tls,
		load_identity, load_fleet, load_denylist, load_listeners,
		load_backends };
	struct loading l = { NULL, previous, why, warnings };
	struct naming naming = { reading, NULL };
	enum err result;
	enum err err;
	size_t i;

	*out = NULL;
	l.s = calloc(1, sizeof(*l.s));
	if (l.s == NULL)
		return ERR_NO_MEMORY;
	if (file == NULL)
		l.s->config = config_get(previous->config);
	result = file == NULL ? OK : config_load(file, &l.s->config, why);
	if (l.s->config == NULL) {
		free(l.s);
		return result;
	}
	naming.denylist = l.s->config->denylist.file;
	if (reading != NULL)
		config_files(l.s->config, name_file, &naming);
	l.s->refs = 1;
	l.s->generation = previous == NULL ? 1 : previous->generation + 1;
	options_mqtt(&l.s->mqtt, l.s->config);
	/* Collects the complaints of all parts. Only when memory runs out does
	 * it stop: the next part may need what is missing then. */
	for (i = 0;
	     i < sizeof(parts) / sizeof(parts[0]) && result != ERR_NO_MEMORY;
	     i++) {
		err = parts[i](&l);
		if (err != OK)
			result = err;
	}
	if (result != OK) {
		if (reading != NULL)
			name_denylist(&l, reading);
		snapshot_put(l.s);
		return result;
	}
	*out = l.s;
	return OK;
}
