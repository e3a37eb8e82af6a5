/* SPDX-License-Identifier: ISC */
/*
 * Sets of CRLs: reading them, keeping what a reload must not lose, and the
 * question that they answer.
 *
 * Which of several lists of one CA counts:
 *  - A list replaces an older one (by number and date) once it is valid. One
 *    that has ended does not replace one that is in force.
 *  - What any list that is not replaced revokes is revoked, also by a list
 *    that is not valid yet or has ended. Lists of which neither is newer, as
 *    their numbers and dates disagree, both revoke.
 *  - A list covers certificates while it is in force, whatever its number.
 *  - A list that is in no file any more (see crl_set_load()) counts until it
 *    has ended and another one is in force.
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
#include "base/time.h"
#include "tls/crl_list.h"
#include "tls/trust.h"

/* Several million entries. */
#define CRL_FILE_MAX (512u * 1024 * 1024)

/* A list of a set. */
struct entry {
	struct crl_list *list; /* counted */
	bool kept; /* from the set before: no file holds it any more */
};

struct crl_set {
	/* Sorted by CA and scope, so that those that may replace one another
	 * are neighbours; then by age. */
	struct entry *entries; /* owned */
	size_t count;
};

/* What loading a set works with. */
struct loading {
	struct crl_set *set; /* under construction */
	const struct tls_trust *trust;
	const struct crl_set *previous; /* may be NULL */
	const struct tls_load_report *report;
	const char *file; /* being read */
	int64_t now;
};

static enum err
refuse(const struct loading *l, const char *file, const char *what)
{
	return tls_load_error(l->report, "crl", "%s: %s", file, what);
}

static void
warn(const struct loading *l, const char *file, const char *what)
{
	tls_load_warning(l->report, "crl", "%s: %s", file, what);
}

static struct crl_key
key_of(const struct tls_cert *cert)
{
	struct crl_key key = { cert->der.spki, cert->key, cert->der.key_id };

	return key;
}

/* True if the list says that another key than this CA's signed it. */
static bool
names_other_key(const struct crl_list *c, const struct tls_cert *ca)
{
	return c->authority.len > 0 && ca->der.key_id.len > 0 &&
	    !slice_equal(c->authority, ca->der.key_id);
}

static enum err
refuse_signature(const struct loading *l, const struct crl_list *c)
{
	return refuse(l, c->file,
	    tls_der_algorithm_weakness(c->algorithm) != NULL
		? "its signature algorithm is not supported (SHA-256 or "
		  "better, with RSA, ECDSA or Ed25519, is)"
		: "its signature is not by the CA it names");
}

/*
 * Checks the signature by the CAs of client_ca that have the list's issuer
 * name. A list that none of them signed is refused, unless it names another
 * key: see check_unsigned().
 */
static enum err
check_signature(const struct loading *l, struct crl_list *c)
{
	const struct tls_cert *cert;
	struct crl_key key;
	bool refused = false;
	enum err err;
	size_t i;

	if (atomic_load(&c->is_signed) == CRL_SIGNED_YES)
		return OK;
	for (i = 0; i < l->trust->count; i++) {
		cert = &l->trust->cas[i].cert;
		if (cert->der.subject_hash != c->issuer_hash)
			continue;
		key = key_of(cert);
		err = crl_list_check_key(c, &key);
		if (err != ERR_MALFORMED)
			return err;
		refused = refused || !names_other_key(c, cert);
	}
	return refused ? refuse_signature(l, c) : OK;
}

/* Adds a list, whose count it takes over. */
static enum err
add_list(struct crl_set *set, struct crl_list *c, bool kept)
{
	struct entry *more =
	    realloc(set->entries, (set->count + 1) * sizeof(*more));

	if (more == NULL) {
		crl_list_put(c);
		return ERR_NO_MEMORY;
	}
	set->entries = more;
	more[set->count].list = c;
	more[set->count++].kept = kept;
	return OK;
}

static bool
has_bytes(const struct crl_list *c, struct slice der)
{
	return slice_equal(slice_make(c->der, c->der_len), der);
}

static const struct entry *
find_bytes(const struct crl_set *set, struct slice der)
{
	size_t i;

	for (i = 0; set != NULL && i < set->count; i++)
		if (has_bytes(set->entries[i].list, der))
			return &set->entries[i];
	return NULL;
}

/* Adds one list of a file. One that the set before has is shared: a million
 * entries are indexed, and their signature is checked, once. */
static enum err
take_block(const struct tls_pem_block *block, void *arg)
{
	struct loading *l = arg;
	const struct slice der = block->der;
	const struct entry *before = find_bytes(l->previous, der);
	const char *text = NULL;
	struct crl_list *c;
	enum err err = OK;

	if (find_bytes(l->set, der) != NULL)
		return OK; /* a copy in another file */
	if (before != NULL && strcmp(before->list->file, l->file) == 0)
		c = crl_list_get(before->list);
	else
		err = crl_list_parse(&c, der, l->file, &text);
	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK)
		return refuse(l, l->file, text);
	err = check_signature(l, c);
	if (err != OK) {
		crl_list_put(c);
		return err;
	}
	return add_list(l->set, c, false);
}

static enum err
load_file(struct loading *l, const char *path)
{
	const struct tls_load_source src = { path, "crl",
		"no CRL is in it (make one: openssl ca -gencrl)", l->report };
	uint8_t *data;
	size_t len;
	enum err err = file_read(&data, &len, path, CRL_FILE_MAX);

	l->file = path;
	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK)
		return refuse(l, path, tls_load_text(err, src.none));
	err = tls_load_blocks(slice_make(data, len), TLS_LOAD_CRL, take_block,
	    l, &src);
	free(data);
	return err;
}

/* Kubernetes and editors keep other things beside the files. */
static int
is_meant(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && entry->d_name[len - 1] != '~';
}

/* True if `path' exists and is neither a regular file nor a link to one. */
static bool
is_irregular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
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
		else if (is_irregular(file)) {
			warn(l, file,
			    "is not a regular file, so it is skipped");
			err = OK;
		} else
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

static bool
in_force(const struct crl_list *c, int64_t now, int64_t grace)
{
	return crl_list_begun(c, now) && !crl_list_ended(c, now, grace);
}

/* True if `c' makes `old', which no file holds any more, superfluous. */
static bool
makes_superfluous(const struct crl_list *c, const struct crl_list *old,
    int64_t now)
{
	return c != old && crl_list_same(c, old) && in_force(c, now, 0) &&
	    (crl_list_newer(c, old) || crl_list_ended(old, now, 0));
}

static bool
is_superfluous(const struct crl_set *set, const struct crl_list *old,
    int64_t now)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (makes_superfluous(set->entries[i].list, old, now))
			return true;
	return false;
}

/* Says why `old' is kept beside the list of a file. */
static void
warn_of_kept(const struct loading *l, const struct crl_list *c,
    const struct crl_list *old)
{
	char when[TIME_TEXT_MAX];

	time_write(c->this_update, when);
	if (crl_list_ended(c, l->now, 0))
		warn(l, c->file,
		    "its nextUpdate has passed: the CRL before it stays (fetch "
		    "a new one)");
	else if (!crl_list_begun(c, l->now))
		tls_load_warning(l->report, "crl",
		    "%s: it is not valid before %s: the CRL before it stays "
		    "until then (check the clock)",
		    c->file, when);
	else if (crl_list_newer(old, c))
		warn(l, c->file,
		    "it is older than the CRL in force, which stays");
	else
		warn(l, c->file,
		    "its number and its thisUpdate disagree about whether it "
		    "is newer than the CRL in force: what either of them "
		    "revokes is refused");
}

/* The newest list that the files hold of the CA and scope of `old'; NULL: they
 * hold none. */
static const struct crl_list *
newest_like(const struct crl_set *set, const struct crl_list *old)
{
	const struct crl_list *c, *newest = NULL;
	size_t i;

	for (i = 0; i < set->count; i++) {
		c = set->entries[i].list;
		if (!set->entries[i].kept && crl_list_same(c, old) &&
		    (newest == NULL || crl_list_newer(c, newest)))
			newest = c;
	}
	return newest;
}

/* Keeps the lists of the set before that no file holds any more, if one of the
 * same CA and scope is there and does not replace them. */
static enum err
keep_previous(struct loading *l)
{
	const struct crl_list *newest, *warned = NULL;
	struct crl_list *old;
	size_t i;

	for (i = 0; l->previous != NULL && i < l->previous->count; i++) {
		old = l->previous->entries[i].list;
		newest = newest_like(l->set, old);
		if (newest == NULL ||
		    find_bytes(l->set, slice_make(old->der, old->der_len)) !=
			NULL ||
		    is_superfluous(l->set, old, l->now) ||
		    is_superfluous(l->previous, old, l->now))
			continue;
		if (newest != warned)
			warn_of_kept(l, newest, old);
		warned = newest;
		if (add_list(l->set, crl_list_get(old), true) != OK)
			return ERR_NO_MEMORY;
	}
	return OK;
}

/* Orders lists: those of one CA and scope together, and then by their bytes, so
 * that the order does not depend on the files'. */
static int
compare_entries(const void *a, const void *b)
{
	const struct crl_list *x = ((const struct entry *)a)->list;
	const struct crl_list *y = ((const struct entry *)b)->list;
	size_t len;
	int order;

	if (x->issuer_hash != y->issuer_hash)
		return x->issuer_hash < y->issuer_hash ? -1 : 1;
	if (x->scope.len != y->scope.len)
		return x->scope.len < y->scope.len ? -1 : 1;
	order = x->scope.len == 0
	    ? 0
	    : memcmp(x->scope.data, y->scope.data, x->scope.len);
	if (order != 0)
		return order;
	if (x->this_update != y->this_update)
		return x->this_update < y->this_update ? -1 : 1;
	len = x->der_len < y->der_len ? x->der_len : y->der_len;
	order = memcmp(x->der, y->der, len);
	if (order == 0 && x->der_len != y->der_len)
		order = x->der_len < y->der_len ? -1 : 1;
	return order;
}

/* Warns of a list that is not in force, unless another one of its CA and scope
 * is; and of a second one with which it disagrees. */
static void
warn_of_entry(const struct loading *l, size_t i)
{
	const struct crl_list *c = l->set->entries[i].list, *other;
	size_t k;

	for (k = 0; k < l->set->count; k++) {
		other = l->set->entries[k].list;
		if (k == i || !crl_list_same(c, other))
			continue;
		if (!in_force(c, l->now, 0) && in_force(other, l->now, 0))
			return;
		if (k > i && !l->set->entries[k].kept &&
		    !crl_list_newer(c, other) && !crl_list_newer(other, c))
			tls_load_warning(l->report, "crl",
			    "%s: its number and its thisUpdate disagree about "
			    "whether it is newer than the CRL in %s: what "
			    "either of them revokes is refused",
			    c->file, other->file);
	}
	if (!crl_list_begun(c, l->now))
		warn(l, c->file, "it is not valid yet: check the clock");
	else if (crl_list_ended(c, l->now, 0))
		warn(l, c->file, "its nextUpdate has passed: fetch a new one");
}

/* True if the CA signed the list. */
static bool
is_of(const struct crl_list *c, const struct tls_cert *ca)
{
	return c->issuer_hash == ca->der.subject_hash &&
	    atomic_load(&c->is_signed) == CRL_SIGNED_YES &&
	    memcmp(c->key, ca->key, sizeof(c->key)) == 0;
}

/* True if the set has a list that the CA signed. */
static bool
has_any(const struct crl_set *set, const struct tls_cert *ca)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (is_of(set->entries[i].list, ca))
			return true;
	return false;
}

/*
 * A list that no CA of client_ca signed waits for a client's chain. A CA of
 * its name may be in client_ca: an issuing CA can get a new key and keep its
 * name (RFC 5280 5.2.1). But then that CA has to have a list of its own, or
 * the file may be a forgery in the place of the true one.
 */
static enum err
check_unsigned(const struct loading *l, const struct crl_list *c)
{
	const struct tls_cert *cert;
	bool namesake = false;
	size_t i;

	for (i = 0; i < l->trust->count; i++) {
		cert = &l->trust->cas[i].cert;
		if (cert->der.subject_hash != c->issuer_hash)
			continue;
		namesake = true;
		if (!has_any(l->set, cert))
			return refuse_signature(l, c);
	}
	warn(l, c->file,
	    namesake ? "it is by another key than that of the CA in client_ca "
		       "that has its issuer's name: it counts once a client "
		       "shows a chain with that key"
		     : "its issuer is not in client_ca: it counts once a "
		       "client shows a chain with that issuer");
	return OK;
}

/* Finishes a set whose files were all read. */
static enum err
finish(struct loading *l)
{
	size_t i, read = l->set->count;
	enum err err = OK, worst = OK;

	for (i = 0; i < read; i++) {
		if (atomic_load(&l->set->entries[i].list->is_signed) !=
		    CRL_SIGNED_YES)
			err = check_unsigned(l, l->set->entries[i].list);
		if (err != OK)
			worst = err;
	}
	if (keep_previous(l) != OK)
		return ERR_NO_MEMORY;
	for (i = 0; i < read; i++)
		warn_of_entry(l, i);
	if (l->set->count > 0)
		qsort(l->set->entries, l->set->count, sizeof(*l->set->entries),
		    compare_entries);
	return worst;
}

enum err
crl_set_load(struct crl_set **out, const struct config_list *paths,
    const struct tls_trust *trust, const struct crl_set *previous,
    const struct tls_load_report *report)
{
	struct loading l = { calloc(1, sizeof(struct crl_set)), trust, previous,
		report, NULL, clock_wall_s() };
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
	if (worst == OK)
		worst = finish(&l);
	if (worst != OK) {
		crl_set_free(l.set);
		return worst;
	}
	*out = l.set;
	return OK;
}

/* True if the set has a list in force that the CA signed. */
static bool
has_list(const struct crl_set *set, const struct tls_cert *ca, int64_t now)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (is_of(set->entries[i].list, ca) &&
		    in_force(set->entries[i].list, now, 0))
			return true;
	return false;
}

void
crl_set_warn_missing(const struct crl_set *set, const struct tls_trust *trust,
    const struct tls_load_report *report)
{
	char name[TLS_NAME_TEXT_MAX];
	const struct tls_ca *ca;
	int64_t now = clock_wall_s();
	bool warned;
	size_t i, k;

	for (i = 0; i < trust->count; i++) {
		ca = &trust->cas[i];
		if (!tls_cert_may_issue(&ca->cert, 0) ||
		    has_list(set, &ca->cert, now))
			continue;
		for (warned = false, k = 0; k < i && !warned; k++)
			warned =
			    tls_cert_same_ca(&trust->cas[k].cert, &ca->cert);
		if (!warned)
			tls_load_warning(report, "crl",
			    "there is no CRL in force of %s (%s, line %u): "
			    "with "
			    "crl_policy = hard or grace what it issued is "
			    "refused",
			    tls_der_name_text(name, ca->cert.der.subject),
			    ca->file, ca->line);
	}
}

void
crl_set_free(struct crl_set *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->count; i++)
		crl_list_put(set->entries[i].list);
	free(set->entries);
	free(set);
}

/* True if the issuer signed the list. */
static bool
is_by(struct crl_list *c, const struct crl_question *q)
{
	struct crl_key key = { q->spki, q->key, q->key_id };

	if (c->issuer_hash != q->issuer_name)
		return false;
	if (atomic_load_explicit(&c->is_signed, memory_order_acquire) ==
	    CRL_SIGNED_YES)
		return memcmp(c->key, q->key, sizeof(c->key)) == 0;
	/* This issuer is met for the first time; its key comes from a verified
	 * chain. */
	return crl_list_check_key(c, &key) == OK;
}

static bool
same_scope(const struct crl_list *a, const struct crl_list *b)
{
	return a->issuer_hash == b->issuer_hash &&
	    slice_equal(a->scope, b->scope);
}

/* True if `other', of the same CA and scope, takes the place of entry `e'. */
static bool
replaces(const struct crl_list *other, const struct entry *e, int64_t now)
{
	const struct crl_list *c = e->list;

	if (!crl_list_begun(other, now))
		return false;
	if (e->kept && crl_list_ended(c, now, 0) &&
	    !crl_list_ended(other, now, 0))
		return true;
	return crl_list_newer(other, c) &&
	    (!crl_list_ended(other, now, 0) || crl_list_ended(c, now, 0));
}

/* True if entry `i' was replaced by one of its neighbours. */
static bool
is_replaced(const struct crl_set *set, size_t i, const struct crl_question *q,
    int64_t now)
{
	const struct entry *e = &set->entries[i];
	size_t k = i;

	while (k > 0 && same_scope(set->entries[k - 1].list, e->list))
		k--;
	for (; k < set->count && same_scope(set->entries[k].list, e->list); k++)
		if (k != i && is_by(set->entries[k].list, q) &&
		    replaces(set->entries[k].list, e, now))
			return true;
	return false;
}

/* Notes what is wrong with a list that does not cover the certificate; the gap
 * that is the easiest to mend is kept. */
static void
note_gap(struct crl_gap *gap, const struct crl_list *c,
    const struct crl_question *q, int64_t now)
{
	if (!crl_list_covers(c, q->points)) {
		if (gap->kind == CRL_GAP_NONE)
			gap->kind = CRL_GAP_OTHER_POINT;
	} else if (!crl_list_begun(c, now)) {
		if (gap->kind == CRL_GAP_ENDED)
			return;
		gap->kind = CRL_GAP_NOT_YET;
		gap->when = c->this_update;
	} else if (gap->kind != CRL_GAP_ENDED || gap->when < c->next_update) {
		gap->kind = CRL_GAP_ENDED;
		gap->when = c->next_update;
	}
}

enum reason
crl_set_check(const struct crl_set *set, const struct crl_question *q,
    const struct crl_rules *rules, struct crl_gap *gap)
{
	int64_t grace =
	    rules->policy == CONFIG_CRL_POLICY_GRACE ? rules->grace : 0;
	bool covered = false;
	struct crl_list *c;
	size_t i;

	gap->kind = CRL_GAP_NONE;
	gap->when = 0;
	for (i = 0; i < set->count; i++) {
		c = set->entries[i].list;
		if ((q->subject == CRL_SUBJECT_LEAF && c->ca_only) ||
		    (q->subject == CRL_SUBJECT_CA && c->leaf_only) ||
		    !is_by(c, q))
			continue;
		if (crl_list_has(c, q->serial) &&
		    !is_replaced(set, i, q, rules->now))
			return REASON_TLS_REVOKED;
		if (in_force(c, rules->now, grace) &&
		    crl_list_covers(c, q->points))
			covered = true;
		else
			note_gap(gap, c, q, rules->now);
	}
	if (covered || rules->policy == CONFIG_CRL_POLICY_SOFT)
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
		if (a->entries[i].list != b->entries[i].list ||
		    a->entries[i].kept != b->entries[i].kept)
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
		c = set->entries[i].list;
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
