/* SPDX-License-Identifier: ISC */
/*
 * A private key in a token, by PKCS#11: finding it by its URI, logging in, and
 * one signature at a time. All of it may block for as long as the token takes;
 * tls/pkcs11_key.h is what a worker can use. tls/pkcs11_none.c stands in where
 * configure found no p11-kit: it refuses every URI.
 */
#ifndef TLS_PKCS11_H
#define TLS_PKCS11_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Room for a text that says why something failed. It never holds the PIN. */
#define TLS_PKCS11_WHY_MAX 256

/* The longest signature: RSA with 8192 bits. */
#define TLS_SIGNATURE_MAX 1024

/* What is to be signed. */
struct tls_digest {
	const EVP_MD *md;
	bool pss; /* RSA: PSS instead of PKCS #1 version 1.5 */
	uint8_t bytes[EVP_MAX_MD_SIZE];
	size_t len;
};

/* As TLS sends it: ECDSA signatures in DER. */
struct tls_signature {
	uint8_t bytes[TLS_SIGNATURE_MAX];
	size_t len;
};

struct tls_pkcs11;
struct tls_pkcs11_session;

/*
 * Loads and initialises the module of `uri', once in a process; it stays
 * loaded, because a sandboxed process cannot load code. `public' is the key of
 * the certificate. ERR_CONFIG: `why' says what is wrong. ERR_NO_MEMORY.
 */
enum err tls_pkcs11_new(struct tls_pkcs11 **out, const char *uri,
    EVP_PKEY *public, char why[TLS_PKCS11_WHY_MAX]) MUST_CHECK;

/* NULL is allowed. All sessions must be closed. */
void tls_pkcs11_free(struct tls_pkcs11 *p);

/*
 * Opens a session with the key's token, logs in and finds the key. A PIN that
 * the token refused is not used again, because a few wrong PINs lock a token.
 * ERR_CLOSED: `why' says why not; the token may be back later. ERR_LIMIT: the
 * token allows no more sessions. Two threads must not do this at once with one
 * `p'.
 */
enum err tls_pkcs11_open(struct tls_pkcs11_session **out,
    const struct tls_pkcs11 *p, char why[TLS_PKCS11_WHY_MAX]) MUST_CHECK;

/* NULL is allowed. */
void tls_pkcs11_close(struct tls_pkcs11_session *s);

/*
 * Signs. The signature has been verified with the certificate's key. A session
 * makes one signature at a time; several sessions may do so on several threads.
 * ERR_CLOSED: a new session may help. ERR_REFUSED: the token cannot make a
 * signature of this kind. ERR_MALFORMED: the signature is not that of the
 * certificate's key.
 */
enum err tls_pkcs11_sign(struct tls_pkcs11_session *s,
    const struct tls_digest *digest, struct tls_signature *out,
    char why[TLS_PKCS11_WHY_MAX]) MUST_CHECK;

/* Ends the use of all modules. To be called once, when no thread uses any. */
void tls_pkcs11_finish(void);

#endif
