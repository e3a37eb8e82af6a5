/* SPDX-License-Identifier: ISC */
/*
 * Handshakes: which clients are admitted, and which reason and alert the others
 * get.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"
#include "tls_kit.h"

/* The beginning of a record with a ClientHello. */
#define RECORD "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"

static struct kit k;

static void
finish(SSL_CTX *client)
{
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
}

static void
test_good(struct tls_ctx *ctx, int version, const char *cert, const char *key)
{
	SSL_CTX *client = kit_client(cert, key, version, version);
	const char *name = version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
	struct tls_info info;
	struct cert *facts;

	ok(kit_connect(&k, ctx, client, NULL), "%s: %s gets in", name, cert);
	if (is_int(k.opened, 1, "OPEN is told once")) {
		tls_stream_info(k.stream, &info);
		is_str(info.version, name, "the version");
		is_str(SSL_get_curve_name(SSL_get_curve_id(k.client)), "X25519",
		    "the group");
		is_str(info.sni, "", "no server was named");
		ok(strstr(info.cipher, "AES_128_GCM") != NULL, "%s",
		    info.cipher);
		ok(!info.resumed, "not resumed");
		is_int(tls_stream_take_cert(k.stream, &facts), OK, "facts");
		ok(facts != NULL && facts->ca_count == 1,
		    "... with the CA's hash");
		tls_facts_free(facts);
		is_int(tls_stream_take_cert(k.stream, &facts), ERR_NOT_FOUND,
		    "once");
		ok(facts == NULL && tls_stream_cert(k.stream) == NULL,
		    "... then they are gone");
		is_int(tls_stream_make_cert(k.stream, ctx, &facts), OK,
		    "worked out anew");
		ok(facts != NULL && facts->ca_count == 1 &&
			facts->subject_count > 0,
		    "... with the CA's hash");
		tls_facts_free(facts);
		is_int(tls_stream_make_cert(k.stream, NULL, &facts), OK,
		    "and without a profile");
		ok(facts != NULL && facts->ca_count == 0,
		    "... without the hash");
		tls_facts_free(facts);
		ok(k.session != NULL, "a ticket came");
	}
	finish(client);
}

struct refusal {
	const char *cert;
	const char *key;
	enum reason reason;
	int alert; /* of TLS 1.3 */
};

static void
test_refused(struct tls_ctx *ctx, int version, const struct refusal *r)
{
	SSL_CTX *client = kit_client(r->cert, r->key, version, version);
	int alert = r->alert;

	/* certificate_required exists in TLS 1.3 only. */
	if (version == TLS1_2_VERSION && alert == SSL_AD_CERTIFICATE_REQUIRED)
		alert = SSL_AD_HANDSHAKE_FAILURE;
	kit_connect(&k, ctx, client, NULL);
	is_int(k.opened, 0, "%s, %s: not let in",
	    r->cert == NULL ? "no certificate" : r->cert,
	    version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
	is_int(k.broken, 1, "... BROKEN is told");
	is_str(reason_name(k.reason), reason_name(r->reason), "... reason");
	is_int(k.alert, alert, "... alert %d", alert);
	finish(client);
}

static void
test_refusals(struct tls_ctx *ctx)
{
	static const struct refusal refusals[] = {
		{ NULL, NULL, REASON_TLS_NO_CERTIFICATE,
		    SSL_AD_CERTIFICATE_REQUIRED },
		{ "stranger.crt", "stranger.key", REASON_TLS_UNTRUSTED,
		    SSL_AD_UNKNOWN_CA },
		{ "deep.crt", "deep.key", REASON_TLS_UNTRUSTED,
		    SSL_AD_UNKNOWN_CA },
		{ "other.crt", "other.key", REASON_TLS_UNTRUSTED,
		    SSL_AD_UNKNOWN_CA },
		{ "wrong.crt", "wrong.key", REASON_TLS_PURPOSE,
		    SSL_AD_UNSUPPORTED_CERTIFICATE },
		{ "late.crt", "late.key", REASON_TLS_EXPIRED,
		    SSL_AD_CERTIFICATE_EXPIRED },
		{ "early.crt", "early.key", REASON_TLS_NOT_YET_VALID,
		    SSL_AD_CERTIFICATE_EXPIRED },
		{ "forged.crt", "device.key", REASON_TLS_BAD_CERTIFICATE,
		    SSL_AD_BAD_CERTIFICATE },
		{ "by-device.crt", "by-device.key", REASON_TLS_UNTRUSTED,
		    SSL_AD_UNKNOWN_CA },
		{ "too-deep.crt", "too-deep.key", REASON_TLS_UNTRUSTED,
		    SSL_AD_UNKNOWN_CA },
	};
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		test_refused(ctx, TLS1_3_VERSION, &refusals[i]);
		test_refused(ctx, TLS1_2_VERSION, &refusals[i]);
	}
}

static void
test_intermediate(struct tls_ctx *ctx)
{
	SSL_CTX *client = kit_client("deep-chain.crt", "deep.key",
	    TLS1_3_VERSION, TLS1_3_VERSION);
	struct cert *facts;
	int i;

	/* The second time the chain is followed without verifying signatures.
	 */
	for (i = 0; i < 2; i++) {
		ok(kit_connect(&k, ctx, client, NULL),
		    "an intermediate that the client sends is used");
		is_int(tls_stream_take_cert(k.stream, &facts), OK, "facts");
		is_int(facts == NULL ? 0 : (long long)facts->ca_count, 2,
		    "two certificates above it");
		tls_facts_free(facts);
		kit_close(&k);
		SSL_SESSION_free(k.session);
	}
	SSL_CTX_free(client);
}

/* client_ca can contain the issuing CA alone, or with its root. */
static void
test_partial(void)
{
	SSL_CTX *client =
	    kit_client("deep.crt", "deep.key", TLS1_3_VERSION, TLS1_3_VERSION);
	struct kit_options o;
	struct tls_ctx *ctx;
	struct cert *facts;
	int i, both;

	for (both = 0; both < 2; both++) {
		kit_options(&o);
		kit_list(&o, &o.o.client_cas, "issuing.crt",
		    both ? "root.crt" : NULL, NULL);
		ctx = kit_ctx(&o);
		for (i = 0; i < 2; i++) {
			ok(kit_connect(&k, ctx, client, NULL),
			    "an issuing CA in client_ca is enough");
			is_int(tls_stream_take_cert(k.stream, &facts), OK,
			    "facts");
			is_int(facts == NULL ? 0 : (long long)facts->ca_count,
			    both ? 2 : 1,
			    "... and the root counts if it is there");
			tls_facts_free(facts);
			kit_close(&k);
			SSL_SESSION_free(k.session);
		}
		tls_ctx_put(ctx);
	}
	SSL_CTX_free(client);
}

/* A self-signed device certificate in client_ca admits that device, and not one
 * with a certificate that this one has signed. */
static void
check_pinned(const char *cert, const char *key, const char *other_cert,
    const char *other_key)
{
	struct kit_options o;
	struct tls_ctx *ctx;
	SSL_CTX *client;

	kit_options(&o);
	kit_list(&o, &o.o.client_cas, cert, NULL);
	ctx = kit_ctx(&o);
	client = kit_client(cert, key, TLS1_3_VERSION, TLS1_3_VERSION);
	ok(kit_connect(&k, ctx, client, NULL), "%s gets in", cert);
	finish(client);
	client =
	    kit_client(other_cert, other_key, TLS1_3_VERSION, TLS1_3_VERSION);
	ok(!kit_connect(&k, ctx, client, NULL), "%s does not", other_cert);
	is_str(reason_name(k.reason), "tls_untrusted", "... for that reason");
	finish(client);
	tls_ctx_put(ctx);
}

/* A CA was renewed with the same key; client_ca still has the expired one. */
static void
test_renewed(void)
{
	static const char *const orders[][2] = { { "old.crt", "roll.crt" },
		{ "roll.crt", "old.crt" } };
	struct kit_options o;
	struct tls_ctx *ctx;
	SSL_CTX *client;
	size_t i;

	for (i = 0; i < 2; i++) {
		kit_options(&o);
		kit_list(&o, &o.o.client_cas, orders[i][0], orders[i][1], NULL);
		ctx = kit_ctx(&o);
		client = kit_client("rolled.crt", "rolled.key", TLS1_3_VERSION,
		    TLS1_3_VERSION);
		ok(kit_connect(&k, ctx, client, NULL),
		    "%s, %s: the one that has not ended counts", orders[i][0],
		    orders[i][1]);
		finish(client);
		tls_ctx_put(ctx);
	}
}

static void
test_optional(void)
{
	SSL_CTX *client =
	    kit_client(NULL, NULL, TLS1_2_VERSION, TLS1_3_VERSION);
	struct kit_options o;
	struct tls_ctx *ctx;
	struct cert *facts;

	kit_options(&o);
	o.o.client_certificate = CONFIG_CLIENT_CERTIFICATE_OPTIONAL;
	ctx = kit_ctx(&o);
	ok(kit_connect(&k, ctx, client, NULL), "no certificate is fine");
	is_int(tls_stream_take_cert(k.stream, &facts), OK, "facts");
	ok(facts == NULL, "... there are none");
	is_int(tls_stream_take_cert(k.stream, &facts), OK, "asked again");
	ok(facts == NULL, "... there are still none");
	finish(client);
	client = kit_client("stranger.crt", "stranger.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	ok(!kit_connect(&k, ctx, client, NULL), "a stranger's is not");
	is_str(reason_name(k.reason), "tls_untrusted", "... for that reason");
	finish(client);
	tls_ctx_put(ctx);
}

static void
test_versions(void)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_2_VERSION,
	    TLS1_2_VERSION);
	struct kit_options o;
	struct tls_ctx *ctx;

	kit_options(&o);
	o.o.min_version = CONFIG_TLS_VERSION_1_3;
	ctx = kit_ctx(&o);
	ok(!kit_connect(&k, ctx, client, NULL), "1.2 where 1.3 is the least");
	is_str(reason_name(k.reason), "tls_version", "... is the reason");
	is_int(k.alert, SSL_AD_PROTOCOL_VERSION, "... and the alert");
	finish(client);
	client = kit_client("device.crt", "device.key", TLS1_VERSION,
	    TLS1_1_VERSION);
	ok(!kit_connect(&k, ctx, client, NULL), "TLS 1.1");
	is_str(reason_name(k.reason), "tls_version", "... is too old");
	finish(client);
	tls_ctx_put(ctx);
}

/* The client does not trust the server. */
static void
test_client_alert(struct tls_ctx *ctx)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);

	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	ok(!kit_connect(&k, ctx, client, NULL), "a client that distrusts us");
	is_str(reason_name(k.reason), "tls_alert", "... sends an alert");
	is_str(k.detail, "unknown CA", "... which is the detail");
	finish(client);
}

/* First bytes that are not those of a TLS client. */
static const struct stranger {
	const char *bytes;
	size_t len;
	bool end; /* followed by the end of the stream */
	const char *reason;
	const char *detail; /* part of it; NULL: none is expected */
} strangers[] = {
	{ "GET / HTTP/1.1\r\n\r\n", 18, false, "tls_not_tls", "HTTP" },
	{ "HEAD / HTTP/1.0\r\n", 17, false, "tls_not_tls", "HTTP" },
	{ "POST /mqtt HTTP/1.1\r\n", 21, false, "tls_not_tls", "HTTP" },
	{ "OPTIONS * HTTP/1.1\r\n", 20, false, "tls_not_tls", "HTTP" },
	{ "CONNECT a:1 HTTP/1.1\r\n", 22, false, "tls_not_tls", "CONNECT" },
	{ "PRI * HTTP/2.0\r\n", 16, false, "tls_not_tls", "HTTP" },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 36, false, "tls_not_tls",
	    "PROXY" },
	{ "PROXY UNKNOWN\r\n", 15, false, "tls_not_tls", "accept_proxy" },
	{ "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16, false, "tls_not_tls", "PROXY" },
	{ "\x10\x0c\0\4MQTT\4\2\0\x3c\0\0", 14, false, "tls_not_tls", "MQTT" },
	{ "\x10\x0d\0\4MQTT\5\2\0\x3c\0\0\0", 15, false, "tls_not_tls",
	    "MQTT" },
	{ "\x10\x0e\0\6MQIsdp\3\2\0\x3c\0\0", 16, false, "tls_not_tls",
	    "MQTT" },
	{ "\x10\xff\x01\0\4MQTT\4\2\0\x3c", 13, false, "tls_not_tls", "MQTT" },
	{ "SSH-2.0-OpenSSH_9.2\r\n", 21, false, "tls_not_tls", "SSH" },
	{ "\x80\x2e\x01\x03\x01", 5, false, "tls_not_tls", "SSL 2" },
	{ "\x16\xfe\xfd\0\0", 5, false, "tls_not_tls", "DTLS" },
	{ "\x15\x03\x01\0\2\2\x28", 7, false, "tls_not_tls", "alert" },
	{ "\x10\x0c", 2, false, "tls_not_tls", "the first bytes: 10 0c" },
	{ "GET", 3, false, "tls_not_tls", "the first bytes: 'GET'" },
	{ "EHLO a.example\r\n", 16, false, "tls_not_tls",
	    "the first bytes: 'EHLO a.example'" },
	{ "\x16\x02", 2, false, "tls_not_tls", "the first bytes: 16 02" },
	{ "\0\0\0\0", 4, false, "tls_not_tls", "the first bytes: 00 00 00 00" },
	{ "\x9f\r\n", 3, false, "tls_not_tls", "the first bytes: 9f 0d 0a" },
	{ "0123456789abcdef0", 17, false, "tls_not_tls",
	    "the first bytes: '0123456789abcdef'" },
	{ "\x16", 1, false, "none", NULL },
	{ RECORD, 10, false, "none", NULL },
	{ RECORD, 10, true, "tls_closed", NULL },
	{ "", 0, true, "tls_check", NULL },
	{ "\x16\x03\x03\x00\x04\xff\xff\xff\xff", 9, false, "tls_handshake",
	    "a message is too long" },
	{ "\x16\x03\x03\xff\xff", 5, false, "tls_handshake", "LENGTH" },
};

static void
test_stranger(struct tls_ctx *ctx, const struct stranger *s)
{
	kit_open_raw(&k, ctx);
	is_int(write(k.fd, s->bytes, s->len), (long long)s->len,
	    "'%.12s' is sent", s->bytes);
	if (s->end)
		shutdown(k.fd, SHUT_WR);
	kit_turn(&k);
	kit_turn(&k);
	is_str(reason_name(k.reason), s->reason, "... reason");
	is_int(k.broken, s->reason[0] != 'n', "... broken or not");
	ok(s->detail == NULL
		? k.detail == NULL
		: k.detail != NULL && strstr(k.detail, s->detail) != NULL,
	    "... detail: %s", k.detail == NULL ? "none" : k.detail);
	kit_close(&k);
}

/* Sends the client's bytes one at a time. */
static void
test_bytewise(struct tls_ctx *ctx, int version)
{
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	uint8_t bytes[4096];
	int i, turns, done = 0;
	char byte;
	ssize_t n;

	kit_open(&k, ctx, client, NULL);
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(k.client, in, out);
	SSL_set_connect_state(k.client);
	for (turns = 0; turns < 10000 && !(done && k.opened); turns++) {
		done = SSL_do_handshake(k.client) == 1;
		for (i = 0; BIO_read(out, &byte, 1) == 1; i++) {
			if (write(k.fd, &byte, 1) != 1)
				break;
			kit_turn(&k);
		}
		n = read(k.fd, bytes, sizeof(bytes));
		if (n > 0)
			BIO_write(in, bytes, (int)n);
	}
	ok(k.opened == 1 && done, "a byte at a time is as good");
	finish(client);
}

static void
test_alpn(struct tls_ctx *ctx, const char *offer, const char *want)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	const uint8_t *agreed;
	unsigned len;

	SSL_CTX_set_alpn_protos(client, (const uint8_t *)offer,
	    (unsigned)strlen(offer));
	if (ok(kit_connect(&k, ctx, client, NULL), "ALPN %s", offer + 1)) {
		SSL_get0_alpn_selected(k.client, &agreed, &len);
		is_mem(agreed, len, want, strlen(want), "... is answered '%s'",
		    want);
	}
	finish(client);
}

/* The stream is closed in the callback that tells OPEN. */
static void
test_close_on_open(struct tls_ctx *ctx)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);

	kit_open(&k, ctx, client, NULL);
	k.close_on_open = true;
	kit_handshake(&k);
	ok(k.opened == 1 && k.stream == NULL, "closed in its own callback");
	finish(client);
}

/* The client sends data together with its last flight. */
static void
test_early_bytes(struct tls_ctx *ctx, bool close)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	int ok_client = 0;

	kit_open(&k, ctx, client, NULL);
	k.close_on_open = close;
	while (ok_client != 1) {
		ok_client = SSL_do_handshake(k.client);
		if (ok_client != 1)
			kit_turn(&k);
	}
	is_int(SSL_write(k.client, "CONNECT", 7), 7, "sent with the Finished");
	kit_turn(&k);
	is_int(k.opened, 1, "open");
	if (!close) {
		is_int((long long)k.received, 0, "nothing read unasked");
		stream_want_read(k.stream, true);
		kit_turn(&k);
		kit_turn(&k);
		is_mem(k.data, k.received, "CONNECT", 7,
		    "it is read when wanted");
	}
	finish(client);
}

static void
test_refuse_open(struct tls_ctx *ctx)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	uint8_t byte[8];

	ok(kit_connect(&k, ctx, client, NULL), "open");
	tls_stream_refuse(k.stream, REASON_TLS_DENIED);
	is_int(stream_shutdown(k.stream), OK, "and refused after all");
	is_int(kit_client_read(&k, byte, 8), -1, "the client hears");
	is_int(k.alert, SSL_AD_ACCESS_DENIED, "access_denied");
	finish(client);
}

static void
test_all(struct tls_ctx *ctx)
{
	size_t i;

	test_good(ctx, TLS1_3_VERSION, "device.crt", "device.key");
	test_good(ctx, TLS1_2_VERSION, "device.crt", "device.key");
	test_good(ctx, TLS1_3_VERSION, "rsa-device.crt", "rsa-device.key");
	test_good(ctx, TLS1_2_VERSION, "rsa-device.crt", "rsa-device.key");
	test_intermediate(ctx);
	test_refusals(ctx);
	test_client_alert(ctx);
	for (i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		test_stranger(ctx, &strangers[i]);
	test_bytewise(ctx, TLS1_3_VERSION);
	test_bytewise(ctx, TLS1_2_VERSION);
	test_alpn(ctx, "\4mqtt", "mqtt");
	test_alpn(ctx, "\2h2\4mqtt", "mqtt");
	test_alpn(ctx, "\16x-amzn-mqtt-ca", "x-amzn-mqtt-ca");
	test_alpn(ctx, "\10http/1.1", "");
	test_close_on_open(ctx);
	test_early_bytes(ctx, false);
	test_early_bytes(ctx, true);
	test_refuse_open(ctx);
}

int
main(void)
{
	struct kit_options o;
	struct tls_ctx *ctx;

	if (!ok(pki_make(), "certificates are made") ||
	    !ok(pki_run("refused_clients && self_signed_devices && renewed_ca"),
		"and special ones"))
		return done_testing();
	kit_options(&o);
	ctx = kit_ctx(&o);
	if (ok(ctx != NULL, "a profile is built"))
		test_all(ctx);
	tls_ctx_put(ctx);
	kit_list(&o, &o.o.certificates, "rsa-server.crt", NULL);
	kit_list(&o, &o.o.private_keys, "rsa-server.key", NULL);
	ctx = kit_ctx(&o);
	if (ok(ctx != NULL, "one with an RSA key")) {
		test_good(ctx, TLS1_3_VERSION, "device.crt", "device.key");
		test_good(ctx, TLS1_2_VERSION, "device.crt", "device.key");
	}
	tls_ctx_put(ctx);
	test_partial();
	check_pinned("pin.crt", "pin.key", "pinned.crt", "pinned.key");
	/* Without basicConstraints. */
	check_pinned("mute.crt", "mute.key", "muted.crt", "muted.key");
	test_renewed();
	test_optional();
	test_versions();
	pki_remove();
	return done_testing();
}
