/* SPDX-License-Identifier: ISC */
/*
 * What is made of a ClientHello: which of several certificates the client gets,
 * which group, and how long records may be.
 */
#include "tls/hello.h"

#include <string.h>

#include "tap.h"
#include "tls_kit.h"

#define V12 TLS1_2_VERSION
#define V13 TLS1_3_VERSION

#define ALL_ECDSA \
	SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384
#define PSS SSL_SIGN_RSA_PSS_RSAE_SHA256
#define PKCS1 SSL_SIGN_RSA_PKCS1_SHA256
#define P256 SSL_SIGN_ECDSA_SECP256R1_SHA256
#define P384 SSL_SIGN_ECDSA_SECP384R1_SHA384
#define P521 SSL_SIGN_ECDSA_SECP521R1_SHA512
#define ED SSL_SIGN_ED25519

static struct kit k;

/* The certificate that a client gets, of those in `pairs'. */
struct choice {
	const char *pairs; /* names in the order of the configuration */
	int version;
	uint16_t schemes[4]; /* signatures that the client can verify */
	const char *groups; /* NULL: the client's default */
	const char *ciphers; /* of TLS 1.2; NULL: the client's default */
	const char *want; /* common name; "" = no pair can serve */
};

static const struct choice choices[] = {
	/* The curve of an EC key in TLS 1.3. */
	{ "p384 rsa", V13, { ALL_ECDSA, PSS }, NULL, NULL, "p384" },
	{ "p384 rsa", V13, { P256, PSS }, NULL, NULL, "rsa" },
	{ "p384 rsa", V13, { P384, PSS }, NULL, NULL, "p384" },
	{ "p256 rsa", V13, { P384, PSS }, NULL, NULL, "rsa" },
	{ "p256 rsa", V13, { P521, PSS }, NULL, NULL, "rsa" },
	{ "p256 p384", V13, { P384 }, NULL, NULL, "p384" },
	{ "p384 p256", V13, { P256 }, NULL, NULL, "p256" },
	{ "rsa p256", V13, { P256, PSS }, NULL, NULL, "p256" },
	{ "ed rsa", V13, { P256, PSS }, NULL, NULL, "rsa" },
	{ "rsa ed", V13, { ED, PSS }, NULL, NULL, "ed" },
	{ "p521 p256", V13, { P256, PSS }, NULL, NULL, "p256" },
	{ "p256 p521", V13, { P521 }, NULL, NULL, "p521" },
	{ "p256 rsa", V13, { PKCS1, P384 }, NULL, NULL, "" },
	/* TLS 1.2: the scheme names the hash only; the groups name the curve.
	 */
	{ "p384 rsa", V12, { P256, PKCS1 }, NULL, NULL, "p384" },
	{ "p384 rsa", V12, { P256, PKCS1 }, "P-256", NULL, "rsa" },
	{ "p384 rsa", V12, { P256, PKCS1 }, "P-256:P-384", NULL, "p384" },
	{ "p256 rsa", V12, { ALL_ECDSA, PKCS1 }, "X25519", NULL, "rsa" },
	{ "p256 rsa", V12, { ALL_ECDSA, PKCS1 }, "X25519:P-256", NULL, "p256" },
	{ "p384 p256", V12, { ALL_ECDSA }, "P-256", NULL, "p256" },
	{ "p256 rsa", V12, { PKCS1 }, NULL, NULL, "rsa" },
	/* Suites that are switched off do not count. */
	{ "p256 rsa", V12, { ALL_ECDSA, PKCS1 }, NULL,
	    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", "rsa" },
	{ "p256 rsa", V12, { ALL_ECDSA, PKCS1 }, NULL,
	    "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256", "p256" },
	{ "p256 rsa", V12, { ALL_ECDSA, PKCS1 }, NULL,
	    "ECDHE-RSA-CHACHA20-POLY1305", "rsa" },
	{ "rsa p256", V12, { ALL_ECDSA, PKCS1 }, NULL,
	    "AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384", "p256" },
	{ "p256 rsa", V12, { ALL_ECDSA, PKCS1 }, NULL, "AES128-GCM-SHA256",
	    "" },
};

static struct tls_ctx *
ctx_of(const char *pairs)
{
	char words[64], names[4][2][32];
	const char *certs[4], *keys[4];
	struct kit_options o;
	char *word, *at = words;
	size_t n = 0;

	snprintf(words, sizeof(words), "%s", pairs);
	kit_options(&o);
	while ((word = strsep(&at, " ")) != NULL) {
		snprintf(names[n][0], sizeof(names[n][0]), "s-%s.crt", word);
		snprintf(names[n][1], sizeof(names[n][1]), "s-%s.key", word);
		certs[n] = pki_path(names[n][0]);
		keys[n] = pki_path(names[n][1]);
		n++;
	}
	o.o.certificates = (struct config_list){ certs, n };
	o.o.private_keys = (struct config_list){ keys, n };
	return kit_ctx(&o);
}

static size_t
count_schemes(const struct choice *c)
{
	size_t n = 0;

	while (n < 4 && c->schemes[n] != 0)
		n++;
	return n;
}

static void
test_choice(const struct choice *c)
{
	struct tls_ctx *ctx = ctx_of(c->pairs);
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", c->version, c->version);
	char name[64] = "";
	X509 *cert;

	SSL_CTX_set_verify_algorithm_prefs(client, c->schemes,
	    count_schemes(c));
	if (c->groups != NULL)
		SSL_CTX_set1_curves_list(client, c->groups);
	if (c->ciphers != NULL)
		SSL_CTX_set_cipher_list(client, c->ciphers);
	kit_open(&k, ctx, client, NULL);
	is_int(kit_handshake(&k), c->want[0] != '\0', "%s, TLS %s, %s, %s",
	    c->pairs, c->version == V13 ? "1.3" : "1.2",
	    c->groups == NULL ? "any group" : c->groups,
	    c->ciphers == NULL ? "any suite" : c->ciphers);
	cert = SSL_get_peer_certificate(k.client);
	if (cert != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
		    NID_commonName, name, sizeof(name));
	is_str(name, c->want, "... is served '%s'", c->want);
	if (c->want[0] == '\0')
		ok(k.detail != NULL &&
			strstr(k.detail, "name a second") != NULL,
		    "... and the detail gives advice");
	X509_free(cert);
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
}

/* The group that is agreed on, without another round trip if possible. */
static const struct share {
	const char *client; /* sends a share for the first */
	const char *server; /* "": the default */
	const char *want;
	int retry;
} shares[] = {
	{ "X25519:P-256", "", "X25519", 0 },
	{ "P-256:X25519", "", "P-256", 0 },
	{ "P-384:X25519:P-256", "", "P-384", 0 },
	{ "P-521:X25519", "", "X25519", 1 },
	{ "P-256:X25519", "X25519", "X25519", 1 },
	{ "P-256:P-384:X25519", "P-384,P-256", "P-256", 0 },
	{ "P-521:P-384", "P-384,P-521", "P-521", 0 },
	{ "X25519", "P-256,x25519", "X25519", 0 },
	{ "P-256", "prime256v1", "P-256", 0 },
};

static void
test_share(const struct share *s)
{
	char words[64], *at = words;
	const char *list[4];
	struct kit_options o;
	struct tls_ctx *ctx;
	SSL_CTX *client = kit_client("device.crt", "device.key", V13, V13);

	snprintf(words, sizeof(words), "%s", s->server);
	kit_options(&o);
	o.o.groups.items = list;
	while (words[0] != '\0' && at != NULL)
		list[o.o.groups.count++] = strsep(&at, ",");
	ctx = kit_ctx(&o);
	SSL_CTX_set1_curves_list(client, s->client);
	ok(kit_connect(&k, ctx, client, NULL), "client %s, server %s",
	    s->client, s->server);
	is_str(SSL_get_curve_name(SSL_get_curve_id(k.client)), s->want,
	    "... agree on %s", s->want);
	is_int(SSL_used_hello_retry_request(k.client), s->retry,
	    "... %s another round trip", s->retry ? "by" : "without");
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
}

/* Extensions of a ClientHello, and the longest record that they allow. */
static const struct limit {
	const char *name;
	const char *bytes;
	size_t len;
	uint16_t want;
} limits[] = {
	{ "no extension", "", 0, 16384 },
	{ "max_fragment_length 1", "\0\1\0\1\1", 5, 512 },
	{ "max_fragment_length 2", "\0\1\0\1\2", 5, 1024 },
	{ "max_fragment_length 3", "\0\1\0\1\3", 5, 2048 },
	{ "max_fragment_length 4", "\0\1\0\1\4", 5, 4096 },
	{ "max_fragment_length 0", "\0\1\0\1\0", 5, 16384 },
	{ "max_fragment_length 5", "\0\1\0\1\5", 5, 16384 },
	{ "max_fragment_length, empty", "\0\1\0\0", 4, 16384 },
	{ "record_size_limit 64", "\0\x1c\0\2\0\x40", 6, 64 },
	{ "record_size_limit 63", "\0\x1c\0\2\0\x3f", 6, 16384 },
	{ "record_size_limit 1000", "\0\x1c\0\2\3\xe8", 6, 1000 },
	{ "record_size_limit 65535", "\0\x1c\0\2\xff\xff", 6, 16384 },
	{ "both", "\0\1\0\1\1\0\x1c\0\2\x08\0", 11, 2048 },
	{ "record_size_limit 1000, TLS 1.3", "\0\x1c\0\2\3\xe8\0\x2b\0\3\2\3\4",
	    13, 999 },
	{ "record_size_limit 16385, TLS 1.3",
	    "\0\x1c\0\2\x40\1\0\x2b\0\3\2\3\4", 13, 16384 },
};

static void
test_limits(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_with_buffers_method());
	SSL_CLIENT_HELLO hello;
	size_t i;

	memset(&hello, 0, sizeof(hello));
	hello.ssl = SSL_new(ctx);
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		hello.extensions = (const uint8_t *)limits[i].bytes;
		hello.extensions_len = limits[i].len;
		is_int(tls_hello_record_max(&hello), limits[i].want, "%s",
		    limits[i].name);
	}
	SSL_free(hello.ssl);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	size_t i;

	if (!ok(pki_make(), "certificates are made") ||
	    !ok(pki_run("servers_of_all_kinds"), "and servers' ones"))
		return done_testing();
	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		test_choice(&choices[i]);
	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		test_share(&shares[i]);
	test_limits();
	pki_remove();
	return done_testing();
}
