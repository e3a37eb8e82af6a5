/* SPDX-License-Identifier: ISC */
/*
 * Loading what a profile names: how errors are reported, and files of
 * certificates, keys and CRLs, in PEM or DER, as blocks of DER. What a block
 * means is up to the caller.
 */
#ifndef TLS_LOAD_H
#define TLS_LOAD_H

#include <openssl/pool.h>
#include <openssl/stack.h>

#include "base/err.h"
#include "base/slice.h"

/*
 * Receives the errors and warnings of a load. tls/ names the option and says
 * what is wrong; the receiver knows where the option stands in the file.
 * `option' is a key of [tls]. Both strings are valid during the call only.
 */
struct tls_load_report {
	/* An error: the configuration is refused. */
	void (*refuse)(void *arg, const char *option, const char *text);
	/* A warning: it works, but should be looked at. */
	void (*warn)(void *arg, const char *option, const char *text);
	void *arg; /* borrowed */
};

/* Reports an error about `option', formatted as by printf(). Returns
 * ERR_CONFIG. */
enum err tls_load_error(const struct tls_load_report *say, const char *option,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Reports a warning about `option', formatted as by printf(). */
void tls_load_warning(const struct tls_load_report *say, const char *option,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Returns the English text of an error of file_read() or of the functions
 * below, with advice. For ERR_SYSTEM errno must be unchanged. `none' is the
 * text for ERR_NOT_FOUND. */
const char *tls_load_text(enum err err, const char *none);

/* Receives one block. `der' is valid during the call only. An error ends the
 * walk. */
typedef enum err tls_load_block(struct slice der, void *arg);

/*
 * Calls `block' for each PEM block of that `type' in `file' and skips other
 * types; calls it once if the file is DER. OK; ERR_NOT_FOUND if there is no
 * block; ERR_MALFORMED if a block is damaged; or what `block' returned.
 */
enum err tls_load_blocks(struct slice file, const char *type,
    tls_load_block *block, void *arg) MUST_CHECK;

/* Reads the certificates of a file, in order, at least one. The caller frees
 * *out with tls_load_free(). Errors are those of the functions above; *out is
 * NULL then. */
enum err tls_load_certs(STACK_OF(CRYPTO_BUFFER) * *out,
    const char *path) MUST_CHECK;

/* Frees a stack and the buffers in it. NULL is allowed. */
void tls_load_free(STACK_OF(CRYPTO_BUFFER) * certs);

#endif
