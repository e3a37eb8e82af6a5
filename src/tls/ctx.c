/*
 * Building a profile. Everything is read and checked before anything is put
 * in force; all that is wrong is said in one go.
 */
#include "tls/ctx.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "tls/ctx_body.h"
#include "tls/facts.h"
#include "tls/handshake.h"
#include "tls/settings.h"
#include "tls/verify.h"

/* Opens the CRLs of `paths', unless there are none. */
static enum err
load_crls(struct tls_ctx *ctx, const struct config_list *paths,
    const struct tls_ctx *previous, const struct tls_load_report *say)
{
	if (paths->count == 0)
		return OK;
	return crl_set_load(&ctx->crls, paths, ctx->trust,
	    previous == NULL ? NULL : previous->crls, say);
}

/* One complaint for lists that do not go together; true when they do. */
static bool
lists_fit(const struct tls_options *o, const struct tls_load_report *say)
{
	enum err err = OK;

	if (o->certificates.count == 0)
		err = tls_load_error(say, "certificate",
		    "none is named (write certificate = FILE)");
	if (o->private_keys.count != o->certificates.count)
		err = tls_load_error(say, "private_key",
		    "%zu for %zu certificates (name one for each, in the same "
		    "order)",
		    o->private_keys.count, o->certificates.count);
	if (o->ocsp_responses.count != 0 &&
	    o->ocsp_responses.count != o->certificates.count)
		err = tls_load_error(say, "ocsp_response",
		    "%zu for %zu certificates (name one for each, in the same "
		    "order)",
		    o->ocsp_responses.count, o->certificates.count);
	if (o->client_cas.count == 0)
		err = tls_load_error(say, "client_ca",
		    "none is named (write client_ca = FILE)");
	return err == OK;
}

static enum err
load_pairs(struct tls_ctx *ctx, const struct tls_options *o,
    const struct tls_load_report *say)
{
	enum err err, worst = OK;
	const char *ocsp;
	size_t i;

	ctx->pairs = calloc(o->certificates.count, sizeof(*ctx->pairs));
	if (ctx->pairs == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < o->certificates.count; i++) {
		ocsp = o->ocsp_responses.count == 0
		    ? NULL
		    : o->ocsp_responses.items[i];
		ctx->pair_count++;
		err = tls_keypair_load(&ctx->pairs[i], o->certificates.items[i],
		    o->private_keys.items[i], ocsp, say);
		if (err == ERR_NO_MEMORY)
			return err;
		if (err != OK)
			worst = err;
	}
	return worst;
}

/* The more telling of two outcomes. */
static enum err
worse(enum err a, enum err b)
{
	return a == ERR_NO_MEMORY || b == OK ? a : b;
}

/*
 * What a session may be resumed under: the same client CAs and the same rule
 * about having a certificate. Under others a ticket is not accepted, and a
 * full handshake with all its checks follows. The first words change when
 * the meaning of "checked" does.
 */
static void
hash_session_id(struct tls_ctx *ctx)
{
	static const char version[] = "sallyport session 1";
	uint8_t mode = (uint8_t)ctx->client_certificate;
	SHA256_CTX sha;

	SHA256_Init(&sha);
	SHA256_Update(&sha, version, sizeof(version));
	SHA256_Update(&sha, &mode, sizeof(mode));
	SHA256_Update(&sha, ctx->trust->hash, sizeof(ctx->trust->hash));
	SHA256_Final(ctx->session_id, &sha);
}

static enum err
set_tickets(struct tls_ctx *ctx, struct tls_tickets *tickets, bool wanted)
{
	if (!wanted)
		return OK;
	ctx->tickets =
	    tickets == NULL ? tls_tickets_new() : tls_tickets_get(tickets);
	return ctx->tickets == NULL ? ERR_NO_MEMORY : OK;
}

/* Loads all files. */
static enum err
load_all(struct tls_ctx *ctx, const struct tls_options *o,
    const struct tls_ctx *previous, const struct tls_load_report *say)
{
	enum err err = lists_fit(o, say) ? load_pairs(ctx, o, say) : ERR_CONFIG;

	if (err == ERR_NO_MEMORY)
		return err;
	err = worse(tls_trust_load(&ctx->trust, &o->client_cas, say), err);
	if (ctx->trust != NULL)
		err = worse(load_crls(ctx, &o->crls, previous, say), err);
	return err;
}

static enum err
build(struct tls_ctx *ctx, const struct tls_options *o,
    struct tls_tickets *tickets, const struct tls_ctx *previous,
    const struct tls_load_report *say)
{
	enum err err = load_all(ctx, o, previous, say);

	if (err == ERR_NO_MEMORY)
		return err;
	err = worse(tls_settings_new(&ctx->ssl, o, say), err);
	if (err == OK)
		err = set_tickets(ctx, tickets, o->session_tickets);
	if (err != OK)
		return err;
	hash_session_id(ctx);
	tls_handshake_install(ctx->ssl,
	    o->client_certificate == TLS_CLIENT_REQUIRED
		? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
		: SSL_VERIFY_PEER);
	return tls_settings_apply(ctx);
}

enum err
tls_ctx_new(struct tls_ctx **out, const struct tls_options *o,
    struct tls_tickets *tickets, const struct tls_ctx *previous,
    const struct tls_load_report *say)
{
	struct tls_ctx *ctx = calloc(1, sizeof(*ctx));
	enum err err;

	*out = NULL;
	if (ctx == NULL)
		return ERR_NO_MEMORY;
	atomic_init(&ctx->refs, 1);
	ctx->client_certificate = o->client_certificate;
	ctx->crl_policy = o->crl_policy;
	ctx->crl_grace = o->crl_grace;
	ctx->seen = tls_verified_cache_new();
	err = ctx->seen == NULL ? ERR_NO_MEMORY
				: build(ctx, o, tickets, previous, say);
	ERR_clear_error();
	if (err != OK) {
		tls_ctx_put(ctx);
		return err;
	}
	*out = ctx;
	return OK;
}

struct tls_ctx *
tls_ctx_get(struct tls_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

void
tls_ctx_put(struct tls_ctx *ctx)
{
	size_t i;

	if (ctx == NULL ||
	    atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(ctx->ssl);
	for (i = 0; i < ctx->pair_count; i++)
		tls_keypair_fini(&ctx->pairs[i]);
	free(ctx->pairs);
	tls_trust_free(ctx->trust);
	tls_verified_cache_free(ctx->seen);
	tls_tickets_put(ctx->tickets);
	crl_set_free(ctx->crls);
	free(ctx);
}

const struct crl_set *
tls_ctx_crls(const struct tls_ctx *ctx)
{
	return ctx->crls;
}

bool
tls_ctx_judges_alike(const struct tls_ctx *a, const struct tls_ctx *b)
{
	/* The id stands for the CAs and client_certificate. */
	return crl_set_same(a->crls, b->crls) &&
	    a->crl_policy == b->crl_policy && a->crl_grace == b->crl_grace &&
	    memcmp(a->session_id, b->session_id, sizeof(a->session_id)) == 0;
}

static void
tell(const struct tls_link *link, const char *file, enum tls_cert_role role,
    void (*each)(const struct tls_cert_info *info, void *arg), void *arg)
{
	struct tls_cert_info info = { role, file, link->der.not_before,
		link->der.not_after, link->sha256 };

	each(&info, arg);
}

void
tls_ctx_each_cert(const struct tls_ctx *ctx,
    void (*each)(const struct tls_cert_info *info, void *arg), void *arg)
{
	const struct tls_ca *ca;
	size_t i;

	for (i = 0; i < ctx->pair_count; i++)
		tell(&ctx->pairs[i].leaf, ctx->pairs[i].file, TLS_CERT_SERVER,
		    each, arg);
	for (i = 0; i < ctx->trust->count; i++) {
		ca = &ctx->trust->cas[i];
		tell(&ca->link, ca->file, TLS_CERT_CLIENT_CA, each, arg);
	}
}

enum reason
tls_ctx_explain(const struct tls_ctx *ctx, const char *path, struct cert **out,
    const char **detail, enum err *readable)
{
	struct tls_verdict v = { REASON_TLS_BAD_CERTIFICATE, NULL };
	STACK_OF(CRYPTO_BUFFER) * certs;
	struct tls_chain chain;

	*out = NULL;
	*detail = NULL;
	*readable = tls_load_certs(&certs, path);
	if (*readable != OK)
		return v.reason;
	v = tls_peer_check(&chain, certs, ctx, TLS_KNOWN_NOT);
	if (chain.sent_count > 0 &&
	    tls_facts_make(out, &chain, ctx->trust) == ERR_NO_MEMORY)
		*readable = ERR_NO_MEMORY;
	tls_load_free(certs);
	ERR_clear_error();
	*detail = v.detail;
	return v.reason;
}
