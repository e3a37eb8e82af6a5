/* SPDX-License-Identifier: ISC */
/*
 * One path of certificates, checked by the TLS library: signatures, purposes,
 * name constraints and critical extensions. For verify.c, which chooses paths
 * and checks everything else.
 */
#ifndef TLS_PATH_H
#define TLS_PATH_H

#include "tls/verify.h"

/* Room for what tls_path_whose() returns. */
#define TLS_WHOSE_MAX (TLS_NAME_TEXT_MAX + 8 + 64)

/*
 * Checks exactly the path of `c', all but dates. A detail that is not static is
 * written to `text'. REASON_ACCEPT_RESOURCE: out of memory.
 */
struct tls_result tls_path_verify(const struct tls_chain *c,
    char text[TLS_DETAIL_MAX]);

/* Names the certificate path[i] in a detail: "it", or the CA by its name and,
 * if it is one of client_ca, where it stands there. */
const char *tls_path_whose(const struct tls_chain *c, size_t i,
    char name[TLS_WHOSE_MAX]);

/* Checks the signature of `child' by the key of `issuer'. Errors are those of
 * tls_der_check_signature(). */
enum err tls_path_check_edge(const struct tls_cert *child,
    const struct tls_cert *issuer) MUST_CHECK;

/* True if the certificate `of' says (authorityKeyIdentifier) that another key
 * than that of `issuer' signed it. A hint only. */
bool tls_path_names_other_key(const struct tls_cert *of,
    const struct tls_cert *issuer);

#endif
