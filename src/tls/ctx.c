/* SPDX-License-Identifier: ISC */
/*
 * Building a profile: reads all files, reports everything that is wrong in one
 * go, and configures the library's SSL_CTX.
 */
#include "tls/ctx.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tls/ctx_body.h"
#include "tls/facts.h"
#include "tls/handshake.h"
#include "tls/load.h"
#include "tls/verify.h"

/* Lifetime of a ticket in seconds: shorter than that of own ticket keys. */
#define SESSION_LIFE (24 * 3600)

/* Most bytes of a client's certificates. They are kept while they arrive, for a
 * client of which nothing is known yet; a longer message is refused as soon as
 * its length is read. Chains with certificates that the path does not need are
 * usual, so there is room for them; they are dropped after the handshake. */
#define CERTS_MAX (60 * 1024)

/* Most bytes of CA names that a CertificateRequest can hold, beside its other
 * fields (RFC 8446 4.2), and how many a client with a buffer for one record can
 * receive. */
#define NAMES_MAX 65400
#define NAMES_GOOD 16000

/*
 * TLS 1.2: only suites with forward secrecy and AEAD. AES-128 and ChaCha20 are
 * equals here and the client's order decides, because a device without AES
 * instructions knows best.
 */
static const char default_ciphers[] =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|"
    "ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "[ECDHE-ECDSA-AES256-GCM-SHA384|ECDHE-RSA-AES256-GCM-SHA384]";

/* Best first. The library may lack the first, the hybrid. */
static const char *const default_groups[] = { "X25519MLKEM768", "X25519",
	"P-256", "P-384" };
#define DEFAULT_GROUPS (sizeof(default_groups) / sizeof(default_groups[0]))

/* Signatures accepted in a client's CertificateVerify. The library's own list
 * lacks Ed25519 and P-521, and includes SHA-1. */
static const uint16_t signatures[] = {
	SSL_SIGN_ECDSA_SECP256R1_SHA256,
	SSL_SIGN_ED25519,
	SSL_SIGN_ECDSA_SECP384R1_SHA384,
	SSL_SIGN_ECDSA_SECP521R1_SHA512,
	SSL_SIGN_RSA_PSS_RSAE_SHA256,
	SSL_SIGN_RSA_PKCS1_SHA256,
	SSL_SIGN_RSA_PSS_RSAE_SHA384,
	SSL_SIGN_RSA_PKCS1_SHA384,
	SSL_SIGN_RSA_PSS_RSAE_SHA512,
	SSL_SIGN_RSA_PKCS1_SHA512,
};

/* Holds one copy of each certificate for all connections. Certificates outlive
 * connections and profiles, so the pool exists until the process ends. */
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static CRYPTO_BUFFER_POOL *pool;

static void
make_pool(void)
{
	pool = CRYPTO_BUFFER_POOL_new();
}

static uint16_t
version_number(enum config_tls_version version)
{
	return version == CONFIG_TLS_VERSION_1_3 ? TLS1_3_VERSION
						 : TLS1_2_VERSION;
}

static enum err
set_versions(SSL_CTX *ssl, const struct tls_options *o,
    const struct tls_load_report *report)
{
	if (o->min_version > o->max_version) {
		return tls_load_error(report, "min_version",
		    "it is above max_version (try 1.2)");
	}
	if (!SSL_CTX_set_min_proto_version(ssl,
		version_number(o->min_version)) ||
	    !SSL_CTX_set_max_proto_version(ssl, version_number(o->max_version)))
		return ERR_TLS;
	return OK;
}

static enum err
set_ciphers(SSL_CTX *ssl, const char *ciphers,
    const struct tls_load_report *report)
{
	if (ciphers == NULL || *ciphers == '\0')
		ciphers = default_ciphers;
	if (SSL_CTX_set_strict_cipher_list(ssl, ciphers))
		return OK;
	return tls_load_error(report, "ciphers",
	    "the TLS library does not know all of \"%s\" (try "
	    "ECDHE-ECDSA-AES128-GCM-SHA256, or leave it empty; TLS 1.3 "
	    "ciphers cannot be chosen)",
	    ciphers);
}

/* Sets the groups `names'. Returns false if the library does not know all. */
static bool
use_groups(struct tls_ctx *ctx, const char *const *names, size_t count)
{
	char text[TLS_GROUPS_TEXT_MAX];
	size_t i;

	ctx->groups.count = 0;
	for (i = 0; i < count; i++)
		if (!tls_groups_add(&ctx->groups, names[i]))
			return false;
	tls_groups_text(&ctx->groups, text);
	return SSL_CTX_set1_curves_list(ctx->ssl, text);
}

static enum err
set_groups(struct tls_ctx *ctx, const struct config_list *groups,
    const struct tls_load_report *report)
{
	if (groups->count == 0)
		return use_groups(ctx, default_groups, DEFAULT_GROUPS) ||
			use_groups(ctx, default_groups + 1, DEFAULT_GROUPS - 1)
		    ? OK
		    : ERR_TLS;
	if (use_groups(ctx, groups->items, groups->count))
		return OK;
	return tls_load_error(report, "groups",
	    "the TLS library does not know all of them (try X25519, P-256)");
}

/* Creates the SSL_CTX and sets versions, ciphers and groups. */
static enum err
make_ssl(struct tls_ctx *ctx, const struct tls_options *o,
    const struct tls_load_report *report)
{
	enum err versions, ciphers, groups;

	/* This method keeps certificates as buffers and never parsed. */
	ctx->ssl = SSL_CTX_new(TLS_with_buffers_method());
	if (ctx->ssl == NULL)
		return ERR_NO_MEMORY;
	versions = set_versions(ctx->ssl, o, report);
	ciphers = set_ciphers(ctx->ssl, o->ciphers, report);
	groups = set_groups(ctx, &o->groups, report);
	return versions != OK ? versions : ciphers != OK ? ciphers : groups;
}

/* Sets the CA names that the request for a client certificate holds. */
static enum err
set_names(struct tls_ctx *ctx, const struct tls_load_report *report)
{
	STACK_OF(CRYPTO_BUFFER) *names = tls_trust_names(ctx->trust);
	size_t i, total = 0;

	if (names == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < sk_CRYPTO_BUFFER_num(names); i++)
		total +=
		    2 + CRYPTO_BUFFER_len(sk_CRYPTO_BUFFER_value(names, i));
	SSL_CTX_set0_client_CAs(ctx->ssl, names);
	if (total > NAMES_MAX)
		return tls_load_error(report, "client_ca",
		    "the names of the %zu CAs have %zu bytes together; the "
		    "request that is sent to clients holds at most %d (set "
		    "send_ca_names = off, or use fewer CAs)",
		    i, total, NAMES_MAX);
	if (total > NAMES_GOOD)
		tls_load_warning(report, "client_ca",
		    "the names of the %zu CAs have %zu bytes together, which "
		    "is more than small clients can receive (try "
		    "send_ca_names = off)",
		    i, total);
	return OK;
}

/* Sets the first pair, which serves unless another one fits a client better. */
static enum err
use_first_pair(struct tls_ctx *ctx, const struct tls_load_report *report)
{
	uint32_t error;

	ERR_clear_error();
	if (tls_keypair_use(&ctx->pairs[0], ctx->ssl) == OK)
		return OK;
	error = ERR_peek_error();
	if (error == 0 || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
		return ERR_NO_MEMORY;
	return tls_load_error(report, "certificate",
	    "%s: the TLS library cannot use it: %s (" TLS_KEYPAIR_KINDS ")",
	    ctx->pairs[0].file, ERR_reason_error_string(error));
}

/* Sets what does not depend on the options, and the rules of sessions. */
static enum err
finish_ssl(struct tls_ctx *ctx, const struct tls_load_report *report)
{
	SSL_CTX *ssl = ctx->ssl;

	pthread_once(&pool_once, make_pool);
	SSL_CTX_set0_buffer_pool(ssl, pool);
	SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (ctx->tickets == NULL)
		SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
	/* Resumption by tickets only: the server stores no sessions. */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 1);
	SSL_CTX_set_timeout(ssl, SESSION_LIFE);
	SSL_CTX_set_session_psk_dhe_timeout(ssl, SESSION_LIFE);
	SSL_CTX_set_early_data_enabled(ssl, 0);
	SSL_CTX_set_max_cert_list(ssl, CERTS_MAX);
	if (!SSL_CTX_set_session_id_context(ssl, ctx->session_id,
		sizeof(ctx->session_id)) ||
	    !SSL_CTX_set_verify_algorithm_prefs(ssl, signatures,
		sizeof(signatures) / sizeof(signatures[0])))
		return ERR_NO_MEMORY;
	tls_handshake_install(ssl,
	    ctx->client_certificate == CONFIG_CLIENT_CERTIFICATE_REQUIRED
		? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
		: SSL_VERIFY_PEER);
	return use_first_pair(ctx, report);
}

/* Loads the CRLs of `paths', if any are named. */
static enum err
load_crls(struct tls_ctx *ctx, const struct config_list *paths,
    const struct tls_ctx *previous, const struct tls_load_report *report)
{
	enum err err;

	if (paths->count == 0)
		return OK;
	err = crl_set_load(&ctx->crls, paths, ctx->trust,
	    previous == NULL ? NULL : previous->crls, report);
	if (err == OK && ctx->crl_policy != CONFIG_CRL_POLICY_SOFT)
		crl_set_warn_missing(ctx->crls, ctx->trust, report);
	return err;
}

/* Reports each list whose length does not fit the others. Returns true if all
 * do. */
static bool
lists_fit(const struct tls_options *o, const struct tls_load_report *report)
{
	enum err err = OK;

	if (o->certificates.count == 0)
		err = tls_load_error(report, "certificate",
		    "none is named (write certificate = FILE)");
	if (o->private_keys.count != o->certificates.count)
		err = tls_load_error(report, "private_key",
		    "%zu for %zu certificates (name one for each, in the same "
		    "order)",
		    o->private_keys.count, o->certificates.count);
	if (o->ocsp_responses.count != 0 &&
	    o->ocsp_responses.count != o->certificates.count)
		err = tls_load_error(report, "ocsp_response",
		    "%zu for %zu certificates (name one for each, in the same "
		    "order)",
		    o->ocsp_responses.count, o->certificates.count);
	if (o->client_cas.count == 0)
		err = tls_load_error(report, "client_ca",
		    "none is named (write client_ca = FILE)");
	return err == OK;
}

static enum err
load_pairs(struct tls_ctx *ctx, const struct tls_options *o,
    const struct tls_load_report *report)
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
		    o->private_keys.items[i], ocsp, report);
		if (err == ERR_NO_MEMORY)
			return err;
		if (err != OK)
			worst = err;
	}
	return worst;
}

/* Of two results returns the one to report: lack of memory goes first. */
static enum err
more_severe(enum err a, enum err b)
{
	return a == ERR_NO_MEMORY || b == OK ? a : b;
}

/*
 * Hashes the conditions under which a session may be resumed: the client CAs
 * and whether a certificate is required. A ticket that was issued under others
 * is ignored, and a full handshake with all checks follows. Change `version'
 * when the meaning of "checked" changes.
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
    const struct tls_ctx *previous, const struct tls_load_report *report)
{
	enum err err =
	    lists_fit(o, report) ? load_pairs(ctx, o, report) : ERR_CONFIG;

	if (err == ERR_NO_MEMORY)
		return err;
	err = more_severe(tls_trust_load(&ctx->trust, &o->client_cas, report),
	    err);
	if (ctx->trust != NULL)
		err = more_severe(load_crls(ctx, &o->crls, previous, report),
		    err);
	return err;
}

/* Tries handshakes with all pairs by one TLS version. *works tells whether a
 * client can connect with at least one. With `strict', each must work. */
static enum err
try_version(struct tls_ctx *ctx, enum config_tls_version version, bool strict,
    bool *works, const struct tls_load_report *report)
{
	const char *why;
	enum err err, result = OK;
	size_t i;

	*works = false;
	for (i = 0; i < ctx->pair_count; i++) {
		err = tls_handshake_try(ctx, &ctx->pairs[i],
		    version_number(version), &why);
		if (err == ERR_NO_MEMORY)
			return err;
		*works = *works || err == OK;
		if (err != OK && strict)
			result = tls_load_error(report, "certificate",
			    "%s: no client can connect by TLS %s with this "
			    "certificate and its key: %s (" TLS_KEYPAIR_KINDS
			    ")",
			    ctx->pairs[i].file,
			    version == CONFIG_TLS_VERSION_1_3 ? "1.3" : "1.2",
			    why);
	}
	return result;
}

/*
 * Does what a client would do, so that what was loaded is known to work. Each
 * certificate must serve by the highest version, which most clients speak; by a
 * lower one it is enough that one of the certificates does.
 */
static enum err
try_pairs(struct tls_ctx *ctx, const struct tls_options *o,
    const struct tls_load_report *report)
{
	bool works;
	enum err err = try_version(ctx, o->max_version, true, &works, report);

	if (err != OK || o->min_version == o->max_version)
		return err;
	err = try_version(ctx, o->min_version, false, &works, report);
	if (err == OK && !works)
		tls_load_warning(report, "min_version",
		    "no client can connect by TLS 1.2, as no cipher suite goes "
		    "with the keys of the certificates (see ciphers)");
	return err;
}

static enum err
build(struct tls_ctx *ctx, const struct tls_options *o,
    struct tls_tickets *tickets, const struct tls_ctx *previous,
    const struct tls_load_report *report)
{
	enum err err = load_all(ctx, o, previous, report);

	if (err == ERR_NO_MEMORY)
		return err;
	err = more_severe(make_ssl(ctx, o, report), err);
	if (err == OK)
		err = set_tickets(ctx, tickets, o->session_tickets);
	if (err != OK)
		return err;
	hash_session_id(ctx);
	if (o->send_ca_names)
		err = set_names(ctx, report);
	if (err == OK)
		err = finish_ssl(ctx, report);
	return err == OK ? try_pairs(ctx, o, report) : err;
}

enum err
tls_ctx_new(struct tls_ctx **out, const struct tls_options *o,
    struct tls_tickets *tickets, const struct tls_ctx *previous,
    const struct tls_load_report *report)
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
	ctx->record_max = o->record_max == 0 ? TLS_RECORD_MAX : o->record_max;
	ctx->verified = tls_verified_cache_new();
	err = ctx->verified == NULL ? ERR_NO_MEMORY
				    : build(ctx, o, tickets, previous, report);
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
	tls_verified_cache_free(ctx->verified);
	tls_tickets_put(ctx->tickets);
	crl_set_free(ctx->crls);
	free(ctx);
}

void
tls_ctx_start_pkcs11(const struct tls_ctx *ctx)
{
	char why[TLS_PKCS11_WHY_MAX];
	size_t i;

	tls_pkcs11_key_allow_threads();
	for (i = 0; i < ctx->pair_count; i++)
		if (ctx->pairs[i].pkcs11 != NULL &&
		    tls_pkcs11_key_try(ctx->pairs[i].pkcs11, why) != OK)
			log_event(LOG_LEVEL_ERROR, "token_failed",
			    "%s: its key signed at the start, but not for the "
			    "user of the daemon in the sandbox: %s (see "
			    "[daemon] token_paths)",
			    ctx->pairs[i].file, why);
}

const struct crl_set *
tls_ctx_crls(const struct tls_ctx *ctx)
{
	return ctx->crls;
}

bool
tls_ctx_judges_alike(const struct tls_ctx *a, const struct tls_ctx *b)
{
	/* session_id covers the CAs and client_certificate. */
	return crl_set_same(a->crls, b->crls) &&
	    a->crl_policy == b->crl_policy && a->crl_grace == b->crl_grace &&
	    memcmp(a->session_id, b->session_id, sizeof(a->session_id)) == 0;
}

static void
visit(const struct tls_cert *cert, const char *file, enum tls_cert_role role,
    void (*each)(const struct tls_cert_info *info, void *arg), void *arg)
{
	struct tls_cert_info info = { role, file, cert->der.not_before,
		cert->der.not_after, cert->sha256 };

	each(&info, arg);
}

void
tls_ctx_each_cert(const struct tls_ctx *ctx,
    void (*each)(const struct tls_cert_info *info, void *arg), void *arg)
{
	const struct tls_ca *ca;
	size_t i, n;

	for (i = 0; i < ctx->pair_count; i++)
		for (n = 0; n < ctx->pairs[i].count; n++)
			visit(&ctx->pairs[i].certs[n].cert, ctx->pairs[i].file,
			    TLS_CERT_SERVER, each, arg);
	for (i = 0; i < ctx->trust->count; i++) {
		ca = &ctx->trust->cas[i];
		visit(&ca->cert, ca->file, TLS_CERT_CLIENT_CA, each, arg);
	}
}

enum reason
tls_ctx_explain(const struct tls_ctx *ctx, const char *path, struct cert **out,
    const char **detail, enum err *readable)
{
	static _Thread_local char text[TLS_DETAIL_MAX];
	const struct tls_load_source src = { path, "", "", NULL };
	struct tls_result v = { REASON_TLS_BAD_CERTIFICATE, NULL };
	STACK_OF(CRYPTO_BUFFER) * certs;
	struct tls_chain chain;

	*out = NULL;
	*detail = NULL;
	*readable = tls_load_certs(&certs, &src);
	if (*readable != OK)
		return v.reason;
	v = tls_peer_check(&chain, certs, ctx, TLS_EARLIER_CHECK_NONE);
	tls_result_keep(&v, &chain, text);
	if (v.reason == REASON_NONE && chain.sent_count > 0)
		v = tls_handshake_client_flaw(&chain.sent[0]);
	if (chain.sent_count > 0 &&
	    tls_facts_make(out, &chain, ctx->trust) == ERR_NO_MEMORY)
		*readable = ERR_NO_MEMORY;
	tls_load_free(certs);
	ERR_clear_error();
	*detail = v.detail;
	return v.reason;
}
