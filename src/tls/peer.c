#include "tls/peer.h"

#include "base/clock.h"
#include "tls/ctx_body.h"

/* Finds the path, the short way where that is sound. */
static struct tls_verdict
find_path(struct tls_chain *c, const struct tls_ctx *ctx, enum tls_known known)
{
	const struct tls_verdict good = { REASON_NONE, NULL };
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
