/* SPDX-License-Identifier: ISC */
/*
 * Certificates of every shape, the hostile ones above all, and what a template
 * makes of them: one name, or a refusal with its reason and the variable.
 */
#include "base/utf8.h"
#include "identity/template.h"

#include "byte_kit.h"
#include "identity_kit.h"
#include "tap.h"

#define R CONFIG_UNSAFE_REFUSE
#define E CONFIG_UNSAFE_ENCODE

static const struct {
	const char *name;
	const char *cert;
	const char *template;
	enum config_unsafe unsafe;
	enum reason reason;
	const char *want; /* the name, or words of the refusal */
} rows[] = {
	/* Encodings. */
	{ "UTF8String", "CN utf8 'device-001'", "cn", R, REASON_NONE,
	    "device-001" },
	{ "PrintableString", "CN printable 'device-001'", "cn", R, REASON_NONE,
	    "device-001" },
	{ "IA5String", "CN ia5 'device_001'", "cn", R, REASON_NONE,
	    "device_001" },
	{ "NumericString", "CN numeric '4711'", "cn", R, REASON_NONE, "4711" },
	{ "T61String", "CN t61 'caf' e9", "cn", R, REASON_NONE, "caf\xc3\xa9" },
	{ "BMPString", "CN bmp 006400e9", "cn", R, REASON_NONE, "d\xc3\xa9" },
	{ "UniversalString", "CN universal 000000640001f680", "cn", R,
	    REASON_NONE, "d\xf0\x9f\x9a\x80" },
	{ "OCTET STRING", "CN other 'device'", "cn", R,
	    REASON_IDENTITY_ENCODING, "${cn}: is not a text string" },
	{ "bad UTF-8", "CN utf8 'caf' e9", "cn", R, REASON_IDENTITY_ENCODING,
	    "${cn}: is not well-formed" },
	{ "overlong slash", "CN utf8 'a' c0af 'b'", "cn", R,
	    REASON_IDENTITY_ENCODING, "well-formed" },
	{ "surrogates in UTF-8", "CN utf8 eda0bdeda980", "cn", R,
	    REASON_IDENTITY_ENCODING, "well-formed" },
	{ "UTF-16 in a BMPString", "CN bmp d83dde80", "cn", R,
	    REASON_IDENTITY_ENCODING, "well-formed" },
	{ "BMPString of odd length", "CN bmp 00640a", "cn", R,
	    REASON_IDENTITY_ENCODING, "well-formed" },
	{ "BMPString read as bytes", "CN bmp 'device-1'", "cn", R, REASON_NONE,
	    "\xe6\x91\xa5\xe7\x99\xa9\xe6\x8d\xa5\xe2\xb4\xb1" },
	{ "Windows-1252 in a T61String", "CN t61 9374657374", "cn", R,
	    REASON_IDENTITY_ENCODING, "well-formed" },
	{ "UTF-8 in a PrintableString", "CN printable c3a9", "cn", R,
	    REASON_IDENTITY_ENCODING, "well-formed" },
	{ "OCTET STRING, empty", "CN other", "cn", R, REASON_IDENTITY_ENCODING,
	    "not a text string" },
	/* NUL. */
	{ "NUL inside", "CN utf8 'admin' 00 '.evil'", "cn", R,
	    REASON_IDENTITY_ENCODING, "${cn}: holds a NUL" },
	{ "NUL inside, encode does not help", "CN utf8 'admin' 00", "cn", E,
	    REASON_IDENTITY_ENCODING, "holds a NUL" },
	{ "NUL in a BMPString", "CN bmp 006100000062", "cn", R,
	    REASON_IDENTITY_ENCODING, "holds a NUL" },
	{ "NUL in a DNS name", "dns 'a.example' 00 '.evil'", "san.dns", R,
	    REASON_IDENTITY_ENCODING, "${san.dns}: holds a NUL" },
	{ "NUL in the DN", "O utf8 'x' 00\nCN utf8 'd'", "dn", R,
	    REASON_IDENTITY_ENCODING, "${dn}: holds a NUL" },
	/* Missing and empty. */
	{ "no subject", "dns 'a.example'", "cn", R, REASON_IDENTITY_MISSING,
	    "${cn}: the certificate has none" },
	{ "no CN", "O utf8 'Acme'", "cn", R, REASON_IDENTITY_MISSING, "${cn}" },
	{ "CN only in the issuer", "O utf8 'Acme'", "cn", R,
	    REASON_IDENTITY_MISSING, "${cn}" },
	{ "empty CN", "CN utf8", "cn", R, REASON_IDENTITY_EMPTY,
	    "${cn}: is empty" },
	{ "no subject, DN", "dns 'a.example'", "dn", R, REASON_IDENTITY_EMPTY,
	    "${dn}: is empty" },
	{ "second variable missing", "CN utf8 'd'", "${cn}@${o}", R,
	    REASON_IDENTITY_MISSING, "${o}" },
	{ "no such SAN kind", "CN utf8 'd'\ndns 'a'", "san.uri", R,
	    REASON_IDENTITY_MISSING, "${san.uri}" },
	{ "empty DNS name", "dns", "san.dns", R, REASON_IDENTITY_EMPTY,
	    "${san.dns}" },
	{ "no serial", "CN utf8 'd'\nserial", "serial", R,
	    REASON_IDENTITY_EMPTY, "${serial}" },
	/* Doubled. */
	{ "two CNs", "CN utf8 'a'\nCN utf8 'b'", "cn", R,
	    REASON_IDENTITY_AMBIGUOUS, "${cn}: the certificate has 2 of them" },
	{ "two equal CNs", "CN utf8 'a'\nCN utf8 'a'", "cn", R,
	    REASON_IDENTITY_AMBIGUOUS, "${cn}" },
	{ "two CNs in one RDN", "CN utf8 'a'\n+ CN utf8 'b'", "cn", R,
	    REASON_IDENTITY_AMBIGUOUS, "${cn}" },
	{ "second CN of another type", "CN utf8 'a'\nCN other 01", "cn", R,
	    REASON_IDENTITY_AMBIGUOUS, "${cn}" },
	{ "empty CN and a good one", "CN utf8\nCN utf8 'a'", "cn", R,
	    REASON_IDENTITY_AMBIGUOUS, "${cn}" },
	{ "serialNumber", "SERIALNUMBER printable 'SN-17'", "serialnumber", R,
	    REASON_NONE, "SN-17" },
	{ "serialNumber is not the serial", "CN utf8 'd'\nserial 0a",
	    "serialnumber", R, REASON_IDENTITY_MISSING, "${serialnumber}" },
	{ "uid", "UID utf8 'joe'", "uid", R, REASON_NONE, "joe" },
	{ "two uids", "UID utf8 'a'\nUID utf8 'b'", "uid", R,
	    REASON_IDENTITY_AMBIGUOUS, "${uid}" },
	{ "email", "EMAILADDRESS ia5 'a@b.example'", "email", R, REASON_NONE,
	    "a@b.example" },
	{ "place", "C printable 'DE'\nST utf8 'BY'\nL utf8 'Ulm'",
	    "${c}-${st}-${l}", R, REASON_NONE, "DE-BY-Ulm" },
	{ "title", "TITLE utf8 'gateway'", "title", R, REASON_NONE, "gateway" },
	{ "dnQualifier", "55042e printable 'q1'", "dnqualifier", R, REASON_NONE,
	    "q1" },
	{ "two serialNumbers in one RDN",
	    "SERIALNUMBER utf8 'a'\n+ SERIALNUMBER utf8 'b'", "serialnumber", R,
	    REASON_IDENTITY_AMBIGUOUS, "${serialnumber}" },
	{ "a slash in an e-mail", "EMAILADDRESS utf8 'a/b@c'", "email", R,
	    REASON_IDENTITY_UNSAFE, "${email}" },
	{ "two OUs", "OU utf8 'a'\nOU utf8 'b'\nCN utf8 'd'", "ou", R,
	    REASON_IDENTITY_AMBIGUOUS, "${ou}" },
	{ "two OUs that are not used", "OU utf8 'a'\nOU utf8 'b'\nCN utf8 'd'",
	    "cn", R, REASON_NONE, "d" },
	{ "two CNs in the DN are no doubt", "CN utf8 'a'\nCN utf8 'b'", "dn", R,
	    REASON_NONE, "CN=b,CN=a" },
	{ "two DNS names", "dns 'a'\ndns 'b'", "san.dns", R,
	    REASON_IDENTITY_AMBIGUOUS, "${san.dns}" },
	{ "one DNS name, one address", "dns 'a'\nip c0000201", "san.dns", R,
	    REASON_NONE, "a" },
	{ "two addresses", "ip c0000201\nip c0000202", "san.ip", R,
	    REASON_IDENTITY_AMBIGUOUS, "${san.ip}" },
	{ "two issuer CNs", "issuer.CN utf8 'a'\nissuer.CN utf8 'b'",
	    "issuer.cn", R, REASON_IDENTITY_AMBIGUOUS, "${issuer.cn}" },
	/* Wildcards, separators, controls. */
	{ "plus", "CN utf8 'a+b'", "cn", R, REASON_IDENTITY_UNSAFE,
	    "${cn}: holds U+002B" },
	{ "hash: CVE-2017-7650", "CN utf8 '#'", "cn", R, REASON_IDENTITY_UNSAFE,
	    "U+0023" },
	{ "slash", "CN utf8 'tenant-b/d1'", "tenant-a/${cn}", R,
	    REASON_IDENTITY_UNSAFE, "U+002F" },
	{ "slash in the template", "CN utf8 'd1'", "tenant-a/${cn}", R,
	    REASON_NONE, "tenant-a/d1" },
	{ "newline", "CN utf8 'a' 0a 'b'", "cn", R, REASON_IDENTITY_UNSAFE,
	    "U+000A" },
	{ "DEL", "CN utf8 7f", "cn", R, REASON_IDENTITY_UNSAFE, "U+007F" },
	{ "C1 control", "CN utf8 c285", "cn", R, REASON_IDENTITY_UNSAFE,
	    "U+0085" },
	{ "no-break space is none", "CN utf8 c2a0", "cn", R, REASON_NONE,
	    "\xc2\xa0" },
	{ "space, star, dollar", "CN utf8 'a *$SYS'", "cn", R, REASON_NONE,
	    "a *$SYS" },
	{ "control in a BMPString", "CN bmp 0061000a", "cn", R,
	    REASON_IDENTITY_UNSAFE, "U+000A" },
	{ "plus in an organization", "O utf8 'A+B'\nCN utf8 'd'", "${o}-${cn}",
	    R, REASON_IDENTITY_UNSAFE, "${o}" },
	{ "plus in a field that is not used", "O utf8 'A+B'\nCN utf8 'd'", "cn",
	    R, REASON_NONE, "d" },
	{ "slash in a URI", "uri 'spiffe://acme/d1'", "san.uri", R, REASON_NONE,
	    "spiffe://acme/d1" },
	{ "hash in a URI", "uri 'spiffe://acme/#'", "san.uri", R,
	    REASON_IDENTITY_UNSAFE, "${san.uri}: holds U+0023" },
	{ "plus in an address", "email 'a+b@c.example'", "san.email", R,
	    REASON_IDENTITY_UNSAFE, "${san.email}" },
	{ "slash in a DNS name", "dns 'a/b'", "san.dns", R,
	    REASON_IDENTITY_UNSAFE, "${san.dns}" },
	{ "specials in a DN", "O utf8 'A+B/C'\nCN utf8 'd#1'", "dn", R,
	    REASON_NONE, "CN=d#1,O=A\\+B/C" },
	{ "control in a DN", "O utf8 'A' 0a\nCN utf8 'd'", "dn", R,
	    REASON_IDENTITY_UNSAFE, "${dn}: holds /# or a control" },
	/* The same, encoded. */
	{ "encoded plus", "CN utf8 'a+b#c/d'", "cn", E, REASON_NONE,
	    "a%2Bb%23c%2Fd" },
	{ "encoded control", "CN utf8 'a' 0a", "cn", E, REASON_NONE, "a%0A" },
	{ "encoded C1 control", "CN utf8 'a' c285", "cn", E, REASON_NONE,
	    "a%C2%85" },
	{ "encoded percent: never two names in one", "CN utf8 'a%2Fb'", "cn", E,
	    REASON_NONE, "a%252Fb" },
	{ "percent without encode", "CN utf8 'a%2Fb'", "cn", R, REASON_NONE,
	    "a%2Fb" },
	{ "encode leaves the rest", "CN utf8 'caf' c3a9", "cn", E, REASON_NONE,
	    "caf\xc3\xa9" },
	{ "encode leaves literal text", "CN utf8 'd/1'", "a/+/${cn}", E,
	    REASON_NONE, "a/+/d%2F1" },
	{ "encoded DN", "O utf8 'A+B/C'\nCN utf8 'd#' 0a", "dn", E, REASON_NONE,
	    "CN=d\\23\\0A,O=A\\2BB\\2FC" },
	{ "encoded URI keeps its slashes", "uri 'spiffe://a/#'", "san.uri", E,
	    REASON_NONE, "spiffe://a/%23" },
	{ "encode does not mend UTF-8", "CN utf8 ff", "cn", E,
	    REASON_IDENTITY_ENCODING, "well-formed" },
	/* Digests, numbers, addresses. */
	{ "serial with a sign byte", "serial 00f00d", "serial", R, REASON_NONE,
	    "f00d" },
	{ "serial zero", "serial 00", "serial", R, REASON_NONE, "00" },
	{ "serial with needless zeros", "serial 0000000a", "serial", R,
	    REASON_NONE, "0a" },
	{ "negative serial", "serial ff", "serial", R, REASON_IDENTITY_ENCODING,
	    "${serial}: is negative" },
	{ "serial of 20 bytes",
	    "serial 7fffffffffffffffffffffffffffffffffffffff", "serial", R,
	    REASON_NONE, "7fffffffffffffffffffffffffffffffffffffff" },
	{ "IPv4", "ip c0000201", "san.ip", R, REASON_NONE, "192.0.2.1" },
	{ "IPv6", "ip 20010db8000000000000000000000001", "san.ip", R,
	    REASON_NONE, "2001:db8::1" },
	{ "an address of 5 bytes", "ip c000020101", "san.ip", R,
	    REASON_IDENTITY_ENCODING, "${san.ip}: has 5 bytes" },
	{ "an address with a mask", "ip c0000200ffffff00", "san.ip", R,
	    REASON_IDENTITY_ENCODING, "has 8 bytes" },
	{ "no DER at all", "der", "crt", R, REASON_IDENTITY_EMPTY, "${crt}" },
	{ "base64 of one byte", "der ff", "pem", R, REASON_NONE, "/w==" },
	{ "base64 with / and +", "der fbefbe ffffff", "crt", R, REASON_NONE,
	    "++++////" },
};

static void
check(size_t i)
{
	static struct identity_name name;
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_311, "c1", NULL, NULL);
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_template *t;
	char why[IDENTITY_WHY_MAX] = "";
	enum reason reason;

	identity_kit_init(&k, rows[i].cert);
	if (!ok(identity_template_compile(&t, slice_str(rows[i].template),
		    why) == OK,
		"template %s", rows[i].template))
		return;
	reason = identity_template_render(t, &in, rows[i].unsafe, &name, why);
	is_int(reason, rows[i].reason, "%s: %s %s", rows[i].name,
	    reason_name(reason), why);
	if (rows[i].reason == REASON_NONE)
		is_mem(name.bytes, name.len, rows[i].want, strlen(rows[i].want),
		    "%s: name", rows[i].name);
	else
		ok(strstr(why, rows[i].want) != NULL, "%s: says %s",
		    rows[i].name, rows[i].want);
	ok(reason != REASON_NONE ||
		utf8_valid(slice_make(name.bytes, name.len)),
	    "%s: legal in MQTT", rows[i].name);
	identity_template_free(t);
	identity_kit_fini(&k);
}

/* What the client says of itself, in a template. */
static void
test_client(void)
{
	static struct identity_name name;
	static const struct {
		const char *template;
		const char *client_id;
		const char *username;
		enum config_unsafe unsafe;
		enum reason reason;
		const char *want;
	} said[] = {
		{ "${cn}-${client.clientid}", "a/b", NULL, R, REASON_NONE,
		    "d-a/b" },
		{ "${cn}-${client.clientid}", "#", NULL, R,
		    REASON_IDENTITY_UNSAFE, "U+0023" },
		{ "t/${client.username}", "x", "+", R, REASON_IDENTITY_UNSAFE,
		    "U+002B" },
		{ "t/${client.username}", "x", "+%", E, REASON_NONE,
		    "t/%2B%25" },
		{ "${client.clientid}", "a\nb", NULL, R, REASON_IDENTITY_UNSAFE,
		    "U+000A" },
		{ "${client.clientid}", "", NULL, R, REASON_IDENTITY_EMPTY,
		    "${client.clientid}" },
		{ "${client.username}", "x", "", R, REASON_IDENTITY_EMPTY,
		    "${client.username}" },
		{ "${client.username}", "x", NULL, R, REASON_IDENTITY_MISSING,
		    "${client.username}" },
		{ "${sni}", "x", NULL, R, REASON_IDENTITY_UNSAFE, "U+002F" },
	};
	struct identity_kit k;
	struct mqtt_connect c;
	struct identity_input in = { &k.cert, &c, slice_str("a/b"),
		slice_str("::1") };
	struct identity_template *t;
	char why[IDENTITY_WHY_MAX];
	size_t i;

	identity_kit_init(&k, "CN utf8 'd'");
	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		c = identity_kit_connect(MQTT_LEVEL_5, said[i].client_id,
		    said[i].username, NULL);
		if (identity_template_compile(&t, slice_str(said[i].template),
			why) != OK)
			continue;
		is_int(identity_template_render(t, &in, said[i].unsafe, &name,
			   why),
		    said[i].reason, "%s of \"%s\"", said[i].template,
		    said[i].client_id);
		if (said[i].reason == REASON_NONE)
			is_mem(name.bytes, name.len, said[i].want,
			    strlen(said[i].want), "name");
		else
			ok(strstr(why, said[i].want) != NULL, "says %s", why);
		identity_template_free(t);
	}
	identity_kit_fini(&k);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(i);
	test_client();
	diag("%zu certificates", i);
	return done_testing();
}
