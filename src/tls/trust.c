/* SPDX-License-Identifier: ISC */
/*
 * Loading the client CAs. A certificate that is no CA is taken only where it
 * signed itself: then it stands for that one device and nobody else, unless it
 * is of version 1, which cannot say what it is.
 */
#include "tls/trust.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tls/ctx_body.h"

/* Intermediates between a device and its CA. */
#define DEPTH_MAX 8

enum err
tls_link_init(struct tls_link *link, CRYPTO_BUFFER *cert)
{
	struct slice der =
	    slice_make(CRYPTO_BUFFER_data(cert), CRYPTO_BUFFER_len(cert));

	link->buffer = cert;
	if (tls_der_parse(&link->der, der) != OK)
		return ERR_MALFORMED;
	SHA256(der.data, der.len, link->sha256);
	SHA256(link->der.spki.data, link->der.spki.len, link->key);
	link->not_before = link->der.not_before;
	link->not_after = link->der.not_after;
	return OK;
}

void
tls_link_ca(const struct tls_link *link, uint8_t ca[CERT_SHA256_LEN])
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	SHA256_Update(&sha, link->key, sizeof(link->key));
	SHA256_Update(&sha, &link->der.subject_hash,
	    sizeof(link->der.subject_hash));
	SHA256_Final(ca, &sha);
}

bool
tls_link_same_ca(const struct tls_link *a, const struct tls_link *b)
{
	return a->der.subject_hash == b->der.subject_hash &&
	    memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

const struct tls_ca *
tls_trust_find(const struct tls_trust *t, const struct tls_link *link)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (memcmp(t->cas[i].link.sha256, link->sha256,
			sizeof(link->sha256)) == 0)
			return &t->cas[i];
	return NULL;
}

static enum err
refuse(const struct tls_load_report *say, const char *file, const char *what)
{
	return tls_load_error(say, "client_ca", "%s: %s", file, what);
}

/* Adds the CA, unless it is there already. */
static enum err
add_ca(struct tls_trust *t, CRYPTO_BUFFER *cert, const char *file,
    const struct tls_load_report *say)
{
	struct tls_ca *ca = &t->cas[t->count];
	const struct tls_der *der = &ca->link.der;
	const char *weak;

	if (tls_link_init(&ca->link, cert) != OK)
		return refuse(say, file, "a certificate in it is damaged");
	if (tls_trust_find(t, &ca->link) != NULL)
		return OK;
	if (!der->ca && !slice_equal(der->issuer, der->subject))
		return refuse(say, file,
		    "a certificate in it is not a CA (basicConstraints); "
		    "name the CA that issued it");
	weak = tls_algorithm_key_weakness(der->spki);
	if (weak != NULL)
		return tls_load_error(say, "client_ca",
		    "%s: a CA in it has %s: whoever finds the other half makes "
		    "certificates (make a new CA)",
		    file, weak);
	ca->x509 = X509_parse_from_buffer(cert);
	if (ca->x509 == NULL)
		return refuse(say, file, "a certificate in it is damaged");
	ca->file = file;
	CRYPTO_BUFFER_up_ref(cert);
	t->count++;
	return X509_STORE_add_cert(t->store, ca->x509) ? OK : ERR_NO_MEMORY;
}

static enum err
add_certs(struct tls_trust *t, const STACK_OF(CRYPTO_BUFFER) * certs,
    const char *file, const struct tls_load_report *say)
{
	size_t i, n = sk_CRYPTO_BUFFER_num(certs);
	struct tls_ca *more;
	enum err err = OK;

	more = realloc(t->cas, (t->count + n) * sizeof(*more));
	if (more == NULL)
		return ERR_NO_MEMORY;
	t->cas = more;
	for (i = 0; i < n && err == OK; i++)
		err = add_ca(t, sk_CRYPTO_BUFFER_value(certs, i), file, say);
	return err;
}

static enum err
add_file(struct tls_trust *t, const char *path,
    const struct tls_load_report *say)
{
	STACK_OF(CRYPTO_BUFFER) * certs;
	char *file = strdup(path);
	enum err err;

	if (file == NULL)
		return ERR_NO_MEMORY;
	t->files[t->file_count++] = file;
	err = tls_load_certs(&certs, path);
	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK)
		return refuse(say, path,
		    tls_load_text(err,
			"no certificate is in it (name the CA that issued the "
			"clients' certificates, as PEM)"));
	err = add_certs(t, certs, file, say);
	tls_load_free(certs);
	return err;
}

/* Are both CAs, and by name and key the same one? */
static bool
is_renewed(const struct tls_link *a, const struct tls_link *b)
{
	return a->der.ca && b->der.ca && tls_link_same_ca(a, b);
}

/* Of two that sign alike the library takes the one it finds first. That it has
 * ended does not matter while the other has not. */
static void
join_dates(struct tls_trust *t)
{
	struct tls_link *link;
	const struct tls_der *other;
	size_t i, j;

	for (i = 0; i < t->count; i++)
		for (j = 0; j < t->count; j++) {
			link = &t->cas[i].link;
			other = &t->cas[j].link.der;
			if (!is_renewed(link, &t->cas[j].link))
				continue;
			if (other->not_before < link->not_before)
				link->not_before = other->not_before;
			if (other->not_after > link->not_after)
				link->not_after = other->not_after;
		}
}

static int
by_hash(const void *a, const void *b)
{
	const struct tls_ca *x = a, *y = b;

	return memcmp(x->link.sha256, y->link.sha256, sizeof(x->link.sha256));
}

static void
hash_set(struct tls_trust *t)
{
	SHA256_CTX sha;
	size_t i;

	if (t->count > 0)
		qsort(t->cas, t->count, sizeof(*t->cas), by_hash);
	SHA256_Init(&sha);
	for (i = 0; i < t->count; i++)
		SHA256_Update(&sha, t->cas[i].link.sha256,
		    sizeof(t->cas[i].link.sha256));
	SHA256_Final(t->hash, &sha);
}

static enum err
init_store(struct tls_trust *t)
{
	t->store = X509_STORE_new();
	if (t->store == NULL)
		return ERR_NO_MEMORY;
	X509_STORE_set_purpose(t->store, X509_PURPOSE_SSL_CLIENT);
	X509_STORE_set_trust(t->store, X509_TRUST_SSL_CLIENT);
	X509_STORE_set_depth(t->store, DEPTH_MAX);
	/* An issuing CA may be named without its root. */
	X509_STORE_set_flags(t->store, X509_V_FLAG_PARTIAL_CHAIN);
	return OK;
}

enum err
tls_trust_load(struct tls_trust **out, const struct config_list *files,
    const struct tls_load_report *say)
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	enum err err, worst;
	size_t i;

	*out = NULL;
	if (t == NULL)
		return ERR_NO_MEMORY;
	worst = init_store(t);
	t->files = calloc(files->count + 1, sizeof(*t->files));
	if (t->files == NULL)
		worst = ERR_NO_MEMORY;
	for (i = 0; i < files->count && worst != ERR_NO_MEMORY; i++) {
		err = add_file(t, files->items[i], say);
		if (err != OK)
			worst = err;
	}
	ERR_clear_error();
	if (worst != OK) {
		tls_trust_free(t);
		return worst;
	}
	join_dates(t);
	hash_set(t);
	*out = t;
	return OK;
}

void
tls_trust_free(struct tls_trust *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->count; i++) {
		X509_free(t->cas[i].x509);
		CRYPTO_BUFFER_free(t->cas[i].link.buffer);
	}
	free(t->cas);
	for (i = 0; i < t->file_count; i++)
		free(t->files[i]);
	free(t->files);
	X509_STORE_free(t->store);
	free(t);
}

STACK_OF(CRYPTO_BUFFER) * tls_trust_names(const struct tls_trust *t)
{
	STACK_OF(CRYPTO_BUFFER) *names = sk_CRYPTO_BUFFER_new_null();
	const struct tls_der *der;
	CRYPTO_BUFFER *name;
	size_t i;

	for (i = 0; i < t->count && names != NULL; i++) {
		der = &t->cas[i].link.der;
		name = CRYPTO_BUFFER_new(der->subject.data, der->subject.len,
		    NULL);
		if (name == NULL || !sk_CRYPTO_BUFFER_push(names, name)) {
			CRYPTO_BUFFER_free(name);
			tls_load_free(names);
			return NULL;
		}
	}
	return names;
}

enum err
tls_ca_read(const char *path, uint8_t ca[CERT_SHA256_LEN])
{
	STACK_OF(CRYPTO_BUFFER) * certs;
	struct tls_link link;
	enum err err = tls_load_certs(&certs, path);

	if (err != OK)
		return err;
	err = sk_CRYPTO_BUFFER_num(certs) == 1
	    ? tls_link_init(&link, sk_CRYPTO_BUFFER_value(certs, 0))
	    : ERR_LIMIT;
	if (err == OK)
		tls_link_ca(&link, ca);
	tls_load_free(certs);
	return err;
}

bool
tls_ctx_trusts(const struct tls_ctx *ctx, const uint8_t ca[CERT_SHA256_LEN])
{
	uint8_t other[CERT_SHA256_LEN];
	size_t i;

	for (i = 0; i < ctx->trust->count; i++) {
		tls_link_ca(&ctx->trust->cas[i].link, other);
		if (memcmp(other, ca, sizeof(other)) == 0)
			return true;
	}
	return false;
}
