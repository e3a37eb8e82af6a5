/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the names of a certificate. The input is a row of fields, each
 * a byte of what it is, a byte of length, and its bytes; see take_field().
 * Every variable, the DN and the deny list must cope with all of it.
 */
#include <string.h>

#include "../lib/denylist.h"
#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "identity/template.h"
#include "identity/text.h"

#define MANY 16

struct names {
	struct cert cert;
	struct cert_attr subject[MANY];
	struct cert_attr issuer[MANY];
	struct cert_san sans[MANY];
	uint8_t chain[1][CERT_SHA256_LEN];
};

/* Types that variables ask for, and an unknown one; the fifth's OID is the
 * value itself. */
static const uint8_t oids[4][3] = {
	{ 0x55, 4, 3 },
	{ 0x55, 4, 10 },
	{ 0x55, 4, 11 },
	{ 0x55, 4, 6 },
};

static void
add_attr(struct cert_attr *attrs, size_t *count, uint8_t what, struct slice v)
{
	struct cert_attr *a = &attrs[*count];
	unsigned type = what / 16 % 5;

	if (*count == MANY)
		return;
	a->oid = type < 4 ? slice_make(oids[type], 3) : v;
	a->type = (enum cert_string)(what % 8);
	a->value = v;
	a->value_der = v;
	a->rdn = (unsigned)*count / 2;
	++*count;
}

/* 00-7f subject, 80-cf issuer, d0-ef alternative names, f0-ff the serial. */
static void
take_field(struct names *n, uint8_t what, struct slice v)
{
	struct cert *c = &n->cert;

	if (what >= 0xf0) {
		c->serial = v;
		c->der = v;
	} else if (what >= 0xd0 && c->san_count < MANY) {
		n->sans[c->san_count].kind = (enum cert_san_kind)(what % 4);
		n->sans[c->san_count++].value = v;
	} else if (what >= 0x80 && what < 0xd0) {
		add_attr(n->issuer, &c->issuer_count, what, v);
	} else if (what < 0x80) {
		add_attr(n->subject, &c->subject_count, what, v);
	}
}

static void
take_fields(struct names *n, const uint8_t *data, size_t size)
{
	size_t len;

	while (size >= 2) {
		len = data[1] < size - 2 ? data[1] : size - 2;
		take_field(n, data[0], slice_make(data + 2, len));
		data += 2 + len;
		size -= 2 + len;
	}
}

/* No byte that ends a topic level or acts as a wildcard. */
static void
check_safe(enum identity_variable v, struct slice out)
{
	must(!has_control(out));
	if (v == IDENTITY_DN || v == IDENTITY_ISSUER_DN || v == IDENTITY_CRT ||
	    v == IDENTITY_PEM)
		return;
	must(memchr(out.data, '+', out.len) == NULL);
	must(memchr(out.data, '#', out.len) == NULL);
	must(v == IDENTITY_SAN_URI || v == IDENTITY_CLIENT_CLIENTID ||
	    memchr(out.data, '/', out.len) == NULL);
}

static void
check_variable(enum identity_variable v, const struct identity_input *in)
{
	static struct identity_name plain, encoded;
	char why[IDENTITY_WHY_MAX] = "";
	enum reason refuse, encode;

	plain.len = 0;
	encoded.len = 0;
	refuse =
	    identity_variable_append(v, in, CONFIG_UNSAFE_REFUSE, &plain, why);
	must((refuse == REASON_NONE) == (why[0] == '\0'));
	encode = identity_variable_append(v, in, CONFIG_UNSAFE_ENCODE, &encoded,
	    why);
	must(refuse == encode || refuse == REASON_IDENTITY_UNSAFE);
	if (refuse == REASON_NONE) {
		must(plain.len > 0);
		must(utf8_valid(slice_make(plain.bytes, plain.len)));
		check_safe(v, slice_make(plain.bytes, plain.len));
	}
	if (encode == REASON_NONE) {
		must(utf8_valid(slice_make(encoded.bytes, encoded.len)));
		check_safe(v, slice_make(encoded.bytes, encoded.len));
	}
}

static void
check_dn(const struct cert *c, enum identity_dn_style style)
{
	static uint8_t out[IDENTITY_NAME_MAX];
	struct identity_text_out line = { out, sizeof(out), 0 };
	size_t len, i, bad = SIZE_MAX;
	enum identity_text_result result = identity_dn_append(c->subject,
	    c->subject_count, style, &line, &bad);

	len = line.len;
	must(result == IDENTITY_TEXT_OK || len == 0);
	must((result == IDENTITY_TEXT_OK || c->subject_count == 0 ||
		 result == IDENTITY_TEXT_TOO_LONG) == (bad == SIZE_MAX));
	for (i = 0; i < len; i++)
		must(out[i] >= 32 && out[i] < 126);
}

static void
check_denied(const struct cert *c)
{
	static const char list[] =
	    "as,who\ncn,admin\nserial,01\nserial,02@CN=CA\nsan,a.example\n";
	static struct identity_denylist *l;
	struct identity_deny found;
	struct report r;

	if (l == NULL) {
		report_init(&r);
		l = denylist_make(slice_str(list), "list", &r);
		must(l != NULL);
	}
	if (identity_denylist_match_cert(l, c, 0, &found))
		must(found.value.len > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names n;
	struct mqtt_connect connect = { .client_id = slice_str("id") };
	struct identity_input in = { &n.cert, &connect, { NULL, 0 },
		slice_str("::1") };
	enum identity_variable v;

	memset(&n, 0, sizeof(n));
	n.cert.subject = n.subject;
	n.cert.issuer = n.issuer;
	n.cert.canonical_sha256 = n.cert.sha256;
	n.cert.sans = n.sans;
	n.cert.issuer_certs = (const uint8_t(*)[CERT_SHA256_LEN])n.chain;
	n.cert.issuer_cert_count = 1;
	n.cert.cas = n.cert.issuer_certs;
	n.cert.ca_count = 1;
	take_fields(&n, data, size);
	if (n.cert.san_count > 0 && n.cert.sans[0].kind == CERT_SAN_DNS)
		in.sni = n.cert.sans[0].value;
	for (v = 0; v < IDENTITY_VARIABLE_COUNT; v++)
		check_variable(v, &in);
	check_dn(&n.cert, IDENTITY_DN_EMQX);
	check_dn(&n.cert, IDENTITY_DN_HEX);
	check_denied(&n.cert);
	return 0;
}
