/* SPDX-License-Identifier: ISC */
/*
 * Fills the struct cert of domain/cert.h from a chain. All of it is in one
 * allocation, except the leaf's DER, which is shared with the TLS session that
 * holds it anyway. Names are passed on as they are; nothing here judges them.
 */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#include "base/err.h"
#include "domain/cert.h"

struct tls_chain;
struct tls_trust;

/*
 * Collects the facts of the leaf of `chain'. If its path is empty (the chain
 * was not verified), only the leaf's own dates are known, and no other form of
 * the certificate (see domain/cert.h). `trust' (may be NULL) has the other
 * certificates of its issuer. ERR_MALFORMED when names or SubjectAltName are
 * not valid X.509; ERR_NO_MEMORY.
 */
enum err tls_facts_make(struct cert **out, const struct tls_chain *chain,
    const struct tls_trust *trust) MUST_CHECK;

/* Frees a cert made here, from any thread. NULL is allowed. */
void tls_facts_free(struct cert *cert);

#endif
