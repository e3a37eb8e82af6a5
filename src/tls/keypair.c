/*
 * Loading server certificates. A key that does not belong to its certificate
 * is found here, not by the first client.
 */
#include "tls/keypair.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tls/ocsp.h"

#define KEY_FILE_MAX (64 * 1024)
#define OCSP_FILE_MAX (64 * 1024)

static enum err
refuse(const struct tls_load_report *say, const char *option, const char *file,
    const char *what)
{
	return tls_load_error(say, option, "%s: %s", file, what);
}

/* Refuses, unless memory ran out. */
static enum err
refuse_err(const struct tls_load_report *say, const char *option,
    const char *file, enum err err)
{
	if (err == ERR_NO_MEMORY)
		return err;
	return refuse(say, option, file,
	    tls_load_text(err,
		"no certificate is in it (name the server's own, as PEM, and "
		"behind it in the file the CAs above it)"));
}

static enum err
take_chain(struct tls_keypair *p, const STACK_OF(CRYPTO_BUFFER) * certs)
{
	size_t n = sk_CRYPTO_BUFFER_num(certs);

	p->chain = calloc(n, sizeof(CRYPTO_BUFFER *));
	if (p->chain == NULL)
		return ERR_NO_MEMORY;
	for (; p->chain_count < n; p->chain_count++) {
		p->chain[p->chain_count] =
		    sk_CRYPTO_BUFFER_value(certs, p->chain_count);
		CRYPTO_BUFFER_up_ref(p->chain[p->chain_count]);
	}
	return tls_link_init(&p->leaf, p->chain[0]);
}

static enum err
load_chain(struct tls_keypair *p, const char *path,
    const struct tls_load_report *say)
{
	STACK_OF(CRYPTO_BUFFER) * certs;
	int64_t now = clock_wall_s();
	enum err err;

	p->file = strdup(path);
	if (p->file == NULL)
		return ERR_NO_MEMORY;
	err = tls_load_certs(&certs, path);
	if (err == OK)
		err = take_chain(p, certs);
	tls_load_free(certs);
	if (err != OK)
		return refuse_err(say, "certificate", path, err);
	if (now > p->leaf.der.not_after)
		tls_load_warning(say, "certificate",
		    "%s: it has expired: clients will refuse it", path);
	if (now < p->leaf.der.not_before)
		tls_load_warning(say, "certificate",
		    "%s: it is not valid yet: check the clock", path);
	return OK;
}

/* Nobody is here to type a password. */
static int
no_password(char *buf, int size, int rwflag, void *arg)
{
	bool *asked = arg;

	(void)buf;
	(void)size;
	(void)rwflag;
	*asked = true;
	return -1;
}

static void
warn_if_open(const char *path, const struct tls_load_report *say)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
		tls_load_warning(say, "private_key",
		    "%s: everybody may read it (try: chmod o= %s)", path, path);
}

static enum err
load_key(struct tls_keypair *p, const char *path,
    const struct tls_load_report *say)
{
	bool asked = false;
	uint8_t *data;
	size_t len;
	enum err err;
	BIO *bio;

	err = tls_load_file(&data, &len, path, KEY_FILE_MAX);
	if (err != OK)
		return refuse_err(say, "private_key", path, err);
	bio = BIO_new_mem_buf(data, (int)len);
	if (bio != NULL)
		p->key =
		    PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
	BIO_free(bio);
	/* An encrypted key fails to parse in more ways than one. */
	asked = asked || strstr((char *)data, "ENCRYPTED") != NULL;
	tls_load_wipe(data, len);
	ERR_clear_error();
	if (p->key == NULL)
		return refuse(say, "private_key", path,
		    asked ? "the key is encrypted (try: openssl pkey -in KEY "
			    "-out PLAIN, and keep it readable for the daemon "
			    "only)"
			  : "the file holds no private key in PEM");
	warn_if_open(path, say);
	return OK;
}

static enum err
check_match(const struct tls_keypair *p, const char *path,
    const struct tls_load_report *say)
{
	CBS spki = tls_der_cbs(p->leaf.der.spki);
	EVP_PKEY *public = EVP_parse_public_key(&spki);
	bool match = public != NULL && EVP_PKEY_cmp(public, p->key) == 1;

	EVP_PKEY_free(public);
	ERR_clear_error();
	if (match)
		return OK;
	return tls_load_error(say, "private_key",
	    "%s: it is not the key of the certificate %s (name one for each "
	    "certificate, in the same order)",
	    path, p->file);
}

/* Is the response for this certificate, and fresh? */
static enum err
check_ocsp(const struct tls_keypair *p, const char *path,
    const struct tls_load_report *say)
{
	struct tls_ocsp answer;
	enum err err = tls_ocsp_find(&answer, slice_make(p->ocsp, p->ocsp_len),
	    p->leaf.der.serial);

	if (err == ERR_NOT_FOUND)
		return tls_load_error(say, "ocsp_response",
		    "%s: it is not about the certificate %s (name one for "
		    "each certificate, in the same order)",
		    path, p->file);
	if (err != OK)
		return refuse(say, "ocsp_response", path,
		    "it is no successful OCSP response in DER (try: openssl "
		    "ocsp -respout FILE)");
	if (answer.status != TLS_OCSP_GOOD)
		tls_load_warning(say, "ocsp_response",
		    "%s: it says that the certificate is not good: clients "
		    "will refuse it",
		    path);
	if (answer.next_update < clock_wall_s())
		tls_load_warning(say, "ocsp_response",
		    "%s: its nextUpdate has passed: fetch a new one", path);
	return OK;
}

static enum err
load_ocsp(struct tls_keypair *p, const char *path,
    const struct tls_load_report *say)
{
	enum err err;

	if (path == NULL)
		return OK;
	err = tls_load_file(&p->ocsp, &p->ocsp_len, path, OCSP_FILE_MAX);
	if (err != OK)
		return refuse_err(say, "ocsp_response", path, err);
	/* Without a certificate there is enough to mend first. */
	return p->leaf.buffer == NULL ? OK : check_ocsp(p, path, say);
}

enum err
tls_keypair_load(struct tls_keypair *p, const char *certificate,
    const char *key, const char *ocsp, const struct tls_load_report *say)
{
	enum err chain = load_chain(p, certificate, say);
	enum err secret, staple;

	if (chain == ERR_NO_MEMORY)
		return chain;
	secret = load_key(p, key, say);
	staple = load_ocsp(p, ocsp, say);
	if (secret != OK)
		return secret;
	if (chain != OK)
		return chain;
	if (staple != OK)
		return staple;
	return check_match(p, key, say);
}

void
tls_keypair_fini(struct tls_keypair *p)
{
	size_t i;

	for (i = 0; i < p->chain_count; i++)
		CRYPTO_BUFFER_free(p->chain[i]);
	free(p->chain);
	EVP_PKEY_free(p->key);
	free(p->ocsp);
	free(p->file);
}

enum err
tls_keypair_use(const struct tls_keypair *p, SSL_CTX *ctx)
{
	if (!SSL_CTX_set_chain_and_key(ctx, p->chain, p->chain_count, p->key,
		NULL))
		return ERR_TLS;
	if (p->ocsp != NULL &&
	    !SSL_CTX_set_ocsp_response(ctx, p->ocsp, p->ocsp_len))
		return ERR_NO_MEMORY;
	return OK;
}

enum err
tls_keypair_use_once(const struct tls_keypair *p, SSL *ssl)
{
	if (!SSL_set_chain_and_key(ssl, p->chain, p->chain_count, p->key, NULL))
		return ERR_TLS;
	if (p->ocsp != NULL &&
	    !SSL_set_ocsp_response(ssl, p->ocsp, p->ocsp_len))
		return ERR_NO_MEMORY;
	return OK;
}
