/* SPDX-License-Identifier: ISC */
/*
 * Loading the client CAs. A certificate that is no CA is accepted only if it
 * is self-signed: it then stands for that one device, except a version 1
 * certificate, which cannot say what it is.
 */
#include "tls/trust.h"

#include <openssl/err.h>
#include <openssl/obj.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/time.h"
#include "tls/ctx_body.h"

enum err
tls_cert_init(struct tls_cert *cert, CRYPTO_BUFFER *buffer)
{
	struct slice der =
	    slice_make(CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer));

	cert->buffer = buffer;
	if (tls_der_parse(&cert->der, der) != OK)
		return ERR_MALFORMED;
	SHA256(der.data, der.len, cert->sha256);
	SHA256(cert->der.spki.data, cert->der.spki.len, cert->key);
	cert->not_before = cert->der.not_before;
	cert->not_after = cert->der.not_after;
	return OK;
}

void
tls_cert_ca(const struct tls_cert *cert, uint8_t ca[CERT_SHA256_LEN])
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	SHA256_Update(&sha, cert->key, sizeof(cert->key));
	SHA256_Update(&sha, &cert->der.subject_hash,
	    sizeof(cert->der.subject_hash));
	SHA256_Final(ca, &sha);
}

bool
tls_cert_same_ca(const struct tls_cert *a, const struct tls_cert *b)
{
	return a->der.subject_hash == b->der.subject_hash &&
	    memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

bool
tls_cert_self_issued(const struct tls_cert *cert)
{
	return slice_equal(cert->der.issuer, cert->der.subject);
}

bool
tls_cert_may_issue(const struct tls_cert *cert, long below)
{
	if (!cert->der.has_constraints)
		return tls_cert_self_issued(cert) && !cert->der.v3;
	return cert->der.ca &&
	    (cert->der.path_len < 0 || below <= cert->der.path_len);
}

bool
tls_cert_interchangeable(const struct tls_cert *a, const struct tls_cert *b)
{
	return a->der.ca && b->der.ca && tls_cert_self_issued(a) &&
	    tls_cert_self_issued(b) && tls_cert_same_ca(a, b) &&
	    a->der.path_len == b->der.path_len;
}

const struct tls_ca *
tls_trust_find(const struct tls_trust *t, const struct tls_cert *cert)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (memcmp(t->cas[i].cert.sha256, cert->sha256,
			sizeof(cert->sha256)) == 0)
			return &t->cas[i];
	return NULL;
}

/* A file while its certificates are added. */
struct ca_loader {
	struct tls_trust *t;
	const char *file;
	const struct tls_load_report *report;
	size_t number; /* of the certificate in the file, from 1 */
	unsigned line; /* where it begins, from 1 */
};

/* Refuses the certificate that is being added, by its number and name. */
static enum err
refuse(const struct ca_loader *a, const struct tls_der *der, const char *what)
{
	char name[TLS_NAME_TEXT_MAX];

	return tls_load_error(a->report, "client_ca",
	    "%s: line %u: certificate %zu (%s): %s", a->file, a->line,
	    a->number, tls_der_name_text(name, der->subject), what);
}

static enum err
refuse_damaged(const struct ca_loader *a)
{
	return tls_load_error(a->report, "client_ca",
	    "%s: line %u: certificate %zu is damaged", a->file, a->line,
	    a->number);
}

bool
tls_trust_find_critical(const X509 *cert, char oid[TLS_OID_MAX])
{
	static const int known[] = { NID_netscape_cert_type, NID_key_usage,
		NID_subject_alt_name, NID_basic_constraints,
		NID_certificate_policies, NID_ext_key_usage,
		NID_policy_constraints, NID_name_constraints,
		NID_policy_mappings, NID_inhibit_any_policy };
	X509_EXTENSION *ext;
	size_t k;
	int at, nid;

	for (at = 0; at < X509_get_ext_count(cert); at++) {
		ext = X509_get_ext(cert, at);
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
		for (k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (nid == known[k])
				break;
		if (k < sizeof(known) / sizeof(known[0]) ||
		    !X509_EXTENSION_get_critical(ext))
			continue;
		OBJ_obj2txt(oid, TLS_OID_MAX, X509_EXTENSION_get_object(ext),
		    1);
		return true;
	}
	return false;
}

/* Adds the CA, unless it is there already. */
static enum err
add_ca(const struct ca_loader *a, CRYPTO_BUFFER *buffer)
{
	struct tls_ca *ca = &a->t->cas[a->t->count];
	const struct tls_der *der = &ca->cert.der;

	memset(ca, 0, sizeof(*ca));
	if (tls_cert_init(&ca->cert, buffer) != OK)
		return refuse_damaged(a);
	if (tls_trust_find(a->t, &ca->cert) != NULL)
		return OK;
	if (!der->ca && !tls_cert_self_issued(&ca->cert))
		return refuse(a, der,
		    "it is not a CA (basicConstraints); name the CA that "
		    "issued it");
	if (tls_der_key_weakness(der->spki) != NULL)
		return refuse(a, der,
		    "it has an RSA key of less than 2048 bits, which can be "
		    "broken (make a new CA)");
	ca->x509 = X509_parse_from_buffer(buffer);
	if (ca->x509 == NULL)
		return refuse_damaged(a);
	ca->file = a->file;
	ca->line = a->line;
	ca->number = a->number;
	CRYPTO_BUFFER_up_ref(buffer);
	a->t->count++;
	return OK;
}

/* Adds the CA of one block of the file. */
static enum err
take_ca(const struct tls_pem_block *block, void *arg)
{
	struct ca_loader *a = arg;
	struct tls_ca *more =
	    realloc(a->t->cas, (a->t->count + 1) * sizeof(*more));
	CRYPTO_BUFFER *buffer;
	enum err err;

	if (more == NULL)
		return ERR_NO_MEMORY;
	a->t->cas = more;
	a->number++;
	a->line = block->line == 0 ? 1 : block->line;
	buffer = CRYPTO_BUFFER_new(block->der.data, block->der.len, NULL);
	err = buffer == NULL ? ERR_NO_MEMORY : add_ca(a, buffer);
	CRYPTO_BUFFER_free(buffer);
	return err;
}

static enum err
add_file(struct tls_trust *t, const char *path,
    const struct tls_load_report *report)
{
	const struct tls_load_source src = { path, "client_ca",
		"no certificate is in it (name the CA that issued the clients' "
		"certificates, as PEM)",
		report };
	struct ca_loader a = { t, strdup(path), report, 0, 0 };

	if (a.file == NULL)
		return ERR_NO_MEMORY;
	t->files[t->file_count++] = (char *)(uintptr_t)a.file;
	return tls_load_each_cert(&src, take_ca, &a);
}

/*
 * Gives all certificates of one CA the same dates, the widest: while one of
 * them is valid the CA is. Which of them a path goes through must not matter.
 */
static void
join_dates(struct tls_trust *t)
{
	struct tls_cert *cert;
	const struct tls_cert *other;
	size_t i, j;

	for (i = 0; i < t->count; i++)
		for (j = 0; j < t->count; j++) {
			cert = &t->cas[i].cert;
			other = &t->cas[j].cert;
			if (!cert->der.ca || !other->der.ca ||
			    !tls_cert_same_ca(cert, other))
				continue;
			if (other->der.not_before < cert->not_before)
				cert->not_before = other->der.not_before;
			if (other->der.not_after > cert->not_after)
				cert->not_after = other->der.not_after;
		}
}

/*
 * Why a CA can verify no client, or why a client of client_ca cannot be
 * verified. The library ignores extendedKeyUsage and unknown critical
 * extensions of a CA that is itself trusted. Other programs take them as a
 * limit.
 */
struct flaw {
	const char *what; /* static, or `text' */
	const char *effect;
	const char *remedy;
	char text[TLS_OID_MAX + 64];
};

static bool
find_flaw(const struct tls_ca *ca, struct flaw *f)
{
	EVP_PKEY *key = X509_get_pubkey(ca->x509);
	uint32_t usage = X509_get_key_usage(ca->x509);
	uint32_t extended = X509_get_extended_key_usage(ca->x509);
	bool is_ca = ca->cert.der.ca;
	static const char trusted[] =
	    "it is trusted because client_ca names it, but other programs "
	    "refuse it";
	char oid[TLS_OID_MAX];

	f->what = NULL;
	f->effect = is_ca ? "the clients that it issued are refused"
			  : "this client is refused";
	if (key == NULL) {
		f->what = "the TLS library does not support its key";
		f->remedy = "use RSA, P-256, P-384, P-521 or Ed25519";
	} else if (is_ca && (usage & X509v3_KU_KEY_CERT_SIGN) == 0) {
		f->what = "its keyUsage lacks keyCertSign";
		f->remedy = "make its certificate again, with keyUsage = "
			    "keyCertSign, cRLSign; its key may stay";
	} else if (!is_ca && (usage & X509v3_KU_DIGITAL_SIGNATURE) == 0) {
		f->what = "its keyUsage lacks digitalSignature";
		f->remedy = "make it again, with keyUsage = digitalSignature";
	} else if ((extended & XKU_SSL_CLIENT) == 0) {
		f->what = "its extendedKeyUsage lacks clientAuth";
		f->remedy = "make its certificate again, with clientAuth or "
			    "without extendedKeyUsage; its key may stay";
		if (is_ca)
			f->effect = trusted;
	} else if (tls_trust_find_critical(ca->x509, oid)) {
		snprintf(f->text, sizeof(f->text),
		    "its critical extension %s is not supported", oid);
		f->what = f->text;
		f->effect = trusted;
		f->remedy = "make its certificate again without it";
	}
	EVP_PKEY_free(key);
	return f->what != NULL;
}

/* True if another certificate of the same CA has no flaw. */
static bool
has_flawless_certificate(const struct tls_trust *t, const struct tls_ca *ca)
{
	struct flaw unused;
	size_t i;

	for (i = 0; i < t->count; i++)
		if (&t->cas[i] != ca &&
		    tls_cert_same_ca(&t->cas[i].cert, &ca->cert) &&
		    !find_flaw(&t->cas[i], &unused))
			return true;
	return false;
}

static void
warn_of_flaws(const struct tls_trust *t, const struct tls_load_report *report)
{
	char name[TLS_NAME_TEXT_MAX];
	const struct tls_ca *ca;
	struct flaw f;
	size_t i;

	for (i = 0; i < t->count; i++) {
		ca = &t->cas[i];
		if (!find_flaw(ca, &f) || has_flawless_certificate(t, ca))
			continue;
		tls_load_warning(report, "client_ca",
		    "%s: line %u: certificate %zu (%s): %s: %s (%s)", ca->file,
		    ca->line, ca->number,
		    tls_der_name_text(name, ca->cert.der.subject), f.what,
		    f.effect, f.remedy);
	}
}

/* Warns of each CA none of whose certificates is valid now. */
static void
warn_of_dates(const struct tls_trust *t, const struct tls_load_report *report)
{
	char name[TLS_NAME_TEXT_MAX], when[TIME_TEXT_MAX];
	const struct tls_ca *ca;
	int64_t now = clock_wall_s();
	bool ended;
	size_t i;

	for (i = 0; i < t->count; i++) {
		ca = &t->cas[i];
		ended = now > ca->cert.not_after;
		if (!ended && now >= ca->cert.not_before)
			continue;
		time_write(ended ? ca->cert.not_after : ca->cert.not_before,
		    when);
		tls_load_warning(report, "client_ca",
		    "%s: line %u: %s %s %s: %s", ca->file, ca->line,
		    tls_der_name_text(name, ca->cert.der.subject),
		    ended ? "expired on" : "is not valid before", when,
		    ended ? "clients with certificates of this CA are refused "
			    "(add the renewed CA)"
			  : "check the clock");
	}
}

static int
by_hash(const void *a, const void *b)
{
	const struct tls_ca *x = a, *y = b;

	return memcmp(x->cert.sha256, y->cert.sha256, sizeof(x->cert.sha256));
}

/* Sorts the CAs, so that neither the hash nor any later search depends on the
 * order of files. */
static void
hash_set(struct tls_trust *t)
{
	SHA256_CTX sha;
	size_t i;

	if (t->count > 0)
		qsort(t->cas, t->count, sizeof(*t->cas), by_hash);
	SHA256_Init(&sha);
	for (i = 0; i < t->count; i++)
		SHA256_Update(&sha, t->cas[i].cert.sha256,
		    sizeof(t->cas[i].cert.sha256));
	SHA256_Final(t->hash, &sha);
}

/* True if `issuer' issued `ca': by its name, its right to issue and the
 * signature. */
static enum err
is_issuer(const struct tls_cert *issuer, const struct tls_cert *ca, bool *is)
{
	struct tls_signed s = { ca->der.tbs, ca->der.algorithm,
		ca->der.signature };
	enum err err;

	*is = false;
	if (issuer->der.subject_hash != ca->der.issuer_hash ||
	    tls_cert_same_ca(issuer, ca) ||
	    !tls_cert_may_issue(issuer, tls_cert_self_issued(ca) ? 0 : 1))
		return OK;
	err = tls_der_check_signature(&s, issuer->der.spki);
	*is = err == OK;
	return err == ERR_NO_MEMORY ? err : OK;
}

static bool
has_interchangeable(const struct tls_ca *ca, const struct tls_cert *issuer)
{
	size_t i;

	for (i = 0; i < ca->issuer_count; i++)
		if (tls_cert_interchangeable(&ca->issuers[i]->cert, issuer))
			return true;
	return false;
}

/* Finds which CA of the set issued which other. */
static enum err
find_issuers(struct tls_trust *t)
{
	const struct tls_ca **more;
	struct tls_ca *ca;
	enum err err;
	size_t i, j;
	bool is;

	for (i = 0; i < t->count; i++)
		for (j = 0; j < t->count; j++) {
			ca = &t->cas[i];
			err = is_issuer(&t->cas[j].cert, &ca->cert, &is);
			if (err != OK)
				return err;
			if (!is || has_interchangeable(ca, &t->cas[j].cert))
				continue;
			more = realloc(ca->issuers,
			    (ca->issuer_count + 1) * sizeof(struct tls_ca *));
			if (more == NULL)
				return ERR_NO_MEMORY;
			ca->issuers = more;
			ca->issuers[ca->issuer_count++] = &t->cas[j];
		}
	return OK;
}

/* Finishes a set whose files were all read. */
static enum err
finish(struct tls_trust *t, const struct tls_load_report *report)
{
	warn_of_flaws(t, report);
	hash_set(t);
	join_dates(t);
	warn_of_dates(t, report);
	return find_issuers(t);
}

enum err
tls_trust_load(struct tls_trust **out, const struct config_list *files,
    const struct tls_load_report *report)
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	enum err err, worst = OK;
	size_t i;

	*out = NULL;
	if (t == NULL)
		return ERR_NO_MEMORY;
	t->files = calloc(files->count + 1, sizeof(*t->files));
	if (t->files == NULL)
		worst = ERR_NO_MEMORY;
	for (i = 0; i < files->count && worst != ERR_NO_MEMORY; i++) {
		err = add_file(t, files->items[i], report);
		if (err != OK)
			worst = err;
	}
	if (worst == OK)
		worst = finish(t, report);
	ERR_clear_error();
	if (worst != OK) {
		tls_trust_free(t);
		return worst;
	}
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
		CRYPTO_BUFFER_free(t->cas[i].cert.buffer);
		free(t->cas[i].issuers);
	}
	free(t->cas);
	for (i = 0; i < t->file_count; i++)
		free(t->files[i]);
	free(t->files);
	free(t);
}

STACK_OF(CRYPTO_BUFFER) * tls_trust_names(const struct tls_trust *t)
{
	STACK_OF(CRYPTO_BUFFER) *names = sk_CRYPTO_BUFFER_new_null();
	const struct tls_der *der;
	CRYPTO_BUFFER *name;
	size_t i;

	for (i = 0; i < t->count && names != NULL; i++) {
		der = &t->cas[i].cert.der;
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
	struct tls_cert cert;
	const struct tls_load_source src = { path, "", "", NULL };
	enum err err = tls_load_certs(&certs, &src);

	if (err != OK)
		return err;
	err = sk_CRYPTO_BUFFER_num(certs) == 1
	    ? tls_cert_init(&cert, sk_CRYPTO_BUFFER_value(certs, 0))
	    : ERR_LIMIT;
	if (err == OK)
		tls_cert_ca(&cert, ca);
	tls_load_free(certs);
	return err;
}

_Static_assert(TLS_CA_TEXT_MAX == TLS_NAME_TEXT_MAX, "the same text");

const char *
tls_ctx_delegating_ca(const struct tls_ctx *ctx, char name[TLS_CA_TEXT_MAX])
{
	const struct tls_der *der;
	size_t i;

	for (i = 0; i < ctx->trust->count; i++) {
		der = &ctx->trust->cas[i].cert.der;
		if (der->ca && der->path_len != 0)
			return tls_der_name_text(name, der->subject);
	}
	return NULL;
}

bool
tls_ctx_trusts(const struct tls_ctx *ctx, const uint8_t ca[CERT_SHA256_LEN])
{
	uint8_t other[CERT_SHA256_LEN];
	size_t i;

	for (i = 0; i < ctx->trust->count; i++) {
		tls_cert_ca(&ctx->trust->cas[i].cert, other);
		if (memcmp(other, ca, sizeof(other)) == 0)
			return true;
	}
	return false;
}
