/* SPDX-License-Identifier: ISC */
/* Distinguished names as RFC 4514 text, as EMQX writes it. */
#include "identity/text.h"

#include "byte_kit.h"
#include "identity_kit.h"
#include "tap.h"

static const struct {
	const char *name;
	const char *cert;
	const char *emqx; /* NULL: refused */
	const char *hex; /* NULL: as emqx */
} rows[] = {
	{ "last RDN first", "C printable 'DE'\nO utf8 'Acme'\nCN utf8 'd1'",
	    "CN=d1,O=Acme,C=DE", NULL },
	{ "several values keep their order",
	    "O utf8 'Acme'\nCN utf8 'd1'\n+ UID utf8 'u1'",
	    "CN=d1+UID=u1,O=Acme", NULL },
	{ "equal attributes",
	    "OU utf8 'a'\nOU utf8 'b'\nCN utf8 'x'\nCN utf8 'y'",
	    "CN=y,CN=x,OU=b,OU=a", NULL },
	{ "every name",
	    "CN utf8 '1'\nSN utf8 '1'\nSERIALNUMBER printable '1'\n"
	    "C printable 'DE'\nL utf8 '1'\nST utf8 '1'\nSTREET utf8 '1'\n"
	    "O utf8 '1'\nOU utf8 '1'\nTITLE utf8 '1'\nGIVENNAME utf8 '1'\n"
	    "INITIALS utf8 '1'\nGENERATIONQUALIFIER utf8 '1'\n"
	    "PSEUDONYM utf8 '1'\nUID utf8 '1'\nDC ia5 '1'\n"
	    "EMAILADDRESS ia5 '1'",
	    "EMAILADDRESS=1,DC=1,UID=1,PSEUDONYM=1,GENERATIONQUALIFIER=1,"
	    "INITIALS=1,GIVENNAME=1,TITLE=1,OU=1,O=1,STREET=1,ST=1,L=1,C=DE,"
	    "SERIALNUMBER=1,SN=1,CN=1",
	    NULL },
	{ "unknown type: dotted, and hex of the DER",
	    "2b0601040182370201 utf8 'x'", "1.3.6.1.4.1.311.2.1=#0c0178",
	    NULL },
	{ "joint-iso arcs", "883703 utf8 'x'", "2.999.3=#0c0178", NULL },
	{ "arc 0.9 and 1.39", "09 utf8 'x'\n4f utf8 'x'",
	    "1.39=#0c0178,0.9=#0c0178", NULL },
	{ "arc 2.0", "50 utf8 'x'", "2.0=#0c0178", NULL },
	{ "the largest UUID",
	    "6983ffffffffffffffffffffffffffffffffff7f utf8 'x'",
	    "2.25.340282366920938463463374607431768211455=#0c0178", NULL },
	{ "2.100 in two bytes", "8134 utf8 'x'", "2.100=#0c0178", NULL },
	{ "OID cut short", "2b86 utf8 'x'", NULL, NULL },
	{ "OID with a padded arc", "2b8001 utf8 'x'", NULL, NULL },
	{ "an arc without end",
	    "2bffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	    "ffffffffffffffffffffffffffffffffffffffff7f utf8 'x'",
	    NULL, NULL },
	{ "unknown type needs no text", "2b06 other 0102", "1.3.6=#04020102",
	    NULL },
	{ "specials", "CN utf8 'a\"b+c,d;e<f>g\\h'",
	    "CN=a\\\"b\\+c\\,d\\;e\\<f\\>g\\\\h",
	    "CN=a\\\"b\\2Bc\\,d\\;e\\<f\\>g\\\\h" },
	{ "leading #", "CN utf8 '#a#'", "CN=\\#a#", "CN=\\23a\\23" },
	{ "leading space", "CN utf8 ' a'", "CN=\\ a", NULL },
	{ "trailing space", "CN utf8 'a '", "CN=a\\ ", NULL },
	{ "spaces inside stay", "CN utf8 'a b'", "CN=a b", NULL },
	{ "one space", "CN utf8 20", "CN=\\ ", NULL },
	{ "two spaces", "CN utf8 2020", "CN=\\ \\ ", NULL },
	{ "three spaces", "CN utf8 202020", "CN=\\  \\ ", NULL },
	{ "slash", "CN utf8 'a/b'", "CN=a/b", "CN=a\\2Fb" },
	{ "wildcard at the end", "CN utf8 'a/#'", "CN=a/#", "CN=a\\2F\\23" },
	{ "equals sign", "CN utf8 'a=b'", "CN=a=b", NULL },
	{ "non-ASCII", "CN utf8 'caf' c3a9", "CN=caf\\C3\\A9", NULL },
	{ "T61 is UTF-8 first", "CN t61 'caf' e9", "CN=caf\\C3\\A9", NULL },
	{ "BMP", "CN bmp 20ac", "CN=\\E2\\82\\AC", NULL },
	{ "tilde and DEL", "CN utf8 7d7e7f", "CN=}\\7E\\7F", NULL },
	{ "control", "CN utf8 'a' 0a 'b'", "CN=a\\0Ab", NULL },
	{ "empty value", "CN utf8", "CN=", NULL },
	{ "NUL", "CN utf8 'a' 00", NULL, NULL },
	{ "bad UTF-8", "O utf8 'x'\nCN utf8 ff", NULL, NULL },
	{ "named type, no text", "CN other 01", NULL, NULL },
};

static void
test_rows(void)
{
	struct identity_kit k;
	const char *want;
	uint8_t out[1024];
	struct identity_text_out line;
	enum identity_text_result got;
	size_t i, style, len;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) * 2; i++) {
		style = i % 2;
		want = style == IDENTITY_DN_HEX && rows[i / 2].hex != NULL
		    ? rows[i / 2].hex
		    : rows[i / 2].emqx;
		identity_kit_init(&k, rows[i / 2].cert);
		line = (struct identity_text_out){ out, sizeof(out), 0 };
		got = identity_dn_append(k.cert.subject, k.cert.subject_count,
		    (enum identity_dn_style)style, &line, NULL);
		len = line.len;
		is_int(got == IDENTITY_TEXT_OK, want != NULL, "%s",
		    rows[i / 2].name);
		if (want != NULL)
			is_mem(out, len, want, strlen(want), "%s: text",
			    rows[i / 2].name);
		else
			is_int((long long)len, 0, "nothing written");
		identity_kit_fini(&k);
	}
}

static void
test_faults(void)
{
	struct identity_kit k;
	uint8_t bytes[64];
	struct identity_text_out out = { bytes, sizeof(bytes), 0 };
	size_t bad = 99;

	identity_kit_init(&k, "");
	is_int(
	    identity_dn_append(k.cert.subject, 0, IDENTITY_DN_EMQX, &out, &bad),
	    IDENTITY_TEXT_EMPTY, "no attributes");
	identity_kit_fini(&k);
	identity_kit_init(&k, "O utf8 'x'\nCN utf8 00\nOU utf8 'y'");
	is_int(
	    identity_dn_append(k.cert.subject, 3, IDENTITY_DN_EMQX, &out, &bad),
	    IDENTITY_TEXT_NUL, "NUL");
	is_int((long long)bad, 1, "names the attribute");
	identity_kit_fini(&k);
}

/* Every size of room: OK exactly from the length on, never a byte beyond. */
static void
test_room(void)
{
	static const char want[] = "CN=a\\,\\C3\\A9+1.3.6=#0c0178,C=DE";
	struct kit_bytes out;
	struct identity_kit k;
	struct identity_text_out line;
	enum identity_text_result got;
	size_t cap, wrong = 0;

	identity_kit_init(&k,
	    "C printable 'DE'\nCN utf8 'a,' c3a9\n+ 2b06 utf8 'x'");
	for (cap = 0; cap <= sizeof(want); cap++) {
		out = kit_copy(want, cap < strlen(want) ? cap : strlen(want));
		line.bytes = out.data;
		line.cap = cap < strlen(want) ? cap : strlen(want);
		line.len = 0;
		got = identity_dn_append(k.cert.subject, 3, IDENTITY_DN_EMQX,
		    &line, NULL);
		wrong += got !=
		    (cap < strlen(want) ? IDENTITY_TEXT_TOO_LONG
					: IDENTITY_TEXT_OK);
		kit_free(&out);
	}
	is_int((long long)wrong, 0, "at every size of room");
	identity_kit_fini(&k);
}

static void
test_unsafe(void)
{
	static const struct {
		const char *cert;
		bool want;
	} has[] = {
		{ "CN utf8 'a'", false },
		{ "CN utf8 'a' 1f", true },
		{ "CN utf8 7f", true },
		{ "CN utf8 c285", true },
		{ "CN utf8 c2a0", false },
		{ "CN utf8 'a'\nO bmp 000a", true },
		{ "2b06 utf8 0a", false },
		{ "CN utf8 'a/#'", true },
		{ "CN utf8 'a#'", false },
		{ "CN utf8 'a/+'", false },
	};
	struct identity_kit k;
	size_t i;

	for (i = 0; i < sizeof(has) / sizeof(has[0]); i++) {
		identity_kit_init(&k, has[i].cert);
		is_int(
		    identity_dn_is_unsafe(k.cert.subject, k.cert.subject_count),
		    has[i].want, "unsafe in %zu", i);
		identity_kit_fini(&k);
	}
}

int
main(void)
{
	test_rows();
	test_faults();
	test_room();
	test_unsafe();
	return done_testing();
}
