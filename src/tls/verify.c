/* SPDX-License-Identifier: ISC */
/*
 * Chain checking. The library does what needs mathematics; what can change
 * after it, and what it leaves out for certificates it finds in its store, is
 * done here.
 */
#include "tls/verify.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tls/ctx_body.h"

static const struct tls_verdict good = { REASON_NONE, NULL };

static struct tls_verdict
bad(enum reason reason, const char *detail)
{
	struct tls_verdict v = { reason, detail };

	return v;
}

struct tls_verdict
tls_chain_init(struct tls_chain *c, const STACK_OF(CRYPTO_BUFFER) * certs)
{
	size_t i, n = sk_CRYPTO_BUFFER_num(certs);

	c->sent_count = 0;
	c->path_count = 0;
	if (n == 0)
		return bad(REASON_TLS_NO_CERTIFICATE, NULL);
	if (n > TLS_CHAIN_MAX)
		return bad(REASON_TLS_BAD_CERTIFICATE, "too many certificates");
	for (i = 0; i < n; i++) {
		if (tls_link_init(&c->sent[i],
			sk_CRYPTO_BUFFER_value(certs, i)) != OK)
			return bad(REASON_TLS_BAD_CERTIFICATE,
			    "a certificate cannot be decoded");
		c->sent_count++;
	}
	return good;
}

void
tls_chain_hash(const struct tls_chain *c, uint8_t out[CERT_SHA256_LEN])
{
	SHA256_CTX sha;
	size_t i;

	SHA256_Init(&sha);
	for (i = 0; i < c->sent_count; i++)
		SHA256_Update(&sha, c->sent[i].sha256, CERT_SHA256_LEN);
	SHA256_Final(out, &sha);
}

/* The library's error in our words. */
static struct tls_verdict
translate(int error)
{
	const char *text = X509_verify_cert_error_string(error);

	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
		return bad(REASON_TLS_UNTRUSTED, text);
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_CERT_REJECTED:
		return bad(REASON_TLS_PURPOSE, text);
	case X509_V_ERR_OUT_OF_MEM:
		return bad(REASON_ACCEPT_RESOURCE, text);
	default:
		return bad(REASON_TLS_BAD_CERTIFICATE, text);
	}
}

/* The link that stands for `x', one of ours or a CA; NULL: neither. */
static const struct tls_link *
link_of(const struct tls_chain *c, const struct tls_trust *t, X509 *const *sent,
    const X509 *x)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (t->cas[i].x509 == x)
			return &t->cas[i].link;
	for (i = 0; i < c->sent_count; i++)
		if (sent[i] == x)
			return &c->sent[i];
	return NULL;
}

static bool
self_issued(const struct tls_link *link)
{
	return slice_equal(link->der.issuer, link->der.subject);
}

static struct tls_verdict
keep_path(struct tls_chain *c, const struct tls_trust *t, X509 *const *sent,
    const STACK_OF(X509) * path)
{
	const struct tls_link *link;
	size_t i, n = sk_X509_num(path);

	if (n == 0 || n > TLS_CHAIN_MAX)
		return bad(REASON_TLS_UNTRUSTED, "the chain is too long");
	for (i = 0; i < n; i++) {
		link = link_of(c, t, sent, sk_X509_value(path, i));
		if (link == NULL)
			return bad(REASON_TLS_UNTRUSTED, "the chain is odd");
		c->path[i] = link;
	}
	c->path_count = n;
	return good;
}

/* Dates are tls_chain_check()'s, on every way: a chain that is past them is
 * still asked for in CRLs and deny list, where it may live on. */
static int
dates_are_ours(int ok, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx);

	return ok || error == X509_V_ERR_CERT_HAS_EXPIRED ||
	    error == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* Has the library build and check the path over `sent'. */
static struct tls_verdict
run_library(struct tls_chain *c, const struct tls_trust *t, X509 *const *sent,
    STACK_OF(X509) * others)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	struct tls_verdict v = bad(REASON_ACCEPT_RESOURCE, NULL);

	if (ctx == NULL || !X509_STORE_CTX_init(ctx, t->store, sent[0], others))
		goto out;
	X509_STORE_CTX_set_verify_cb(ctx, dates_are_ours);
	if (X509_verify_cert(ctx) != 1)
		v = translate(X509_STORE_CTX_get_error(ctx));
	else if (X509_check_purpose(sent[0], X509_PURPOSE_SSL_CLIENT, 0) != 1)
		/* Not asked by the library of a leaf it finds in the store. */
		v = translate(X509_V_ERR_INVALID_PURPOSE);
	else
		v = keep_path(c, t, sent, X509_STORE_CTX_get0_chain(ctx));
out:
	X509_STORE_CTX_free(ctx);
	return v;
}

/* Parses all that was sent; the caller frees, also after an error. */
static struct tls_verdict
parse_sent(const struct tls_chain *c, X509 **sent, STACK_OF(X509) * others)
{
	size_t i;

	for (i = 0; i < c->sent_count; i++) {
		sent[i] = X509_parse_from_buffer(c->sent[i].buffer);
		if (sent[i] == NULL)
			return bad(REASON_TLS_BAD_CERTIFICATE,
			    "a certificate cannot be decoded");
		if (i == 0)
			continue;
		if (!sk_X509_push(others, sent[i]))
			return bad(REASON_ACCEPT_RESOURCE, NULL);
	}
	return good;
}

struct tls_verdict
tls_chain_verify(struct tls_chain *c, const struct tls_trust *t)
{
	STACK_OF(X509) *others = sk_X509_new_null(); /* borrows */
	X509 *sent[TLS_CHAIN_MAX] = { NULL };
	struct tls_verdict v = bad(REASON_ACCEPT_RESOURCE, NULL);
	size_t i;

	ERR_clear_error();
	if (others != NULL)
		v = parse_sent(c, sent, others);
	if (v.reason == REASON_NONE)
		v = run_library(c, t, sent, others);
	sk_X509_free(others);
	for (i = 0; i < c->sent_count; i++)
		X509_free(sent[i]);
	ERR_clear_error();
	return v;
}

/* Does it make no difference which of two CAs of ours is followed? Not where
 * the path goes on above them: one may be revoked there. */
static bool
are_alike(const struct tls_link *a, const struct tls_link *b)
{
	return a->der.ca && b->der.ca && self_issued(a) && self_issued(b) &&
	    tls_link_same_ca(a, b) && a->der.path_len == b->der.path_len;
}

/*
 * The one certificate that can have issued `of'. Clears *sure when there are
 * several: the client may have sent a look-alike of its CA, never checked,
 * with kinder dates or another serial, and following that one would let it
 * outlive its expiry or revocation, or pass for another CA's. Likewise when a
 * name that is not the same to the byte may be the same to the library.
 */
static const struct tls_link *
only_issuer(const struct tls_chain *c, const struct tls_trust *t,
    const struct tls_link *of, bool trusted, bool *sure)
{
	const struct tls_link *found = NULL, *link;
	size_t i, own = trusted ? 0 : c->sent_count;

	for (i = 0; i < own + t->count; i++) {
		link = i < t->count ? &t->cas[i].link : &c->sent[i - t->count];
		if (link->der.subject_hash != of->der.issuer_hash)
			continue;
		if (i >= t->count && tls_trust_find(t, link) != NULL)
			continue; /* looked at already */
		if (!slice_equal(link->der.subject, of->der.issuer))
			*sure = false;
		else if (found == NULL)
			found = link;
		else if (memcmp(found->sha256, link->sha256,
			     sizeof(link->sha256)) != 0 &&
		    (i >= t->count || !are_alike(found, link)))
			*sure = false;
	}
	/* All that can have issued it have its key: it has signed itself. */
	if (found != NULL && trusted && tls_link_same_ca(found, of))
		return of;
	return found;
}

bool
tls_chain_follow(struct tls_chain *c, const struct tls_trust *t)
{
	const struct tls_ca *ca = tls_trust_find(t, &c->sent[0]);
	const struct tls_link *at = ca != NULL ? &ca->link : &c->sent[0];
	const struct tls_link *next;
	bool sure = true, trusted = ca != NULL;

	for (c->path_count = 0; c->path_count < TLS_CHAIN_MAX; at = next) {
		c->path[c->path_count++] = at;
		trusted = trusted || tls_trust_find(t, at) != NULL;
		next = only_issuer(c, t, at, trusted, &sure);
		if (!sure)
			return false;
		if (next == NULL || next == at) /* at issued itself */
			return trusted;
	}
	return false;
}

/* RFC 5280 6.1.4 (k), (l), (m) for one CA with `below' intermediates under
 * it. Who could have said to be a CA and did not is none, a device that signs
 * itself above all. */
static bool
may_issue(const struct tls_link *link, long below)
{
	if (!link->der.has_constraints)
		return self_issued(link) && !link->der.v3; /* an old root */
	return link->der.ca &&
	    (link->der.path_len < 0 || below <= link->der.path_len);
}

/* Could the key of path[i], or the signature on it, be somebody else's work?
 * The library asks neither. An anchor's own signature proves nothing. */
static const char *
weakness(const struct tls_chain *c, size_t i)
{
	const struct tls_der *der = &c->path[i]->der;
	struct tls_algorithm a;

	if (i + 1 < c->path_count && !tls_algorithm_find(&a, der->algorithm))
		return "signed with SHA-1 or the like: SHA-256 or better is "
		       "taken";
	return tls_algorithm_key_weakness(der->spki);
}

/* A client is held to the certificate that it shows, be it a CA's. */
static struct tls_verdict
check_dates(const struct tls_link *link, bool leaf, int64_t now)
{
	if (now < (leaf ? link->der.not_before : link->not_before))
		return bad(REASON_TLS_NOT_YET_VALID, NULL);
	if (now > (leaf ? link->der.not_after : link->not_after))
		return bad(REASON_TLS_EXPIRED, NULL);
	return good;
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

struct tls_verdict
tls_chain_check(const struct tls_chain *c, int64_t now)
{
	struct tls_verdict v;
	const char *weak;
	long below = 0;
	size_t i;

	for (i = 0; i < c->path_count; i++) {
		v = check_dates(c->path[i], i == 0, now);
		if (v.reason != REASON_NONE)
			return v;
		weak = weakness(c, i);
		if (weak != NULL)
			return bad(REASON_TLS_BAD_CERTIFICATE, weak);
		if (i == 0)
			continue;
		if (!may_issue(c->path[i], below))
			return bad(REASON_TLS_UNTRUSTED,
			    "an issuer in the chain is no CA");
		if (!self_issued(c->path[i]))
			below++;
	}
	return good;
}

struct tls_verdict
tls_chain_check_crls(const struct tls_chain *c, const struct crl_set *set,
    const struct crl_rules *rules)
{
	struct tls_verdict v = good;
	struct crl_issuer issuer;
	enum reason reason;
	size_t i;

	/* That a CRL is missing must not hide what another one says. */
	for (i = 0; set != NULL && i + 1 < c->path_count; i++) {
		issuer.name = c->path[i + 1]->der.subject_hash;
		issuer.spki = c->path[i + 1]->der.spki;
		issuer.key = c->path[i + 1]->key;
		reason = crl_set_check(set, &issuer, c->path[i]->der.serial,
		    i > 0 || c->path[i]->der.ca ? CRL_SUBJECT_CA
						: CRL_SUBJECT_LEAF,
		    rules);
		if (reason == REASON_TLS_REVOKED)
			return bad(reason, i == 0 ? NULL : "a CA above it is");
		if (reason != REASON_NONE)
			v = bad(reason, NULL);
	}
	return v;
}

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

bool
tls_verified_cache_has(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN])
{
	uint8_t(*p)[CERT_SHA256_LEN] = place(s, hash);
	bool has;

	pthread_mutex_lock(&s->lock);
	has = memcmp(p[0], hash, CERT_SHA256_LEN) == 0 ||
	    memcmp(p[1], hash, CERT_SHA256_LEN) == 0;
	pthread_mutex_unlock(&s->lock);
	return has;
}

void
tls_verified_cache_add(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN])
{
	uint8_t(*p)[CERT_SHA256_LEN] = place(s, hash);

	pthread_mutex_lock(&s->lock);
	memcpy(p[1], p[0], CERT_SHA256_LEN);
	memcpy(p[0], hash, CERT_SHA256_LEN);
	pthread_mutex_unlock(&s->lock);
}

/* Finds the path, the short way where that is sound. */
static struct tls_verdict
find_path(struct tls_chain *c, const struct tls_ctx *ctx, enum tls_known known)
{
	uint8_t hash[CERT_SHA256_LEN];
	struct tls_verdict v;

	if (known == TLS_KNOWN_SAME_CAS && tls_chain_follow(c, ctx->trust))
		return good;
	tls_chain_hash(c, hash);
	if (tls_verified_cache_has(ctx->seen, hash) &&
	    tls_chain_follow(c, ctx->trust))
		return good;
	v = tls_chain_verify(c, ctx->trust);
	if (v.reason == REASON_NONE)
		tls_verified_cache_add(ctx->seen, hash);
	return v;
}

/* Checks a path that was found. One that has expired may be let live on, so
 * that it is revoked as well comes first. */
static struct tls_verdict
check_path(const struct tls_chain *c, const struct tls_ctx *ctx)
{
	struct crl_rules rules = { ctx->crl_policy, ctx->crl_grace,
		clock_wall_s() };
	struct tls_verdict v = tls_chain_check(c, rules.now);
	struct tls_verdict crls;

	if (v.reason != REASON_NONE && v.reason != REASON_TLS_EXPIRED)
		return v;
	crls = tls_chain_check_crls(c, ctx->crls, &rules);
	return v.reason == REASON_NONE || crls.reason == REASON_TLS_REVOKED
	    ? crls
	    : v;
}

struct tls_verdict
tls_peer_check(struct tls_chain *c, const STACK_OF(CRYPTO_BUFFER) * certs,
    const struct tls_ctx *ctx, enum tls_known known)
{
	struct tls_verdict v = { REASON_NONE, NULL };

	c->sent_count = 0;
	c->path_count = 0;
	if ((certs == NULL || sk_CRYPTO_BUFFER_num(certs) == 0) &&
	    ctx->client_certificate == TLS_CLIENT_OPTIONAL)
		return v;
	v = tls_chain_init(c, certs);
	if (v.reason == REASON_NONE)
		v = find_path(c, ctx, known);
	if (v.reason == REASON_NONE)
		v = check_path(c, ctx);
	return v;
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
	case REASON_ACCEPT_RESOURCE:
		return SSL_AD_INTERNAL_ERROR;
	default:
		return SSL_AD_ACCESS_DENIED;
	}
}
