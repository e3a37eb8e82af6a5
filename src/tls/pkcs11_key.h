/* SPDX-License-Identifier: ISC */
/*
 * Signatures by keys in tokens. A token may take long or never answer, so it is
 * asked on threads of its own, a few for each key, and the result returns to
 * the loop as a message. A token that fails is left alone for a while, longer
 * each time; until then every signature fails at once. A profile without a
 * token has no such threads.
 */
#ifndef TLS_PKCS11_KEY_H
#define TLS_PKCS11_KEY_H

#include <openssl/evp.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "tls/pkcs11.h"

/* Signatures that may wait for the threads of one key; more are refused. */
#define TLS_PKCS11_QUEUE_MAX 1024

struct tls_pkcs11_key;

/*
 * Returns, counted, the key that `uri' names, for a certificate with the key
 * `public'. All profiles share it, also those of a reload. Does not ask the
 * token yet. ERR_CONFIG: `why' says what is wrong with the URI. ERR_NO_MEMORY.
 */
enum err tls_pkcs11_key_get(struct tls_pkcs11_key **out, const char *uri,
    EVP_PKEY *public, char why[TLS_PKCS11_WHY_MAX]) MUST_CHECK;

/* NULL is allowed. Any thread. */
void tls_pkcs11_key_put(struct tls_pkcs11_key *k);

/*
 * From now on threads may be started. Before, the sandbox would not apply to
 * them, and the thread that calls tls_pkcs11_key_sign_now() asks the token
 * itself.
 */
void tls_pkcs11_key_allow_threads(void);

/*
 * Signs and waits, up to 10 s once threads are allowed. ERR_CLOSED: no
 * signature, and `why' says why. ERR_MALFORMED: the token's key is not that of
 * the certificate.
 */
enum err tls_pkcs11_key_sign_now(struct tls_pkcs11_key *k,
    const struct tls_digest *d, struct tls_signature *out,
    char why[TLS_PKCS11_WHY_MAX]) MUST_CHECK;

/* Signs a fixed text, to see whether the token works. Results are those of
 * tls_pkcs11_key_sign_now(). */
enum err tls_pkcs11_key_try(struct tls_pkcs11_key *k,
    char why[TLS_PKCS11_WHY_MAX]) MUST_CHECK;

/* A signature that was asked for. */
struct tls_signing;

/*
 * Starts to sign the digest, and then calls `done' on `loop', whose thread
 * calls this. ERR_CLOSED: it cannot be signed now, and `why' says why. Later
 * tls_signing_result() has the result. In either case tls_signing_cancel() is
 * due, before the reference to `k' is dropped and before the loop ends.
 */
enum err tls_signing_start(struct tls_signing **out, struct tls_pkcs11_key *k,
    const struct tls_digest *d, struct loop *loop, void (*done)(void *arg),
    void *arg) MUST_CHECK;

/* Returns the result, borrowed: OK and the signature, or ERR_CLOSED and why.
 * ERR_BLOCKED: it is under way. */
enum err tls_signing_result(const struct tls_signing *job,
    const struct tls_signature **out, const char **why) MUST_CHECK;

/* Frees the job; `done' is not called any more. A signature that a thread is
 * working on is dropped once it is made. NULL is allowed. */
void tls_signing_cancel(struct tls_signing *job);

/* Returns why the last tls_signing_start() on this thread failed. */
const char *tls_signing_why(void);

#endif
