/* SPDX-License-Identifier: ISC */
/* Templates: what compiles, what the complaint says, what comes out. */
#include "base/utf8.h"
#include "identity/template.h"

#include "byte_kit.h"
#include "identity_kit.h"
#include "tap.h"

static const char *const good[] = { "none", "cn", "dn", "crt", "pem", "md5",
	"sha256", "tbs_sha256", "spki", "serial", "o", "ou", "c", "issuer.cn",
	"issuer.dn", "san.dns", "san.uri", "san.email", "san.ip", "sni",
	"client.username", "client.clientid", "peer.address", "${cn}",
	"${cn}-${client.clientid}", "tenant-a/${cn}", "a+b#c/${cn}",
	"$$${cn}$$", "$$", "gateway", "${issuer.cn}", "}{",
	"d\xc3\xa9p\xc3\xb4t-${cn}", "$${cn}" };

/* Starred words are in the complaint, at this column. */
static const struct {
	const char *text;
	const char *column;
	const char *word;
} bad[] = {
	{ "", "column 1:", "write none" },
	{ "CN", "column 1:", "did you mean cn?" },
	{ "${CN}", "column 1:", "did you mean ${cn}?" },
	{ "x-${cnn}", "column 3:", "did you mean ${cn}?" },
	{ "x-${san.dn}", "column 3:", "did you mean ${san.dns}?" },
	{ "${isuer.cn}", "column 1:", "did you mean ${issuer.cn}?" },
	{ "${client.id}", "column 1:", "there are cn dn crt" },
	{ "${client.clientId}",
	    "column 1:", "did you mean ${client.clientid}?" },
	{ "${username}", "column 1:", "did you mean ${client.username}?" },
	{ "${zzzzzzzz}", "column 1:", "peer.address" },
	{ "${}", "column 1:", "no such variable" },
	{ "${ cn }", "column 1:", "no such variable" },
	{ "${cn", "column 1:", "without }" },
	{ "a${", "column 2:", "without }" },
	{ "ab$", "column 3:", "$$" },
	{ "a$cn", "column 2:", "${cn}" },
	{ "\xc3\xa9\xc3\xa9$", "column 3:", "$$" },
	{ "$$$", "column 3:", "$$" },
	{ "disabled", "column 1:", "did you mean none?" },
	{ "None", "column 1:", "did you mean none?" },
	{ "non", "column 1:", "did you mean none?" },
	{ "username", "column 1:", "did you mean client.username?" },
	{ "clientid", "column 1:", "did you mean client.clientid?" },
	{ "peer-address", "column 1:", "did you mean peer.address?" },
	{ "sha-256", "column 1:", "did you mean sha256?" },
	{ "a\nb", "column 2:", "control" },
	{ "a\x7f", "column 2:", "control" },
	{ "a\xc2\x85", "column 2:", "control" },
	{ "\xc3\xa9\xff${cn}", "column 2:", "UTF-8" },
	{ "\xc0\x80", "column 1:", "UTF-8" },
};

static void
test_compile(void)
{
	struct identity_template *t;
	char why[IDENTITY_WHY_MAX];
	struct kit_bytes text;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		text = kit_copy(good[i], strlen(good[i]));
		ok(identity_template_compile(&t, kit_slice(&text), why) == OK,
		    "good: %s", good[i]);
		is_int(t == NULL, strcmp(good[i], "none") == 0,
		    "none alone is none");
		if (t != NULL)
			is_mem(identity_template_text(t).data,
			    identity_template_text(t).len, good[i],
			    strlen(good[i]), "remembers its text");
		identity_template_free(t);
		kit_free(&text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		text = kit_copy(bad[i].text, strlen(bad[i].text));
		ok(identity_template_compile(&t, kit_slice(&text), why) ==
			    ERR_CONFIG &&
			t == NULL,
		    "refused: %s", bad[i].text);
		ok(strncmp(why, bad[i].column, strlen(bad[i].column)) == 0 &&
			strstr(why, bad[i].word) != NULL,
		    "says %s", why);
		kit_free(&text);
	}
}

static void
test_sizes(void)
{
	struct identity_template *t;
	char why[IDENTITY_WHY_MAX];

	is_int(identity_template_compile(&t, slice_make("a\0b", 3), why),
	    ERR_CONFIG, "a NUL is refused");
	is_int(identity_template_compile(&t, kit_run('x', 65535), why), OK,
	    "65,535 bytes");
	ok(identity_template_is_constant(t), "which have no variable");
	identity_template_free(t);
	is_int(identity_template_compile(&t, kit_run('x', 65536), why),
	    ERR_CONFIG, "and not one more");
	is_int(identity_template_compile(&t, kit_run('$', 65534), why), OK,
	    "a purse of dollars");
	identity_template_free(t);
	is_int(identity_template_compile(&t, slice_str("x${cn}"), why), OK,
	    "with a variable");
	ok(!identity_template_is_constant(t), "is not constant");
	identity_template_free(t);
}

static const char full[] =
    "C printable 'DE'\nO utf8 'Acme'\nOU utf8 'Pumps'\nCN utf8 'device-001'\n"
    "issuer.O utf8 'Acme'\nissuer.CN utf8 'Device CA'\n"
    "dns 'd1.example'\nuri 'spiffe://acme/d1'\nemail 'd1@acme.example'\n"
    "ip 20010db8000000000000000000000001\nserial 00f00d\n"
    "der 'DER of it'";

/* Every variable, shorthand and mixed. */
static const struct {
	const char *template;
	const char *want;
} values[] = {
	{ "cn", "device-001" },
	{ "dn", "CN=device-001,OU=Pumps,O=Acme,C=DE" },
	{ "crt", "REVSIG9mIGl0" },
	{ "pem", "REVSIG9mIGl0" },
	{ "md5", "abababababababababababababababab" },
	{ "sha256",
	    "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f" },
	{ "tbs_sha256",
	    "606162636465666768696a6b6c6d6e6f"
	    "707172737475767778797a7b7c7d7e7f" },
	{ "spki",
	    "404142434445464748494a4b4c4d4e4f"
	    "505152535455565758595a5b5c5d5e5f" },
	{ "serial", "f00d" },
	{ "o", "Acme" },
	{ "ou", "Pumps" },
	{ "c", "DE" },
	{ "issuer.cn", "Device CA" },
	{ "issuer.dn", "CN=Device CA,O=Acme" },
	{ "san.dns", "d1.example" },
	{ "san.uri", "spiffe://acme/d1" },
	{ "san.email", "d1@acme.example" },
	{ "san.ip", "2001:db8::1" },
	{ "sni", "mqtt.example" },
	{ "client.username", "joe" },
	{ "client.clientid", "c1" },
	{ "peer.address", "192.0.2.7" },
	{ "${cn}-${client.clientid}", "device-001-c1" },
	{ "tenant-a/${cn}", "tenant-a/device-001" },
	{ "$$${cn}$$x$$", "$device-001$x$" },
	{ "$${cn}", "${cn}" },
	{ "${cn}${cn}", "device-001device-001" },
	{ "+#/${cn}", "+#/device-001" },
	{ "d\xc3\xa9p\xc3\xb4t-${cn}", "d\xc3\xa9p\xc3\xb4t-device-001" },
	{ "gateway", "gateway" },
};

static enum reason
render(const char *text, const struct identity_input *in,
    struct identity_name *out, char *why)
{
	struct identity_template *t;
	enum reason reason;

	if (identity_template_compile(&t, slice_str(text), why) != OK)
		return REASON_COUNT;
	reason =
	    identity_template_render(t, in, CONFIG_UNSAFE_REFUSE, out, why);
	identity_template_free(t);
	return reason;
}

static void
test_values(void)
{
	static struct identity_name name;
	struct identity_kit k;
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "c1", "joe", "secret");
	struct identity_input in = { &k.cert, &c, slice_str("mqtt.example"),
		slice_str("192.0.2.7") };
	char why[IDENTITY_WHY_MAX];
	size_t i;

	identity_kit_init(&k, full);
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		is_int(render(values[i].template, &in, &name, why), REASON_NONE,
		    "%s", values[i].template);
		is_mem(name.bytes, name.len, values[i].want,
		    strlen(values[i].want), "%s: value", values[i].template);
		ok(utf8_valid(slice_make(name.bytes, name.len)),
		    "a string MQTT allows");
	}
	identity_kit_fini(&k);
}

/* Nothing is there: each variable refuses and says its own name. */
static void
test_absent(void)
{
	static struct identity_name name;
	struct identity_kit k;
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "", NULL, NULL);
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	char why[IDENTITY_WHY_MAX], text[64];
	enum identity_variable v;
	enum reason reason;

	identity_kit_init(&k, "serial");
	k.cert.issuer_count = 0;
	k.cert.der.len = 0;
	for (v = 0; v < IDENTITY_VARIABLE_COUNT; v++) {
		snprintf(text, sizeof(text), "a${%s}",
		    identity_variable_name(v));
		reason = render(text, &in, &name, why);
		if (v == IDENTITY_MD5 || v == IDENTITY_SHA256 ||
		    v == IDENTITY_TBS_SHA256 || v == IDENTITY_SPKI ||
		    v == IDENTITY_CRT || v == IDENTITY_PEM)
			continue;
		ok(reason == REASON_IDENTITY_MISSING ||
			reason == REASON_IDENTITY_EMPTY,
		    "%s: %s", text, reason_name(reason));
		ok(strncmp(why, text + 1, strlen(text) - 1) == 0, "says %s",
		    why);
	}
	in.cert = NULL;
	is_int(render("sha256", &in, &name, why), REASON_IDENTITY_MISSING,
	    "no certificate at all");
	identity_kit_fini(&k);
}

/* The 65,535 bytes of an MQTT string, reached in every way, and passed. */
static void
test_length(void)
{
	static struct identity_name name;
	static const char *const growing[] = { "${cn}", "x${cn}", "${cn}x",
		"${cn}${cn}", "xx${san.dns}", "${dn}" };
	struct identity_kit k;
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "c", NULL, NULL);
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	char why[IDENTITY_WHY_MAX];
	enum reason reason;
	size_t i, n, add, times;

	identity_kit_init(&k, "CN utf8 'x'\ndns 'x'");
	for (i = 0; i < sizeof(growing) / sizeof(growing[0]); i++) {
		times = strcmp(growing[i], "${cn}${cn}") == 0 ? 2 : 1;
		add = strspn(growing[i], "x") + (i == 2) + (i == 5 ? 3 : 0);
		n = (65535 - add) / times;
		k.subject[0].value = kit_run('y', n);
		k.sans[0].value = k.subject[0].value;
		is_int(render(growing[i], &in, &name, why), REASON_NONE,
		    "%s just fits", growing[i]);
		is_int((long long)name.len, (long long)(n * times + add),
		    "in full");
		k.subject[0].value = kit_run('y', n + 1);
		k.sans[0].value = k.subject[0].value;
		reason = render(growing[i], &in, &name, why);
		is_int(reason, REASON_IDENTITY_TOO_LONG, "one more: %s", why);
	}
	k.cert.der = kit_run('d', 49149);
	is_int(render("crt", &in, &name, why), REASON_NONE,
	    "65,532 characters of base64");
	k.cert.der = kit_run('d', 49150);
	is_int(render("crt", &in, &name, why), REASON_IDENTITY_TOO_LONG,
	    "and four more");
	k.cert.serial = kit_run('1', 32767);
	is_int(render("serial", &in, &name, why), REASON_NONE,
	    "a serial that fits");
	k.cert.serial = kit_run('1', 32768);
	is_int(render("serial", &in, &name, why), REASON_IDENTITY_TOO_LONG,
	    "and one that does not");
	identity_kit_fini(&k);
}

int
main(void)
{
	test_compile();
	test_sizes();
	test_values();
	test_absent();
	test_length();
	return done_testing();
}
