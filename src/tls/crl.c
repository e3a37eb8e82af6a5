/* SPDX-License-Identifier: ISC */
/*
 * Sets of CRLs: reading them, choosing between old and new, and the question
 * they are there for.
 */
#include "tls/crl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "tls/crl_list.h"
#include "tls/trust.h"

/* Several million entries. */
#define CRL_FILE_MAX (512u * 1024 * 1024)

struct crl_set {
	struct crl_list **lists; /* owned, each counted; frozen */
	size_t count;
};

/* What loading a set works with. */
struct loading {
	struct crl_set *set; /* under construction */
	const struct tls_trust *trust;
	const struct crl_set *previous; /* may be NULL */
	const struct tls_load_report *say;
	const char *file; /* being read */
	int64_t now;
};

static enum err
refuse(const struct loading *l, const char *file, const char *what)
{
	return tls_load_error(l->say, "crl", "%s: %s", file, what);
}

static void
warn(const struct loading *l, const char *file, const char *what)
{
	tls_load_warning(l->say, "crl", "%s: %s", file, what);
}

/* Checks the signature by the CA of that name, if it is among ours. */
static enum err
check_signature(const struct loading *l, struct crl_list *c)
{
	const struct tls_link *link;
	const char *text = NULL;
	size_t i;

	for (i = 0; i < l->trust->count; i++) {
		link = &l->trust->cas[i].link;
		if (link->der.subject_hash != c->issuer_hash)
			continue;
		if (crl_signed_by(c, link->der.spki, link->key, &text))
			return OK;
	}
	if (text != NULL)
		return refuse(l, c->file, text);
	warn(l, c->file,
	    "its issuer is not in client_ca: it counts once a client shows a "
	    "chain with that issuer");
	return OK;
}

/* The list of `set' that stands for the same certificates as `c'. */
static struct crl_list **
find_same(const struct crl_set *set, const struct crl_list *c)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (crl_list_same(set->lists[i], c))
			return &set->lists[i];
	return NULL;
}

/* The one of the new list and the one now in force that is to be in force;
 * takes `c' and returns what has a count. */
static struct crl_list *
choose(const struct loading *l, struct crl_list *c)
{
	bool in_force = crl_list_in_force(c, l->now, 0);
	struct crl_list **old =
	    l->previous == NULL ? NULL : find_same(l->previous, c);
	const char *what = NULL;

	if (old != NULL && crl_list_older(c, *old))
		what = "it is older than the CRL in force, which stays";
	else if (old != NULL && !in_force && crl_list_in_force(*old, l->now, 0))
		what = "it is not in force: the CRL before it stays";
	if (what != NULL) {
		warn(l, c->file, what);
		crl_list_put(c);
		return crl_list_get(*old);
	}
	if (!in_force)
		warn(l, c->file,
		    c->next_update < l->now
			? "its nextUpdate has passed: fetch a new one"
			: "it is not valid yet: check the clock");
	return c;
}

/* Puts `c' (taken) into the set, in place of an older one of the same. */
static enum err
add_list(struct crl_set *set, struct crl_list *c)
{
	struct crl_list **same = find_same(set, c), **more;

	if (same != NULL) {
		if (crl_list_older(c, *same)) {
			crl_list_put(c);
			return OK;
		}
		crl_list_put(*same);
		*same = c;
		return OK;
	}
	more =
	    realloc(set->lists, (set->count + 1) * sizeof(struct crl_list *));
	if (more == NULL) {
		crl_list_put(c);
		return ERR_NO_MEMORY;
	}
	set->lists = more;
	set->lists[set->count++] = c;
	return OK;
}

/* The list in force that has these very bytes, counted, or NULL: indexing a
 * million entries once is enough. */
static struct crl_list *
find_equal(const struct loading *l, struct slice der)
{
	struct crl_list *c;
	size_t i;

	for (i = 0; l->previous != NULL && i < l->previous->count; i++) {
		c = l->previous->lists[i];
		if (slice_equal(slice_make(c->der, c->der_len), der) &&
		    strcmp(c->file, l->file) == 0)
			return crl_list_get(c);
	}
	return NULL;
}

static enum err
take_block(struct slice der, void *arg)
{
	struct loading *l = arg;
	struct crl_list *c = find_equal(l, der);
	const char *text;
	enum err err = c != NULL ? OK : crl_list_parse(&c, der, l->file, &text);

	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK)
		return refuse(l, l->file, text);
	err = check_signature(l, c);
	if (err != OK) {
		crl_list_put(c);
		return err;
	}
	return add_list(l->set, choose(l, c));
}

static enum err
load_file(struct loading *l, const char *path)
{
	uint8_t *data;
	size_t len;
	enum err err = file_read(&data, &len, path, CRL_FILE_MAX);

	l->file = path;
	if (err == OK)
		err = tls_load_blocks(slice_make(data, len), "X509 CRL",
		    take_block, l);
	free(data);
	if (err == OK || err == ERR_NO_MEMORY || err == ERR_CONFIG)
		return err; /* said already */
	return refuse(l, path,
	    tls_load_text(err,
		"no CRL is in it (make one: openssl ca -gencrl)"));
}

/* Kubernetes and editors keep things beside the files that are meant. */
static int
is_meant(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && entry->d_name[len - 1] != '~';
}

static enum err
load_dir(struct loading *l, const char *path)
{
	struct dirent **names;
	char file[4096];
	enum err err, worst = OK;
	int i, n = scandir(path, &names, is_meant, alphasort);

	if (n == -1)
		return refuse(l, path, strerror(errno));
	if (n == 0)
		warn(l, path, "no CRL is in it");
	for (i = 0; i < n; i++) {
		if ((size_t)snprintf(file, sizeof(file), "%s/%s", path,
			names[i]->d_name) >= sizeof(file))
			err = refuse(l, path, "a path in it is too long");
		else
			err = load_file(l, file);
		if (err != OK && worst != ERR_NO_MEMORY)
			worst = err;
		free(names[i]);
	}
	free(names);
	return worst;
}

static enum err
load_path(struct loading *l, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return load_dir(l, path);
	return load_file(l, path);
}

enum err
crl_set_load(struct crl_set **out, const struct config_list *paths,
    const struct tls_trust *trust, const struct crl_set *previous,
    const struct tls_load_report *say)
{
	struct loading l = { calloc(1, sizeof(struct crl_set)), trust, previous,
		say, NULL, clock_wall_s() };
	enum err err, worst = OK;
	size_t i;

	*out = NULL;
	if (l.set == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < paths->count && worst != ERR_NO_MEMORY; i++) {
		err = load_path(&l, paths->items[i]);
		if (err != OK)
			worst = err;
	}
	if (worst != OK) {
		crl_set_free(l.set);
		return worst;
	}
	*out = l.set;
	return OK;
}

void
crl_set_free(struct crl_set *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->count; i++)
		crl_list_put(set->lists[i]);
	free(set->lists);
	free(set);
}

/* Is `c' signed by this issuer? One whose issuer is met for the first time is
 * checked here, once: the key comes from a verified chain. */
static bool
is_by(struct crl_list *c, const struct crl_issuer *issuer)
{
	const char *text;

	if (atomic_load_explicit(&c->is_signed, memory_order_acquire) ==
	    CRL_SIGNED_YES)
		return memcmp(c->key, issuer->key, sizeof(c->key)) == 0;
	return c->issuer_hash == issuer->name &&
	    crl_signed_by(c, issuer->spki, issuer->key, &text);
}

enum reason
crl_set_check(const struct crl_set *set, const struct crl_issuer *issuer,
    struct slice serial, enum crl_subject subject,
    const struct crl_rules *rules)
{
	int64_t grace = rules->policy == TLS_CRL_GRACE ? rules->grace : 0;
	bool covered = false;
	struct crl_list *c;
	size_t i;

	for (i = 0; i < set->count; i++) {
		c = set->lists[i];
		if ((subject == CRL_SUBJECT_LEAF && c->ca_only) ||
		    (subject == CRL_SUBJECT_CA && c->leaf_only) ||
		    !is_by(c, issuer) || c->issuer_hash != issuer->name)
			continue;
		if (crl_list_has(c, serial))
			return REASON_TLS_REVOKED;
		covered = covered || crl_list_in_force(c, rules->now, grace);
	}
	if (covered || rules->policy == TLS_CRL_SOFT)
		return REASON_NONE;
	return REASON_TLS_CRL_UNAVAILABLE;
}

bool
crl_set_same(const struct crl_set *a, const struct crl_set *b)
{
	size_t i;

	if (a == NULL || b == NULL)
		return a == b;
	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (a->lists[i] != b->lists[i])
			return false;
	return true;
}

void
crl_set_each(const struct crl_set *set,
    void (*each)(const struct crl_info *info, void *arg), void *arg)
{
	const struct crl_list *c;
	struct crl_info info;
	size_t i;

	for (i = 0; i < set->count; i++) {
		c = set->lists[i];
		info.file = c->file;
		info.issuer = c->issuer;
		info.number = c->number;
		info.this_update = c->this_update;
		info.next_update = c->next_update;
		info.revoked = c->count;
		info.verified = atomic_load(&c->is_signed) == CRL_SIGNED_YES;
		each(&info, arg);
	}
}
