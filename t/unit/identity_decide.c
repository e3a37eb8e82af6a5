/* SPDX-License-Identifier: ISC */
/*
 * Decisions: every CONNECT against every rule, each carried through the real
 * parser and writer, and compared with a second, plainer account of the rules.
 */
#include "identity/decide.h"

#include <stdlib.h>
#include <time.h>

#include "identity_kit.h"
#include "mqtt/connect.h"
#include "mqtt_kit.h"
#include "tap.h"

#define CN "device-001"

static void
complain(void *arg, const char *option, const char *text)
{
	(void)arg;
	diag("%s: %s", option, text);
}

static const struct identity_rules_spec plain = {
	.name = "",
	.username = "cn",
	.clientid = "none",
	.assigned_clientid = true,
};

static struct identity_rules *
make_rules(const struct identity_rules_spec *spec)
{
	struct identity_rules *r;

	if (identity_rules_new(&r, spec, complain, NULL) != OK)
		abort();
	return r;
}

/* One combination, as small numbers. */
struct combo {
	unsigned level; /* 3 4 5 */
	unsigned username; /* none, empty, other, the right one */
	unsigned password; /* none, empty, some */
	unsigned client_id; /* empty, other, the right one */
	unsigned username_rule; /* none, override, fill, match */
	unsigned clientid_rule;
	unsigned strip; /* keep, strip */
	unsigned cert; /* none, with CN, without CN */
	unsigned without; /* password, refuse */
	unsigned tell; /* assigned_clientid */
};

static const char *const usernames[] = { NULL, "", "root", CN };
static const char *const passwords[] = { NULL, "", "secret" };
static const char *const client_ids[] = { "", "own", CN };
static const enum config_mode modes[] = { CONFIG_MODE_OVERRIDE,
	CONFIG_MODE_OVERRIDE, CONFIG_MODE_FILL, CONFIG_MODE_MATCH };
static const char *const certs[] = { NULL, "CN utf8 '" CN "'",
	"O utf8 'Acme'" };

/* What should come out. */
struct expected {
	enum reason reason;
	const char *username; /* NULL: none */
	const char *client_id;
	bool password;
	bool assign;
};

/* One name by its rule; the reason is REASON_NONE while all is well. */
static const char *
expect_name(const struct combo *c, unsigned rule, const char *claim,
    enum reason *reason)
{
	bool claims = claim != NULL && claim[0] != '\0';

	if (*reason != REASON_NONE || rule == 0 || (rule == 2 && claims))
		return claim;
	if (c->cert == 2)
		*reason = REASON_IDENTITY_MISSING;
	else if (rule == 3 && (!claims || strcmp(claim, CN) != 0))
		*reason = REASON_IDENTITY_MISMATCH;
	return CN;
}

static struct expected
expect(const struct combo *c)
{
	struct expected e = { REASON_NONE, usernames[c->username],
		client_ids[c->client_id], c->password != 0, false };

	if (c->cert == 0) {
		if (c->without == 1)
			e.reason = REASON_IDENTITY_NO_CERTIFICATE;
		else if (c->username < 2 || c->password < 2)
			e.reason = REASON_IDENTITY_NO_CREDENTIALS;
		return e;
	}
	e.username = expect_name(c, c->username_rule, e.username, &e.reason);
	e.client_id = expect_name(c, c->clientid_rule, e.client_id, &e.reason);
	if (c->strip == 1 && e.password) {
		e.password = false;
		if (e.username != NULL && e.username[0] == '\0')
			e.username = NULL;
	}
	e.assign = c->level == 5 && c->client_id == 0 &&
	    e.client_id[0] != '\0' && c->tell == 1;
	return e;
}

static bool
same(bool has, struct slice got, const char *want)
{
	return has == (want != NULL) &&
	    (want == NULL || slice_equal(got, slice_str(want)));
}

/* The packet that goes on to the broker says what the decision says. */
static bool
check_packet(const struct mqtt_connect *c, const struct identity_decision *v,
    const struct expected *e)
{
	struct mqtt_connect again;
	const char *why;
	struct buf out;
	size_t used;
	bool good;

	buf_init(&out, 0);
	good = mqtt_connect_write(&out, c, &v->edit) == OK &&
	    mqtt_connect_parse(&again, buf_slice(&out), &used, &why) ==
		PARSE_OK &&
	    same(again.has_username, again.username, e->username) &&
	    same(true, again.client_id, e->client_id) &&
	    again.has_password == e->password &&
	    again.has_username == v->has_username &&
	    slice_equal(again.username, v->username) &&
	    slice_equal(again.client_id, v->client_id);
	buf_fini(&out);
	return good;
}

static bool
check_decision(const struct combo *combo, const struct identity_rules *rules,
    const struct cert *cert, const struct mqtt_connect *c)
{
	struct identity_input in = { cert, c, { NULL, 0 }, { NULL, 0 } };
	struct expected e = expect(combo);
	struct identity_decision v;
	enum reason reason = identity_decide(rules, &in, NULL, &v);
	bool good = reason == e.reason;

	if (good && reason != REASON_NONE)
		good = v.why[0] != '\0' && v.edit.username.what == MQTT_KEEP &&
		    v.edit.add == NULL;
	else if (good)
		good = v.assign_client_id == e.assign && v.why[0] == '\0' &&
		    check_packet(c, &v, &e);
	identity_decision_fini(&v);
	identity_decision_fini(&v);
	return good;
}

/* The CONNECT of a combination; false when it is not legal. */
static bool
run_combo(const struct combo *combo, const struct identity_rules *rules,
    const struct cert *cert, size_t *count)
{
	struct mqtt_kit_connect k = { .level = combo->level, .clean = true };
	struct kit_bytes packet;
	struct mqtt_connect c;
	const char *why;
	size_t used;
	bool good;

	if (combo->level < 5 && combo->password > 0 && combo->username == 0)
		return true;
	k.client_id = slice_str(client_ids[combo->client_id]);
	k.properties = slice_str("");
	if (usernames[combo->username] != NULL)
		k.username = slice_str(usernames[combo->username]);
	if (passwords[combo->password] != NULL)
		k.password = slice_str(passwords[combo->password]);
	packet = mqtt_kit_connect(&k);
	good =
	    mqtt_connect_parse(&c, kit_slice(&packet), &used, &why) == PARSE_OK;
	good = good && check_decision(combo, rules, cert, &c);
	if (!good)
		diag("level %u username %u password %u clientid %u rules %u "
		     "%u strip %u cert %u without %u tell %u",
		    combo->level, combo->username, combo->password,
		    combo->client_id, combo->username_rule,
		    combo->clientid_rule, combo->strip, combo->cert,
		    combo->without, combo->tell);
	kit_free(&packet);
	++*count;
	return good;
}

/* All CONNECTs against one profile and certificate. */
static size_t
run_connects(struct combo combo, const struct identity_rules *rules,
    const struct cert *cert, size_t *count)
{
	size_t wrong = 0;
	unsigned i;

	for (i = 0; i < 3 * 4 * 3 * 3; i++) {
		combo.level = 3 + i % 3;
		combo.username = i / 3 % 4;
		combo.password = i / 12 % 3;
		combo.client_id = i / 36;
		wrong += !run_combo(&combo, rules, cert, count);
	}
	return wrong;
}

static void
test_every_combination(void)
{
	struct identity_rules_spec spec = plain;
	struct identity_rules *rules;
	struct identity_kit k;
	struct combo combo;
	size_t wrong = 0, count = 0;
	unsigned i;

	for (i = 0; i < 4 * 4 * 2 * 3 * 2 * 2; i++) {
		combo = (struct combo){ .username_rule = i % 4,
			.clientid_rule = i / 4 % 4,
			.strip = i / 16 % 2,
			.cert = i / 32 % 3,
			.without = i / 96 % 2,
			.tell = i / 192 };
		spec.username = combo.username_rule == 0 ? "none" : "cn";
		spec.clientid = combo.clientid_rule == 0 ? "none" : "cn";
		spec.username_mode = modes[combo.username_rule];
		spec.clientid_mode = modes[combo.clientid_rule];
		spec.password = combo.strip == 1 ? CONFIG_PASSWORD_STRIP
						 : CONFIG_PASSWORD_KEEP;
		spec.without_certificate = combo.without == 1
		    ? CONFIG_WITHOUT_REFUSE
		    : CONFIG_WITHOUT_PASSWORD;
		spec.assigned_clientid = combo.tell == 1;
		rules = make_rules(&spec);
		identity_kit_init(&k,
		    certs[combo.cert] != NULL ? certs[combo.cert] : "");
		wrong += run_connects(combo, rules,
		    combo.cert == 0 ? NULL : &k.cert, &count);
		identity_kit_fini(&k);
		identity_rules_put(rules);
	}
	is_int((long long)wrong, 0, "%zu combinations", count);
}

/* What a refusal says names the field and the variable. */
static void
test_words(void)
{
	static const struct {
		const char *cert;
		const char *username;
		const char *clientid;
		enum config_mode mode;
		enum reason reason;
		const char *says;
	} rows[] = {
		{ "O utf8 'x'", "cn", "none", CONFIG_MODE_OVERRIDE,
		    REASON_IDENTITY_MISSING,
		    "username: ${cn}: the certificate has none" },
		{ "CN utf8 'd'", "cn", "${o}-x", CONFIG_MODE_OVERRIDE,
		    REASON_IDENTITY_MISSING,
		    "clientid: ${o}: the certificate has none" },
		{ "CN utf8 'd'", "cn", "none", CONFIG_MODE_MATCH,
		    REASON_IDENTITY_MISMATCH,
		    "username: the client claims another" },
		{ "CN utf8 'a'\nCN utf8 'b'", "cn", "cn", CONFIG_MODE_OVERRIDE,
		    REASON_IDENTITY_AMBIGUOUS,
		    "username: ${cn}: the certificate has 2 of them" },
		{ "O utf8 'x'", "cn", "prefixed", CONFIG_MODE_FILL,
		    REASON_IDENTITY_MISSING,
		    "clientid: ${cn}: the certificate has none" },
	};
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "c1", "joe", "pw");
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_rules_spec spec = plain;
	struct identity_rules *rules;
	struct identity_decision v;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec.username = rows[i].username;
		spec.clientid = rows[i].clientid;
		spec.username_mode = rows[i].mode;
		rules = make_rules(&spec);
		identity_kit_init(&k, rows[i].cert);
		is_int(identity_decide(rules, &in, NULL, &v), rows[i].reason,
		    "%s", rows[i].says);
		is_str(v.why, rows[i].says, "in these words");
		identity_decision_fini(&v);
		identity_kit_fini(&k);
		identity_rules_put(rules);
	}
}

/* clientid = prefixed. */
static void
test_prefixed(void)
{
	static const struct {
		const char *what;
		const char *username;
		const char *claim; /* ClientID */
		const char *want;
	} rows[] = {
		{ "prefixed", "cn", "c1", "d/c1" },
		{ "a slash in the client's part", "${o}-${cn}", "mosq/1",
		    "x-d/mosq/1" },
		{ "the client sends none", "cn", "", "" },
		{ "username = none", "none", "c1", "c1" },
	};
	struct identity_rules_spec spec = plain;
	struct identity_rules *rules;
	struct identity_decision v;
	struct mqtt_connect c;
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	uint8_t *longest = malloc(65535);
	size_t i;

	if (longest == NULL)
		abort();
	memset(longest, 'x', 65535);
	identity_kit_init(&k, "CN utf8 'd'\nO utf8 'x'");
	spec.clientid = "prefixed";
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec.username = rows[i].username;
		c = identity_kit_connect(MQTT_LEVEL_5, rows[i].claim, "joe",
		    "pw");
		rules = make_rules(&spec);
		is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE,
		    "%s: admitted", rows[i].what);
		is_mem(v.client_id.data, v.client_id.len, rows[i].want,
		    strlen(rows[i].want), "%s: the ClientID", rows[i].what);
		ok(!v.assign_client_id, "%s: nothing to tell", rows[i].what);
		identity_decision_fini(&v);
		identity_rules_put(rules);
	}
	spec.username = "cn";
	rules = make_rules(&spec);
	c.client_id = slice_make(longest, 65533);
	is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE,
	    "the longest ClientID");
	is_int((long long)v.client_id.len, 65535, "has 65,535 bytes");
	identity_decision_fini(&v);
	c.client_id = slice_make(longest, 65534);
	is_int(identity_decide(rules, &in, NULL, &v), REASON_IDENTITY_TOO_LONG,
	    "and one byte more is refused");
	identity_decision_fini(&v);
	identity_rules_put(rules);
	identity_kit_fini(&k);
	free(longest);
}

static void
test_issuer(void)
{
	static const uint8_t stranger[CERT_SHA256_LEN] = { 1 };
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_311, "c1", NULL, NULL);
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_rules_spec spec = plain;
	struct identity_rules *rules;
	struct identity_decision v;

	identity_kit_init(&k, "CN utf8 'd'");
	spec.issuer = k.cas[1];
	rules = make_rules(&spec);
	is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE,
	    "under the profile's CA");
	identity_decision_fini(&v);
	identity_rules_put(rules);
	spec.issuer = stranger;
	rules = make_rules(&spec);
	is_int(identity_decide(rules, &in, NULL, &v), REASON_IDENTITY_ISSUER,
	    "under another: refused");
	identity_decision_fini(&v);
	identity_rules_put(rules);
	identity_kit_fini(&k);
}

static bool
property_is(const struct identity_decision *v, size_t i, const char *name,
    const char *value)
{
	return i < v->edit.add_count &&
	    slice_equal(v->edit.add[i].name, slice_str(name)) &&
	    slice_equal(v->edit.add[i].value, slice_str(value));
}

static void
test_properties(void)
{
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "c1", "joe", "pw");
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_rules_spec spec = plain;
	struct identity_rules *rules;
	struct identity_decision v;

	spec.user_properties = true;
	spec.clientid = "cn";
	rules = make_rules(&spec);
	identity_kit_init(&k,
	    "CN utf8 'd'\nserial 00f0\nnotafter 1893456000\n"
	    "issuer.O utf8 'Acme'\nissuer.CN utf8 'CA'");
	is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE, "v5");
	is_int((long long)v.edit.add_count, 6, "six properties");
	ok(property_is(&v, 0, "cert-sha256",
	       "000102030405060708090a0b0c0d0e0f"
	       "101112131415161718191a1b1c1d1e1f"),
	    "cert-sha256");
	ok(property_is(&v, 1, "cert-serial", "f0"), "cert-serial");
	ok(property_is(&v, 2, "cert-issuer", "CN=CA,O=Acme"), "cert-issuer");
	ok(property_is(&v, 3, "cert-not-after", "2030-01-01T00:00:00Z"),
	    "cert-not-after");
	ok(property_is(&v, 4, "client-username", "joe"), "client-username");
	ok(property_is(&v, 5, "client-clientid", "c1"), "client-clientid");
	is_int((long long)v.edit.drop_count, 0, "nothing to drop");
	identity_decision_fini(&v);

	c.user_property_count = 1;
	c.has_username = false;
	c.client_id.len = 0;
	is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE, "again");
	is_int((long long)v.edit.add_count, 4, "only of names it sent");
	is_int((long long)v.edit.drop_count, 6, "forged ones are dropped");
	ok(slice_equal(v.edit.drop[0], slice_str("cert-sha256")) &&
		slice_equal(v.edit.drop[5], slice_str("client-clientid")),
	    "by name");
	identity_decision_fini(&v);

	k.cert.issuer_count = 0;
	is_int(identity_decide(rules, &in, NULL, &v), REASON_IDENTITY_EMPTY,
	    "an issuer that cannot be told refuses");
	is_str(v.why, "cert-issuer: ${issuer.dn}: is empty", "and is named");
	identity_decision_fini(&v);

	c = identity_kit_connect(MQTT_LEVEL_5, "c1", "joe", "pw");
	c.user_property_count = 2;
	in.cert = NULL;
	is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE,
	    "by password");
	is_int((long long)v.edit.add_count, 0, "nothing to add");
	is_int((long long)v.edit.drop_count, 6,
	    "but it cannot forge them either");
	identity_decision_fini(&v);

	c.level = MQTT_LEVEL_311;
	is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE, "v3");
	is_int((long long)v.edit.drop_count, 0, "has no properties");
	identity_decision_fini(&v);
	identity_kit_fini(&k);
	identity_rules_put(rules);
}

/* Names of 65,535 bytes: storage grows, and slices still point right. */
static void
test_large(void)
{
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "", NULL, NULL);
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_rules_spec spec = plain;
	struct identity_rules *rules;
	struct identity_decision v;

	spec.clientid = "${o}";
	spec.user_properties = true;
	rules = make_rules(&spec);
	identity_kit_init(&k, "CN utf8 'x'\nO utf8 'y'");
	k.subject[0].value = kit_run('u', 65535);
	k.subject[1].value = kit_run('i', 65535);
	k.issuer[0].value = kit_run('z', 65532);
	is_int(identity_decide(rules, &in, NULL, &v), REASON_NONE, "large");
	ok(slice_equal(v.username, kit_run('u', 65535)), "username");
	ok(slice_equal(v.client_id, kit_run('i', 65535)), "clientid");
	ok(v.assign_client_id, "which the client is told");
	is_int((long long)v.properties[2].value.len, 65535, "issuer");
	identity_decision_fini(&v);
	identity_kit_fini(&k);
	identity_rules_put(rules);
}

static void
trace_step(void *arg, const char *step, struct slice outcome)
{
	char *all = arg;

	snprintf(all + strlen(all), 2000 - strlen(all), "%s: %.*s\n", step,
	    (int)outcome.len, (const char *)outcome.data);
}

static void
test_trace(void)
{
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "", "joe", "secret");
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_rules_spec spec = plain;
	struct identity_rules *rules;
	struct identity_decision v;
	char all[2000] = "";
	struct identity_trace trace = { trace_step, all };

	spec.name = "fleet";
	spec.clientid = "${cn}-x";
	rules = make_rules(&spec);
	identity_kit_init(&k, "CN utf8 'd1'");
	is_int(identity_decide(rules, &in, &trace, &v), REASON_NONE, "traced");
	is_str(all,
	    "profile: fleet\n"
	    "username: set to \"d1\", as cn says\n"
	    "clientid: set to \"d1-x\", as ${cn}-x says\n"
	    "password: removed: the certificate is the proof\n"
	    "assigned_clientid: the CONNACK will tell it\n",
	    "every step and its outcome");
	ok(strstr(all, "secret") == NULL, "and never the password");
	identity_decision_fini(&v);
	all[0] = '\0';
	k.cert.subject_count = 0;
	(void)identity_decide(rules, &in, &trace, &v);
	is_str(all,
	    "profile: fleet\n"
	    "username: refused, identity_missing: ${cn}: the certificate has "
	    "none\n",
	    "and the refusal");
	identity_decision_fini(&v);
	identity_kit_fini(&k);
	identity_rules_put(rules);
}

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Parse, decide and write a CONNECT of 100 bytes. */
static void
time_rewrite(void)
{
	struct mqtt_kit_connect kc = { .level = 5, .clean = true };
	struct mqtt_connect c;
	struct identity_kit k;
	struct identity_input in = { &k.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_rules *rules = make_rules(&plain);
	struct identity_decision v;
	struct kit_bytes packet;
	const char *why;
	struct buf out;
	size_t used;
	double begin;
	int i, good = 0;

	kc.client_id = slice_str("client-0123456789");
	kc.properties = slice_str("");
	kc.username = kit_run('u', 31);
	kc.password = kit_run('p', 31);
	packet = mqtt_kit_connect(&kc);
	identity_kit_init(&k, "O utf8 'Acme'\nCN utf8 'device-001'");
	begin = now_us();
	for (i = 0; i < 20000; i++) {
		buf_init(&out, 0);
		good += mqtt_connect_parse(&c, kit_slice(&packet), &used,
			    &why) == PARSE_OK &&
		    identity_decide(rules, &in, NULL, &v) == REASON_NONE &&
		    mqtt_connect_write(&out, &c, &v.edit) == OK;
		identity_decision_fini(&v);
		buf_fini(&out);
	}
	is_int(good, 20000, "rewrites");
	diag("parse, decide, write %zu bytes: %.2f us", packet.len,
	    (now_us() - begin) / 20000);
	kit_free(&packet);
	identity_kit_fini(&k);
	identity_rules_put(rules);
}

int
main(void)
{
	test_every_combination();
	test_words();
	test_prefixed();
	test_issuer();
	test_properties();
	test_large();
	test_trace();
	time_rewrite();
	return done_testing();
}
