/* SPDX-License-Identifier: ISC */
/* What operators write in a deny list, in its normal form. */
#include "identity/deny_key.h"

#include <arpa/inet.h>

#include "byte_kit.h"
#include "identity_kit.h"
#include "tap.h"

#define HEX64 "00112233445566778899aabbccddeeff0123456789abcdef0011223344556677"

static const struct {
	enum identity_deny_kind kind;
	const char *who;
	const char *want; /* NULL: refused */
} rows[] = {
	{ IDENTITY_DENY_KIND_CLIENTID, "Dev 1", "Dev 1" },
	{ IDENTITY_DENY_KIND_CLIENTID, "d\xc3\xa9p\xc3\xb4t",
	    "d\xc3\xa9p\xc3\xb4t" },
	{ IDENTITY_DENY_KIND_CLIENTID, "", NULL },
	{ IDENTITY_DENY_KIND_CLIENTID, "\xe9", NULL },
	{ IDENTITY_DENY_KIND_USERNAME, "Joe", "Joe" },
	{ IDENTITY_DENY_KIND_CN, "+#/", "+#/" },
	{ IDENTITY_DENY_KIND_CLIENTID_RE, "^a+$", "^a+$" },
	{ IDENTITY_DENY_KIND_PEERHOST, "192.0.2.1", "192.0.2.1" },
	{ IDENTITY_DENY_KIND_PEERHOST, "::ffff:192.0.2.1", "192.0.2.1" },
	{ IDENTITY_DENY_KIND_PEERHOST, "2001:DB8:0:0::1", "2001:db8::1" },
	{ IDENTITY_DENY_KIND_PEERHOST, "192.0.2.1/32", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST, "192.0.2.256", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST, "192.0.2", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST, "broker.example", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST, "[::1]", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.0/24", "192.0.2.0/24" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.77/24", "192.0.2.0/24" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.77", "192.0.2.77/32" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "0.0.0.0/0", "0.0.0.0/0" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "2001:db8:ffff::/33",
	    "2001:db8:8000::/33" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "::/0", "::/0" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "2001:db8::1", "2001:db8::1/128" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "::ffff:10.0.0.0/104",
	    "10.0.0.0/8" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "::ffff:10.0.0.0/95", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "::ffff:10.0.0.1", "10.0.0.1/32" },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.0/33", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "2001:db8::/129", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.0/", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.0/-1", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.0/0024", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "192.0.2.0/255.255.255.0", NULL },
	{ IDENTITY_DENY_KIND_PEERHOST_NET, "/24", NULL },
	{ IDENTITY_DENY_KIND_SERIAL, "0A", "0a" },
	{ IDENTITY_DENY_KIND_SERIAL, "a", "0a" },
	{ IDENTITY_DENY_KIND_SERIAL, "0x0A", "0a" },
	{ IDENTITY_DENY_KIND_SERIAL, "00:00:0A:bC", "0abc" },
	{ IDENTITY_DENY_KIND_SERIAL, "0", "00" },
	{ IDENTITY_DENY_KIND_SERIAL, "0000", "00" },
	{ IDENTITY_DENY_KIND_SERIAL, "123", "0123" },
	{ IDENTITY_DENY_KIND_SERIAL, "0a@CN=CA,O=Acme", "0a@CN=CA,O=Acme" },
	{ IDENTITY_DENY_KIND_SERIAL, "a@EMAILADDRESS=a@b.example",
	    "0a@EMAILADDRESS=a@b.example" },
	{ IDENTITY_DENY_KIND_SERIAL,
	    "0a@00112233445566778899AABBCCDDEEFF"
	    "0123456789ABCDEF0011223344556677",
	    "0a@" HEX64 },
	{ IDENTITY_DENY_KIND_SERIAL, "0a@", NULL },
	{ IDENTITY_DENY_KIND_SERIAL, "@CN=CA", NULL },
	{ IDENTITY_DENY_KIND_SERIAL, "0x", NULL },
	{ IDENTITY_DENY_KIND_SERIAL, "xyz", NULL },
	{ IDENTITY_DENY_KIND_SERIAL, ":", NULL },
	{ IDENTITY_DENY_KIND_SERIAL, "-1", NULL },
	{ IDENTITY_DENY_KIND_SHA256, HEX64, HEX64 },
	{ IDENTITY_DENY_KIND_SPKI,
	    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
	    "01:23:45:67:89:AB:CD:EF:00:11:22:33:44:55:66:77",
	    HEX64 },
	{ IDENTITY_DENY_KIND_SHA256, "0011", NULL },
	{ IDENTITY_DENY_KIND_SHA256, HEX64 "00", NULL },
	{ IDENTITY_DENY_KIND_SHA256, "zz", NULL },
	{ IDENTITY_DENY_KIND_SAN, "D1.Example", "d1.example" },
	{ IDENTITY_DENY_KIND_SAN, "spiffe://Acme/D1", "spiffe://acme/d1" },
	{ IDENTITY_DENY_KIND_SAN, "2001:DB8::0:1", "2001:db8::1" },
	{ IDENTITY_DENY_KIND_SAN, "::ffff:192.0.2.1", "192.0.2.1" },
};

static void
test_rows(void)
{
	static struct identity_deny_key key;
	char text[IDENTITY_DENY_TEXT_MAX];
	struct kit_bytes who;
	struct slice got;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		who = kit_copy(rows[i].who, strlen(rows[i].who));
		why = identity_deny_key_parse(&key, rows[i].kind,
		    kit_slice(&who));
		is_int(why == NULL, rows[i].want != NULL, "%s %s",
		    identity_deny_word(rows[i].kind), rows[i].who);
		kit_free(&who);
		if (why != NULL)
			continue;
		got = identity_deny_key_text(rows[i].kind,
		    slice_make(key.bytes, key.len), text);
		is_mem(got.data, got.len, rows[i].want, strlen(rows[i].want),
		    "normal form");
	}
	ok(identity_deny_key_parse(&key, IDENTITY_DENY_KIND_CN,
	       kit_run('x', 65535)) == NULL,
	    "65,535 bytes");
	ok(identity_deny_key_parse(&key, IDENTITY_DENY_KIND_CN,
	       kit_run('x', 65536)) != NULL,
	    "and not one more");
	ok(identity_deny_key_parse(&key, IDENTITY_DENY_KIND_SERIAL,
	       kit_run('1', 65534)) == NULL,
	    "a very long serial");
	ok(identity_deny_key_parse(&key, IDENTITY_DENY_KIND_SERIAL,
	       kit_run('1', 65535)) != NULL,
	    "and one too long");
}

static void
test_words(void)
{
	enum identity_deny_kind kind, back;

	for (kind = 0; kind < IDENTITY_DENY_KIND_COUNT; kind++)
		ok(identity_deny_kind_of(slice_str(identity_deny_word(kind)),
		       &back) &&
			back == kind,
		    "%s", identity_deny_word(kind));
	ok(!identity_deny_kind_of(slice_str("Username"), &back) &&
		!identity_deny_kind_of(slice_str(""), &back),
	    "no other word");
}

/* What is looked up of a certificate equals what an operator writes. */
static void
test_cert(void)
{
	static struct identity_deny_key key, want;
	static const struct {
		const char *cert;
		const char *who;
	} sans[] = {
		{ "dns 'D1.EXAMPLE'", "d1.example" },
		{ "uri 'spiffe://acme/d1'", "spiffe://acme/D1" },
		{ "email 'A@b.example'", "a@b.example" },
		{ "ip c0000201", "192.0.2.1" },
		{ "ip 00000000000000000000ffffc0000201", "192.0.2.1" },
		{ "ip 20010db8000000000000000000000001", "2001:db8::1" },
	};
	struct identity_kit k;
	size_t i;

	for (i = 0; i < sizeof(sans) / sizeof(sans[0]); i++) {
		identity_kit_init(&k, sans[i].cert);
		ok(identity_deny_key_san(&key, &k.sans[0]) &&
			identity_deny_key_parse(&want, IDENTITY_DENY_KIND_SAN,
			    slice_str(sans[i].who)) == NULL,
		    "%s", sans[i].cert);
		is_mem(key.bytes, key.len, want.bytes, want.len, "is %s",
		    sans[i].who);
		identity_kit_fini(&k);
	}
	identity_kit_init(&k, "dns 'a' 00\nip c00002\nserial 000a");
	ok(!identity_deny_key_san(&key, &k.sans[0]) &&
		!identity_deny_key_san(&key, &k.sans[1]),
	    "broken alternative names have no key");
	ok(identity_deny_key_serial(&key, k.cert.serial), "serial");
	is_mem(key.bytes, key.len, "0a", 2, "as it is written");
	ok(!identity_deny_key_serial(&key, slice_make(NULL, 0)),
	    "none, no key");
	ok(identity_deny_key_serial(&key, kit_run('\1', 32766)) &&
		!identity_deny_key_serial(&key, kit_run('\1', 32767)),
	    "up to the size of a key");
	identity_kit_fini(&k);
}

int
main(void)
{
	test_rows();
	test_words();
	test_cert();
	return done_testing();
}
