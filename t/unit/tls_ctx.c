/* SPDX-License-Identifier: ISC */
/*
 * Loading profiles: errors and warnings, and which of several certificates a
 * client gets.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tap.h"
#include "tls/load.h"
#include "tls_kit.h"

static struct kit k;

/* What a client with any key can sign. */
static const uint16_t all_schemes[] = { SSL_SIGN_ECDSA_SECP256R1_SHA256,
	SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_ECDSA_SECP521R1_SHA512,
	SSL_SIGN_ED25519, SSL_SIGN_RSA_PSS_RSAE_SHA256,
	SSL_SIGN_RSA_PKCS1_SHA256 };

/* Building fails with exactly one error that contains `text'. */
static void
check_refused(struct kit_options *o, const char *text)
{
	struct report why, warnings;
	struct tls_ctx *ctx;
	bool said;
	size_t i;

	is_int(kit_ctx_try(o, NULL, &ctx, &why, &warnings), ERR_CONFIG,
	    "refused: %s", text);
	said = why.count == 1 && strncmp(why.lines[0], "x.ini:1: ", 9) == 0 &&
	    strstr(why.lines[0], text) != NULL;
	ok(said, "... in one line");
	for (i = 0; !said && i < why.kept; i++)
		diag("%s", why.lines[i]);
	report_fini(&why);
	report_fini(&warnings);
	tls_ctx_put(ctx);
}

static void
check_one(size_t list, const char *name, const char *text)
{
	struct kit_options o;

	kit_options(&o);
	kit_list(&o, &o.o.certificates + list, name, NULL);
	check_refused(&o, text);
}

/* The lists in the order of struct tls_options. */
enum {
	CERTIFICATES,
	PRIVATE_KEYS,
	CLIENT_CAS,
	CRLS,
	OCSP,
	GROUPS
};

static void
test_complaints(void)
{
	struct kit_options o;

	check_one(CERTIFICATES, "no.crt", "certificate: ");
	check_one(CERTIFICATES, "server.key", "no certificate is in it");
	check_one(CERTIFICATES, "cut.crt", "line 1: the block has no END");
	check_one(CERTIFICATES, "device.crt", "not the key of the certificate");
	check_one(PRIVATE_KEYS, "device.key", "not the key of the certificate");
	check_one(PRIVATE_KEYS, "no.key", "No such file");
	check_one(PRIVATE_KEYS, "server.crt", "no private key");
	check_one(PRIVATE_KEYS, "locked.key", "encrypted (try: openssl pkey");
	check_one(PRIVATE_KEYS, "locked-old.key",
	    "encrypted (try: openssl pkey");
	check_one(CLIENT_CAS, "no.crt", "client_ca: ");
	check_one(CLIENT_CAS, "device.crt", "not a CA");
	check_one(CLIENT_CAS, "server.key", "no certificate is in it");
	check_one(CRLS, "no.crl", "crl: ");
	check_one(OCSP, "server.key", "no successful OCSP response");
	check_one(OCSP, "sorry.ocsp", "no successful OCSP response");
	check_one(OCSP, "cut.ocsp", "no successful OCSP response");
	check_one(OCSP, "shop.ocsp", "not about the certificate");
	kit_options(&o);
	o.o.ciphers = "RC4-MD5:SECRET";
	check_refused(&o, "ciphers: ");
	kit_options(&o);
	o.o.min_version = CONFIG_TLS_VERSION_1_3;
	o.o.max_version = CONFIG_TLS_VERSION_1_2;
	check_refused(&o, "above max_version");
	kit_options(&o);
	o.o.groups.count = 1;
	o.o.groups.items = (const char *[]){ "P-1" };
	check_refused(&o, "groups: ");
	kit_options(&o);
	o.o.private_keys.count = 0;
	check_refused(&o, "0 for 1 certificates");
	kit_options(&o);
	o.o.client_cas.count = 0;
	check_refused(&o, "client_ca = FILE");
	kit_options(&o);
	o.o.certificates.count = 0;
	o.o.private_keys.count = 0;
	check_refused(&o, "certificate = FILE");
}

/* All errors are reported at once. */
static void
test_all_at_once(void)
{
	struct report why, warnings;
	struct kit_options o;
	struct tls_ctx *ctx;

	kit_options(&o);
	kit_list(&o, &o.o.certificates, "no.crt", NULL);
	kit_list(&o, &o.o.private_keys, "no.key", NULL);
	kit_list(&o, &o.o.client_cas, "root.crt", "no-ca.crt", NULL);
	kit_list(&o, &o.o.ocsp_responses, "no.der", NULL);
	o.o.ciphers = "x";
	is_int(kit_ctx_try(&o, NULL, &ctx, &why, &warnings), ERR_CONFIG, "all");
	is_int((long long)why.count, 5, "five complaints");
	report_fini(&why);
	report_fini(&warnings);
}

static void
test_warnings(void)
{
	struct report why, warnings;
	struct kit_options o;
	struct tls_ctx *ctx;

	kit_options(&o);
	kit_list(&o, &o.o.certificates, "late.crt", NULL);
	kit_list(&o, &o.o.private_keys, "late.key", NULL);
	kit_list(&o, &o.o.ocsp_responses, "late.ocsp", NULL);
	chmod(pki_path("late.key"), 0644);
	is_int(kit_ctx_try(&o, NULL, &ctx, &why, &warnings), OK, "works, but");
	is_int((long long)warnings.count, 3, "three warnings");
	ok(warnings.count == 3 &&
		strstr(warnings.lines[0], "expired") != NULL &&
		strstr(warnings.lines[1], "chmod") != NULL &&
		strstr(warnings.lines[2], "nextUpdate") != NULL,
	    "... for the dates, the mode and the staple");
	report_fini(&why);
	report_fini(&warnings);
	tls_ctx_put(ctx);
}

/* A certificate and its key; what is said of them. NULL: nothing. */
struct pair {
	const char *cert;
	const char *key;
	const char *error; /* part of the only error */
	const char *warning; /* part of the first warning */
	enum config_tls_version max;
};

static const struct pair pairs[] = {
	{ "server.crt", "server.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "server.old.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "server.der.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "server.bom.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "rsa-server.crt", "rsa-server.key", NULL, NULL,
	    CONFIG_TLS_VERSION_1_3 },
	{ "s-p256.crt", "s-p256.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "s-p384.crt", "s-p384.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "s-p521.crt", "s-p521.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "s-ed.crt", "s-ed.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "s-rsa.crt", "s-rsa.key", NULL, NULL, CONFIG_TLS_VERSION_1_2 },
	/* Keys that can serve no client. */
	{ "s-p224.crt", "s-p224.key", "of a kind that the TLS library cannot",
	    NULL, CONFIG_TLS_VERSION_1_3 },
	{ "s-p224.crt", "s-p224.key", "of a kind that the TLS library cannot",
	    NULL, CONFIG_TLS_VERSION_1_2 },
	{ "server.crt", "s-x25519.key", "of a kind that the TLS library cannot",
	    NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "s-ed448.key", "of a kind that the TLS library cannot",
	    NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "s-k1.key", "of a kind that the TLS library cannot",
	    NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "server.ssh.key", "OpenSSH's format", NULL,
	    CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "server.indented.key", "line 1: a block must begin",
	    NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "server.damaged.key", "line 2: the block of line 1",
	    NULL, CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "server.crt", "holds no private key", NULL,
	    CONFIG_TLS_VERSION_1_3 },
	{ "server.crt", "empty.cnf", "holds no private key", NULL,
	    CONFIG_TLS_VERSION_1_3 },
	/* Chains. */
	{ "end-good.crt", "end.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "end.crt", "end.key", NULL, NULL, CONFIG_TLS_VERSION_1_3 },
	{ "end-turned.crt", "end.key", "not the first certificate in the file",
	    "did not issue", CONFIG_TLS_VERSION_1_3 },
	{ "end-mixed.crt", "end.key", NULL, "did not issue the certificate",
	    CONFIG_TLS_VERSION_1_3 },
	{ "end-gap.crt", "end.key", NULL, "did not issue the certificate",
	    CONFIG_TLS_VERSION_1_3 },
	{ "late-chain.crt", "server.key", NULL, "the CA CN=late-ca",
	    CONFIG_TLS_VERSION_1_3 },
	{ "late.crt", "late.key", NULL, "has expired: clients will refuse",
	    CONFIG_TLS_VERSION_1_3 },
	{ "early.crt", "early.key", NULL, "is not valid yet",
	    CONFIG_TLS_VERSION_1_3 },
};

static void
test_pair(const struct pair *p)
{
	struct report why, warnings;
	struct kit_options o;
	struct tls_ctx *ctx;

	kit_options(&o);
	kit_list(&o, &o.o.certificates, p->cert, NULL);
	kit_list(&o, &o.o.private_keys, p->key, NULL);
	o.o.max_version = p->max;
	is_int(kit_ctx_try(&o, NULL, &ctx, &why, &warnings),
	    p->error == NULL ? OK : ERR_CONFIG, "%s with %s, TLS 1.%d", p->cert,
	    p->key, p->max == CONFIG_TLS_VERSION_1_3 ? 3 : 2);
	ok(p->error == NULL
		? why.count == 0
		: why.count == 1 && strstr(why.lines[0], p->error) != NULL,
	    "... %s", p->error == NULL ? "no error" : p->error);
	if (why.count > 0 &&
	    (p->error == NULL || strstr(why.lines[0], p->error) == NULL))
		diag("%s", why.lines[0]);
	ok(p->warning == NULL ? warnings.count == 0
			      : warnings.count > 0 &&
		    strstr(warnings.lines[0], p->warning) != NULL,
	    "... %s", p->warning == NULL ? "no warning" : p->warning);
	if (warnings.count > 0 && p->warning == NULL)
		diag("%s", warnings.lines[0]);
	report_fini(&why);
	report_fini(&warnings);
	tls_ctx_put(ctx);
}

/* Options with which no client, or not every client, can connect. */
static void
test_serving(void)
{
	struct report why, warnings;
	struct kit_options o;
	struct tls_ctx *ctx;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		test_pair(&pairs[i]);
	kit_options(&o);
	o.o.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
	is_int(kit_ctx_try(&o, NULL, &ctx, &why, &warnings), OK,
	    "RSA suites for an EC key");
	ok(warnings.count == 1 &&
		strstr(warnings.lines[0], "connect by TLS 1.2") != NULL,
	    "... no client can use TLS 1.2");
	report_fini(&why);
	report_fini(&warnings);
	tls_ctx_put(ctx);
	o.o.max_version = CONFIG_TLS_VERSION_1_2;
	check_refused(&o, "no client can connect by TLS 1.2");
}

/* A bundle of many CAs with long names. */
static void
test_ca_names(void)
{
	struct report why, warnings;
	struct kit_options o;
	struct tls_ctx *ctx;

	kit_options(&o);
	kit_list(&o, &o.o.client_cas, "many.crt", NULL);
	check_refused(&o, "send_ca_names = off");
	o.o.send_ca_names = false;
	is_int(kit_ctx_try(&o, NULL, &ctx, &why, &warnings), OK,
	    "without their names they are good");
	is_int((long long)warnings.count, 0, "... without a warning");
	tls_ctx_put(ctx);
	report_fini(&why);
	report_fini(&warnings);
	kit_list(&o, &o.o.client_cas, "some.crt", NULL);
	o.o.send_ca_names = true;
	is_int(kit_ctx_try(&o, NULL, &ctx, &why, &warnings), OK,
	    "fewer of them are good with their names");
	ok(warnings.count == 1 &&
		strstr(warnings.lines[0], "small clients") != NULL,
	    "... with a warning");
	tls_ctx_put(ctx);
	report_fini(&why);
	report_fini(&warnings);
}

/* Compares the common name of the certificate that the client receives. */
static void
check_served(struct tls_ctx *ctx, SSL_CTX *client, const char *host,
    const char *want)
{
	char name[64] = "";
	X509 *cert;

	kit_open(&k, ctx, client, NULL);
	if (host != NULL)
		SSL_set_tlsext_host_name(k.client, host);
	if (!ok(kit_handshake(&k), "a client asks for %s",
		host == NULL ? "none" : host))
		diag("%s: %s", reason_name(k.reason), k.detail);
	cert = SSL_get_peer_certificate(k.client);
	if (cert != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
		    NID_commonName, name, sizeof(name));
	is_str(name, want, "... and is served %s", want);
	X509_free(cert);
	kit_close(&k);
	SSL_SESSION_free(k.session);
}

static SSL_CTX *
client_with(int version, const uint16_t *schemes, size_t count)
{
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);

	if (count > 0)
		SSL_CTX_set_verify_algorithm_prefs(client, schemes, count);
	return client;
}

static void
test_choice(void)
{
	static const uint16_t pss[] = { SSL_SIGN_RSA_PSS_RSAE_SHA256 };
	static const uint16_t pkcs1[] = { SSL_SIGN_RSA_PKCS1_SHA256 };
	struct kit_options o;
	struct tls_ctx *ctx;
	SSL_CTX *client;

	kit_options(&o);
	kit_list(&o, &o.o.certificates, "rsa-server.crt", "server.crt",
	    "shop.crt", "old.crt", NULL);
	kit_list(&o, &o.o.private_keys, "rsa-server.key", "server.key",
	    "shop.key", "old.key", NULL);
	kit_list(&o, &o.o.ocsp_responses, "rsa-server.ocsp", "server.ocsp",
	    "shop.ocsp", "old.ocsp", NULL);
	ctx = kit_ctx(&o);
	if (!ok(ctx != NULL, "four certificates"))
		return;
	client = client_with(TLS1_3_VERSION, NULL, 0);
	check_served(ctx, client, NULL, "localhost");
	check_served(ctx, client, "localhost", "localhost");
	check_served(ctx, client, "a.shop.example", "shop");
	check_served(ctx, client, "A.SHOP.Example", "shop");
	check_served(ctx, client, "a.b.shop.example", "localhost");
	check_served(ctx, client, "shop.example", "localhost");
	check_served(ctx, client, "old.example", "old.example");
	SSL_CTX_free(client);
	client = client_with(TLS1_3_VERSION, pss, 1);
	check_served(ctx, client, "a.shop.example", "rsa");
	SSL_CTX_free(client);
	client = client_with(TLS1_2_VERSION, pkcs1, 1);
	check_served(ctx, client, NULL, "rsa");
	SSL_CTX_free(client);
	client = client_with(TLS1_2_VERSION, NULL, 0);
	SSL_CTX_set_cipher_list(client, "ECDHE-RSA-AES128-GCM-SHA256");
	check_served(ctx, client, NULL, "rsa");
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
}

static void
test_staple(void)
{
	SSL_CTX *client = client_with(TLS1_3_VERSION, NULL, 0);
	struct kit_options o;
	struct tls_ctx *ctx;
	const uint8_t *data;
	uint8_t *file;
	size_t len, file_len;

	kit_options(&o);
	kit_list(&o, &o.o.ocsp_responses, "server.ocsp", NULL);
	ctx = kit_ctx(&o);
	kit_open(&k, ctx, client, NULL);
	SSL_enable_ocsp_stapling(k.client);
	ok(kit_handshake(&k), "a client asks for the staple");
	SSL_get0_ocsp_response(k.client, &data, &len);
	if (file_read(&file, &file_len, pki_path("server.ocsp"), 65536) != OK)
		diag("server.ocsp cannot be read");
	is_mem(data, len, file, file_len, "... and gets the file");
	free(file);
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
}

/* A response past its nextUpdate is not sent. */
static void
test_stale(void)
{
	SSL_CTX *client = client_with(TLS1_3_VERSION, NULL, 0);
	struct kit_options o;
	struct tls_ctx *ctx;
	const uint8_t *data;
	size_t len;

	kit_options(&o);
	kit_list(&o, &o.o.certificates, "late.crt", NULL);
	kit_list(&o, &o.o.private_keys, "late.key", NULL);
	kit_list(&o, &o.o.ocsp_responses, "late.ocsp", NULL);
	ctx = kit_ctx(&o);
	kit_open(&k, ctx, client, NULL);
	SSL_enable_ocsp_stapling(k.client);
	ok(kit_handshake(&k),
	    "a client asks for a response that is out of date");
	SSL_get0_ocsp_response(k.client, &data, &len);
	is_int((long long)len, 0, "... and gets none");
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
}

static void
count_cert(const struct tls_cert_info *info, void *arg)
{
	int *counts = arg;

	counts[info->role]++;
	if (info->not_after > info->not_before && info->file[0] == '/')
		counts[2]++;
}

static void
test_each(void)
{
	int counts[3] = { 0 };
	struct kit_options o;
	struct tls_ctx *ctx;

	kit_options(&o);
	kit_list(&o, &o.o.client_cas, "root.crt", "other.crt", "root.crt",
	    NULL);
	ctx = kit_ctx(&o);
	tls_ctx_each_cert(ctx, count_cert, counts);
	ok(counts[TLS_CERT_SERVER] == 1 && counts[TLS_CERT_CLIENT_CA] == 2 &&
		counts[2] == 3,
	    "one server certificate, two CAs, each once");
	tls_ctx_put(ctx);
	memset(counts, 0, sizeof(counts));
	kit_list(&o, &o.o.certificates, "end-good.crt", NULL);
	kit_list(&o, &o.o.private_keys, "end.key", NULL);
	ctx = kit_ctx(&o);
	tls_ctx_each_cert(ctx, count_cert, counts);
	is_int(counts[TLS_CERT_SERVER], 3, "a server's chain, all of it");
	tls_ctx_put(ctx);
}

static void
test_explain(void)
{
	struct kit_options o;
	struct tls_ctx *ctx;
	struct cert *cert;
	const char *detail;
	enum err readable;

	kit_options(&o);
	ctx = kit_ctx(&o);
	is_int(tls_ctx_explain(ctx, pki_path("device.crt"), &cert, &detail,
		   &readable),
	    REASON_NONE, "explain: a device");
	ok(readable == OK && cert != NULL && cert->ca_count == 1, "its facts");
	tls_facts_free(cert);
	is_int(tls_ctx_explain(ctx, pki_path("late.crt"), &cert, &detail,
		   &readable),
	    REASON_TLS_EXPIRED, "explain: an expired one");
	ok(readable == OK && cert != NULL && cert->ca_count == 1,
	    "its facts, and who issued it");
	tls_facts_free(cert);
	tls_ctx_explain(ctx, pki_path("no.crt"), &cert, &detail, &readable);
	ok(readable == ERR_SYSTEM && cert == NULL, "explain: no file");
	tls_ctx_put(ctx);
}

/* Client certificates by their keys: `explain' admits no client that the daemon
 * refuses. */
static const struct kind {
	const char *name;
	enum reason reason; /* of explain */
} kinds[] = {
	{ "device", REASON_NONE },
	{ "rsa-device", REASON_NONE },
	{ "c-P-384", REASON_NONE },
	{ "c-P-521", REASON_NONE },
	{ "c-ed25519", REASON_NONE },
	{ "c-sign", REASON_NONE },
	{ "c-P-224", REASON_TLS_BAD_CERTIFICATE },
	{ "c-secp256k1", REASON_TLS_BAD_CERTIFICATE },
	{ "c-brainpoolP256r1", REASON_TLS_BAD_CERTIFICATE },
	{ "c-ed448", REASON_TLS_BAD_CERTIFICATE },
	{ "c-rsa-pss", REASON_TLS_BAD_CERTIFICATE },
	{ "c-agree", REASON_TLS_PURPOSE },
	{ "c-agree-only", REASON_TLS_PURPOSE },
};

static void
test_kind(struct tls_ctx *ctx, const struct kind *kind, int version)
{
	char crt[64], key[64];
	SSL_CTX *client;
	struct cert *cert;
	const char *detail;
	enum err readable;
	enum reason reason;
	bool in;

	snprintf(crt, sizeof(crt), "%s.crt", kind->name);
	snprintf(key, sizeof(key), "%s.key", kind->name);
	reason = tls_ctx_explain(ctx, pki_path(crt), &cert, &detail, &readable);
	is_str(reason_name(reason), reason_name(kind->reason), "explain: %s",
	    kind->name);
	ok(reason == REASON_NONE || detail != NULL, "... with a detail");
	tls_facts_free(cert);
	client = kit_client(crt, key, version, version);
	SSL_CTX_set_signing_algorithm_prefs(client, all_schemes,
	    sizeof(all_schemes) / sizeof(all_schemes[0]));
	in = kit_connect(&k, ctx, client, NULL);
	is_int(in, reason == REASON_NONE, "... and TLS 1.%d: %s",
	    version == TLS1_3_VERSION ? 3 : 2,
	    in ? "in" : reason_name(k.reason));
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
}

static void
test_kinds(void)
{
	struct kit_options o;
	struct tls_ctx *ctx;
	size_t i;

	kit_options(&o);
	ctx = kit_ctx(&o);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		test_kind(ctx, &kinds[i], TLS1_3_VERSION);
		test_kind(ctx, &kinds[i], TLS1_2_VERSION);
	}
	tls_ctx_put(ctx);
}

int
main(void)
{
	if (!ok(pki_make(), "certificates are made") ||
	    !ok(pki_run("servers_of_all_kinds && many_cas && "
			"clients_of_all_kinds && "
			"profile_files"),
		"and more"))
		return done_testing();
	test_complaints();
	test_all_at_once();
	test_warnings();
	test_serving();
	test_ca_names();
	test_choice();
	test_staple();
	test_stale();
	test_each();
	test_explain();
	test_kinds();
	pki_remove();
	return done_testing();
}
