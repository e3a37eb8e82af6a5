/* SPDX-License-Identifier: ISC */
/*
 * The TLS client: versions, groups, certificates, resumption, and which
 * alert the other side sent.
 */
#include "peer.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static void
note_alert(const SSL *ssl, int where, int value)
{
	struct conn *c = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		c->alert = value & 0xff;
}

/* Keeps the newest ticket; 1 = the reference is ours now. */
static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct conn *c = SSL_get_app_data(ssl);

	SSL_SESSION_free(c->session);
	c->session = session;
	return 1;
}

static int
version_of(const char *text)
{
	if (strcmp(text, "1.0") == 0)
		return TLS1_VERSION;
	if (strcmp(text, "1.1") == 0)
		return TLS1_1_VERSION;
	if (strcmp(text, "1.2") == 0)
		return TLS1_2_VERSION;
	return TLS1_3_VERSION;
}

/* The PEM blocks of a file, as they are: at most `max'; returns how many. */
static size_t
read_chain(const char *path, CRYPTO_BUFFER **out, size_t max)
{
	FILE *f = fopen(path, "rb");
	char *name, *header;
	uint8_t *der;
	long len;
	size_t n = 0;

	while (f != NULL && n < max &&
	    PEM_read(f, &name, &header, &der, &len) == 1) {
		out[n++] = CRYPTO_BUFFER_new(der, (size_t)len, NULL);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (f != NULL)
		fclose(f);
	ERR_clear_error();
	return n;
}

/* Presents cert= with key=. The certificate is not looked at, for some tests
 * present what no library would take. 1 = good. */
static int
use_cert(SSL_CTX *ctx, const char *cert, const char *key)
{
	CRYPTO_BUFFER *chain[8];
	size_t n = read_chain(cert, chain, sizeof(chain) / sizeof(chain[0]));
	FILE *f = fopen(key, "rb");
	EVP_PKEY *pkey = NULL;
	int good;

	if (f != NULL) {
		pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	good = n > 0 && pkey != NULL &&
	    SSL_CTX_set_chain_and_key(ctx, chain, n, pkey, NULL) == 1;
	EVP_PKEY_free(pkey);
	while (n > 0)
		CRYPTO_BUFFER_free(chain[--n]);
	return good;
}

/* Loads cert=, key= and ca=; returns what went wrong or NULL. */
static const char *
load_files(SSL_CTX *ctx, const struct args *a)
{
	const char *cert = arg_str(a, "cert", NULL);
	const char *key = arg_str(a, "key", NULL);
	const char *ca = arg_str(a, "ca", NULL);

	if (cert != NULL && (key == NULL || !use_cert(ctx, cert, key)))
		return "cert";
	if (ca == NULL)
		return NULL;
	if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		return "ca";
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return NULL;
}

/* Sets versions, ciphers, groups, signature algorithms; NULL = good. */
static const char *
set_limits(SSL_CTX *ctx, const struct args *a)
{
	const char *ciphers = arg_str(a, "ciphers", NULL);
	const char *groups = arg_str(a, "groups", NULL);
	const char *sigalgs = arg_str(a, "sigalgs", NULL);

	if (SSL_CTX_set_min_proto_version(ctx,
		(uint16_t)version_of(arg_str(a, "min", "1.2"))) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx,
		(uint16_t)version_of(arg_str(a, "max", "1.3"))) != 1)
		return "version";
	if (ciphers != NULL && SSL_CTX_set_cipher_list(ctx, ciphers) != 1)
		return "ciphers";
	if (groups != NULL && SSL_CTX_set1_curves_list(ctx, groups) != 1)
		return "groups";
	if (sigalgs != NULL && SSL_CTX_set1_sigalgs_list(ctx, sigalgs) != 1)
		return "sigalgs";
	return NULL;
}

static SSL_SESSION *
session_named(struct peer *p, const char *name)
{
	size_t i;

	for (i = 0; i < PEER_SESSIONS; i++) {
		if (strcmp(p->sessions[i].name, name) == 0)
			return p->sessions[i].session;
	}
	return NULL;
}

/* Makes context and object; returns what went wrong or NULL. */
static const char *
prepare(struct peer *p, struct conn *c, const struct args *a)
{
	const char *sni = arg_str(a, "sni", NULL);
	const char *resume = arg_str(a, "session", NULL);
	const char *bad;

	c->ctx = SSL_CTX_new(TLS_method());
	bad = load_files(c->ctx, a);
	if (bad == NULL)
		bad = set_limits(c->ctx, a);
	if (bad != NULL)
		return bad;
	SSL_CTX_set_session_cache_mode(c->ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, keep_session);
	SSL_CTX_set_info_callback(c->ctx, note_alert);
	SSL_CTX_set_mode(c->ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	c->ssl = SSL_new(c->ctx);
	SSL_set_app_data(c->ssl, c);
	if (SSL_set_fd(c->ssl, c->fd) != 1)
		return "fd";
	if (sni != NULL && SSL_set_tlsext_host_name(c->ssl, sni) != 1)
		return "sni";
	if (resume != NULL &&
	    SSL_set_session(c->ssl, session_named(p, resume)) != 1)
		return "session";
	return NULL;
}

/* What the server's key is: tells which of its certificates was chosen. */
static const char *
server_key(SSL *ssl)
{
	X509 *cert = SSL_get_peer_certificate(ssl);
	EVP_PKEY *key;
	const char *kind = "none";

	if (cert == NULL)
		return kind;
	key = X509_get_pubkey(cert);
	if (key != NULL)
		kind = EVP_PKEY_id(key) == EVP_PKEY_RSA ? "rsa" : "ec";
	EVP_PKEY_free(key);
	X509_free(cert);
	return kind;
}

static enum io
shake(struct conn *c, int64_t deadline)
{
	int n, error;
	enum io io;

	for (;;) {
		ERR_clear_error();
		n = SSL_connect(c->ssl);
		if (n == 1)
			return IO_OK;
		error = SSL_get_error(c->ssl, n);
		if (error == SSL_ERROR_WANT_READ)
			io = conn_poll(c, POLLIN, deadline);
		else if (error == SSL_ERROR_WANT_WRITE)
			io = conn_poll(c, POLLOUT, deadline);
		else if (error == SSL_ERROR_SSL)
			io = IO_ERROR;
		else
			io = IO_EOF;
		if (io != IO_OK)
			break;
	}
	if (io == IO_ERROR)
		ERR_error_string_n(ERR_get_error(), c->error, sizeof(c->error));
	return io;
}

void
tls_handshake(struct peer *p, struct conn *c, const struct args *a)
{
	const char *bad = prepare(p, c, a);
	enum io io;

	if (bad != NULL) {
		printf("error what=setup_%s\n", bad);
		return;
	}
	io = shake(c, arg_deadline(a));
	if (io != IO_OK) {
		say_end(c, io);
		return;
	}
	printf("ok version=%s cipher=%s resumed=%d server_key=%s\n",
	    SSL_get_version(c->ssl),
	    SSL_CIPHER_get_name(SSL_get_current_cipher(c->ssl)),
	    SSL_session_reused(c->ssl), server_key(c->ssl));
}

/* ticket NAME as=SESSION: waits for a ticket, keeps it under that name. */
void
tls_ticket(struct peer *p, struct conn *c, const struct args *a)
{
	const char *as = arg_str(a, "as", "");
	int64_t deadline = arg_deadline(a);
	enum io io = IO_OK;
	size_t i = 0;

	while (c->session == NULL && io == IO_OK) {
		io = conn_try_read(c);
		if (io == IO_TIMEOUT && c->session == NULL)
			io = conn_poll(c, POLLIN, deadline);
	}
	if (c->session == NULL) {
		say_end(c, io);
		return;
	}
	while (i < PEER_SESSIONS - 1 && p->sessions[i].session != NULL &&
	    strcmp(p->sessions[i].name, as) != 0)
		i++;
	SSL_SESSION_free(p->sessions[i].session);
	p->sessions[i].session = c->session;
	c->session = NULL;
	snprintf(p->sessions[i].name, sizeof(p->sessions[i].name), "%s", as);
	printf("ok\n");
}
