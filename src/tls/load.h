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
#include <stdbool.h>

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
enum err tls_load_error(const struct tls_load_report *report,
    const char *option, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Reports a warning about `option', formatted as by printf(). */
void tls_load_warning(const struct tls_load_report *report, const char *option,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Returns the English text of an error of file_read() or of the functions
 * below, with advice. For ERR_SYSTEM errno must be unchanged. `none' is the
 * text for ERR_NOT_FOUND. */
const char *tls_load_text(enum err err, const char *none);

/* Warns if others than the owner and the group may read or write `path', the
 * secret file of `option'. */
void tls_load_warn_if_open(const struct tls_load_report *report,
    const char *option, const char *path);

/* A file to load, and where its errors and warnings go. */
struct tls_load_source {
	const char *path;
	const char *option; /* the key of [tls] that names the file */
	const char *none; /* what to say if the file has no block of the kind */
	const struct tls_load_report *report; /* NULL: report nothing */
};

/* What a file is read for. Blocks of other kinds are skipped; a warning names
 * the first of them, unless it is usual to have them in such a file. */
enum tls_load_kind {
	TLS_LOAD_CERT,
	TLS_LOAD_CRL,
	TLS_LOAD_KEY
};

/* One block. Valid during the call only. */
struct tls_pem_block {
	struct slice
	    der; /* of a certificate: without OpenSSL's trust settings */
	const char *label; /* "CERTIFICATE"; "" in a file of DER */
	unsigned line; /* of its BEGIN; 0 in a file of DER */
	bool encrypted; /* a key that its header calls encrypted: not decoded */
};

/* Receives one block. After ERR_CONFIG the walk goes on with the next block, so
 * that all errors of a file are reported; another error ends it. */
typedef enum err tls_load_block(const struct tls_pem_block *block, void *arg);

/*
 * Calls `block' for each block of that kind in `file', the contents of
 * src->path, which is PEM or one block of DER. Accepts the labels and forms
 * that OpenSSL accepts, and a byte order mark. Every BEGIN is accounted for:
 * what cannot be read is an error that names the line.
 *
 * OK; ERR_NO_MEMORY; or an error of `block'. Otherwise, with src->report,
 * ERR_CONFIG after the errors were reported; without it ERR_NOT_FOUND if there
 * is no block of the kind, ERR_MALFORMED if something cannot be read.
 */
enum err tls_load_blocks(struct slice file, enum tls_load_kind kind,
    tls_load_block *block, void *arg,
    const struct tls_load_source *src) MUST_CHECK;

/* Reads src->path and calls `block' for each certificate. Errors as above, and
 * without src->report those of file_read(). */
enum err tls_load_each_cert(const struct tls_load_source *src,
    tls_load_block *block, void *arg) MUST_CHECK;

/* Reads the certificates of src->path, in order, at least one. The caller frees
 * *out with tls_load_free(); it is NULL after an error. */
enum err tls_load_certs(STACK_OF(CRYPTO_BUFFER) * *out,
    const struct tls_load_source *src) MUST_CHECK;

/* Frees a stack and the buffers in it. NULL is allowed. */
void tls_load_free(STACK_OF(CRYPTO_BUFFER) * certs);

/* Room for the text of tls_load_where(). */
#define TLS_LOAD_WHERE_MAX 200

/* Writes which certificate of a file is meant, for a message: "CN=A (line 12)",
 * from its subject (DER) and the line of its BEGIN (0: none). Returns `out'. */
const char *tls_load_where(char out[TLS_LOAD_WHERE_MAX], struct slice subject,
    unsigned line);

#endif
