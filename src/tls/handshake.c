/* SPDX-License-Identifier: ISC */
/*
 * The library's callbacks during a handshake, and the reasons of failures.
 */
#include "tls/handshake.h"

#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "tls/ctx_body.h"
#include "tls/facts.h"
#include "tls/hello.h"
#include "tls/keypair.h"
#include "tls/socket.h"
#include "tls/suites.h"
#include "tls/verify.h"

#define KEY_TEXT "its key is of a kind that is not taken: " TLS_KEYPAIR_KINDS
#define USAGE_TEXT "its keyUsage lacks digitalSignature"

/* The shortest records that the library can be told to send. */
#define FRAGMENT_MIN 512

/* A trial takes a few turns; a long chain some more, in pieces of 16 KiB. */
#define TRIAL_TURNS 1000

struct tls_handshake *
tls_handshake_new(struct tls_ctx *ctx, enum tls_app app)
{
	struct tls_handshake *hs = calloc(1, sizeof(*hs));

	if (hs == NULL)
		return NULL;
	hs->ctx = tls_ctx_get(ctx);
	hs->app = app;
	hs->record_max = TLS_RECORD_MAX;
	return hs;
}

void
tls_handshake_free(struct tls_handshake *hs)
{
	if (hs == NULL)
		return;
	tls_handshake_stop_signing(hs);
	tls_facts_free(hs->cert);
	tls_facts_free(hs->offered_cert);
	SSL_SESSION_free(hs->offered);
	tls_ctx_put(hs->ctx);
	free(hs);
}

/* A trial has no socket; it keeps its handshake with the SSL object. */
static struct tls_handshake *
handshake_of(const SSL *ssl)
{
	struct tls_handshake *trial = SSL_get_app_data(ssl);

	return trial != NULL ? trial : tls_socket_user(SSL_get_rbio(ssl));
}

/* Checks a client's chain. If it is good, *out receives its facts in place of
 * what was there. */
static struct tls_result
check_certs(struct tls_handshake *hs, const STACK_OF(CRYPTO_BUFFER) * certs,
    enum tls_earlier_check earlier, struct cert **out)
{
	struct tls_chain chain;
	struct tls_result v = tls_peer_check(&chain, certs, hs->ctx, earlier);
	enum err err;

	tls_result_keep(&v, &chain, hs->text);
	tls_facts_free(*out);
	*out = NULL;
	if (v.reason != REASON_NONE || chain.sent_count == 0)
		return v;
	/* The session is kept, so certificates that it does not need are
	 * removed. The list belongs to this session, which reads it only later.
	 */
	if (out == &hs->cert)
		(void)tls_chain_strip(&chain,
		    (STACK_OF(CRYPTO_BUFFER) *)(uintptr_t)certs);
	err = tls_facts_make(out, &chain, hs->ctx->trust);
	if (err == ERR_NO_MEMORY)
		v.reason = REASON_ACCEPT_RESOURCE;
	else if (err != OK) {
		v.reason = REASON_TLS_BAD_CERTIFICATE;
		v.detail = "its names cannot be decoded";
	}
	return v;
}

/* Returns true for a key on P-224. The library takes it in TLS 1.2 and not in
 * 1.3; we take it in neither. */
static bool
is_p224(struct slice spki)
{
	static const uint8_t begin[] = { 0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48,
		0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x21 };

	return spki.len > 2 + sizeof(begin) &&
	    memcmp(spki.data + 2, begin, sizeof(begin)) == 0;
}

/* Returns true if the client's certificate has a key on P-224. */
static bool
has_p224(const STACK_OF(CRYPTO_BUFFER) * certs)
{
	const CRYPTO_BUFFER *leaf;
	struct tls_der der;

	if (certs == NULL || sk_CRYPTO_BUFFER_num(certs) == 0)
		return false;
	leaf = sk_CRYPTO_BUFFER_value(certs, 0);
	return tls_der_parse(&der,
		   slice_make(CRYPTO_BUFFER_data(leaf),
		       CRYPTO_BUFFER_len(leaf))) == OK &&
	    is_p224(der.spki);
}

static enum ssl_verify_result_t
verify_peer(SSL *ssl, uint8_t *alert)
{
	struct tls_handshake *hs = handshake_of(ssl);

	hs->result = check_certs(hs, SSL_get0_peer_certificates(ssl),
	    TLS_EARLIER_CHECK_NONE, &hs->cert);
	if (hs->result.reason == REASON_NONE &&
	    has_p224(SSL_get0_peer_certificates(ssl)))
		hs->result =
		    tls_result_make(REASON_TLS_BAD_CERTIFICATE, KEY_TEXT);
	if (hs->result.reason == REASON_NONE)
		return ssl_verify_ok;
	*alert = tls_peer_alert(hs->result.reason);
	return ssl_verify_invalid;
}

/* Returns true if both sessions hold the same certificates. Equal certificates
 * are one buffer in the pool. */
static bool
same_certs(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const STACK_OF(CRYPTO_BUFFER) *x =
	    SSL_SESSION_get0_peer_certificates(a);
	const STACK_OF(CRYPTO_BUFFER) *y =
	    SSL_SESSION_get0_peer_certificates(b);
	size_t i, n = sk_CRYPTO_BUFFER_num(x);

	if (n != sk_CRYPTO_BUFFER_num(y))
		return false;
	for (i = 0; i < n; i++)
		if (sk_CRYPTO_BUFFER_value(x, i) !=
		    sk_CRYPTO_BUFFER_value(y, i))
			return false;
	return true;
}

struct tls_result
tls_handshake_resumed(struct tls_handshake *hs, const SSL *ssl)
{
	if (hs->ticket == TLS_TICKET_GOOD &&
	    same_certs(hs->offered, SSL_get_session(ssl))) {
		tls_facts_free(hs->cert);
		hs->cert = hs->offered_cert;
		hs->offered_cert = NULL;
	} else {
		hs->result = check_certs(hs, SSL_get0_peer_certificates(ssl),
		    TLS_EARLIER_CHECK_SAME_CAS, &hs->cert);
	}
	return hs->result;
}

/* True if the session was opened under the client CAs of `ctx'. */
static bool
is_session_of(const SSL_SESSION *session, const struct tls_ctx *ctx)
{
	unsigned len;
	const uint8_t *id = SSL_SESSION_get0_id_context(session, &len);

	return len == sizeof(ctx->session_id) &&
	    memcmp(id, ctx->session_id, len) == 0;
}

/* Returns true if the certificate of a ticket's session is admitted now. */
static bool
admits_session(struct tls_handshake *hs, const SSL_SESSION *session)
{
	hs->ticket_result =
	    check_certs(hs, SSL_SESSION_get0_peer_certificates(session),
		TLS_EARLIER_CHECK_SAME_CAS, &hs->offered_cert);
	return hs->ticket_result.reason == REASON_NONE &&
	    (hs->admit == NULL || hs->offered_cert == NULL ||
		hs->admit(hs->offered_cert, hs->admit_arg));
}

/*
 * Decides whether the client's ticket counts. If the certificate in it is no
 * longer admitted, the ticket is ignored: the client may have a renewed
 * certificate by now, which only a full handshake can show. This is done before
 * the library looks at the ticket, since later it is too late for that.
 */
static void
judge_ticket(struct tls_handshake *hs, const SSL_CLIENT_HELLO *hello)
{
	struct slice ticket = tls_hello_ticket(hello);
	SSL_SESSION *session;
	uint8_t *data;
	size_t len;

	if (ticket.len == 0 || hs->ctx->tickets == NULL ||
	    tls_tickets_open(hs->ctx->tickets, ticket, &data, &len) != OK)
		return;
	session = SSL_SESSION_from_bytes(data, len, hs->ctx->ssl);
	file_wipe(data, len);
	if (session != NULL && is_session_of(session, hs->ctx))
		hs->ticket = admits_session(hs, session) ? TLS_TICKET_GOOD
							 : TLS_TICKET_IGNORED;
	SSL_SESSION_free(hs->offered);
	hs->offered = session;
	ERR_clear_error();
}

/* Sets what depends on the client, before the library acts on the ClientHello.
 */
static enum ssl_select_cert_result_t
read_hello(const SSL_CLIENT_HELLO *hello)
{
	struct tls_handshake *hs = handshake_of(hello->ssl);
	struct tls_ctx *ctx = hs->ctx;
	struct tls_keypair *pair = ctx->pairs;
	char text[TLS_GROUPS_TEXT_MAX];
	struct tls_groups groups;

	if (hs->trial != NULL)
		pair = hs->trial;
	else if (ctx->pair_count > 1)
		pair = tls_hello_choose(ctx->pairs, ctx->pair_count,
		    &ctx->groups, hello);
	hs->pair = pair;
	if (ctx->pair_count > 1 && tls_keypair_use_once(pair, hello->ssl) != OK)
		return ssl_select_cert_error;
	if (tls_hello_wants_ocsp(hello))
		tls_keypair_staple(pair, hello->ssl);
	if (tls_hello_shares(&groups, &ctx->groups, hello)) {
		tls_groups_text(&groups, text);
		(void)SSL_set1_curves_list(hello->ssl, text);
	}
	hs->record_max = tls_hello_record_max(hello);
	if (hs->record_max < TLS_RECORD_MAX)
		(void)SSL_set_max_send_fragment(hello->ssl,
		    hs->record_max < FRAGMENT_MIN ? FRAGMENT_MIN
						  : hs->record_max);
	judge_ticket(hs, hello);
	return ssl_select_cert_success;
}

/*
 * Signatures by a token.
 */

/* The handshake cannot go on without the signature. */
static enum ssl_private_key_result_t
fail_signing(struct tls_handshake *hs, const char *why)
{
	snprintf(hs->text, sizeof(hs->text), "%s", why);
	hs->result = tls_result_make(REASON_TLS_KEY, hs->text);
	return ssl_private_key_failure;
}

static enum ssl_private_key_result_t
give_signature(const struct tls_signature *signature, uint8_t *out,
    size_t *out_len, size_t max_out)
{
	if (signature->len > max_out)
		return ssl_private_key_failure;
	memcpy(out, signature->bytes, signature->len);
	*out_len = signature->len;
	return ssl_private_key_success;
}

static bool
make_digest(struct tls_digest *d, uint16_t scheme, const uint8_t *in,
    size_t len)
{
	unsigned digest_len = 0;

	d->md = SSL_get_signature_algorithm_digest(scheme);
	d->pss = SSL_is_signature_algorithm_rsa_pss(scheme) != 0;
	if (d->md == NULL ||
	    !EVP_Digest(in, len, d->bytes, &digest_len, d->md, NULL))
		return false;
	d->len = digest_len;
	return true;
}

static void
signature_done(void *arg)
{
	struct tls_handshake *hs = arg;

	hs->wake(hs->wake_arg); /* hs may be gone */
}

static enum ssl_private_key_result_t
sign(SSL *ssl, uint8_t *out, size_t *out_len, size_t max_out, uint16_t scheme,
    const uint8_t *in, size_t in_len)
{
	struct tls_handshake *hs = handshake_of(ssl);
	struct tls_signature signature;
	char why[TLS_PKCS11_WHY_MAX];
	struct tls_digest digest;

	if (!make_digest(&digest, scheme, in, in_len))
		return ssl_private_key_failure;
	if (hs->trial != NULL) {
		if (tls_pkcs11_key_sign_now(hs->trial->pkcs11, &digest,
			&signature, why) != OK)
			return fail_signing(hs, why);
		return give_signature(&signature, out, out_len, max_out);
	}
	if (tls_signing_start(&hs->signing, hs->pair->pkcs11, &digest, hs->loop,
		signature_done, hs) != OK)
		return fail_signing(hs, tls_signing_why());
	return ssl_private_key_retry;
}

/* Key exchange by RSA decryption has no forward secrecy and is not offered. */
static enum ssl_private_key_result_t
decrypt(SSL *ssl, uint8_t *out, size_t *out_len, size_t max_out,
    const uint8_t *in, size_t in_len)
{
	(void)out;
	(void)out_len;
	(void)max_out;
	(void)in;
	(void)in_len;
	return fail_signing(handshake_of(ssl),
	    "a key in a token is used for signatures only, and [tls] ciphers "
	    "contains suites without forward secrecy");
}

static enum ssl_private_key_result_t
complete(SSL *ssl, uint8_t *out, size_t *out_len, size_t max_out)
{
	struct tls_handshake *hs = handshake_of(ssl);
	const struct tls_signature *signature;
	enum ssl_private_key_result_t result;
	const char *why;
	enum err err;

	if (hs->signing == NULL)
		return ssl_private_key_failure;
	err = tls_signing_result(hs->signing, &signature, &why);
	if (err == ERR_BLOCKED)
		return ssl_private_key_retry;
	result = err == OK ? give_signature(signature, out, out_len, max_out)
			   : fail_signing(hs, why);
	tls_handshake_stop_signing(hs);
	return result;
}

const SSL_PRIVATE_KEY_METHOD *
tls_handshake_key_method(void)
{
	static const SSL_PRIVATE_KEY_METHOD method = { sign, decrypt,
		complete };

	return &method;
}

void
tls_handshake_stop_signing(struct tls_handshake *hs)
{
	tls_signing_cancel(hs->signing);
	hs->signing = NULL;
}

/* Returns true if the ALPN protocol `name' fits this connection. */
static bool
is_protocol_of(enum tls_app app, struct slice name)
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
		if (!is_protocol_of(handshake_of(ssl)->app,
			tls_der_slice(&name)))
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
	struct tls_handshake *hs = handshake_of(ssl);

	if (hs->ctx->tickets == NULL)
		return encrypt ? -1 : 0;
	if (!encrypt && hs->ticket == TLS_TICKET_IGNORED)
		return 0; /* as if the key were unknown */
	return tls_tickets_key(hs->ctx->tickets, name, iv, cipher, hmac,
	    encrypt);
}

void
tls_handshake_install(SSL_CTX *ssl, int mode)
{
	SSL_CTX_set_select_certificate_cb(ssl, read_hello);
	SSL_CTX_set_alpn_select_cb(ssl, select_alpn, NULL);
	SSL_CTX_set_tlsext_ticket_key_cb(ssl, ticket_key);
	SSL_CTX_set_custom_verify(ssl, mode, verify_peer);
}

/* Errors of the library that say something about the client, with what an
 * operator can do about them. NULL: the library's own text. */
static const struct {
	int code;
	enum reason reason;
	const char *detail;
} failures[] = {
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, REASON_TLS_NO_CERTIFICATE,
	    "the client has no certificate, or no certificate that it may use: "
	    "its issuer is not among the CA names that we send (see [tls] "
	    "send_ca_names), or its key or signature algorithm does not fit" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, REASON_TLS_VERSION, NULL },
	{ SSL_R_NO_SUPPORTED_VERSIONS_ENABLED, REASON_TLS_VERSION, NULL },
	{ SSL_R_INAPPROPRIATE_FALLBACK, REASON_TLS_VERSION, NULL },
	{ SSL_R_UNKNOWN_PROTOCOL, REASON_TLS_VERSION, NULL },
	{ SSL_R_HTTP_REQUEST, REASON_TLS_NOT_TLS, "an HTTP request came" },
	{ SSL_R_HTTPS_PROXY_REQUEST, REASON_TLS_NOT_TLS,
	    "an HTTP CONNECT request came" },
	{ SSL_R_CANNOT_PARSE_LEAF_CERT, REASON_TLS_BAD_CERTIFICATE,
	    "the certificate cannot be decoded, or its key is of a kind that "
	    "is not taken: " TLS_KEYPAIR_KINDS },
	{ SSL_R_UNKNOWN_CERTIFICATE_TYPE, REASON_TLS_BAD_CERTIFICATE,
	    KEY_TEXT },
	{ SSL_R_KEY_USAGE_BIT_INCORRECT, REASON_TLS_PURPOSE, USAGE_TEXT },
	{ SSL_R_EXCESSIVE_MESSAGE_SIZE, REASON_TLS_HANDSHAKE,
	    "a message is too long: a client's certificates may have 60 KiB "
	    "together" },
	{ SSL_R_WRONG_SIGNATURE_TYPE, REASON_TLS_HANDSHAKE,
	    "the client signed with an algorithm that is not taken, or that "
	    "does not go with its key (SHA-1 is not taken)" },
	{ SSL_R_BAD_SIGNATURE, REASON_TLS_HANDSHAKE,
	    "the client's signature is wrong: is its key that of its "
	    "certificate?" },
	{ SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS, REASON_TLS_HANDSHAKE,
	    "the client takes no signature that the server's key can make: "
	    "name a second certificate with an RSA or P-256 key" },
	{ SSL_R_NO_SHARED_CIPHER, REASON_TLS_HANDSHAKE,
	    "no cipher suite in common that goes with the server's key: see "
	    "[tls] ciphers, or name a second certificate (RSA, P-256)" },
	{ SSL_R_NO_SHARED_GROUP, REASON_TLS_HANDSHAKE,
	    "no key exchange group in common: see [tls] groups" },
	/*
	 * The record is too short to be encrypted. If OpenSSL's clients reject
	 * our certificate, they send the alert unencrypted, which TLS 1.3 does
	 * not allow at this point.
	 */
	{ SSL_R_BAD_PACKET_LENGTH, REASON_TLS_ALERT,
	    "in the clear; the server certificate is not trusted, or has "
	    "another name?" },
};

/* Finds the reason for an error of the library's TLS code. */
static struct tls_result
translate(int code, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return tls_result_make(failures[i].reason,
			    failures[i].detail == NULL ? text
						       : failures[i].detail);
	if (code >= SSL_AD_REASON_OFFSET && code < SSL_AD_REASON_OFFSET + 256)
		return tls_result_make(REASON_TLS_ALERT,
		    SSL_alert_desc_string_long(code - SSL_AD_REASON_OFFSET));
	return tls_result_make(REASON_TLS_HANDSHAKE, text);
}

struct tls_result
tls_handshake_failure(const struct tls_handshake *hs, bool closed)
{
	uint32_t error = ERR_peek_error();
	const char *text = error == 0 ? NULL : ERR_reason_error_string(error);
	struct tls_result v = tls_result_make(REASON_TLS_HANDSHAKE, text);

	ERR_clear_error();
	if (hs != NULL && hs->result.reason != REASON_NONE)
		return hs->result;
	if (error != 0 && ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
		v.reason = REASON_ACCEPT_RESOURCE;
	else if (error != 0 && ERR_GET_LIB(error) == ERR_LIB_SSL)
		v = translate(ERR_GET_REASON(error), text);
	else if (error == 0 && closed)
		v.reason = REASON_TLS_CLOSED;
	/* The client relied on its ticket, so the fault of the ticket is the
	 * reason. */
	if (v.reason == REASON_TLS_NO_CERTIFICATE && hs != NULL &&
	    hs->ticket_result.reason != REASON_NONE)
		v = hs->ticket_result;
	return v;
}

/* Returns true if the key of a SubjectPublicKeyInfo can be that of a client. */
static bool
is_key_taken(struct slice spki)
{
	CBS cbs = tls_der_cbs(spki);
	EVP_PKEY *key = EVP_parse_public_key(&cbs);
	int type = key == NULL ? NID_undef : EVP_PKEY_id(key);

	EVP_PKEY_free(key);
	return type == EVP_PKEY_RSA || type == EVP_PKEY_ED25519 ||
	    (type == EVP_PKEY_EC && !is_p224(spki));
}

struct tls_result
tls_handshake_client_flaw(const struct tls_cert *leaf)
{
	X509 *x = X509_parse_from_buffer(leaf->buffer);
	uint32_t usage = x == NULL ? UINT32_MAX : X509_get_key_usage(x);
	struct tls_result v = tls_result_make(REASON_NONE, NULL);

	X509_free(x);
	if (!is_key_taken(leaf->der.spki))
		v = tls_result_make(REASON_TLS_BAD_CERTIFICATE, KEY_TEXT);
	else if ((usage & KU_DIGITAL_SIGNATURE) == 0)
		v = tls_result_make(REASON_TLS_PURPOSE, USAGE_TEXT);
	ERR_clear_error();
	return v;
}

/* The client of a trial looks at signatures only. */
static enum ssl_verify_result_t
trust_anybody(SSL *ssl, uint8_t *alert)
{
	(void)ssl;
	(void)alert;
	return ssl_verify_ok;
}

/* Makes a client that takes all that the library knows. */
static SSL *
make_client(uint16_t version)
{
	static const uint16_t schemes[] = { SSL_SIGN_ECDSA_SECP256R1_SHA256,
		SSL_SIGN_ECDSA_SECP384R1_SHA384,
		SSL_SIGN_ECDSA_SECP521R1_SHA512, SSL_SIGN_ED25519,
		SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA384,
		SSL_SIGN_RSA_PSS_RSAE_SHA512, SSL_SIGN_RSA_PKCS1_SHA256,
		SSL_SIGN_RSA_PKCS1_SHA384, SSL_SIGN_RSA_PKCS1_SHA512 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_with_buffers_method());
	SSL *ssl = NULL;

	if (ctx != NULL && SSL_CTX_set_min_proto_version(ctx, version) &&
	    SSL_CTX_set_max_proto_version(ctx, version) &&
	    SSL_CTX_set_verify_algorithm_prefs(ctx, schemes,
		sizeof(schemes) / sizeof(schemes[0])) &&
	    SSL_CTX_set1_curves_list(ctx, "X25519:P-256:P-384:P-521")) {
		SSL_CTX_set_custom_verify(ctx, SSL_VERIFY_PEER, trust_anybody);
		ssl = SSL_new(ctx);
	}
	SSL_CTX_free(ctx); /* the SSL holds its own reference */
	return ssl;
}

/* Joins both ends by two buffers in memory. This is not a BIO pair, because
 * BIO_new_bio_pair() of newer libraries crashes when memory runs out. */
static bool
join(SSL *client, SSL *server)
{
	BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());

	if (up == NULL || down == NULL) {
		BIO_free(up);
		BIO_free(down);
		return false;
	}
	(void)BIO_up_ref(up);
	(void)BIO_up_ref(down);
	SSL_set_bio(client, down, up);
	SSL_set_bio(server, up, down);
	return true;
}

/* Runs both ends in turn until both are done or one has failed. */
static bool
run_trial(SSL *client, SSL *server)
{
	SSL *ends[] = { client, server };
	int done[2] = { 0, 0 }, turn, i, error;

	for (turn = 0; turn < TRIAL_TURNS && !(done[0] && done[1]); turn++)
		for (i = 0; i < 2; i++) {
			if (done[i])
				continue;
			error =
			    SSL_get_error(ends[i], SSL_do_handshake(ends[i]));
			done[i] = error == SSL_ERROR_NONE;
			if (!done[i] && error != SSL_ERROR_WANT_READ &&
			    error != SSL_ERROR_WANT_WRITE)
				return false;
		}
	return done[0] && done[1];
}

/* Returns why the last trial failed, from the error queue. */
static enum err
trial_error(const char **why)
{
	uint32_t error = ERR_peek_error();

	*why = error == 0 ? "the handshake does not end"
			  : ERR_reason_error_string(error);
	return error != 0 && ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE
	    ? ERR_NO_MEMORY
	    : ERR_TLS;
}

enum err
tls_handshake_try(struct tls_ctx *ctx, struct tls_keypair *pair,
    uint16_t version, const char **why)
{
	struct tls_handshake *hs = tls_handshake_new(ctx, TLS_APP_MQTT);
	SSL *client = make_client(version), *server = SSL_new(ctx->ssl);
	enum err err = ERR_NO_MEMORY;

	*why = NULL;
	if (hs == NULL || client == NULL || server == NULL ||
	    !join(client, server) || !SSL_set_app_data(server, hs))
		goto out;
	hs->trial = pair;
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	/* The client has no certificate, also where one is required. */
	SSL_set_custom_verify(server, SSL_VERIFY_PEER, verify_peer);
	ERR_clear_error();
	err = run_trial(client, server) ? OK : trial_error(why);
out:
	SSL_free(client);
	SSL_free(server);
	tls_handshake_free(hs);
	ERR_clear_error();
	return err;
}

/*
 * The cipher suites.
 */

static const struct {
	uint16_t number;
	const char *version;
	const char *name;
} suites[TLS_SUITE_COUNT] = {
#define X(id, number, version, name) { number, version, name },
	TLS_SUITES(X)
#undef X
};

enum tls_suite
tls_suite_find(uint16_t number)
{
	int i;

	for (i = TLS_SUITE_NONE + 1; i < TLS_SUITE_OTHER; i++)
		if (suites[i].number == number)
			return (enum tls_suite)i;
	return TLS_SUITE_OTHER;
}

const char *
tls_suite_name(enum tls_suite suite)
{
	return suites[suite].name;
}

const char *
tls_suite_version(enum tls_suite suite)
{
	return suites[suite].version;
}
