/* SPDX-License-Identifier: ISC */
/*
 * The forms in which PEM and DER files come: what is read of each, and that
 * what is not read is an error or a warning with its line.
 */
#include "tls/load.h"

#include <string.h>

#include "tap.h"
#include "tls_pki.h"

#define B "-----BEGIN CERTIFICATE-----\n"
#define E "-----END CERTIFICATE-----\n"
#define ONE B "MAMCAQE=\n" E
#define TWO B "MAMCAQI=\n" E
#define CRL "-----BEGIN X509 CRL-----\nMAMCAQM=\n-----END X509 CRL-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nMAMCAQQ=\n-----END PRIVATE KEY-----\n"
#define OLD_KEY \
	"-----BEGIN EC PRIVATE KEY-----\nMAMCAQU=\n" \
	"-----END EC PRIVATE KEY-----\n"
#define MARK "\xef\xbb\xbf"

/* A certificate (here 3 bytes of INTEGER in a SEQUENCE) and trust settings. */
#define TRUSTED(base64) \
	"-----BEGIN TRUSTED CERTIFICATE-----\n" base64 \
	"\n-----END TRUSTED CERTIFICATE-----\n"

struct row {
	const char *name;
	enum tls_load_kind kind;
	const char *file;
	const char *blocks; /* last byte and line of each: "1@1 2@4" */
	const char *error; /* part of the only error; NULL: none */
	const char *warning; /* part of the only warning; NULL: none */
	size_t len; /* of `file'; 0: strlen */
};

static const struct row rows[] = {
	/* What is read. */
	{ "one", TLS_LOAD_CERT, ONE, "1@1", NULL, NULL, 0 },
	{ "two", TLS_LOAD_CERT, ONE TWO, "1@1 2@4", NULL, NULL, 0 },
	{ "text around", TLS_LOAD_CERT, "a: b\n\n" ONE "between\n" TWO "end",
	    "1@3 2@7", NULL, NULL, 0 },
	{ "no line end at the end", TLS_LOAD_CERT,
	    B "MAMCAQE=\n-----END CERTIFICATE-----", "1@1", NULL, NULL, 0 },
	{ "CR LF", TLS_LOAD_CERT,
	    "-----BEGIN CERTIFICATE-----\r\nMAMCAQE=\r\n"
	    "-----END CERTIFICATE-----\r\n",
	    "1@1", NULL, NULL, 0 },
	{ "blanks behind the lines", TLS_LOAD_CERT,
	    "-----BEGIN CERTIFICATE----- \t\nMAMC \nAQE= \n"
	    "-----END CERTIFICATE-----  \n",
	    "1@1", NULL, NULL, 0 },
	{ "short lines", TLS_LOAD_CERT, B "MA\nMC\nAQ\nE=\n" E, "1@1", NULL,
	    NULL, 0 },
	{ "an empty line in the block", TLS_LOAD_CERT, B "MAMC\n\nAQE=\n" E,
	    "1@1", NULL, NULL, 0 },
	{ "an indented body", TLS_LOAD_CERT, B "  MAMCAQE=\n" E, "1@1", NULL,
	    NULL, 0 },
	{ "a byte order mark", TLS_LOAD_CERT, MARK ONE TWO, "1@1 2@4", NULL,
	    NULL, 0 },
	{ "a byte order mark inside", TLS_LOAD_CERT, ONE MARK TWO, "1@1 2@4",
	    NULL, NULL, 0 },
	{ "X509 CERTIFICATE", TLS_LOAD_CERT,
	    "-----BEGIN X509 CERTIFICATE-----\nMAMCAQE=\n"
	    "-----END X509 CERTIFICATE-----\n" TWO,
	    "1@1 2@4", NULL, NULL, 0 },
	{ "TRUSTED, no settings", TLS_LOAD_CERT, TRUSTED("MAMCAQEwAA=="), "1@1",
	    NULL, NULL, 0 },
	{ "TRUSTED for clients", TLS_LOAD_CERT,
	    TRUSTED("MAMCAQEwDDAKBggrBgEFBQcDAg=="), "1@1", NULL, NULL, 0 },
	{ "TRUSTED for anything", TLS_LOAD_CERT,
	    TRUSTED("MAMCAQEwCDAGBgRVHSUA"), "1@1", NULL, NULL, 0 },
	{ "headers before the body", TLS_LOAD_CERT,
	    B "Proc-Type: 1\nX: y\n\nMAMCAQE=\n" E, "1@1", NULL, NULL, 0 },
	{ "text that begins with 0", TLS_LOAD_CERT,
	    "0 s:CN = a\n  i:CN = b\n" ONE, "1@3", NULL, NULL, 0 },
	{ "a file that begins with 00", TLS_LOAD_CERT, "00\n" ONE, "1@2", NULL,
	    NULL, 0 },
	{ "its key in the same file", TLS_LOAD_CERT, KEY ONE, "1@4", NULL, NULL,
	    0 },
	{ "parameters of its key", TLS_LOAD_CERT,
	    "-----BEGIN EC PARAMETERS-----\nBggq\n"
	    "-----END EC PARAMETERS-----\n" ONE,
	    "1@4", NULL, NULL, 0 },
	{ "DER", TLS_LOAD_CERT, "0\3\2\1\1", "1@0", NULL, NULL, 0 },
	{ "DER and a line end", TLS_LOAD_CERT, "0\3\2\1\1\r\n", "1@0", NULL,
	    NULL, 0 },
	{ "a CRL", TLS_LOAD_CRL, CRL, "3@1", NULL, NULL, 0 },
	{ "two CRLs, a mark", TLS_LOAD_CRL, MARK CRL CRL, "3@1 3@4", NULL, NULL,
	    0 },
	{ "a key", TLS_LOAD_KEY, KEY, "4@1", NULL, NULL, 0 },
	{ "a key behind its certificate", TLS_LOAD_KEY, ONE KEY, "4@4", NULL,
	    NULL, 0 },
	{ "an old key", TLS_LOAD_KEY, OLD_KEY, "5@1", NULL, NULL, 0 },
	{ "a key behind a mark", TLS_LOAD_KEY, MARK KEY, "4@1", NULL, NULL, 0 },
	/* What is an error. */
	{ "empty", TLS_LOAD_CERT, "", "", "nothing here", NULL, 0 },
	{ "text only", TLS_LOAD_CERT, "hello\n", "", "nothing here", NULL, 0 },
	{ "a key only", TLS_LOAD_CERT, KEY, "", "nothing here", NULL, 0 },
	{ "no CRL", TLS_LOAD_CRL, "x", "", "nothing here", NULL, 0 },
	{ "no key", TLS_LOAD_KEY, ONE, "", "nothing here", NULL, 0 },
	{ "no END", TLS_LOAD_CERT, ONE B "MAMCAQE=\n", "1@1",
	    "line 4: the block has no END", NULL, 0 },
	{ "no END before the next", TLS_LOAD_CERT, B "MAMCAQE=\n" TWO, "2@3",
	    "line 1: the block has no END before line 3", NULL, 0 },
	{ "an END of another kind", TLS_LOAD_CERT,
	    B "MAMCAQE=\n-----END X509 CRL-----\n" TWO, "2@4",
	    "line 3: \"END X509 CRL\" after \"BEGIN CERTIFICATE\"", NULL, 0 },
	{ "damaged base64", TLS_LOAD_CERT, B "MAMC?AQE=\n" E, "",
	    "line 2: the block of line 1 is damaged here", NULL, 0 },
	{ "base64 without its end", TLS_LOAD_CERT, B "MAMCAQE\n" E TWO, "2@4",
	    "line 1: the block is damaged", NULL, 0 },
	{ "an empty block", TLS_LOAD_CERT, B E TWO, "2@3",
	    "line 1: the block is damaged", NULL, 0 },
	{ "indented", TLS_LOAD_CERT,
	    ONE "  -----BEGIN CERTIFICATE-----\n  MAMCAQI=\n"
		"  -----END CERTIFICATE-----\n",
	    "1@1", "line 4: a block must begin at the start", NULL, 0 },
	{ "indented by a tab", TLS_LOAD_CRL,
	    CRL "\t-----BEGIN X509 CRL-----\n\tMAMC\n", "3@1",
	    "line 4: a block must begin at the start", NULL, 0 },
	{ "behind text in its line", TLS_LOAD_CERT,
	    ONE "ca: -----BEGIN CERTIFICATE-----\nMAMC\n", "1@1",
	    "line 4: \"ca: -----BEGIN CERTIFICATE-----\" does not begin", NULL,
	    0 },
	{ "four dashes", TLS_LOAD_CERT, ONE "----BEGIN CERTIFICATE----\nMAMC\n",
	    "1@1", "line 4: \"----BEGIN CERTIFICATE----\" does not begin", NULL,
	    0 },
	{ "no dashes at its end", TLS_LOAD_CERT,
	    "-----BEGIN CERTIFICATE\nMAMC\n" TWO, "2@3",
	    "line 1: \"-----BEGIN CERTIFICATE\" does not begin", NULL, 0 },
	{ "dashes of a word processor", TLS_LOAD_CERT,
	    ONE "\xe2\x80\x94\xe2\x80\x94"
		"BEGIN CERTIFICATE\n",
	    "1@1", "line 4: ", NULL, 0 },
	{ "an unknown label", TLS_LOAD_CERT,
	    ONE "-----BEGIN CERT-----\nMAMC\n-----END CERT-----\n", "1@1",
	    "line 4: \"BEGIN CERT\" is not a known kind", NULL, 0 },
	{ "CRL without X509", TLS_LOAD_CRL,
	    CRL "-----BEGIN CRL-----\nMAMC\n-----END CRL-----\n", "3@1",
	    "line 4: \"BEGIN CRL\" is not a known kind", NULL, 0 },
	{ "PKCS7", TLS_LOAD_CERT,
	    "-----BEGIN PKCS7-----\nMAMC\n-----END PKCS7-----\n" ONE, "1@4",
	    "line 1: a PKCS7 block is not read (try: openssl pkcs7", NULL, 0 },
	{ "UTF-16", TLS_LOAD_CERT, "\xff\xfe-\0-\0-\0", "", "UTF-16", NULL, 8 },
	{ "UTF-16, the other way", TLS_LOAD_CERT, "\xfe\xff\0-\0-", "",
	    "UTF-16", NULL, 6 },
	{ "DER with more behind it", TLS_LOAD_CERT,
	    "0\3\2\1\1"
	    "0\3\2\1\2",
	    "", "after the first 5 bytes of DER more follow", NULL, 0 },
	{ "cut DER", TLS_LOAD_CERT, "0\4\2\1\1", "", "damaged", NULL, 0 },
	{ "PKCS#12", TLS_LOAD_CERT, "0\5\2\1\0030\0", "", "the file is PKCS#12",
	    NULL, 7 },
	{ "a key in PKCS#12", TLS_LOAD_KEY, "0\5\2\1\0030\0", "",
	    "-nocerts for the key", NULL, 7 },
	{ "PKCS#7 as DER", TLS_LOAD_CERT,
	    "0\13\6\11\x2a\x86\x48\x86\xf7\x0d\1\7\2", "", "the file is PKCS#7",
	    NULL, 13 },
	{ "TRUSTED for servers only", TLS_LOAD_CERT,
	    TRUSTED("MAMCAQEwDDAKBggrBgEFBQcDAQ=="), "",
	    "line 1: by its trust settings", NULL, 0 },
	{ "TRUSTED, clients rejected", TLS_LOAD_CERT,
	    TRUSTED("MAMCAQEwDKAKBggrBgEFBQcDAg=="), "",
	    "line 1: by its trust settings", NULL, 0 },
	{ "TRUSTED, broken settings", TLS_LOAD_CERT, TRUSTED("MAMCAQExAA=="),
	    "", "line 1: by its trust settings", NULL, 0 },
	/* What is a warning. */
	{ "a CRL among certificates", TLS_LOAD_CERT, ONE CRL CRL, "1@1", NULL,
	    "line 4: a block \"X509 CRL\" is not read here", 0 },
	{ "a certificate among CRLs", TLS_LOAD_CRL, ONE CRL, "3@4", NULL,
	    "line 1: a block \"CERTIFICATE\" is not read here", 0 },
	{ "a request among certificates", TLS_LOAD_CERT,
	    "-----BEGIN CERTIFICATE REQUEST-----\nMAMC\n"
	    "-----END CERTIFICATE REQUEST-----\n" ONE,
	    "1@4", NULL, "line 1: a block \"CERTIFICATE REQUEST\"", 0 },
	{ "a comment", TLS_LOAD_CERT, ONE "#-----BEGIN CERTIFICATE-----\n",
	    "1@1", NULL, "line 4: a block behind \"#\" is not read", 0 },
};

static struct report why, warnings;
static char seen[256];

static enum err
note(const struct tls_pem_block *block, void *arg)
{
	char text[32];

	(void)arg;
	snprintf(text, sizeof(text), "%s%u@%u", seen[0] == '\0' ? "" : " ",
	    block->der.data[block->der.len - 1], block->line);
	strncat(seen, text, sizeof(seen) - strlen(seen) - 1);
	return OK;
}

/* The only line of a report contains `want', or there is none. */
static void
check_report(const struct report *r, const char *want, const char *what)
{
	if (want == NULL) {
		is_int((long long)r->count, 0, "... no %s", what);
	} else {
		ok(r->count == 1 && strstr(r->lines[0], want) != NULL,
		    "... %s: %s", what, want);
	}
	if (r->count > 0 && (want == NULL || strstr(r->lines[0], want) == NULL))
		diag("%s", r->lines[0]);
}

static void
test_row(const struct row *r)
{
	struct pki_reports reports = { &why, &warnings };
	struct tls_load_report report = pki_say(&reports);
	struct tls_load_source src = { "x.pem", "client_ca", "nothing here",
		&report };
	size_t len = r->len != 0 ? r->len : strlen(r->file);
	struct slice file = slice_make((const uint8_t *)r->file, len);
	enum err want = r->error == NULL ? OK : ERR_CONFIG;

	report_init(&why);
	report_init(&warnings);
	seen[0] = '\0';
	is_int(tls_load_blocks(file, r->kind, note, NULL, &src), want, "%s",
	    r->name);
	is_str(seen, r->blocks, "... blocks");
	check_report(&why, r->error, "error");
	check_report(&warnings, r->warning, "warning");
	report_fini(&why);
	report_fini(&warnings);
	/* Without a report the outcome is as good or as bad. */
	src.report = NULL;
	ok((tls_load_blocks(file, r->kind, note, NULL, &src) == OK) ==
		(want == OK),
	    "... the same without a report");
}

static enum err
refuse_first(const struct tls_pem_block *block, void *arg)
{
	unsigned *count = arg;

	(void)block;
	return ++*count == 1 ? ERR_CONFIG : OK;
}

static enum err
no_memory(const struct tls_pem_block *block, void *arg)
{
	unsigned *count = arg;

	(void)block;
	++*count;
	return ERR_NO_MEMORY;
}

static void
test_walk(void)
{
	struct tls_load_source src = { "x.pem", "client_ca", "", NULL };
	struct slice file = slice_str(ONE TWO ONE);
	unsigned count = 0;

	is_int(tls_load_blocks(file, TLS_LOAD_CERT, refuse_first, &count, &src),
	    ERR_CONFIG, "an error of one block");
	is_int(count, 3, "... does not end the walk");
	count = 0;
	is_int(tls_load_blocks(file, TLS_LOAD_CERT, no_memory, &count, &src),
	    ERR_NO_MEMORY, "lack of memory");
	is_int(count, 1, "... does");
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_row(&rows[i]);
	test_walk();
	return done_testing();
}
