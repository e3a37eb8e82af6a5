/* SPDX-License-Identifier: ISC */
/*
 * Fills the struct cert of domain/cert.h from a verified chain. Everything of
 * it sits in one allocation, except the leaf's DER, which is shared with the
 * TLS session that holds it anyway. Names are handed on as they stand;
 * nothing here judges them.
 */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#include "base/err.h"
#include "domain/cert.h"

struct tls_chain;
struct tls_trust;

/*
 * Makes the facts of the leaf of `chain'; its path may be empty (a chain that
 * was not verified), and then only the leaf's own dates count. `trust' (NULL:
 * none) has the issuer's other certificates. ERR_MALFORMED when names or
 * SubjectAltName are not X.509's, ERR_NO_MEMORY.
 */
enum err tls_facts_make(struct cert **out, const struct tls_chain *chain,
    const struct tls_trust *trust) MUST_CHECK;

/* Frees a cert made here, from any thread. NULL is fine. */
void tls_cert_free(struct cert *cert);

#endif
