/*
 * The settings, and why each is as it is.
 */
#include "tls/settings.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tls/ctx_body.h"

/* A ticket's life, in seconds: less than own ticket keys live. */
#define SESSION_LIFE (24 * 3600)

/* Bytes a client's certificates may have: three with post-quantum keys. */
#define CERTS_MAX (64 * 1024)

/*
 * TLS 1.2: forward secrecy and AEAD only. AES-128 and ChaCha20 are equals,
 * and the client chooses, since a device without AES instructions knows best.
 */
static const char default_ciphers[] =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|"
    "ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "[ECDHE-ECDSA-AES256-GCM-SHA384|ECDHE-RSA-AES256-GCM-SHA384]";

/* Best first; the second is for a library without the hybrid. */
static const char *const default_groups[] = {
	"X25519MLKEM768:X25519:P-256:P-384",
	"X25519:P-256:P-384",
};

/* What may sign a client's handshake. Unlike the library's own list it has
 * Ed25519 and P-521, and no SHA-1. */
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

/* Equal certificates of all connections are kept once. Certificates outlive
 * connections and profiles, so the pool lives as long as the process. */
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static CRYPTO_BUFFER_POOL *pool;

static void
make_pool(void)
{
	pool = CRYPTO_BUFFER_POOL_new();
}

static uint16_t
version_number(enum tls_version version)
{
	return version == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

static enum err
set_versions(SSL_CTX *ssl, const struct tls_options *o,
    const struct tls_load_report *say)
{
	if (o->min_version > o->max_version) {
		return tls_load_error(say, "min_version",
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
    const struct tls_load_report *say)
{
	if (ciphers == NULL || *ciphers == '\0')
		ciphers = default_ciphers;
	if (SSL_CTX_set_strict_cipher_list(ssl, ciphers))
		return OK;
	return tls_load_error(say, "ciphers",
	    "the TLS library does not know all of \"%s\" (try "
	    "ECDHE-ECDSA-AES128-GCM-SHA256, or leave it empty; TLS 1.3 "
	    "ciphers cannot be chosen)",
	    ciphers);
}

/* Joins the words with colons; false when they are too long. */
static bool
join_groups(char *out, size_t len, const struct config_list *groups)
{
	size_t i, used = 0;
	int n;

	for (i = 0; i < groups->count; i++) {
		n = snprintf(out + used, len - used, "%s%s", i == 0 ? "" : ":",
		    groups->items[i]);
		if (n < 0 || (size_t)n >= len - used)
			return false;
		used += (size_t)n;
	}
	return true;
}

static enum err
set_groups(SSL_CTX *ssl, const struct config_list *groups,
    const struct tls_load_report *say)
{
	char text[256];
	size_t i;

	if (groups->count == 0) {
		for (i = 0;
		     i < sizeof(default_groups) / sizeof(default_groups[0]);
		     i++)
			if (SSL_CTX_set1_curves_list(ssl, default_groups[i]))
				return OK;
		return ERR_TLS;
	}
	if (join_groups(text, sizeof(text), groups) &&
	    SSL_CTX_set1_curves_list(ssl, text))
		return OK;
	return tls_load_error(say, "groups",
	    "the TLS library does not know all of them (try X25519, P-256)");
}

enum err
tls_settings_new(SSL_CTX **out, const struct tls_options *o,
    const struct tls_load_report *say)
{
	/* With buffers: no parsed certificate is ever kept. */
	SSL_CTX *ssl = SSL_CTX_new(TLS_with_buffers_method());
	enum err versions, ciphers, groups;

	*out = NULL;
	if (ssl == NULL)
		return ERR_NO_MEMORY;
	versions = set_versions(ssl, o, say);
	ciphers = set_ciphers(ssl, o->ciphers, say);
	groups = set_groups(ssl, &o->groups, say);
	if (versions != OK || ciphers != OK || groups != OK) {
		SSL_CTX_free(ssl);
		return versions != OK ? versions
		    : ciphers != OK   ? ciphers
				      : groups;
	}
	*out = ssl;
	return OK;
}

enum err
tls_settings_apply(struct tls_ctx *ctx)
{
	STACK_OF(CRYPTO_BUFFER) *names = tls_trust_names(ctx->trust);
	SSL_CTX *ssl = ctx->ssl;

	if (names == NULL)
		return ERR_NO_MEMORY;
	SSL_CTX_set0_client_CAs(ssl, names);
	pthread_once(&pool_once, make_pool);
	SSL_CTX_set0_buffer_pool(ssl, pool);
	SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (ctx->tickets == NULL)
		SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
	/* Tickets only: the server keeps no sessions. */
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
	return tls_keypair_use(&ctx->pairs[0], ssl);
}
