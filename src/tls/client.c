/* SPDX-License-Identifier: ISC */
#include "tls/client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/stream.h"

struct tls_client {
	atomic_uint refs;
	SSL_CTX *ctx; /* owned */
};

struct tls_client_session {
	SSL *ssl; /* owned; owns both BIOs */
	BIO *in; /* borrowed: what came from the network */
	BIO *out; /* borrowed: what is to be sent */
	char why[256];
};

/* Returns the library's oldest error as static text, and clears all errors. */
static const char *
take_error(void)
{
	uint32_t error = ERR_get_error();
	const char *text = ERR_reason_error_string(error);

	ERR_clear_error();
	return text == NULL ? "cannot be read" : text;
}

static enum err
load(struct tls_client *c, const struct tls_client_options *o,
    enum tls_client_file *file)
{
	*file = TLS_CLIENT_CA;
	if (SSL_CTX_load_verify_locations(c->ctx, o->ca, NULL) != 1)
		return ERR_CONFIG;
	if (o->certificate[0] == '\0')
		return OK;
	*file = TLS_CLIENT_CERTIFICATE;
	if (SSL_CTX_use_certificate_chain_file(c->ctx, o->certificate) != 1)
		return ERR_CONFIG;
	*file = TLS_CLIENT_PRIVATE_KEY;
	if (SSL_CTX_use_PrivateKey_file(c->ctx, o->private_key,
		SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(c->ctx) != 1)
		return ERR_CONFIG;
	return OK;
}

enum err
tls_client_new(struct tls_client **out, const struct tls_client_options *o,
    enum tls_client_file *file, const char **why)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	enum err err;

	*out = NULL;
	*why = NULL;
	if (c == NULL)
		return ERR_NO_MEMORY;
	atomic_init(&c->refs, 1);
	ERR_clear_error();
	c->ctx = SSL_CTX_new(TLS_method());
	if (c->ctx == NULL) {
		tls_client_put(c);
		return ERR_NO_MEMORY;
	}
	(void)SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	err = load(c, o, file);
	if (err != OK) {
		*why = take_error();
		tls_client_put(c);
		return err;
	}
	*out = c;
	return OK;
}

struct tls_client *
tls_client_get(struct tls_client *c)
{
	if (c != NULL)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
tls_client_put(struct tls_client *c)
{
	if (c == NULL ||
	    atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* Demands that the server's certificate names `name'. */
static bool
expect(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
	uint8_t ip[16];

	if (inet_pton(AF_INET, name, ip) == 1)
		return X509_VERIFY_PARAM_set1_ip(p, ip, 4) == 1;
	if (inet_pton(AF_INET6, name, ip) == 1)
		return X509_VERIFY_PARAM_set1_ip(p, ip, 16) == 1;
	return name[0] != '\0' &&
	    X509_VERIFY_PARAM_set1_host(p, name, strlen(name)) == 1 &&
	    SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls_client_session *
tls_client_start(struct tls_client *c, const char *name)
{
	struct tls_client_session *s = calloc(1, sizeof(*s));
	uint8_t none[1];

	if (s == NULL)
		return NULL;
	ERR_clear_error();
	s->ssl = SSL_new(c->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (s->ssl == NULL || s->in == NULL || s->out == NULL) {
		BIO_free(s->in);
		BIO_free(s->out);
		SSL_free(s->ssl);
		free(s);
		return NULL;
	}
	/* No bytes yet is not the end. */
	BIO_set_mem_eof_return(s->in, -1);
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_connect_state(s->ssl);
	if (!expect(s->ssl, name)) {
		tls_client_end(s);
		return NULL;
	}
	(void)tls_client_read(s, none, sizeof(none)); /* the ClientHello */
	return s;
}

void
tls_client_end(struct tls_client_session *s)
{
	if (s == NULL)
		return;
	SSL_free(s->ssl);
	free(s);
}

enum err
tls_client_input(struct tls_client_session *s, struct slice in)
{
	if (in.len == 0)
		return OK;
	return BIO_write(s->in, in.data, (int)in.len) == (int)in.len
	    ? OK
	    : ERR_NO_MEMORY;
}

/* Stores why the handshake failed: the fault of a certificate says more than
 * the library's error. */
static void
note_failure(struct tls_client_session *s)
{
	long result = SSL_get_verify_result(s->ssl);

	snprintf(s->why, sizeof(s->why), "%s",
	    result != X509_V_OK ? X509_verify_cert_error_string(result)
				: take_error());
	ERR_clear_error();
}

ssize_t
tls_client_read(struct tls_client_session *s, uint8_t *data, size_t len)
{
	int n;

	ERR_clear_error();
	n = SSL_read(s->ssl, data, len > 65536 ? 65536 : (int)len);
	if (n > 0)
		return n;
	switch (SSL_get_error(s->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return STREAM_EOF;
	default:
		note_failure(s);
		return STREAM_ERROR;
	}
}

enum err
tls_client_write(struct tls_client_session *s, struct slice plain)
{
	int n;

	ERR_clear_error();
	while (plain.len > 0) {
		n = SSL_write(s->ssl, plain.data,
		    plain.len > 65536 ? 65536 : (int)plain.len);
		if (n <= 0) {
			note_failure(s);
			return ERR_TLS;
		}
		plain.data += n;
		plain.len -= (size_t)n;
	}
	return OK;
}

bool
tls_client_is_open(const struct tls_client_session *s)
{
	return SSL_is_init_finished(s->ssl) == 1;
}

enum err
tls_client_output(struct tls_client_session *s, struct buf *out)
{
	const uint8_t *data;
	size_t len;
	enum err err;

	if (BIO_mem_contents(s->out, &data, &len) != 1 || len == 0)
		return OK;
	err = buf_append(out, data, len);
	if (err == OK)
		(void)BIO_reset(s->out);
	return err;
}

const char *
tls_client_why(const struct tls_client_session *s)
{
	return s->why;
}
