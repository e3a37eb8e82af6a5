/*
 * The signature on a CRL.
 */
#ifndef TLS_CRL_SIGN_H
#define TLS_CRL_SIGN_H

#include "tls/crl_list.h"

/*
 * Did the key in `spki' (SubjectPublicKeyInfo, DER) sign `c'? If so, `c' is
 * marked as signed by it, under `key', the SHA-256 of spki. `*text', static,
 * says why not. Any thread.
 */
bool crl_signed_by(struct crl_list *c, struct slice spki,
    const uint8_t key[CERT_SHA256_LEN], const char **text);

#endif
