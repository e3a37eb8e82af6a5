/* SPDX-License-Identifier: ISC */
/*
 * Keys in a token, with SoftHSM below a module that has faults
 * (t/lib/pkcs11_module.c): signatures while the token hangs, is gone, or lies,
 * and what happens to those that are under way when their connection ends.
 */
#include "tls/pkcs11_key.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"
#include "tls/keypair.h"
#include "tls_kit.h"

#define WAIT_MS 20000

static struct kit k;
static char uri_text[3][1024]; /* of the keys server, shop and rsa */
static const char *uris[3];

static const char make_token[] =
    "export SOFTHSM2_CONF=\"$PWD/softhsm.conf\" && mkdir tokens faults && "
    "printf 'directories.tokendir = %s/tokens\\nlog.level = ERROR\\n' "
    "\"$PWD\" >softhsm.conf && printf '1234\\n' >pin && chmod 600 pin && "
    "softhsm2-util --init-token --free --label gate --pin 1234 "
    "--so-pin 12345678 && "
    "for key in server shop rsa-server; do "
    "openssl pkey -in $key.key -out p8.key && "
    "softhsm2-util --import p8.key --token gate --label $key "
    "--id $(printf %s $key | od -An -tx1 | tr -d ' \\n' | head -c 4) "
    "--pin 1234 || exit 1; done";

static const char *
find_softhsm(void)
{
	static const char *const paths[] = {
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib64/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so",
	};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	return NULL;
}

static void
set_fault(const char *name, bool on)
{
	char path[64];

	snprintf(path, sizeof(path), "faults/%s", name);
	if (on)
		pki_write(path, "x", 1);
	else
		unlink(pki_path(path));
}

/* How often the module has noted `name'. */
static long
count_of(const char *name)
{
	char path[64];
	long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "faults/%s", name);
	f = fopen(pki_path(path), "r");
	if (f == NULL)
		return 0;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	fclose(f);
	return n;
}

static void
pause_ms(long ms)
{
	const struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

/* Builds the profile with that certificate and key; NULL and the first
 * complaint if it is refused. */
static struct tls_ctx *
make_ctx(const char *cert, const char *uri, char complaint[512])
{
	struct report why, warnings;
	struct tls_ctx *ctx = NULL;
	struct kit_options o;

	kit_options(&o);
	kit_list(&o, &o.o.certificates, cert, NULL);
	uris[0] = uri;
	o.o.private_keys.items = uris;
	o.o.private_keys.count = 1;
	o.o.client_certificate = CONFIG_CLIENT_CERTIFICATE_OPTIONAL;
	if (kit_ctx_try(&o, NULL, &ctx, &why, &warnings) != OK)
		ctx = NULL;
	snprintf(complaint, 512, "%s", why.kept > 0 ? why.lines[0] : "");
	report_fini(&why);
	report_fini(&warnings);
	return ctx;
}

/* Runs the handshake as long as it takes. */
static bool
run_handshake(void)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	int ok = 0;

	while (clock_mono_ms() < end && k.broken == 0) {
		ok = SSL_do_handshake(k.client);
		kit_turn(&k);
		if (ok == 1 && k.opened > 0)
			return true;
		pause_ms(1);
	}
	(void)SSL_do_handshake(k.client); /* reads the alert */
	return false;
}

static bool
connects(struct tls_ctx *ctx, int version)
{
	SSL_CTX *client = kit_client(NULL, NULL, version, version);
	bool good;

	kit_open(&k, ctx, client, NULL);
	good = run_handshake();
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
	return good;
}

/* Starts a handshake, and returns once the token works on its signature. */
static void
open_until_signing(struct tls_ctx *ctx, SSL_CTX *client)
{
	long before = count_of("signatures");
	uint64_t end = clock_mono_ms() + WAIT_MS;

	kit_open(&k, ctx, client, NULL);
	(void)SSL_do_handshake(k.client);
	while (count_of("signatures") == before && clock_mono_ms() < end) {
		kit_turn(&k);
		pause_ms(1);
	}
}

static void
test_handshakes(void)
{
	static const char *const certs[] = { "server.crt", "shop.crt",
		"rsa-server.crt" };
	char complaint[512];
	struct tls_ctx *ctx;
	size_t i;

	for (i = 0; i < 3; i++) {
		ctx = make_ctx(certs[i], uri_text[i], complaint);
		ok(ctx != NULL, "%s: %s", certs[i], complaint);
		if (ctx == NULL)
			continue;
		ok(connects(ctx, TLS1_2_VERSION), "... TLS 1.2");
		ok(connects(ctx, TLS1_3_VERSION), "... TLS 1.3");
		tls_ctx_put(ctx);
	}
}

static void
test_refused(void)
{
	static const struct {
		const char *cert;
		const char *uri; /* behind it come the module and the PIN */
		const char *want;
	} rows[] = {
		{ "server.crt", "token=gate;object=shop",
		    "not the key of the certificate" },
		{ "server.crt", "token=gate;object=rsa-server",
		    "the token has no EC key that the URI describes" },
		{ "rsa-server.crt", "token=gate;object=server",
		    "the token has no RSA key that the URI describes" },
		{ "server.crt", "token=gate", "describes several keys" },
		{ "server.crt", "token=other;object=server",
		    "no token that the URI describes is present" },
		{ "server.crt", "token=gate;objekt=server",
		    "an attribute that is not known" },
	};
	char text[1024], complaint[512];
	struct tls_ctx *ctx;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "pkcs11:%s%s", rows[i].uri,
		    strchr(uri_text[0], '?'));
		ctx = make_ctx(rows[i].cert, text, complaint);
		ok(ctx == NULL && strstr(complaint, rows[i].want) != NULL,
		    "%s, %s: %s", rows[i].cert, rows[i].uri, rows[i].want);
		if (ctx == NULL && strstr(complaint, rows[i].want) == NULL)
			diag("%s", complaint);
		tls_ctx_put(ctx);
	}
}

/* A PIN that was wrong is not tried twice. */
static void
test_wrong_pin(void)
{
	char text[1024], complaint[512];
	long before = count_of("logins");
	int i;

	pki_write("wrong", "4321", 4);
	snprintf(text, sizeof(text),
	    "pkcs11:token=gate;object=server?module-path=%s/t/lib/"
	    "pkcs11_module.so&pin-source=file:%s",
	    getenv("TOP_BUILDDIR"), pki_path("wrong"));
	for (i = 0; i < 3; i++) {
		ok(make_ctx("server.crt", text, complaint) == NULL,
		    "wrong PIN: refused");
		ok(strstr(complaint, i == 0 ? "is wrong" : "was wrong before"),
		    "... %s", complaint);
	}
	is_int(count_of("logins") - before, 1, "... and tried once");
}

/* The connection ends while the token works on its signature. */
static void
test_end_while_signing(struct tls_ctx *ctx)
{
	SSL_CTX *client =
	    kit_client(NULL, NULL, TLS1_3_VERSION, TLS1_3_VERSION);
	int i;

	for (i = 0; i < 3; i++) {
		set_fault("hang", true);
		open_until_signing(ctx, client);
		ok(tls_stream_is_signing(k.stream), "the token is at work");
		if (i == 0) {
			kit_close(&k); /* the loop is gone as well */
			set_fault("hang", false);
		} else if (i == 1) {
			/* The answer may be on its way already. */
			set_fault("hang", false);
			pause_ms(20);
			kit_close(&k);
		} else {
			/* The client leaves. */
			SSL_free(k.client);
			k.client = NULL;
			close(k.fd);
			k.fd = -1;
			while (k.broken == 0)
				kit_turn(&k);
			is_str(reason_name(k.reason), "tls_closed",
			    "the client's leaving is noticed");
			kit_close(&k);
			set_fault("hang", false);
		}
		ok(connects(ctx, TLS1_2_VERSION), "... others go on");
	}
	SSL_CTX_free(client);
}

static void
count_done(void *arg)
{
	int *n = arg;

	(*n)++;
}

/* More signatures than may wait, and all of them cancelled. */
static void
test_bound(void)
{
	static struct tls_signing *jobs[TLS_PKCS11_QUEUE_MAX + 16];
	struct tls_keypair pair = { 0 };
	struct pki_reports reports;
	struct report why, warnings;
	struct tls_load_report report = pki_say(&reports);
	struct tls_digest d = { .md = EVP_sha256(), .len = 32 };
	struct loop *loop = loop_new();
	size_t n = 0, i;
	int done = 0;

	report_init(&why);
	report_init(&warnings);
	reports.why = &why;
	reports.warnings = &warnings;
	is_int(tls_keypair_load(&pair, pki_path("server.crt"), uri_text[0],
		   NULL, &report),
	    OK, "a key pair");
	set_fault("hang", true);
	while (n < TLS_PKCS11_QUEUE_MAX + 16 &&
	    tls_signing_start(&jobs[n], pair.pkcs11, &d, loop, count_done,
		&done) == OK)
		n++;
	ok(n >= TLS_PKCS11_QUEUE_MAX && n < TLS_PKCS11_QUEUE_MAX + 16,
	    "%zu signatures wait, no more", n);
	is_str(tls_signing_why(), "too many signatures wait for the token",
	    "... and it says so");
	for (i = 0; i < n; i++)
		tls_signing_cancel(jobs[i]);
	set_fault("hang", false);
	loop_free(loop);
	tls_keypair_fini(&pair);
	is_int(done, 0, "none of the cancelled ones is told");
	report_fini(&why);
	report_fini(&warnings);
}

/* Waits until a client can connect again. */
static bool
comes_back(struct tls_ctx *ctx)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	while (clock_mono_ms() < end) {
		if (connects(ctx, TLS1_3_VERSION))
			return true;
		pause_ms(50);
	}
	return false;
}

static void
test_faults(struct tls_ctx *ctx)
{
	static const struct {
		const char *fault;
		const char *detail;
	} rows[] = {
		{ "gone", "no token that the URI describes is present" },
		{ "false", "not that of the certificate" },
	};
	SSL_CTX *client =
	    kit_client(NULL, NULL, TLS1_3_VERSION, TLS1_3_VERSION);
	long before;
	size_t i;
	int n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_fault(rows[i].fault, true);
		kit_open(&k, ctx, client, NULL);
		ok(!run_handshake(), "%s: refused", rows[i].fault);
		is_str(reason_name(k.reason), "tls_key", "... the reason");
		/* A token may go after the session was found to be good. */
		ok(k.detail != NULL &&
			(strstr(k.detail, rows[i].detail) != NULL ||
			    strstr(k.detail, "removed or unplugged") != NULL),
		    "... %s", k.detail);
		is_int(k.alert, SSL_AD_INTERNAL_ERROR, "... the alert");
		kit_close(&k);
		before = count_of("signatures");
		for (n = 0; n < 20; n++)
			(void)connects(ctx, TLS1_3_VERSION);
		ok(count_of("signatures") - before < 10,
		    "... then it is left alone");
		set_fault(rows[i].fault, false);
		ok(comes_back(ctx), "... and used again when it is back");
	}
	SSL_CTX_free(client);
}

int
main(void)
{
	const char *softhsm = find_softhsm(), *build = getenv("TOP_BUILDDIR");
	static const char *const names[] = { "server", "shop", "rsa-server" };
	char module[512], complaint[512];
	struct tls_ctx *ctx;
	size_t i;

	snprintf(module, sizeof(module), "%s/t/lib/pkcs11_module.so",
	    build == NULL ? "." : build);
	if (softhsm == NULL || access(module, R_OK) != 0) {
		printf("1..0 # SKIP no SoftHSM, or built without p11-kit\n");
		return 0;
	}
	if (!pki_make() || !pki_run(make_token)) {
		printf("1..0 # SKIP openssl or softhsm2-util fails\n");
		return 0;
	}
	setenv("SOFTHSM2_CONF", pki_path("softhsm.conf"), 1);
	setenv("TOKEN_MODULE", softhsm, 1);
	setenv("TOKEN_FAULTS", pki_path("faults"), 1);
	setenv("TOP_BUILDDIR", build == NULL ? "." : build, 0);
	for (i = 0; i < 3; i++)
		snprintf(uri_text[i], sizeof(uri_text[i]),
		    "pkcs11:token=gate;object=%s?module-path=%s&"
		    "pin-source=file:%s",
		    names[i], module, pki_path("pin"));
	test_wrong_pin();
	ctx = make_ctx("server.crt", uri_text[0], complaint);
	ok(ctx != NULL, "before threads are allowed");
	tls_pkcs11_key_allow_threads();
	test_handshakes();
	test_refused();
	test_end_while_signing(ctx);
	test_bound();
	test_faults(ctx);
	tls_ctx_put(ctx);
	pki_remove();
	return done_testing();
}
