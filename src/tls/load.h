/*
 * Files of certificates, keys and CRLs, PEM or DER, as blocks of DER. What
 * the blocks mean is for the callers.
 */
#ifndef TLS_LOAD_H
#define TLS_LOAD_H

#include <openssl/pool.h>
#include <openssl/stack.h>

#include "base/err.h"
#include "base/slice.h"
#include "tls/load_report.h"

/* The English of an error met with a file, and what to do; errno counts for
 * ERR_SYSTEM, and `none' is what to say where nothing of use is in it. */
const char *tls_load_text(enum err err, const char *none);

/*
 * Reads the whole of `path', at most `max' bytes, into *data (free(), or
 * tls_load_wipe() where it is secret), with a NUL behind it that *len does
 * not count. ERR_SYSTEM with errno, ERR_LIMIT, ERR_NO_MEMORY.
 */
enum err tls_load_file(uint8_t **data, size_t *len, const char *path,
    size_t max) MUST_CHECK;

/* Overwrites and frees. NULL is fine. */
void tls_load_wipe(uint8_t *data, size_t len);

/* Is told of one block; `der' dies with the call. An error ends the walk. */
typedef enum err tls_load_block(struct slice der, void *arg);

/*
 * Calls `block' for each PEM block of that `type' in `file', skipping others,
 * or once if the file is DER. OK; ERR_NOT_FOUND when there is none;
 * ERR_MALFORMED when a block is broken; or what `block' returned.
 */
enum err tls_load_blocks(struct slice file, const char *type,
    tls_load_block *block, void *arg) MUST_CHECK;

/* Reads the certificates of a file, in order, at least one. The caller frees
 * *out by tls_load_free(). Errors are those of the functions above, and *out
 * is NULL then. */
enum err tls_load_certs(STACK_OF(CRYPTO_BUFFER) * *out,
    const char *path) MUST_CHECK;

/* Frees a stack and the buffers in it. NULL is fine. */
void tls_load_free(STACK_OF(CRYPTO_BUFFER) * certs);

#endif
