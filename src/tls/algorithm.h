/*
 * Which signatures and keys are good enough for a certificate or a CRL. SHA-1
 * and older are not taken: who can make two that have the same hash has one
 * signed and shows the other. An RSA key of 512 bits takes hours to factor.
 */
#ifndef TLS_ALGORITHM_H
#define TLS_ALGORITHM_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "base/slice.h"

/* How to check a signature. */
struct tls_algorithm {
	const EVP_MD *md; /* NULL: the scheme has its own */
	bool is_pss;
};

/* Finds the algorithm of an AlgorithmIdentifier (DER); false: it is not one
 * that is taken. */
bool tls_algorithm_find(struct tls_algorithm *out, struct slice identifier);

/* Why the key of a SubjectPublicKeyInfo (DER) is too weak, static; NULL: it is
 * not, or it is of no kind that we measure. */
const char *tls_algorithm_key_weakness(struct slice spki);

#endif
