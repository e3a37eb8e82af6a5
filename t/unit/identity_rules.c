/* SPDX-License-Identifier: ISC */
/* Profiles: what is complained of, and which one a certificate gets. */
#include "identity/decide.h"

#include <stdio.h>

#include "identity_kit.h"
#include "tap.h"

static void
remember(void *arg, const char *option, const char *text)
{
	char *all = arg;

	snprintf(all + strlen(all), 1000 - strlen(all), "%s: %s\n", option,
	    text);
}

static const struct identity_rules_spec plain = {
	.name = "fleet",
	.username = "cn",
	.clientid = "none",
};

static void
test_good(void)
{
	struct identity_rules_spec spec = plain;
	struct identity_rules *r;
	uint8_t ca[CERT_SHA256_LEN] = { 7 };
	char all[1000] = "";

	spec.clientid = "${cn}-${client.clientid}";
	spec.clientid_mode = CONFIG_MODE_MATCH;
	spec.password = CONFIG_PASSWORD_KEEP;
	spec.without_certificate = CONFIG_WITHOUT_REFUSE;
	spec.unsafe_characters = CONFIG_UNSAFE_ENCODE;
	spec.assigned_clientid = true;
	spec.user_properties = true;
	spec.issuer = ca;
	is_int(identity_rules_new(&r, &spec, remember, all), OK, "made");
	ca[0] = 8;
	is_str(r->name, "fleet", "name");
	ok(r->username.template != NULL && r->clientid.template != NULL &&
		r->username.mode == CONFIG_MODE_OVERRIDE &&
		r->clientid.mode == CONFIG_MODE_MATCH &&
		r->password == CONFIG_PASSWORD_KEEP &&
		r->without_certificate == CONFIG_WITHOUT_REFUSE &&
		r->unsafe == CONFIG_UNSAFE_ENCODE && r->assigned_clientid &&
		r->user_properties && r->has_issuer && r->issuer[0] == 7,
	    "all fields taken over");
	ok(identity_rules_get(r) == r, "counted");
	identity_rules_put(r);
	is_str(r->name, "fleet", "still there");
	identity_rules_put(r);
	identity_rules_put(NULL);
	is_str(all, "", "no complaint");
}

static void
test_bad(void)
{
	static const struct {
		const char *username;
		const char *clientid;
		enum config_mode username_mode;
		enum config_mode clientid_mode;
		const char *says;
	} rows[] = {
		{ "${cnn}", "none", CONFIG_MODE_OVERRIDE, CONFIG_MODE_OVERRIDE,
		    "username: column 1: no such variable (did you mean "
		    "${cn}?)\n" },
		{ "cn", "x-${crt", CONFIG_MODE_OVERRIDE, CONFIG_MODE_OVERRIDE,
		    "clientid: column 3: ${ without } (write ${cn})\n" },
		{ "none", "cn", CONFIG_MODE_MATCH, CONFIG_MODE_OVERRIDE,
		    "username_mode: has no use while username = none\n" },
		{ "cn", "none", CONFIG_MODE_OVERRIDE, CONFIG_MODE_FILL,
		    "clientid_mode: has no use while clientid = none\n" },
		{ "gateway", "portal", CONFIG_MODE_OVERRIDE,
		    CONFIG_MODE_OVERRIDE,
		    "username: has no variable: every client would get the "
		    "same name (write ${cn})\n"
		    "clientid: has no variable: every client would throw out "
		    "the one before it (write ${cn})\n" },
		{ "", "$", CONFIG_MODE_OVERRIDE, CONFIG_MODE_OVERRIDE,
		    "username: column 1: empty (write none to leave the "
		    "client's)\n"
		    "clientid: column 1: $ alone (write $$ for the sign, "
		    "${cn} for a variable)\n" },
	};
	struct identity_rules_spec spec = plain;
	struct identity_rules *r;
	char all[1000];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		all[0] = '\0';
		spec.username = rows[i].username;
		spec.clientid = rows[i].clientid;
		spec.username_mode = rows[i].username_mode;
		spec.clientid_mode = rows[i].clientid_mode;
		is_int(identity_rules_new(&r, &spec, remember, all), ERR_CONFIG,
		    "refused");
		ok(r == NULL, "nothing made");
		is_str(all, rows[i].says, "every fault said");
	}
}

/* own: any CA. a: the intermediate. b: the root. c: a CA of others. */
static void
test_select(void)
{
	static const uint8_t other[CERT_SHA256_LEN] = { 1 };
	struct identity_rules_spec spec = plain;
	struct identity_rules *own, *a, *b, *c, *all[4];
	struct identity_kit k;
	char said[1000] = "";
	size_t i;

	identity_kit_init(&k, "CN utf8 'd'");
	is_int(identity_rules_new(&own, &spec, remember, said), OK, "own");
	spec.issuer = k.cas[0];
	is_int(identity_rules_new(&a, &spec, remember, said), OK, "a");
	spec.issuer = k.cas[1];
	is_int(identity_rules_new(&b, &spec, remember, said), OK, "b");
	spec.issuer = other;
	is_int(identity_rules_new(&c, &spec, remember, said), OK, "c");
	all[0] = own;
	all[1] = c;
	all[2] = b;
	all[3] = a;
	ok(identity_rules_select(own, all, 4, &k.cert) == a,
	    "the nearest CA chooses");
	ok(identity_rules_select(own, all, 3, &k.cert) == b,
	    "also one further up");
	ok(identity_rules_select(own, all, 2, &k.cert) == own,
	    "a stranger does not");
	ok(identity_rules_select(own, all, 4, NULL) == own,
	    "without a certificate it is the listener's");
	ok(identity_rules_select(c, all, 2, &k.cert) == c &&
		!identity_rules_cover(c, &k.cert),
	    "a listener's own for another CA does not cover");
	ok(identity_rules_cover(own, &k.cert) &&
		identity_rules_cover(a, &k.cert) &&
		identity_rules_cover(b, &k.cert) &&
		identity_rules_cover(c, NULL),
	    "the others do");
	k.cert.ca_count = 0;
	ok(identity_rules_select(own, all, 4, &k.cert) == own,
	    "nor without a chain");
	for (i = 0; i < 4; i++)
		identity_rules_put(all[i]);
	identity_kit_fini(&k);
}

int
main(void)
{
	test_good();
	test_bad();
	test_select();
	return done_testing();
}
