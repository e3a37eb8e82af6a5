/* SPDX-License-Identifier: ISC */
/*
 * Downloaded CRLs: which replace a file, what that file then holds, and that
 * running out of memory at any point refuses and leaks nothing.
 */
#include "tls/crl_download.h"

#include <stdlib.h>

#include "alloc_kit.h"
#include "base/clock.h"
#include "base/file.h"
#include "tap.h"
#include "tls/trust.h"
#include "tls_pki.h"

char *__wrap_strdup(const char *text);

/* The C library's strdup() would bypass the kit. */
char *
__wrap_strdup(const char *text)
{
	char *copy = malloc(strlen(text) + 1);

	return copy == NULL ? NULL : strcpy(copy, text);
}

static const struct {
	const char *download;
	const char *in_place; /* NULL: none */
	enum err want;
	const char *why; /* part of it, if refused */
	size_t lists; /* in the file afterwards */
} rows[] = {
	{ "root.crl", NULL, OK, NULL, 1 },
	{ "root.crl.der", NULL, OK, NULL, 1 },
	{ "both.crl", NULL, OK, NULL, 2 },
	{ "two.crl", "one.crl", OK, NULL, 1 },
	{ "two.crl", "two.crl", ERR_EXISTS, NULL, 0 },
	{ "one.crl", "two.crl", ERR_REFUSED, "older than the list in place",
	    0 },
	{ "both.crl", "other.crl", OK, NULL, 2 },
	{ "other.crl", "both.crl", ERR_EXISTS, NULL, 0 },
	/* What the download has nothing for stays. */
	{ "other.crl", "root.crl", OK, NULL, 2 },
	{ "leaf-only.crl", "root.crl", OK, NULL, 2 },
	/* What is damaged, foreign or over does not count. */
	{ "root.crl", "cut.crl", OK, NULL, 1 },
	{ "root.crl", "foreign.crl", OK, NULL, 1 },
	{ "root.crl", "device.crt", OK, NULL, 1 },
	{ "one.crl", "late.crl", OK, NULL, 1 },
	{ "late.crl", NULL, ERR_REFUSED, "has passed", 0 },
	{ "late.crl", "one.crl", ERR_REFUSED, "has passed", 0 },
	{ "foreign.crl", NULL, ERR_REFUSED, "its signature is not by", 0 },
	{ "issuing.crl", NULL, ERR_REFUSED, "which is not in client_ca", 0 },
	{ "indirect.crl", NULL, ERR_REFUSED, "indirect CRLs", 0 },
	{ "delta.crl", NULL, ERR_REFUSED, "delta CRLs", 0 },
	{ "critical.crl", NULL, ERR_REFUSED, "critical extension", 0 },
	{ "cut.crl", NULL, ERR_REFUSED, "no END", 0 },
	{ "cut.der", NULL, ERR_REFUSED, "cannot be read", 0 },
	{ "none.crl", NULL, ERR_REFUSED, "it is empty", 0 },
	{ "device.crt", NULL, ERR_REFUSED, "it is no CRL", 0 },
};

static const struct tls_trust *trust;

struct content {
	uint8_t *data;
	size_t len;
};

static struct slice
read_content(struct content *c, const char *name)
{
	c->data = NULL;
	c->len = 0;
	if (name != NULL &&
	    !ok(file_read(&c->data, &c->len, pki_path(name), 1 << 20) == OK,
		"%s is read", name))
		exit(1);
	return slice_make(c->data, c->len);
}

/* Judges a row in which the n-th allocation fails; the file afterwards goes
 * to `pem'. */
static enum err
judge(size_t i, unsigned n, struct buf *pem, char *why)
{
	struct crl_download download = { .signers = { &trust, 1 },
		.now = clock_wall_s() };
	struct content body, in_place;
	enum err err;

	download.body = read_content(&body, rows[i].download);
	download.in_place = read_content(&in_place, rows[i].in_place);
	buf_init(pem, 0);
	alloc_kit_fail(n);
	err = crl_download_check(&download, pem, why);
	alloc_kit_fail(0);
	free(body.data);
	free(in_place.data);
	return err;
}

static void
test_row(size_t i)
{
	const struct crl_signers signers = { &trust, 1 };
	const char *in_place =
	    rows[i].in_place == NULL ? "nothing" : rows[i].in_place;
	char why[CRL_DOWNLOAD_WHY_MAX];
	struct crl_summary sum;
	struct buf pem;

	is_int(judge(i, 0, &pem, why), rows[i].want, "%s over %s",
	    rows[i].download, in_place);
	if (rows[i].why != NULL)
		ok(strstr(why, rows[i].why) != NULL, "... %s", why);
	is_int(crl_download_sum_up(&sum, buf_slice(&pem), &signers,
		   clock_wall_s()),
	    OK, "what is written can be read");
	is_int((long long)sum.lists, (long long)rows[i].lists, "its lists");
	buf_fini(&pem);
}

/* Each allocation fails once. If that is one in the check of a signature, the
 * library may not be able to say so: the list is refused then. */
static void
test_memory(size_t i)
{
	char why[CRL_DOWNLOAD_WHY_MAX];
	size_t live = alloc_kit_live();
	enum err err = ERR_NO_MEMORY;
	struct buf pem;
	unsigned n, good = 0;

	for (n = 1; n < 1000 && err != rows[i].want; n++) {
		err = judge(i, n, &pem, why);
		buf_fini(&pem);
		good += err == rows[i].want || err == ERR_NO_MEMORY ||
		    err == ERR_REFUSED;
	}
	is_int(err, rows[i].want, "%s: out of memory %u times, then right",
	    rows[i].download, n - 2);
	is_int(good, n - 1, "nothing else was said");
	is_int((long long)alloc_kit_live(), (long long)live, "nothing leaks");
}

static void
test_try(void)
{
	const struct crl_signers signers = { &trust, 1 };
	char why[CRL_DOWNLOAD_WHY_MAX];

	is_int(crl_download_try_load(pki_path("root.crl"), &signers, why), OK,
	    "the daemon would load it");
	is_int(crl_download_try_load(pki_path("foreign.crl"), &signers, why),
	    ERR_REFUSED, "it would refuse a foreign one");
	ok(strstr(why, "signature is not by") != NULL, "and says why");
}

int
main(void)
{
	struct report errors, warnings;
	struct pki_reports reports = { &errors, &warnings };
	struct tls_load_report report = pki_say(&reports);
	struct tls_trust *loaded = NULL;
	const char *cas[2];
	struct config_list list = { cas, 2 };
	size_t i;

	report_init(&errors);
	report_init(&warnings);
	if (!ok(pki_make() && pki_run("many_crls"), "lists are made"))
		return done_testing();
	cas[0] = pki_path("root.crt");
	cas[1] = pki_path("other.crt");
	if (!ok(tls_trust_load(&loaded, &list, &report) == OK,
		"CAs are loaded"))
		return done_testing();
	trust = loaded;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_row(i);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_memory(i);
	test_try();
	tls_trust_free(loaded);
	report_fini(&errors);
	report_fini(&warnings);
	pki_remove();
	return done_testing();
}
