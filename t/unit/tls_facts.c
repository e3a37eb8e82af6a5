/* SPDX-License-Identifier: ISC */
/*
 * What is read from a certificate, and that no bytes can do harm by it.
 */
#include <stdlib.h>

#include "base/encode.h"
#include "tap.h"
#include "tls/facts.h"
#include "tls/verify.h"
#include "tls_pki.h"

/* Facts straight from bytes, as fuzzers do it; NULL when refused. */
static struct cert *
read_facts(const uint8_t *der, size_t len)
{
	CRYPTO_BUFFER *buffer = CRYPTO_BUFFER_new(der, len, NULL);
	struct tls_chain chain = { .sent_count = 1 };
	struct cert *cert = NULL;

	if (tls_cert_init(&chain.sent[0], buffer) == OK &&
	    tls_facts_make(&cert, &chain, NULL) != OK)
		cert = NULL;
	CRYPTO_BUFFER_free(buffer);
	return cert;
}

static struct cert *
load_facts(const char *name)
{
	STACK_OF(CRYPTO_BUFFER) * certs;
	struct cert *cert;
	CRYPTO_BUFFER *leaf;

	if (tls_load_certs(&certs,
		&(struct tls_load_source){ pki_path(name), "", "", NULL }) !=
	    OK)
		return NULL;
	leaf = sk_CRYPTO_BUFFER_value(certs, 0);
	cert = read_facts(CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_len(leaf));
	tls_load_free(certs);
	return cert;
}

static void
is_value(const struct cert_attr *attr, uint8_t oid, enum cert_string type,
    const char *value, const char *what)
{
	uint8_t want[3] = { 0x55, 4, oid };

	is_mem(attr->oid.data, attr->oid.len, want, 3, "%s: OID", what);
	is_mem(attr->value.data, attr->value.len, value, strlen(value),
	    "%s: value", what);
	is_int(attr->type, type, "%s: type", what);
	ok(attr->value_der.len == attr->value.len + 2, "%s: with its tag",
	    what);
}

static void
is_hex(struct slice bytes, const char *file, const char *what)
{
	char hex[256], line[256] = "";
	FILE *in = fopen(pki_path(file), "r");
	size_t i;

	encode_hex(hex, bytes);
	if (in == NULL || fgets(line, sizeof(line), in) == NULL)
		diag("%s cannot be read", file);
	if (in != NULL)
		fclose(in);
	line[strcspn(line, " \n")] = '\0';
	for (i = 0; line[i] != '\0'; i++)
		line[i] |= 0x20; /* lower case */
	/* DER begins with a zero byte where the number's first bit is set. */
	i = strlen(hex) == strlen(line) + 2 && strncmp(hex, "00", 2) == 0;
	is_str(hex + 2 * i, line, "%s as openssl has it", what);
}

static void
test_device(void)
{
	struct cert *c = load_facts("device.crt");
	static const struct {
		enum cert_san_kind kind;
		const char *value;
		size_t len;
	} sans[] = {
		{ CERT_SAN_DNS, "device-001.example", 18 },
		{ CERT_SAN_URI, "urn:dev:1", 9 },
		{ CERT_SAN_EMAIL, "d@example.org", 13 },
		{ CERT_SAN_IP, "\xc0\0\2\1", 4 },
		{ CERT_SAN_IP, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16 },
	};
	size_t i;

	if (!ok(c != NULL, "a device's facts"))
		return;
	if (is_int((long long)c->subject_count, 2, "two attributes")) {
		is_value(&c->subject[0], 10, CERT_STRING_UTF8, "Test", "O");
		is_value(&c->subject[1], 3, CERT_STRING_UTF8, "device-001",
		    "CN");
		ok(c->subject[0].rdn == 0 && c->subject[1].rdn == 1, "RDNs");
	}
	is_int((long long)c->issuer_count, 2, "the issuer's two");
	if (is_int((long long)c->san_count, 5, "five names beside it"))
		for (i = 0; i < 5; i++)
			ok(c->sans[i].kind == sans[i].kind &&
				slice_equal(c->sans[i].value,
				    slice_make(sans[i].value, sans[i].len)),
			    "... %s", sans[i].value);
	is_hex(c->serial, "serial", "serial");
	is_hex(slice_make(c->sha256, 32), "sha256", "sha256");
	is_hex(slice_make(c->spki, 32), "spki", "spki");
	is_hex(slice_make(c->md5, 16), "md5", "md5");
	ok(c->not_after - c->not_before == 3650LL * 86400, "ten years");
	is_int(c->chain_not_after, c->not_after, "no chain to shorten them");
	ok(c->der.data[0] == 0x30, "the certificate with its tag");
	tls_facts_free(c);
}

static void
test_odd(void)
{
	struct cert *c = load_facts("odd.crt");

	if (!ok(c != NULL, "odd names"))
		return;
	if (is_int((long long)c->subject_count, 3, "three attributes")) {
		is_int(c->subject[1].rdn, c->subject[0].rdn, "two in one RDN");
		is_int(c->subject[2].rdn, 1, "one in another");
		is_int(c->subject[2].type, CERT_STRING_PRINTABLE, "a country");
	}
	is_int((long long)c->san_count, 0, "no SubjectAltName");
	tls_facts_free(c);
	c = load_facts("empty.crt");
	ok(c != NULL && c->subject_count == 0, "an empty subject");
	tls_facts_free(c);
}

/* Every prefix, every bit, every byte 0xff: refused or read, no more. */
static void
test_hostile(void)
{
	STACK_OF(CRYPTO_BUFFER) * certs;
	uint8_t *der;
	size_t len, i, taken = 0, changed = 0;
	struct cert *c;

	if (tls_load_certs(&certs,
		&(struct tls_load_source){ pki_path("device.crt"), "", "",
		    NULL }) != OK)
		abort();
	len = CRYPTO_BUFFER_len(sk_CRYPTO_BUFFER_value(certs, 0));
	der = malloc(len);
	memcpy(der, CRYPTO_BUFFER_data(sk_CRYPTO_BUFFER_value(certs, 0)), len);
	tls_load_free(certs);
	for (i = 0; i < len; i++) {
		c = read_facts(der, i);
		taken += c != NULL;
		tls_facts_free(c);
	}
	is_int((long long)taken, 0, "no prefix of a certificate is one");
	for (i = 0; i < len * 9; i++) {
		uint8_t was = der[i / 9];

		der[i / 9] = i % 9 == 8 ? 0xff : (uint8_t)(was ^ 1 << i % 9);
		c = read_facts(der, len);
		changed += c != NULL;
		tls_facts_free(c);
		der[i / 9] = was;
	}
	ok(changed > 0 && changed < len * 9, "of %zu changed ones %zu are read",
	    len * 9, changed);
	free(der);
}

/* Times of certificates and CRLs (RFC 5280 4.1.2.5). */
static void
test_times(void)
{
	static const struct {
		const char *text; /* after tag and length */
		int64_t want; /* -1: refused */
	} rows[] = {
		{ "\x17\x0d"
		  "700101000000Z",
		    0 },
		{ "\x17\x0d"
		  "000229120000Z",
		    951825600 },
		{ "\x17\x0d"
		  "491231235959Z",
		    2524607999 },
		{ "\x18\x0f"
		  "20500101000000Z",
		    2524608000 },
		{ "\x17\x0d"
		  "260231000000Z",
		    -1 },
		{ "\x17\x0d"
		  "260431000000Z",
		    -1 },
		{ "\x17\x0d"
		  "250229000000Z",
		    -1 },
		{ "\x18\x0f"
		  "21000229000000Z",
		    -1 },
		{ "\x17\x0d"
		  "261301000000Z",
		    -1 },
		{ "\x17\x0d"
		  "260001000000Z",
		    -1 },
		{ "\x17\x0d"
		  "260100000000Z",
		    -1 },
		{ "\x17\x0d"
		  "260101240000Z",
		    -1 },
		{ "\x17\x0d"
		  "260101006000Z",
		    -1 },
		{ "\x17\x0d"
		  "260101000060Z",
		    -1 },
		{ "\x17\x0d"
		  "26010100000 Z",
		    -1 },
		{ "\x17\x0c"
		  "260101000000",
		    -1 },
		{ "\x17\x11"
		  "260101000000+0100",
		    -1 },
	};
	int64_t got;
	size_t i;
	CBS cbs;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CBS_init(&cbs, (const uint8_t *)rows[i].text,
		    strlen(rows[i].text));
		if (tls_der_time(&cbs, &got) != OK)
			got = -1;
		is_int(got, rows[i].want, "%s", rows[i].text + 2);
	}
}

int
main(void)
{
	if (!ok(pki_make(), "certificates are made") ||
	    !ok(pki_run("odd_certificates"), "and odd ones"))
		return done_testing();
	test_device();
	test_odd();
	test_times();
	test_hostile();
	pki_remove();
	return done_testing();
}
