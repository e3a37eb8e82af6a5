/*
 * Fills the struct cert of domain/cert.h from a certificate's DER. Everything
 * of it sits in one allocation, except the DER itself, which is shared with
 * the TLS session that holds it anyway. Names are handed on as they stand;
 * nothing here judges them.
 */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#include "base/err.h"
#include "domain/cert.h"
#include "domain/reason.h"

/* Frees a cert made in tls/. NULL is fine. */
void tls_cert_free(struct cert *cert);

#endif
