/* SPDX-License-Identifier: ISC */
/*
 * Verification of a client's certificates.
 *
 * A search builds candidate paths from the leaf up to a certificate of
 * client_ca, and judges each until one is accepted. The TLS library checks
 * signatures, purposes, name constraints and critical extensions of one
 * given path (path.c); this file chooses the paths and checks everything that
 * can change later. These invariants make it sound; hold each line against
 * them:
 *
 *  1. A path is accepted only if the library accepted exactly this sequence
 *     of certificates: now, or earlier under the same client CAs. "Earlier"
 *     is the cache of paths (a hash of every certificate on the path), or
 *     TLS_EARLIER_CHECK_SAME_CAS.
 *  2. TLS_EARLIER_CHECK_SAME_CAS says that this chain was accepted before, but
 * not over which path. It counts only while each step of the search has one
 *     candidate, with exactly the issuer's name: then it is that path. A
 *     client could otherwise send a look-alike of its CA, never checked, with
 *     later dates or another serial, to outlive an expiry or a revocation.
 *  3. Every path ends at a certificate of client_ca, and above the first of
 *     them only certificates of client_ca follow, over signatures checked
 *     when they were loaded. What a client sends never extends trust.
 *  4. A path goes on above the first trusted certificate as far as client_ca
 *     does, because the CRLs of those CAs apply to the certificates below. It
 *     may end earlier only if the longer path fails for a date: a CA that
 *     ended must not take away the trust in one named beside it. A
 *     revocation or a missing CRL is not evaded by a shorter path.
 *  5. Dates, key strength, CA flags, path lengths and CRLs are checked for
 *     every path, each time: none of it is remembered.
 *  6. Neither the order of files nor the order of what is sent matters. Key
 *     identifiers and dates only rank candidates; each candidate is tried. A
 *     certificate outside the accepted path has no effect.
 *  7. The search is bounded by a budget of signature checks. When it or
 *     memory runs out, the client is refused, and nothing is remembered.
 */
#include "tls/verify.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/time.h"
#include "tls/ctx_body.h"
#include "tls/path.h"

/* Candidates for one step. Of more candidates with the same name, only the best
 * ranked are kept. */
#define CANDIDATES_MAX 64

/* What one search may cost, in checks of a signature by a key of client_ca. A
 * client chooses the keys that it sends, so these are charged more: at worst
 * sixteen checks by the costliest keys, and as many whole paths. */
#define BUDGET 64
#define COST_TRUSTED 1
#define COST_SENT 4
#define COST_PATH 4

/*
 * The cache: a table of SHA-256 hashes with two places for each. The hashes
 * cover certificates that CAs signed, so their bits are mixed already.
 */
#define SLOTS 4096 /* 128 KiB */

struct tls_verified_cache {
	pthread_mutex_t lock;
	uint8_t hashes[SLOTS][CERT_SHA256_LEN];
};

struct tls_verified_cache *
tls_verified_cache_new(void)
{
	struct tls_verified_cache *s = calloc(1, sizeof(*s));

	if (s != NULL)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
tls_verified_cache_free(struct tls_verified_cache *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* The first of the two places of `hash'. */
static uint8_t (
    *place(struct tls_verified_cache *s, const uint8_t *hash))[CERT_SHA256_LEN]
{
	unsigned i = ((unsigned)hash[0] << 8 | hash[1]) % SLOTS;

	return &s->hashes[i & ~1u];
}

static bool
cache_has(struct tls_verified_cache *s, const uint8_t hash[CERT_SHA256_LEN])
{
	uint8_t(*p)[CERT_SHA256_LEN] = place(s, hash);
	bool has;

	pthread_mutex_lock(&s->lock);
	has = memcmp(p[0], hash, CERT_SHA256_LEN) == 0 ||
	    memcmp(p[1], hash, CERT_SHA256_LEN) == 0;
	pthread_mutex_unlock(&s->lock);
	return has;
}

static void
cache_add(struct tls_verified_cache *s, const uint8_t hash[CERT_SHA256_LEN])
{
	uint8_t(*p)[CERT_SHA256_LEN] = place(s, hash);

	pthread_mutex_lock(&s->lock);
	memcpy(p[1], p[0], CERT_SHA256_LEN);
	memcpy(p[0], hash, CERT_SHA256_LEN);
	pthread_mutex_unlock(&s->lock);
}

/* The cache's hash for a path that the library accepted. */
static void
hash_path(const struct tls_chain *c, uint8_t out[CERT_SHA256_LEN])
{
	static const char what[] = "path";
	SHA256_CTX sha;
	size_t i;

	SHA256_Init(&sha);
	SHA256_Update(&sha, what, sizeof(what));
	for (i = 0; i < c->path_count; i++)
		SHA256_Update(&sha, c->path[i]->sha256, CERT_SHA256_LEN);
	SHA256_Final(out, &sha);
}

/* The cache's hash for a signature that was checked. */
static void
hash_edge(const struct tls_cert *child, const struct tls_cert *issuer,
    uint8_t out[CERT_SHA256_LEN])
{
	static const char what[] = "edge";
	SHA256_CTX sha;

	SHA256_Init(&sha);
	SHA256_Update(&sha, what, sizeof(what));
	SHA256_Update(&sha, child->sha256, CERT_SHA256_LEN);
	SHA256_Update(&sha, issuer->key, CERT_SHA256_LEN);
	SHA256_Final(out, &sha);
}

struct tls_result
tls_result_make(enum reason reason, const char *detail)
{
	struct tls_result v = { reason, detail };

	return v;
}

struct tls_result
tls_result_format(enum reason reason, char text[TLS_DETAIL_MAX],
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, TLS_DETAIL_MAX, fmt, ap);
	va_end(ap);
	return tls_result_make(reason, text);
}

struct tls_result
tls_chain_init(struct tls_chain *c, const STACK_OF(CRYPTO_BUFFER) * certs)
{
	size_t i, n = sk_CRYPTO_BUFFER_num(certs);

	c->sent_count = 0;
	c->path_count = 0;
	c->trusted = 0;
	if (n == 0)
		return tls_result_make(REASON_TLS_NO_CERTIFICATE, NULL);
	if (n > TLS_CHAIN_MAX)
		return tls_result_make(REASON_TLS_BAD_CERTIFICATE,
		    "more than 10 certificates were sent");
	for (i = 0; i < n; i++) {
		if (tls_cert_init(&c->sent[i],
			sk_CRYPTO_BUFFER_value(certs, i)) != OK)
			return tls_result_make(REASON_TLS_BAD_CERTIFICATE,
			    i == 0 ? "it cannot be decoded"
				   : "a certificate sent with it cannot be "
				     "decoded");
		c->sent_count++;
	}
	return tls_result_make(REASON_NONE, NULL);
}

/* The search for a path. */
struct search {
	struct tls_chain *c;
	const struct tls_ctx *ctx;
	struct crl_rules rules;
	/* TLS_EARLIER_CHECK_SAME_CAS, while it counts (invariant 2). */
	bool accepted_before;
	int budget;
	bool too_long; /* a path reached TLS_CHAIN_MAX */
	const struct tls_cert *unsigned_by; /* none of the issuers of that name
					     * signed this one ... */
	bool other_key; /* ... which names another key than theirs */
	struct tls_result best; /* of those that failed, the most telling */
	const struct tls_cert *best_path[TLS_CHAIN_MAX];
	size_t best_count;
	size_t best_trusted;
	char text[TLS_DETAIL_MAX]; /* of the latest result */
};

static struct tls_result
verify_signatures(struct search *s)
{
	uint8_t hash[CERT_SHA256_LEN];
	struct tls_result v;

	if (s->accepted_before)
		return tls_result_make(REASON_NONE, NULL);
	hash_path(s->c, hash);
	if (cache_has(s->ctx->verified, hash))
		return tls_result_make(REASON_NONE, NULL);
	s->budget -= COST_PATH;
	if (s->budget < 0)
		return tls_result_make(REASON_TLS_UNTRUSTED,
		    "there are too many ways to build its chain");
	v = tls_path_verify(s->c, s->text);
	if (v.reason == REASON_NONE)
		cache_add(s->ctx->verified, hash);
	return v;
}

/* A client is held to the dates of the certificate that it shows, a CA to
 * those of all its certificates. */
static struct tls_result
check_dates(struct search *s, size_t i)
{
	char name[TLS_WHOSE_MAX], when[TIME_TEXT_MAX];
	const struct tls_cert *cert = s->c->path[i];
	int64_t begin = i == 0 ? cert->der.not_before : cert->not_before;
	int64_t end = i == 0 ? cert->der.not_after : cert->not_after;

	if (s->rules.now >= begin && s->rules.now <= end)
		return tls_result_make(REASON_NONE, NULL);
	time_write(s->rules.now < begin ? begin : end, when);
	if (s->rules.now < begin)
		return tls_result_format(REASON_TLS_NOT_YET_VALID, s->text,
		    "%s is valid from %s on", tls_path_whose(s->c, i, name),
		    when);
	return tls_result_format(REASON_TLS_EXPIRED, s->text,
	    "%s expired at %s", tls_path_whose(s->c, i, name), when);
}

/* The library asks neither for the strength of keys nor of signatures. The
 * signature of the last certificate proves nothing, so it does not matter. */
static struct tls_result
check_strength(struct search *s, size_t i)
{
	const struct tls_der *der = &s->c->path[i]->der;
	char name[TLS_WHOSE_MAX];
	const char *weak = NULL;

	if (i + 1 < s->c->path_count)
		weak = tls_der_algorithm_weakness(der->algorithm);
	if (weak != NULL)
		return tls_result_format(REASON_TLS_BAD_CERTIFICATE, s->text,
		    "%s is %s", tls_path_whose(s->c, i, name), weak);
	weak = tls_der_key_weakness(der->spki);
	if (weak != NULL)
		return tls_result_format(REASON_TLS_BAD_CERTIFICATE, s->text,
		    "%s has %s", tls_path_whose(s->c, i, name), weak);
	return tls_result_make(REASON_NONE, NULL);
}

/* Checks that path[i] may stand where it does. The library leaves this out for
 * certificates of client_ca. */
static struct tls_result
check_place(struct search *s, size_t i, long below)
{
	const struct tls_cert *cert = s->c->path[i];
	char name[TLS_WHOSE_MAX];

	/* The owner of a CA's key can make device certificates. The CA's own
	 * would escape the [identity] profile of those that it issues. */
	if (i == 0)
		return cert->der.ca
		    ? tls_result_make(REASON_TLS_PURPOSE,
			  "it is a CA's certificate (basicConstraints), which "
			  "is not accepted from a client")
		    : tls_result_make(REASON_NONE, NULL);
	if (tls_cert_may_issue(cert, below))
		return tls_result_make(REASON_NONE, NULL);
	return tls_result_format(REASON_TLS_UNTRUSTED, s->text,
	    cert->der.ca
		? "there are more CAs below %s than its pathLenConstraint "
		  "allows"
		: "%s, which issued a certificate of its chain, is not a CA "
		  "(basicConstraints)",
	    tls_path_whose(s->c, i, name));
}

/* Checks what the library does not, or what can change (invariant 5), but
 * CRLs. */
static struct tls_result
check_path(struct search *s)
{
	struct tls_result v = { REASON_NONE, NULL };
	long below = 0;
	size_t i;

	for (i = 0; i < s->c->path_count; i++) {
		v = check_place(s, i, below);
		if (v.reason == REASON_NONE)
			v = check_dates(s, i);
		if (v.reason == REASON_NONE)
			v = check_strength(s, i);
		if (v.reason != REASON_NONE)
			return v;
		if (i > 0 && !tls_cert_self_issued(s->c->path[i]))
			below++;
	}
	return tls_result_make(REASON_NONE, NULL);
}

/* Says which CRL is missing for a certificate by `issuer', and since when. */
static struct tls_result
explain_gap(struct search *s, const struct tls_cert *issuer,
    const struct crl_gap *gap)
{
	static const enum reason reason = REASON_TLS_CRL_UNAVAILABLE;
	char name[TLS_NAME_TEXT_MAX], when[TIME_TEXT_MAX];

	(void)tls_der_name_text(name, issuer->der.subject);
	time_write(gap->when, when);
	switch (gap->kind) {
	case CRL_GAP_ENDED:
		return tls_result_format(reason, s->text,
		    "the CRL of %s ended at %s (nextUpdate)", name, when);
	case CRL_GAP_NOT_YET:
		return tls_result_format(reason, s->text,
		    "the CRL of %s is valid from %s on: is the clock right?",
		    name, when);
	case CRL_GAP_OTHER_POINT:
		return tls_result_format(reason, s->text,
		    "of %s there are CRLs, but none for its distribution "
		    "point",
		    name);
	case CRL_GAP_NONE:
		break;
	}
	return tls_result_format(reason, s->text, "there is no CRL of %s",
	    name);
}

/* Asks the CRLs about the leaf and each CA below the last. That a CRL is
 * missing must not hide what another one says. */
static struct tls_result
check_crls(struct search *s)
{
	const struct tls_cert *cert, *issuer;
	struct tls_result v = { REASON_NONE, NULL };
	char name[TLS_NAME_TEXT_MAX];
	struct crl_question q;
	enum reason reason;
	struct crl_gap gap;
	size_t i;

	for (i = 0; s->ctx->crls != NULL && i + 1 < s->c->path_count; i++) {
		cert = s->c->path[i];
		issuer = s->c->path[i + 1];
		q.issuer_name = issuer->der.subject_hash;
		q.spki = issuer->der.spki;
		q.key = issuer->key;
		q.key_id = issuer->der.key_id;
		q.serial = cert->der.serial;
		q.points = cert->der.crl_points;
		q.subject = i > 0 ? CRL_SUBJECT_CA : CRL_SUBJECT_LEAF;
		reason = crl_set_check(s->ctx->crls, &q, &s->rules, &gap);
		if (reason == REASON_TLS_REVOKED && i > 0)
			return tls_result_format(reason, s->text,
			    "the CA %s above it is revoked",
			    tls_der_name_text(name, cert->der.subject));
		if (reason == REASON_TLS_REVOKED)
			return tls_result_make(reason, NULL);
		if (reason == REASON_TLS_CRL_UNAVAILABLE &&
		    v.reason == REASON_NONE)
			v = explain_gap(s, issuer, &gap);
	}
	return v;
}

/* Returns how informative a failure is: of two, the one with the higher rank is
 * kept. */
static int
rank_of(enum reason reason)
{
	switch (reason) {
	case REASON_NONE:
		return 0;
	case REASON_TLS_UNTRUSTED:
	case REASON_TLS_BAD_CERTIFICATE:
		return 1;
	case REASON_TLS_CRL_UNAVAILABLE:
		return 3;
	case REASON_TLS_REVOKED:
		return 4;
	case REASON_TLS_KEY:
	case REASON_ACCEPT_RESOURCE:
		return 5;
	default:
		return 2;
	}
}

/* Judges the first `n' certificates of the path; returns the reason. */
static enum reason
judge(struct search *s, size_t n)
{
	struct tls_result v, crls;

	s->c->path_count = n;
	v = verify_signatures(s);
	if (v.reason == REASON_NONE) {
		v = check_path(s);
		/* An expired one may live on, so a revocation comes first. */
		if (v.reason == REASON_NONE || v.reason == REASON_TLS_EXPIRED) {
			char kept[TLS_DETAIL_MAX];

			memcpy(kept, s->text, sizeof(kept));
			crls = check_crls(s);
			if (v.reason == REASON_NONE ||
			    crls.reason == REASON_TLS_REVOKED)
				v = crls;
			else
				memcpy(s->text, kept, sizeof(kept));
		}
	}
	if (v.reason == REASON_NONE)
		return v.reason;
	if (rank_of(v.reason) > rank_of(s->best.reason)) {
		s->best = v;
		if (v.detail == s->text) {
			memcpy(s->c->text, s->text, sizeof(s->c->text));
			s->best.detail = s->c->text;
		}
		memcpy(s->best_path, s->c->path, sizeof(s->best_path));
		s->best_count = n;
		s->best_trusted = s->c->trusted;
	}
	return v.reason;
}

static bool
gave_up(const struct search *s)
{
	return s->budget < 0 || s->best.reason == REASON_ACCEPT_RESOURCE;
}

static bool
on_path(const struct tls_chain *c, size_t n, const struct tls_cert *cert)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (tls_cert_same_ca(c->path[i], cert))
			return true;
	return false;
}

/*
 * The path's first `n' certificates are set, and the last is of client_ca:
 * continues with its issuers there, and ends here only as invariant 4 allows.
 * REASON_NONE: accepted.
 */
static enum reason
search_trusted(struct search *s, size_t n)
{
	const struct tls_ca *ca =
	    list_entry(s->c->path[n - 1], const struct tls_ca, cert);
	enum reason reason;
	bool may_end = true;
	size_t i;

	if (ca->issuer_count > 1)
		s->accepted_before = false;
	for (i = 0; i < ca->issuer_count && n < TLS_CHAIN_MAX; i++) {
		if (on_path(s->c, n, &ca->issuers[i]->cert))
			continue;
		s->c->path[n] = &ca->issuers[i]->cert;
		reason = search_trusted(s, n + 1);
		if (reason == REASON_NONE || gave_up(s))
			return reason;
		if (reason != REASON_TLS_EXPIRED &&
		    reason != REASON_TLS_NOT_YET_VALID)
			may_end = false;
	}
	return may_end ? judge(s, n) : s->best.reason;
}

/* A certificate that may have issued the one at hand. */
struct candidate {
	const struct tls_cert *cert;
	bool trusted; /* of client_ca */
	bool checked; /* its signature was checked before */
	int rank; /* the lower, the earlier it is tried */
};

struct candidates {
	struct candidate list[CANDIDATES_MAX];
	size_t count;
};

/* Adds a candidate after those of the same rank. */
static void
add_candidate(struct candidates *found, struct candidate next)
{
	size_t i = found->count;

	if (i == CANDIDATES_MAX && found->list[--i].rank <= next.rank)
		return;
	for (; i > 0 && found->list[i - 1].rank > next.rank; i--)
		found->list[i] = found->list[i - 1];
	found->list[i] = next;
	if (found->count < CANDIDATES_MAX)
		found->count++;
}

/* Key identifiers that differ count most, then dates. Both are hints. */
static int
rank_candidate(const struct search *s, const struct tls_cert *of,
    const struct tls_cert *cert)
{
	bool dated =
	    s->rules.now >= cert->not_before && s->rules.now <= cert->not_after;

	return (tls_path_names_other_key(of, cert) ? 2 : 0) + (dated ? 0 : 1);
}

/* True if one that makes no difference to `cert' was found already. */
static bool
found_like(const struct candidates *found, const struct tls_cert *cert,
    bool trusted)
{
	const struct candidate *other;
	size_t i;

	for (i = 0; i < found->count; i++) {
		other = &found->list[i];
		if (memcmp(other->cert->sha256, cert->sha256,
			sizeof(cert->sha256)) == 0 ||
		    (trusted && other->trusted &&
			tls_cert_interchangeable(other->cert, cert)))
			return true;
	}
	return false;
}

/* Finds the candidates for the issuer of path[n - 1], best first. */
static void
find_candidates(const struct search *s, size_t n, struct candidates *found)
{
	const struct tls_cert *of = s->c->path[n - 1], *cert;
	const struct tls_trust *t = s->ctx->trust;
	struct candidate next;
	size_t i;

	found->count = 0;
	for (i = 0; i < t->count + s->c->sent_count; i++) {
		next.trusted = i < t->count;
		cert =
		    next.trusted ? &t->cas[i].cert : &s->c->sent[i - t->count];
		if (cert->der.subject_hash != of->der.issuer_hash ||
		    on_path(s->c, n, cert) ||
		    found_like(found, cert, next.trusted))
			continue;
		next.checked = false;
		next.cert = cert;
		next.rank = rank_candidate(s, of, cert);
		add_candidate(found, next);
	}
}

/* Marks the candidates that signed the certificate by an earlier check. */
static void
mark_checked(const struct search *s, const struct tls_cert *of,
    struct candidates *found)
{
	uint8_t hash[CERT_SHA256_LEN];
	size_t i;

	for (i = 0; i < found->count; i++) {
		hash_edge(of, found->list[i].cert, hash);
		found->list[i].checked = cache_has(s->ctx->verified, hash);
	}
}

static bool
is_signed_by(struct search *s, const struct tls_cert *of,
    const struct candidate *by)
{
	uint8_t hash[CERT_SHA256_LEN];

	s->budget -= by->trusted ? COST_TRUSTED : COST_SENT;
	if (s->budget < 0)
		return false;
	switch (tls_path_check_edge(of, by->cert)) {
	case OK:
		hash_edge(of, by->cert, hash);
		cache_add(s->ctx->verified, hash);
		return true;
	case ERR_NO_MEMORY:
		s->best = tls_result_make(REASON_ACCEPT_RESOURCE, NULL);
		return false;
	default:
		return false;
	}
}

static bool search_sent(struct search *s, size_t n);

/* Continues the path with one candidate. True: a path was accepted. */
static bool
step(struct search *s, size_t n, const struct candidate *by)
{
	s->c->path[n] = by->cert;
	if (!by->trusted)
		return search_sent(s, n + 1);
	s->c->trusted = n;
	return search_trusted(s, n + 1) == REASON_NONE;
}

/*
 * The path's first `n' certificates are set, and none is of client_ca: tries
 * each candidate for the issuer of the last. With one candidate the library
 * checks its signature together with the path; with several, those that did not
 * sign are sorted out first. True: a path was accepted.
 */
static bool
search_sent(struct search *s, size_t n)
{
	const struct tls_cert *of = s->c->path[n - 1];
	struct candidates found;
	bool any = false;
	int round;
	size_t i;

	if (n == TLS_CHAIN_MAX) {
		s->too_long = true;
		return false;
	}
	find_candidates(s, n, &found);
	if (found.count == 1) {
		s->accepted_before = s->accepted_before &&
		    slice_equal(found.list[0].cert->der.subject,
			of->der.issuer);
		return step(s, n, &found.list[0]);
	}
	if (found.count > 1)
		s->accepted_before = false;
	mark_checked(s, of, &found);
	for (round = 0; round < 2; round++)
		for (i = 0; i < found.count && !gave_up(s); i++) {
			if (found.list[i].checked != (round == 0))
				continue;
			if (round > 0 && !is_signed_by(s, of, &found.list[i]))
				continue;
			any = true;
			if (step(s, n, &found.list[i]))
				return true;
		}
	if (found.count > 1 && !any) {
		s->unsigned_by = of;
		/* The best ranked comes first. */
		s->other_key = tls_path_names_other_key(of, found.list[0].cert);
	}
	return false;
}

/* Returns why no path was found that could be judged. */
static struct tls_result
explain_no_path(struct search *s)
{
	const struct tls_der *leaf = &s->c->sent[0].der;
	char name[TLS_NAME_TEXT_MAX];

	if (gave_up(s))
		return tls_result_make(REASON_TLS_UNTRUSTED,
		    "there are too many ways to build its chain");
	if (s->too_long)
		return tls_result_make(REASON_TLS_UNTRUSTED,
		    "its chain has more than 8 CAs below one of client_ca");
	if (s->unsigned_by != NULL)
		return tls_result_format(s->other_key
			? REASON_TLS_UNTRUSTED
			: REASON_TLS_BAD_CERTIFICATE,
		    s->c->text,
		    "it, or a CA above it, is not signed by any of the CAs "
		    "called %s",
		    tls_der_name_text(name, s->unsigned_by->der.issuer));
	if (tls_cert_self_issued(&s->c->sent[0]))
		return tls_result_make(REASON_TLS_UNTRUSTED,
		    "it is self-signed and not in client_ca");
	return tls_result_format(REASON_TLS_UNTRUSTED, s->c->text,
	    s->c->sent_count > 1
		? "its chain, of issuer %s, leads to no CA of client_ca"
		: "its issuer, %s, is not in client_ca, and no other "
		  "certificate was sent",
	    tls_der_name_text(name, leaf->issuer));
}

/* Searches a path for the chain that was sent. */
static struct tls_result
find_path(struct tls_chain *c, const struct tls_ctx *ctx,
    enum tls_earlier_check earlier)
{
	const struct tls_ca *pinned = tls_trust_find(ctx->trust, &c->sent[0]);
	struct search s = { .c = c,
		.ctx = ctx,
		.rules = { ctx->crl_policy, ctx->crl_grace, clock_wall_s() },
		.accepted_before = earlier == TLS_EARLIER_CHECK_SAME_CAS,
		.budget = BUDGET };

	c->trusted = 0;
	if (pinned != NULL) {
		c->path[0] = &pinned->cert;
		if (search_trusted(&s, 1) == REASON_NONE)
			return tls_result_make(REASON_NONE, NULL);
	} else {
		c->path[0] = &c->sent[0];
		if (search_sent(&s, 1))
			return tls_result_make(REASON_NONE, NULL);
	}
	memcpy(c->path, s.best_path, sizeof(c->path));
	c->path_count = s.best_count;
	c->trusted = s.best_trusted;
	return s.best.reason != REASON_NONE ? s.best : explain_no_path(&s);
}

int64_t
tls_chain_end(const struct tls_chain *c)
{
	int64_t end = c->sent[0].der.not_after;
	size_t i;

	for (i = 1; i < c->path_count; i++)
		if (c->path[i]->not_after < end)
			end = c->path[i]->not_after;
	return end;
}

/* True if sent[i] is on the path. */
static bool
is_used(const struct tls_chain *c, size_t i)
{
	size_t k;

	for (k = 1; k < c->trusted; k++)
		if (c->path[k] == &c->sent[i])
			return true;
	return i == 0;
}

bool
tls_chain_strip(const struct tls_chain *c, STACK_OF(CRYPTO_BUFFER) * certs)
{
	size_t i = sk_CRYPTO_BUFFER_num(certs);
	bool removed = false;

	if (c->path_count == 0 || i != c->sent_count)
		return false;
	while (i-- > 0) {
		if (is_used(c, i))
			continue;
		CRYPTO_BUFFER_free(sk_CRYPTO_BUFFER_delete(certs, i));
		removed = true;
	}
	return removed;
}

struct tls_result
tls_peer_check(struct tls_chain *c, const STACK_OF(CRYPTO_BUFFER) * certs,
    const struct tls_ctx *ctx, enum tls_earlier_check earlier)
{
	struct tls_result v;

	c->sent_count = 0;
	c->path_count = 0;
	if ((certs == NULL || sk_CRYPTO_BUFFER_num(certs) == 0) &&
	    ctx->client_certificate == CONFIG_CLIENT_CERTIFICATE_OPTIONAL)
		return tls_result_make(REASON_NONE, NULL);
	v = tls_chain_init(c, certs);
	return v.reason == REASON_NONE ? find_path(c, ctx, earlier) : v;
}

void
tls_result_keep(struct tls_result *v, const struct tls_chain *c,
    char text[TLS_DETAIL_MAX])
{
	if (v->detail != c->text)
		return;
	memcpy(text, c->text, TLS_DETAIL_MAX);
	v->detail = text;
}

uint8_t
tls_peer_alert(enum reason reason)
{
	switch (reason) {
	case REASON_TLS_NO_CERTIFICATE:
		return SSL_AD_CERTIFICATE_REQUIRED;
	case REASON_TLS_UNTRUSTED:
		return SSL_AD_UNKNOWN_CA;
	case REASON_TLS_EXPIRED:
	case REASON_TLS_NOT_YET_VALID:
		return SSL_AD_CERTIFICATE_EXPIRED;
	case REASON_TLS_PURPOSE:
		return SSL_AD_UNSUPPORTED_CERTIFICATE;
	case REASON_TLS_BAD_CERTIFICATE:
		return SSL_AD_BAD_CERTIFICATE;
	case REASON_TLS_REVOKED:
		return SSL_AD_CERTIFICATE_REVOKED;
	case REASON_TLS_CRL_UNAVAILABLE:
		return SSL_AD_CERTIFICATE_UNKNOWN;
	case REASON_TLS_KEY:
	case REASON_ACCEPT_RESOURCE:
		return SSL_AD_INTERNAL_ERROR;
	default:
		return SSL_AD_ACCESS_DENIED;
	}
}
