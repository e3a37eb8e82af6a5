/* SPDX-License-Identifier: ISC */
/*
 * Each file is read whole and once, so that a file that is being replaced is
 * seen either as the old or as the new one.
 */
#include "tls/load.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* No real certificate chain or CA bundle is longer. */
#define CERTS_FILE_MAX (16 * 1024 * 1024)

/* Room for a path and a sentence. */
#define TEXT_MAX 5120

enum err
tls_load_error(const struct tls_load_report *say, const char *option,
    const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say->refuse(say->arg, option, text);
	return ERR_CONFIG;
}

void
tls_load_warning(const struct tls_load_report *say, const char *option,
    const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say->warn(say->arg, option, text);
}

const char *
tls_load_text(enum err err, const char *none)
{
	switch (err) {
	case ERR_SYSTEM:
		return errno == EACCES
		    ? "Permission denied (let [daemon] user read it)"
		    : file_error(err);
	case ERR_LIMIT:
		return "the file is too large";
	case ERR_MALFORMED:
		return "the file is damaged: its PEM or DER cannot be read "
		       "(is it complete? write it beside and rename it)";
	case ERR_NOT_FOUND:
		return none;
	default:
		return file_error(err);
	}
}

/* True if the walk ended at the end of the file, false if a block is damaged.
 */
static bool
ended_well(void)
{
	uint32_t error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM &&
	    ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static enum err
walk_pem(BIO *bio, const char *type, tls_load_block *block, void *arg)
{
	enum err err = OK;
	size_t found = 0;
	uint8_t *der;
	char *name, *header;
	long len;

	while (err == OK && PEM_read_bio(bio, &name, &header, &der, &len)) {
		if (strcmp(name, type) == 0) {
			err = block(slice_make(der, (size_t)len), arg);
			found++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (err == OK && !ended_well())
		err = ERR_MALFORMED;
	if (err == OK && found == 0)
		err = ERR_NOT_FOUND;
	ERR_clear_error();
	return err;
}

enum err
tls_load_blocks(struct slice file, const char *type, tls_load_block *block,
    void *arg)
{
	enum err err;
	BIO *bio;

	if (file.len > 0 && file.data[0] == 0x30)
		return block(file, arg);
	ERR_clear_error();
	bio = BIO_new_mem_buf(file.data, (int)file.len);
	if (bio == NULL)
		return ERR_NO_MEMORY;
	err = walk_pem(bio, type, block, arg);
	BIO_free(bio);
	return err;
}

static enum err
add_cert(struct slice der, void *arg)
{
	STACK_OF(CRYPTO_BUFFER) *certs = arg;
	CRYPTO_BUFFER *buf = CRYPTO_BUFFER_new(der.data, der.len, NULL);

	if (buf != NULL && sk_CRYPTO_BUFFER_push(certs, buf))
		return OK;
	CRYPTO_BUFFER_free(buf);
	return ERR_NO_MEMORY;
}

enum err
tls_load_certs(STACK_OF(CRYPTO_BUFFER) * *out, const char *path)
{
	STACK_OF(CRYPTO_BUFFER) *certs = sk_CRYPTO_BUFFER_new_null();
	uint8_t *data;
	size_t len;
	enum err err;

	*out = NULL;
	if (certs == NULL)
		return ERR_NO_MEMORY;
	err = file_read(&data, &len, path, CERTS_FILE_MAX);
	if (err == OK)
		err = tls_load_blocks(slice_make(data, len), "CERTIFICATE",
		    add_cert, certs);
	free(data);
	if (err != OK) {
		tls_load_free(certs);
		return err;
	}
	*out = certs;
	return OK;
}

void
tls_load_free(STACK_OF(CRYPTO_BUFFER) * certs)
{
	sk_CRYPTO_BUFFER_pop_free(certs, CRYPTO_BUFFER_free);
}
