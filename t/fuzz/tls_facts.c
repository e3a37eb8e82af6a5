/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a certificate: what is read must lie inside them, and names
 * must be the same read twice.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "tls/facts.h"
#include "tls/verify.h"

static void
must_lie_in(struct slice part, struct slice whole)
{
	must(part.data >= whole.data &&
	    part.data + part.len <= whole.data + whole.len);
}

static void
check_attrs(const struct cert_attr *attrs, size_t count, struct slice der)
{
	size_t i;

	for (i = 0; i < count; i++) {
		must_lie_in(attrs[i].oid, der);
		must_lie_in(attrs[i].value_der, der);
		must_lie_in(attrs[i].value, attrs[i].value_der);
		must(attrs[i].oid.len > 0);
		must(i == 0 ? attrs[i].rdn == 0
			    : attrs[i].rdn - attrs[i - 1].rdn <= 1);
	}
}

static void
check_facts(const struct cert *c)
{
	size_t i;

	must_lie_in(c->serial, c->der);
	check_attrs(c->subject, c->subject_count, c->der);
	check_attrs(c->issuer, c->issuer_count, c->der);
	for (i = 0; i < c->san_count; i++) {
		must_lie_in(c->sans[i].value, c->der);
		must(c->sans[i].kind != CERT_SAN_IP ||
		    c->sans[i].value.len == 4 || c->sans[i].value.len == 16);
	}
	must(c->ca_count == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CRYPTO_BUFFER *buffer = CRYPTO_BUFFER_new(data, size, NULL);
	struct tls_chain chain = { .sent_count = 1 };
	struct cert *cert;

	if (buffer != NULL && tls_cert_init(&chain.sent[0], buffer) == OK &&
	    tls_facts_make(&cert, &chain, NULL) == OK) {
		check_facts(cert);
		tls_facts_free(cert);
	}
	CRYPTO_BUFFER_free(buffer);
	return 0;
}
