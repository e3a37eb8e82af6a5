/* SPDX-License-Identifier: ISC */
/*
 * CRLs: what is taken and what is not, policies, old against new, and how
 * long a million entries take.
 */
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "tap.h"
#include "tls/crl.h"
#include "tls/crl_list.h"
#include "tls/trust.h"
#include "tls_pki.h"

static struct report why, warnings;
static struct pki_reports reports = { &why, &warnings };
static struct tls_load_report report;
static struct tls_trust *trust;

static struct crl_set *
load(const char *name, const struct crl_set *previous, enum err want)
{
	const char *path = pki_path(name);
	struct config_list paths = { &path, 1 };
	struct crl_set *set;
	enum err err;
	size_t i;

	report_fini(&why);
	report_fini(&warnings);
	err = crl_set_load(&set, &paths, trust, previous, &report);
	is_int(err, want, "%s: %s", name, want == OK ? "taken" : "not taken");
	for (i = 0; err != want && i < why.kept; i++)
		diag("%s", why.lines[i]);
	return set;
}

/* What loading says of a file that cannot be used. */
static void
test_bad(const char *name, const char *text)
{
	crl_set_free(load(name, NULL, ERR_CONFIG));
	ok(why.count == 1 && strncmp(why.lines[0], "x.ini:1: crl: ", 14) == 0 &&
		strstr(why.lines[0], text) != NULL,
	    "... because %s", text);
	if (why.count == 1 && strstr(why.lines[0], text) == NULL)
		diag("%s", why.lines[0]);
}

/* A certificate of the folder, parsed; leaks nothing: kept in a table. */
static const struct tls_cert *
cert_of(const char *name)
{
	static struct tls_cert parsed[16];
	static char names[16][32];
	static size_t count;
	STACK_OF(CRYPTO_BUFFER) * certs;
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return &parsed[i];
	if (tls_load_certs(&certs,
		&(struct tls_load_source){ pki_path(name), "", "", NULL }) !=
	    OK)
		abort();
	snprintf(names[count], sizeof(names[0]), "%s", name);
	if (tls_cert_init(&parsed[count], sk_CRYPTO_BUFFER_value(certs, 0)) !=
	    OK)
		abort();
	CRYPTO_BUFFER_up_ref(parsed[count].buffer);
	tls_load_free(certs);
	return &parsed[count++];
}

static enum reason
ask(const struct crl_set *set, const char *cert, const char *issuer,
    enum crl_subject subject, enum config_crl_policy policy, int64_t later)
{
	const struct tls_cert *by = cert_of(issuer), *of = cert_of(cert);
	struct crl_question q = { by->der.subject_hash, by->der.spki, by->key,
		by->der.key_id, of->der.serial, of->der.crl_points, subject };
	struct crl_rules rules = { policy, 3600, clock_wall_s() + later };
	struct crl_gap gap;

	return crl_set_check(set, &q, &rules, &gap);
}

#define DAY 86400

static void
test_policies(void)
{
	struct crl_set *set = load("root.crl", NULL, OK);
	enum crl_subject leaf = CRL_SUBJECT_LEAF;

	is_int((long long)warnings.count, 0, "nothing to warn of");
	is_int(
	    ask(set, "device.crt", "root.crt", leaf, CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "revoked");
	is_int(ask(set, "rsa-device.crt", "root.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_NONE, "not revoked");
	is_int(ask(set, "stranger.crt", "other.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_CRL_UNAVAILABLE, "hard: an issuer without a CRL");
	is_int(ask(set, "stranger.crt", "other.crt", leaf,
		   CONFIG_CRL_POLICY_GRACE, 0),
	    REASON_TLS_CRL_UNAVAILABLE, "grace: the same");
	is_int(ask(set, "stranger.crt", "other.crt", leaf,
		   CONFIG_CRL_POLICY_SOFT, 0),
	    REASON_NONE, "soft: it is let in");
	is_int(ask(set, "rsa-device.crt", "root.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 2 * DAY),
	    REASON_TLS_CRL_UNAVAILABLE, "hard: nextUpdate has passed");
	is_int(ask(set, "rsa-device.crt", "root.crt", leaf,
		   CONFIG_CRL_POLICY_SOFT, 2 * DAY),
	    REASON_NONE, "soft: it is let in");
	is_int(ask(set, "device.crt", "root.crt", leaf, CONFIG_CRL_POLICY_SOFT,
		   2 * DAY),
	    REASON_TLS_REVOKED, "... but revoked stays revoked");
	is_int(ask(set, "rsa-device.crt", "root.crt", leaf,
		   CONFIG_CRL_POLICY_GRACE, DAY + 1800),
	    REASON_NONE, "grace: within it");
	is_int(ask(set, "rsa-device.crt", "root.crt", leaf,
		   CONFIG_CRL_POLICY_GRACE, DAY + 4000),
	    REASON_TLS_CRL_UNAVAILABLE, "grace: behind it");
	is_int(ask(set, "rsa-device.crt", "root.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, -DAY),
	    REASON_TLS_CRL_UNAVAILABLE, "hard: thisUpdate is to come");
	crl_set_free(set);
}

static void
test_forms(void)
{
	struct crl_set *set;

	set = load("root.crl.der", NULL, OK);
	is_int(ask(set, "device.crt", "root.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "DER");
	crl_set_free(set);
	set = load("crls", NULL, OK);
	is_int(ask(set, "device.crt", "root.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "a directory");
	is_int(ask(set, "stranger.crt", "other.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_NONE, "... with two CAs' CRLs");
	crl_set_free(set);
	set = load("both.crl", NULL, OK);
	is_int(ask(set, "stranger.crt", "other.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_NONE, "two in a file");
	crl_set_free(set);
	set = load("nothing", NULL, OK);
	is_int((long long)warnings.count, 1, "an empty directory: a warning");
	crl_set_free(set);
}

/* An issuer whose key only a client's chain brings. */
static void
test_unknown_issuer(void)
{
	struct crl_set *set = load("issuing.crl", NULL, OK);

	is_int((long long)warnings.count, 1, "a warning");
	is_int(ask(set, "deep.crt", "twin.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_CRL_UNAVAILABLE, "a namesake with another key");
	is_int(ask(set, "deep.crt", "issuing.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "its own key");
	is_int(ask(set, "deep.crt", "twin.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_CRL_UNAVAILABLE, "the namesake again");
	crl_set_free(set);
}

/* An issuing CA with a new key, and one name: each key has a list. */
static void
test_new_key(void)
{
	struct crl_set *before = load("keys", NULL, OK);
	struct crl_set *after;
	enum crl_subject leaf = CRL_SUBJECT_LEAF;

	is_int(ask(before, "deep.crt", "issuing.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "revoked by the old key's list");
	is_int(ask(before, "deep2.crt", "twin.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "and by the new one's");
	is_int(ask(before, "deep2.crt", "issuing.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_NONE, "a serial is one key's");
	/* Lower than the other key's number, which does not make it older. */
	after = load("issuing2.crl", before, OK);
	is_int(ask(after, "deep.crt", "issuing.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_NONE, "the old key's next list counts");
	crl_set_free(after);
	crl_set_free(before);
}

static void
test_scope(void)
{
	struct crl_set *set = load("leaf-only.crl", NULL, OK);

	is_int(ask(set, "device.crt", "root.crt", CRL_SUBJECT_LEAF,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "onlyContainsUserCerts: a leaf");
	is_int(ask(set, "issuing.crt", "root.crt", CRL_SUBJECT_CA,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_CRL_UNAVAILABLE, "... says nothing of CAs");
	crl_set_free(set);
}

static void
test_replacing(void)
{
	struct crl_set *two = load("two.crl", NULL, OK), *set;
	enum crl_subject leaf = CRL_SUBJECT_LEAF;

	set = load("one.crl", two, OK);
	is_int((long long)warnings.count, 1, "an older CRL: a warning");
	is_int(
	    ask(set, "device.crt", "root.crt", leaf, CONFIG_CRL_POLICY_HARD, 0),
	    REASON_TLS_REVOKED, "... and the newer one stays");
	crl_set_free(set);
	set = load("three.crl", two, OK);
	is_int((long long)warnings.count, 0, "a newer CRL");
	is_int(
	    ask(set, "device.crt", "root.crt", leaf, CONFIG_CRL_POLICY_HARD, 0),
	    REASON_NONE, "... takes its place");
	crl_set_free(set);
	set = load("late.crl", two, OK);
	is_int((long long)warnings.count, 1, "one out of date: a warning");
	is_int(ask(set, "rsa-device.crt", "root.crt", leaf,
		   CONFIG_CRL_POLICY_HARD, 0),
	    REASON_NONE, "... and the one before it stays");
	crl_set_free(set);
	set = load("late.crl", NULL, OK);
	is_int((long long)warnings.count, 1, "... a warning without one, too");
	crl_set_free(set);
	crl_set_free(two);
}

/* DER by hand. */
struct out {
	uint8_t *data;
	size_t len;
};

static void
put(struct out *o, const void *data, size_t len)
{
	memcpy(o->data + o->len, data, len);
	o->len += len;
}

/* Wraps what was written since `from' into a tag with a 3-byte length. */
static void
wrap(struct out *o, size_t from, uint8_t tag)
{
	size_t len = o->len - from;
	uint8_t head[5] = { tag, 0x83, (uint8_t)(len >> 16),
		(uint8_t)(len >> 8), (uint8_t)len };

	memmove(o->data + from + 5, o->data + from, len);
	memcpy(o->data + from, head, 5);
	o->len += 5;
}

/* The number-th serial of a large fleet: 16 bytes, as CAs draw them. */
static void
serial(uint8_t out[16], uint32_t number)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];

	SHA256((uint8_t *)&number, sizeof(number), sum);
	memcpy(out, sum, 16);
	out[0] = (uint8_t)(out[0] % 127 + 1);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A CRL of `count' entries, as an issuer we have no key of would send it. */
static struct out
make_large(uint32_t count)
{
	static const uint8_t algorithm[] = { 0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48,
		0xce, 0x3d, 4, 3, 2 };
	static const char date[] = "\x17\x0d"
				   "260101000000Z";
	struct out o = { malloc(count * 40ull + 4096), 0 };
	size_t list;
	uint8_t entry[35] = { 0x30, 33, 2, 16 };
	uint32_t i;

	put(&o, "\2\1\1", 3);
	put(&o, algorithm, sizeof(algorithm));
	put(&o, "\x30\0", 2);
	put(&o, date, 15);
	list = o.len;
	memcpy(entry + 20, date, 15);
	for (i = 0; i < count; i++) {
		serial(entry + 4, i);
		put(&o, entry, sizeof(entry));
	}
	wrap(&o, list, 0x30);
	wrap(&o, 0, 0x30);
	put(&o, algorithm, sizeof(algorithm));
	put(&o, "\3\2\0\0", 4);
	wrap(&o, 0, 0x30);
	return o;
}

static void
test_large(void)
{
	enum {
		COUNT = 400000,
		ASKED = 200000
	};
	struct out o = make_large(COUNT);
	struct crl_list *c;
	const char *text = "";
	uint8_t number[16];
	uint32_t i, found = 0;
	double start, parsed, asked;

	start = now_ms();
	is_int(crl_list_parse(&c, slice_make(o.data, o.len), "large", &text),
	    OK, "a CRL of %d entries %s", COUNT, text);
	parsed = now_ms();
	free(o.data);
	if (c == NULL)
		return;
	for (i = 0; i < ASKED; i++) {
		serial(number, COUNT - ASKED / 2 + i);
		found += crl_list_has(c, slice_make(number, 16));
	}
	asked = now_ms();
	is_int(found, ASKED / 2, "each is found, and no other");
	for (i = 0; i < ASKED; i++)
		serial(number, COUNT - ASKED / 2 + i);
	diag("1M entries: %.0f ms to index; %.0f ns a question",
	    (parsed - start) * 1e6 / COUNT,
	    (asked - parsed - (now_ms() - asked)) * 1e6 / ASKED);
	crl_list_put(c);
}

/* A key that did not sign a list is remembered: hashing a large list takes
 * long. */
static void
test_wrong_keys(void)
{
	const struct tls_cert *twin = cert_of("twin.crt");
	const struct tls_cert *issuing = cert_of("issuing.crt");
	struct crl_key wrong = { twin->der.spki, twin->key, twin->der.key_id };
	struct crl_key right = { issuing->der.spki, issuing->key,
		issuing->der.key_id };
	struct crl_list *c;
	const char *text;
	uint8_t *data;
	size_t len;

	if (file_read(&data, &len, pki_path("issuing.crl.der"), 65536) != OK ||
	    crl_list_parse(&c, slice_make(data, len), "x", &text) != OK)
		abort();
	free(data);
	is_int(crl_list_check_key(c, &wrong), ERR_MALFORMED, "another key");
	is_int((long long)c->wrong_key_count, 1, "... is remembered");
	is_int(crl_list_check_key(c, &wrong), ERR_MALFORMED, "asked again");
	is_int((long long)c->wrong_key_count, 1, "... it is known");
	is_int(crl_list_check_key(c, &right), OK, "the right key");
	is_int(crl_list_check_key(c, &right), OK, "... again");
	is_int(crl_list_check_key(c, &wrong), ERR_MALFORMED, "the other one");
	crl_list_put(c);
}

/* Every prefix of a CRL, and every byte changed: nothing worse than no. */
static void
test_damaged(void)
{
	uint8_t *data, *copy;
	struct crl_list *c;
	const char *text;
	size_t len, i, taken = 0;

	if (file_read(&data, &len, pki_path("root.crl.der"), 65536) != OK)
		abort();
	for (i = 0; i < len; i++) {
		copy = malloc(i == 0 ? 1 : i);
		memcpy(copy, data, i);
		if (crl_list_parse(&c, slice_make(copy, i), "x", &text) == OK)
			taken++;
		crl_list_put(c);
		free(copy);
	}
	is_int((long long)taken, 0, "no prefix of a CRL is one");
	for (i = 0; i < len * 8; i++) {
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		if (crl_list_parse(&c, slice_make(data, len), "x", &text) == OK)
			crl_list_has(c, slice_make(data, 8));
		crl_list_put(c);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ok(true, "no changed bit does harm");
	free(data);
}

int
main(void)
{
	const char *cas[2];
	struct config_list list = { cas, 2 };

	report_init(&why);
	report_init(&warnings);
	report = pki_say(&reports);
	if (!ok(pki_make(), "certificates are made") ||
	    !ok(pki_run("many_crls"), "and CRLs"))
		return done_testing();
	cas[0] = pki_path("root.crt");
	cas[1] = pki_path("other.crt");
	if (!ok(tls_trust_load(&trust, &list, &report) == OK, "CAs are loaded"))
		return done_testing();
	test_policies();
	test_forms();
	test_unknown_issuer();
	test_new_key();
	test_scope();
	test_replacing();
	test_bad("missing.crl", "No such file");
	test_bad("cut.crl", "no END");
	test_bad("cut.der", "damaged");
	test_bad("none.crl", "no CRL is in it");
	test_bad("device.crt", "no CRL is in it");
	test_bad("foreign.crl", "not by the CA it names");
	test_bad("indirect.crl", "indirect");
	test_bad("delta.crl", "delta");
	test_bad("critical.crl", "critical extension");
	test_wrong_keys();
	test_damaged();
	test_large();
	tls_trust_free(trust);
	report_fini(&why);
	report_fini(&warnings);
	pki_remove();
	return done_testing();
}
