/* SPDX-License-Identifier: ISC */
/*
 * The library's callbacks during a handshake, and the reasons of failures.
 */
#include "tls/handshake.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "tls/ctx_body.h"
#include "tls/facts.h"
#include "tls/keypair.h"
#include "tls/verify.h"
#include "tls/wire.h"

struct tls_handshake *
tls_handshake_new(struct tls_ctx *ctx, enum tls_app app)
{
	struct tls_handshake *hs = calloc(1, sizeof(*hs));

	if (hs == NULL)
		return NULL;
	hs->ctx = tls_ctx_get(ctx);
	hs->app = app;
	return hs;
}

void
tls_handshake_free(struct tls_handshake *hs)
{
	if (hs == NULL)
		return;
	tls_cert_free(hs->cert);
	tls_ctx_put(hs->ctx);
	free(hs);
}

static struct tls_handshake *
handshake_of(const SSL *ssl)
{
	return tls_wire_user(SSL_get_rbio(ssl));
}

/* Checks the client's chain, makes the facts of a good one, and removes what
 * is not needed from the certificates that the TLS session keeps. */
static struct tls_verdict
check_peer(struct tls_handshake *hs, const SSL *ssl, enum tls_known known)
{
	const STACK_OF(CRYPTO_BUFFER) *certs = SSL_get0_peer_certificates(ssl);
	struct tls_chain chain;
	struct tls_verdict v = tls_peer_check(&chain, certs, hs->ctx, known);
	enum err err;

	tls_verdict_keep(&v, &chain, hs->text);
	if (v.reason != REASON_NONE || chain.sent_count == 0)
		return v;
	/* The list is the session's own, and is read only later. */
	(void)tls_chain_strip(&chain,
	    (STACK_OF(CRYPTO_BUFFER) *)(uintptr_t)certs);
	tls_cert_free(hs->cert);
	err = tls_facts_make(&hs->cert, &chain, hs->ctx->trust);
	if (err == ERR_NO_MEMORY)
		v.reason = REASON_ACCEPT_RESOURCE;
	else if (err != OK) {
		v.reason = REASON_TLS_BAD_CERTIFICATE;
		v.detail = "its names cannot be decoded";
	}
	return v;
}

static enum ssl_verify_result_t
verify_peer(SSL *ssl, uint8_t *alert)
{
	struct tls_handshake *hs = handshake_of(ssl);

	hs->verdict = check_peer(hs, ssl, TLS_KNOWN_NOT);
	if (hs->verdict.reason == REASON_NONE)
		return ssl_verify_ok;
	*alert = tls_peer_alert(hs->verdict.reason);
	return ssl_verify_invalid;
}

struct tls_verdict
tls_handshake_resumed(struct tls_handshake *hs, const SSL *ssl)
{
	hs->verdict = check_peer(hs, ssl, TLS_KNOWN_SAME_CAS);
	return hs->verdict;
}

/* Chooses among several certificates, before the library acts. */
static enum ssl_select_cert_result_t
select_pair(const SSL_CLIENT_HELLO *hello)
{
	const struct tls_ctx *ctx = handshake_of(hello->ssl)->ctx;
	const struct tls_keypair *pair;

	if (ctx->pair_count == 1)
		return ssl_select_cert_success;
	pair = tls_keypair_choose(ctx->pairs, ctx->pair_count, hello);
	return tls_keypair_use_once(pair, hello->ssl) == OK
	    ? ssl_select_cert_success
	    : ssl_select_cert_error;
}

/* Returns true if the ALPN protocol `name' fits this connection. */
static bool
speaks(enum tls_app app, struct slice name)
{
	if (app == TLS_APP_HTTP)
		return slice_equal(name, slice_str("http/1.1"));
	return slice_equal(name, slice_str("mqtt")) ||
	    slice_equal(name, slice_str("x-amzn-mqtt-ca"));
}

/* Selects the first ALPN protocol that fits. If none fits, the handshake goes
 * on without one, because devices offer all kinds of names. */
static int
select_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in,
    unsigned in_len, void *arg)
{
	CBS list, name;

	(void)arg;
	CBS_init(&list, in, in_len);
	while (CBS_get_u8_length_prefixed(&list, &name)) {
		if (!speaks(handshake_of(ssl)->app, tls_der_slice(&name)))
			continue;
		*out = CBS_data(&name);
		*out_len = (uint8_t)CBS_len(&name);
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

static int
ticket_key(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
    HMAC_CTX *hmac, int encrypt)
{
	struct tls_tickets *tickets = handshake_of(ssl)->ctx->tickets;

	if (tickets == NULL)
		return encrypt ? -1 : 0;
	return tls_tickets_key(tickets, name, iv, cipher, hmac, encrypt);
}

void
tls_handshake_install(SSL_CTX *ssl, int mode)
{
	SSL_CTX_set_select_certificate_cb(ssl, select_pair);
	SSL_CTX_set_alpn_select_cb(ssl, select_alpn, NULL);
	SSL_CTX_set_tlsext_ticket_key_cb(ssl, ticket_key);
	SSL_CTX_set_custom_verify(ssl, mode, verify_peer);
}

static struct tls_verdict
verdict(enum reason reason, const char *detail)
{
	struct tls_verdict v = { reason, detail };

	return v;
}

/* Finds the reason for an error of the library's TLS code. */
static struct tls_verdict
translate(int code, const char *text)
{
	switch (code) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return verdict(REASON_TLS_NO_CERTIFICATE, NULL);
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_NO_SUPPORTED_VERSIONS_ENABLED:
	case SSL_R_INAPPROPRIATE_FALLBACK:
	case SSL_R_UNKNOWN_PROTOCOL:
		return verdict(REASON_TLS_VERSION, text);
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return verdict(REASON_TLS_NOT_TLS, text);
	case SSL_R_CANNOT_PARSE_LEAF_CERT:
	case SSL_R_UNKNOWN_CERTIFICATE_TYPE:
		return verdict(REASON_TLS_BAD_CERTIFICATE, text);
	case SSL_R_BAD_PACKET_LENGTH:
		/*
		 * The record is too short to be encrypted. If OpenSSL's
		 * clients reject our certificate, they send the alert
		 * unencrypted, which TLS 1.3 does not allow at this point.
		 */
		return verdict(REASON_TLS_ALERT,
		    "in the clear; the server certificate is not trusted?");
	default:
		break;
	}
	if (code >= SSL_AD_REASON_OFFSET && code < SSL_AD_REASON_OFFSET + 256)
		return verdict(REASON_TLS_ALERT,
		    SSL_alert_desc_string_long(code - SSL_AD_REASON_OFFSET));
	return verdict(REASON_TLS_HANDSHAKE, text);
}

struct tls_verdict
tls_handshake_failure(const struct tls_handshake *hs, bool closed)
{
	uint32_t error = ERR_peek_error();
	const char *text = error == 0 ? NULL : ERR_reason_error_string(error);

	ERR_clear_error();
	if (hs != NULL && hs->verdict.reason != REASON_NONE)
		return hs->verdict;
	if (error != 0 && ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
		return verdict(REASON_ACCEPT_RESOURCE, text);
	if (error != 0 && ERR_GET_LIB(error) == ERR_LIB_SSL)
		return translate(ERR_GET_REASON(error), text);
	if (error == 0 && closed)
		return verdict(REASON_TLS_CLOSED, NULL);
	return verdict(REASON_TLS_HANDSHAKE, text);
}
