/* SPDX-License-Identifier: ISC */
/*
 * Resumption by tickets, and what it must not bypass: revocation and expiry
 * since then, another set of client CAs, other rules.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "tls/crl.h"
#include "tls/tickets.h"
#include "tls_kit.h"

static struct kit k;

static bool
is_resumed(void)
{
	struct tls_info info;

	if (k.opened == 0 || k.stream == NULL)
		return false;
	tls_stream_info(k.stream, &info);
	return info.resumed;
}

/* Connects and closes. Returns the ticket, or NULL if the client is refused. */
static SSL_SESSION *
take_ticket(struct tls_ctx *ctx, SSL_CTX *client, SSL_SESSION *resume)
{
	bool good = kit_connect(&k, ctx, client, resume);
	SSL_SESSION *session = k.session;

	kit_close(&k);
	if (good)
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

/* Checks whether `ctx' resumes `session', and that the facts are complete. */
static void
check_resume(struct tls_ctx *ctx, SSL_CTX *client, SSL_SESSION *session,
    bool want, const char *what)
{
	struct cert *cert;

	ok(kit_connect(&k, ctx, client, session), "%s: gets in", what);
	is_int(is_resumed(), want, "... %s", want ? "resumed" : "not resumed");
	if (k.opened > 0) {
		is_int(tls_stream_take_cert(k.stream, &cert), OK, "... facts");
		ok(cert != NULL && cert->ca_count > 0 &&
			cert->subject_count > 0,
		    "... are all there");
		tls_facts_free(cert);
	}
	kit_close(&k);
	SSL_SESSION_free(k.session);
}

static void
check_refused(struct tls_ctx *ctx, SSL_CTX *client, SSL_SESSION *session,
    const char *reason, int alert)
{
	kit_connect(&k, ctx, client, session);
	is_int(k.opened, 0, "resuming is refused");
	is_str(reason_name(k.reason), reason, "... reason");
	is_int(k.alert, alert, "... alert");
	kit_close(&k);
	SSL_SESSION_free(k.session);
}

/* Builds the profile of `o' with this CRL (NULL: none) as a reload would, after
 * `previous' (NULL: at start). The ticket keys stay. */
static struct tls_ctx *
load(struct kit_options *o, const char *crl, struct tls_tickets *ring,
    const struct tls_ctx *previous)
{
	struct report why, warnings;
	struct pki_reports reports = { &why, &warnings };
	struct tls_load_report report = pki_say(&reports);
	struct tls_ctx *ctx;
	size_t i;

	kit_list(o, &o->o.crls, crl, NULL);
	report_init(&why);
	report_init(&warnings);
	is_int(tls_ctx_new(&ctx, &o->o, ring, previous, &report), OK,
	    "a profile with %s", crl == NULL ? "no CRL" : crl);
	for (i = 0; i < why.kept; i++)
		diag("%s", why.lines[i]);
	report_fini(&why);
	report_fini(&warnings);
	return ctx;
}

/* What a reload with new CRLs means for those who hold tickets, and for one
 * who is in. */
static void
check_crls(struct kit_options *o, struct tls_ctx *ctx, struct tls_tickets *ring,
    SSL_CTX *const clients[2], SSL_SESSION *const tickets[2])
{
	SSL_CTX *client = clients[0], *deep = clients[1];
	SSL_SESSION *s = tickets[0], *d = tickets[1];
	struct tls_ctx *revoked = load(o, "revoked.crl", ring, ctx);
	struct tls_ctx *issuing = load(o, "issuing-revoked.crl", ring, ctx);
	struct tls_ctx *none = load(o, NULL, ring, ctx);
	const char *detail;
	int64_t end;

	kit_connect(&k, ctx, client, s);
	is_int(tls_stream_recheck(k.stream, ctx, &end, &detail), REASON_NONE,
	    "live");
	is_int(tls_stream_recheck(k.stream, revoked, &end, &detail),
	    REASON_TLS_REVOKED, "... and revoked");
	kit_close(&k);
	SSL_SESSION_free(k.session);
	check_refused(revoked, client, s, "tls_revoked",
	    SSL_AD_CERTIFICATE_REVOKED);
	check_refused(revoked, client, NULL, "tls_revoked",
	    SSL_AD_CERTIFICATE_REVOKED);
	check_resume(revoked, deep, d, true, "others resume as before");
	check_refused(issuing, deep, d, "tls_revoked",
	    SSL_AD_CERTIFICATE_REVOKED);
	check_resume(none, client, s, true, "without CRLs");
	tls_ctx_put(revoked);
	tls_ctx_put(issuing);
	tls_ctx_put(none);
}

/*
 * A TLS 1.3 client that is silent after its handshake gets its ticket at once.
 * If it has gone on, the ticket is sent with our answer.
 */
static void
check_ticket_time(struct tls_ctx *ctx, SSL_CTX *client, bool silent)
{
	uint8_t answer[STREAM_HEADROOM + 2] = { 0 }, byte[16];
	int i, done = 0;

	kit_open(&k, ctx, client, NULL);
	stream_want_read(k.stream, true);
	for (i = 0; i < 10 && k.opened == 0; i++) {
		if (done != 1) {
			done = SSL_do_handshake(k.client);
			if (done == 1 && !silent)
				SSL_write(k.client, "x", 1);
		}
		kit_turn(&k);
	}
	kit_client_read(&k, byte, sizeof(byte));
	is_int(k.received, silent ? 0 : 1, "%s",
	    silent ? "a silent client" : "a client that goes on");
	is_int(k.session != NULL, silent, "... %s its ticket",
	    silent ? "gets" : "does not wait for");
	(void)stream_write(k.stream, answer + STREAM_HEADROOM, 2);
	is_int(kit_client_read(&k, byte, sizeof(byte)), 2, "... an answer");
	ok(k.session != NULL, "... a ticket");
	kit_close(&k);
	SSL_SESSION_free(k.session);
}

static void
test_version(int version, const char *name)
{
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);
	SSL_CTX *deep =
	    kit_client("deep-chain.crt", "deep.key", version, version);
	struct kit_options o;
	struct tls_ctx *ctx, *same;
	SSL_SESSION *s, *d, *again;
	struct tls_tickets *ring = tls_tickets_new();

	kit_options(&o);
	o.o.crl_policy = CONFIG_CRL_POLICY_SOFT;
	ctx = load(&o, "empty.crl", ring, NULL);
	same = load(&o, "empty.crl", ring, ctx);
	s = take_ticket(ctx, client, NULL);
	d = take_ticket(ctx, deep, NULL);
	if (!ok(s != NULL && d != NULL, "%s: tickets", name))
		return;
	check_resume(ctx, client, s, true, "a device");
	check_resume(ctx, deep, d, true, "one with an intermediate");
	check_resume(same, client, s, true, "after a reload");
	if (version == TLS1_3_VERSION) {
		again = take_ticket(ctx, client, s);
		ok(again != NULL, "a ticket by a ticket");
		check_resume(ctx, client, again, true, "... is as good");
		SSL_SESSION_free(again);
		check_ticket_time(ctx, client, true);
		check_ticket_time(ctx, client, false);
	}
	check_crls(&o, ctx, ring, (SSL_CTX *[]){ client, deep },
	    (SSL_SESSION *[]){ s, d });
	SSL_SESSION_free(s);
	SSL_SESSION_free(d);
	tls_ctx_put(ctx);
	tls_ctx_put(same);
	tls_tickets_put(ring);
	SSL_CTX_free(client);
	SSL_CTX_free(deep);
}

/* Other client CAs, or another rule: a full handshake with all its checks. */
static void
test_other_profile(void)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	struct tls_tickets *ring = tls_tickets_new();
	struct report why, warnings;
	struct pki_reports reports = { &why, &warnings };
	struct tls_load_report report = pki_say(&reports);
	struct kit_options o;
	struct tls_ctx *ctx, *more, *less, *optional;
	const char *detail;
	int64_t end;
	SSL_SESSION *s;

	report_init(&why);
	report_init(&warnings);
	kit_options(&o);
	is_int(tls_ctx_new(&ctx, &o.o, ring, NULL, &report), OK, "a profile");
	o.o.client_certificate = CONFIG_CLIENT_CERTIFICATE_OPTIONAL;
	is_int(tls_ctx_new(&optional, &o.o, ring, NULL, &report), OK,
	    "one without the rule");
	o.o.client_certificate = CONFIG_CLIENT_CERTIFICATE_REQUIRED;
	kit_list(&o, &o.o.client_cas, "root.crt", "other.crt", NULL);
	is_int(tls_ctx_new(&more, &o.o, ring, NULL, &report), OK,
	    "one with a CA more");
	kit_list(&o, &o.o.client_cas, "other.crt", NULL);
	is_int(tls_ctx_new(&less, &o.o, ring, NULL, &report), OK,
	    "one without the CA");
	report_fini(&why);
	report_fini(&warnings);
	s = take_ticket(ctx, client, NULL);
	check_resume(ctx, client, s, true, "the same");
	check_resume(more, client, s, false, "another CA was added");
	check_resume(optional, client, s, false, "another rule");
	check_refused(less, client, s, "tls_untrusted", SSL_AD_UNKNOWN_CA);
	kit_connect(&k, ctx, client, NULL);
	is_int(tls_stream_recheck(k.stream, more, &end, &detail), REASON_NONE,
	    "live under more CAs");
	is_int(tls_stream_recheck(k.stream, less, &end, &detail),
	    REASON_TLS_UNTRUSTED, "live, and its CA gone");
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_SESSION_free(s);
	/* A ticket of one who had no certificate opens nothing elsewhere. */
	SSL_CTX_free(client);
	client = kit_client(NULL, NULL, TLS1_3_VERSION, TLS1_3_VERSION);
	s = take_ticket(optional, client, NULL);
	check_refused(ctx, client, s, "tls_no_certificate",
	    SSL_AD_CERTIFICATE_REQUIRED);
	SSL_SESSION_free(s);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
	tls_ctx_put(more);
	tls_ctx_put(less);
	tls_ctx_put(optional);
	tls_tickets_put(ring);
}

/* A certificate that expires between the ticket and its use. */
static void
test_expiry(void)
{
	SSL_CTX *client;
	struct kit_options o;
	struct tls_ctx *ctx;
	const char *detail;
	int64_t end;
	SSL_SESSION *s;
	int i;

	ok(pki_run("dated brief root yesterday '2 seconds'"), "a brief life");
	kit_options(&o);
	ctx = kit_ctx(&o);
	client = kit_client("brief.crt", "brief.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	s = take_ticket(ctx, client, NULL);
	if (!ok(s != NULL, "a ticket in time"))
		return;
	ok(kit_connect(&k, ctx, client, s), "a live stream in time");
	for (i = 0; i < 400 &&
	     tls_stream_recheck(k.stream, ctx, &end, &detail) == REASON_NONE;
	     i++)
		usleep(10000);
	is_int(tls_stream_recheck(k.stream, ctx, &end, &detail),
	    REASON_TLS_EXPIRED, "it expires");
	kit_close(&k);
	SSL_SESSION_free(k.session);
	check_refused(ctx, client, s, "tls_expired",
	    SSL_AD_CERTIFICATE_EXPIRED);
	/* It is known from before, which must not help. */
	check_refused(ctx, client, NULL, "tls_expired",
	    SSL_AD_CERTIFICATE_EXPIRED);
	SSL_SESSION_free(s);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
}

/*
 * A client that sends, beside its true intermediate, a look-alike of its own
 * making with the same name. Following by names could be led astray, so both
 * the first and the resumed handshake must use the true one.
 */
static void
test_look_alike(void)
{
	SSL_CTX *client;
	struct tls_tickets *ring = tls_tickets_new();
	struct kit_options o;
	struct tls_ctx *ctx, *revoked;
	SSL_SESSION *s;

	ok(pki_run("ca fake-root /CN=Fake && sub fake fake-root /CN=Issuing "
		   "basicConstraints=critical,CA:TRUE && "
		   "cat deep.crt issuing.crt fake.crt >two.crt && "
		   "cat deep.crt fake.crt issuing.crt >owt.crt"),
	    "a look-alike of the issuing CA");
	kit_options(&o);
	o.o.crl_policy = CONFIG_CRL_POLICY_SOFT;
	ctx = load(&o, "empty.crl", ring, NULL);
	revoked = load(&o, "issuing-revoked.crl", ring, ctx);
	client =
	    kit_client("two.crt", "deep.key", TLS1_3_VERSION, TLS1_3_VERSION);
	s = take_ticket(ctx, client, NULL);
	if (ok(s != NULL, "it is in the chain")) {
		check_resume(ctx, client, s, true, "... and does not harm");
		check_refused(revoked, client, s, "tls_revoked",
		    SSL_AD_CERTIFICATE_REVOKED);
	}
	SSL_SESSION_free(s);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
	tls_ctx_put(revoked);
	tls_tickets_put(ring);
}

static void
test_off(void)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_2_VERSION,
	    TLS1_3_VERSION);
	struct kit_options o;
	struct tls_ctx *ctx;

	kit_options(&o);
	o.o.session_tickets = false;
	ctx = kit_ctx(&o);
	ok(kit_connect(&k, ctx, client, NULL), "session_tickets = off");
	ok(k.session == NULL, "... gives none");
	kit_close(&k);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
}

/* A device with a ticket of its old certificate, which is no longer admitted:
 * with which certificate it comes, and what becomes of it. */
static const struct renewal {
	const char *cert; /* of the second connection; NULL: none */
	const char *key;
	const char *crl; /* of the profile then */
	bool denied; /* the deny list has the old certificate */
	bool resumed;
	const char *reason; /* "none": it gets in */
} renewals[] = {
	{ "device.crt", "device.key", "empty.crl", false, true, "none" },
	{ "renewed.crt", "device.key", "empty.crl", false, true, "none" },
	{ NULL, NULL, "empty.crl", false, true, "none" },
	{ "renewed.crt", "device.key", "revoked.crl", false, false, "none" },
	{ "rsa-device.crt", "rsa-device.key", "revoked.crl", false, false,
	    "none" },
	{ "deep-chain.crt", "deep.key", "revoked.crl", false, false,
	    "tls_crl_unavailable" },
	{ "device.crt", "device.key", "revoked.crl", false, false,
	    "tls_revoked" },
	{ NULL, NULL, "revoked.crl", false, false, "tls_revoked" },
	{ "stranger.crt", "stranger.key", "revoked.crl", false, false,
	    "tls_untrusted" },
	{ "late.crt", "late.key", "revoked.crl", false, false, "tls_expired" },
	{ "renewed.crt", "device.key", "empty.crl", true, false, "none" },
	{ "device.crt", "device.key", "empty.crl", true, false, "none" },
	{ NULL, NULL, "empty.crl", true, false, "tls_no_certificate" },
};

static bool
deny(const struct cert *cert, void *arg)
{
	unsigned *asked = arg;

	++*asked;
	return cert == NULL;
}

static void
test_renewal(const struct renewal *r, int version)
{
	SSL_CTX *old = kit_client("device.crt", "device.key", version, version);
	SSL_CTX *new = kit_client(r->cert, r->key, version, version);
	struct tls_tickets *ring = tls_tickets_new();
	struct kit_options o;
	struct tls_ctx *before, *after;
	unsigned asked = 0;
	SSL_SESSION *s;

	kit_options(&o);
	before = load(&o, "empty.crl", ring, NULL);
	after = load(&o, r->crl, ring, before);
	s = take_ticket(before, old, NULL);
	kit_open(&k, after, new, s);
	if (r->denied)
		tls_stream_set_admit(k.stream, deny, &asked);
	kit_handshake(&k);
	is_str(reason_name(k.reason), r->reason, "TLS %s, %s, %s%s",
	    version == TLS1_3_VERSION ? "1.3" : "1.2",
	    r->cert == NULL ? "no certificate" : r->cert, r->crl,
	    r->denied ? ", denied" : "");
	is_int(k.opened > 0, strcmp(r->reason, "none") == 0, "... gets in");
	is_int(is_resumed(), r->resumed, "... resumed or not");
	is_int(asked, r->denied, "... the deny list is asked once, if at all");
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_SESSION_free(s);
	tls_ctx_put(before);
	tls_ctx_put(after);
	tls_tickets_put(ring);
	SSL_CTX_free(old);
	SSL_CTX_free(new);
}

/* Where a certificate is optional, an ignored ticket leaves no identity. */
static void
test_ignored_optional(int version)
{
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);
	SSL_CTX *bare = kit_client(NULL, NULL, version, version);
	struct tls_tickets *ring = tls_tickets_new();
	struct kit_options o;
	struct tls_ctx *ctx;
	struct cert *cert;
	unsigned asked = 0;
	SSL_SESSION *s;

	kit_options(&o);
	o.o.client_certificate = CONFIG_CLIENT_CERTIFICATE_OPTIONAL;
	ctx = load(&o, NULL, ring, NULL);
	s = take_ticket(ctx, client, NULL);
	kit_open(&k, ctx, bare, s);
	tls_stream_set_admit(k.stream, deny, &asked);
	ok(kit_handshake(&k), "an ignored ticket and no certificate: gets in");
	is_int(tls_stream_take_cert(k.stream, &cert), OK, "... facts");
	ok(cert == NULL, "... as a client without a certificate");
	tls_facts_free(cert);
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_SESSION_free(s);
	tls_ctx_put(ctx);
	tls_tickets_put(ring);
	SSL_CTX_free(client);
	SSL_CTX_free(bare);
}

/* Files of keys that others can read or guess. */
static const struct key_file {
	const char *name;
	size_t len;
	size_t zero_from; /* bytes from here on are zero ... */
	size_t zero_to; /* ... to here */
	int mode;
	const char *warning; /* NULL: none */
} key_files[] = {
	{ "good", 80, 0, 0, 0600, NULL },
	{ "good for the group", 160, 0, 0, 0640, NULL },
	{ "readable by all", 80, 0, 0, 0644, "everybody may read" },
	{ "writable by all", 80, 0, 0, 0602, "everybody may read" },
	{ "zeros", 80, 0, 80, 0600, "all bytes of key 1 are the same" },
	{ "zeros, short keys", 48, 0, 48, 0600, "all bytes of key 1" },
	{ "a name and zeros", 80, 16, 80, 0600, "all bytes of key 1" },
	{ "the second key is zeros", 160, 80, 160, 0600, "all bytes of key 2" },
	{ "half of a key is zeros", 80, 16, 48, 0600, NULL },
};

static void
test_key_file(const struct key_file *f)
{
	struct report why, warnings;
	struct pki_reports reports = { &why, &warnings };
	struct tls_load_report report = pki_say(&reports);
	struct tls_tickets *t;
	uint8_t keys[160];
	size_t i;

	for (i = 0; i < sizeof(keys); i++)
		keys[i] = i >= f->zero_from && i < f->zero_to
		    ? 0
		    : (uint8_t)(i * 7 + 1);
	pki_write("some.keys", keys, f->len);
	chmod(pki_path("some.keys"), (mode_t)f->mode);
	report_init(&why);
	report_init(&warnings);
	is_int(tls_tickets_load(&t, pki_path("some.keys"), &report), OK,
	    "ticket_keys: %s", f->name);
	ok(f->warning == NULL ? warnings.count == 0
			      : warnings.count == 1 &&
		    strstr(warnings.lines[0], f->warning) != NULL,
	    "... %s", f->warning == NULL ? "no warning" : f->warning);
	report_fini(&why);
	report_fini(&warnings);
	tls_tickets_put(t);
}

static struct tls_tickets *
load_keys(const char *name, enum err want)
{
	struct tls_tickets *t;
	struct report why;
	struct pki_reports reports = { &why, &why };
	struct tls_load_report report = pki_say(&reports);

	report_init(&why);
	is_int(tls_tickets_load(&t, pki_path(name), &report), want,
	    "keys from %s", name);
	if (want == ERR_CONFIG)
		ok(why.count == 1 &&
			strncmp(why.lines[0], "x.ini:1: ticket_keys: ", 22) ==
			    0,
		    "... %s", why.lines[0]);
	report_fini(&why);
	return t;
}

/* Replicas that share keys, and a new key put in front. */
static void
test_key_files(size_t len)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	uint8_t keys[160];
	struct tls_ctx *a, *b, *next, *gone;
	SSL_SESSION *s;
	size_t i;

	for (i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)(i * 7 + i / 3);
	pki_write("one.keys", keys + len, len);
	pki_write("two.keys", keys, 2 * len);
	pki_write("other.keys", keys, len);
	a = kit_ctx_with(load_keys("one.keys", OK));
	b = kit_ctx_with(load_keys("one.keys", OK));
	next = kit_ctx_with(load_keys("two.keys", OK));
	gone = kit_ctx_with(load_keys("other.keys", OK));
	s = take_ticket(a, client, NULL);
	check_resume(b, client, s, true, "a ticket of the other replica");
	check_resume(next, client, s, true, "with a new key in front");
	check_resume(gone, client, s, false, "its key gone");
	SSL_SESSION_free(s);
	s = take_ticket(next, client, NULL);
	check_resume(gone, client, s, true, "the first key encrypts");
	SSL_SESSION_free(s);
	tls_ctx_put(a);
	tls_ctx_put(b);
	tls_ctx_put(next);
	tls_ctx_put(gone);
	SSL_CTX_free(client);
}

int
main(void)
{
	size_t i;

	if (!ok(pki_make(), "certificates are made") ||
	    !ok(pki_run("resume_crls"), "and CRLs"))
		return done_testing();
	test_version(TLS1_3_VERSION, "TLS 1.3");
	test_version(TLS1_2_VERSION, "TLS 1.2");
	test_other_profile();
	test_expiry();
	test_look_alike();
	test_off();
	for (i = 0; i < sizeof(renewals) / sizeof(renewals[0]); i++) {
		test_renewal(&renewals[i], TLS1_2_VERSION);
		test_renewal(&renewals[i], TLS1_3_VERSION);
	}
	test_ignored_optional(TLS1_2_VERSION);
	test_ignored_optional(TLS1_3_VERSION);
	for (i = 0; i < sizeof(key_files) / sizeof(key_files[0]); i++)
		test_key_file(&key_files[i]);
	test_key_files(80);
	test_key_files(48);
	pki_write("bad.keys", "short", 5);
	load_keys("bad.keys", ERR_CONFIG);
	load_keys("no.keys", ERR_CONFIG);
	pki_remove();
	return done_testing();
}
