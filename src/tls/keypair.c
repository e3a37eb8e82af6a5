/* SPDX-License-Identifier: ISC */
/*
 * A key that does not belong to its certificate, or an OCSP response about
 * another certificate, is found when they are loaded, not by the first client.
 */
#include "tls/keypair.h"

#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "config/key_uri.h"
#include "tls/handshake.h"

#define KEY_FILE_MAX (64 * 1024)
#define OCSP_FILE_MAX (64 * 1024)

#define TAG(number) \
	(CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | (number))
#define TAG_GOOD (CBS_ASN1_CONTEXT_SPECIFIC | 0)
#define TAG_REVOKED TAG(1)
#define STATUS_SUCCESSFUL 0

/* The state of loading a pair. */
struct loading {
	struct tls_keypair *pair; /* under construction */
	const char *path; /* of the file being read */
	const struct tls_load_report *report;
	int64_t now;
};

static enum err
refuse(const struct tls_load_report *report, const char *option,
    const char *file, const char *what)
{
	return tls_load_error(report, option, "%s: %s", file, what);
}

/* Reports an error about the key file, with the line of the key if known. */
static enum err
refuse_key(const struct loading *l, unsigned line, const char *what)
{
	if (line == 0)
		return refuse(l->report, "private_key", l->path, what);
	return tls_load_error(l->report, "private_key", "%s: line %u: %s",
	    l->path, line, what);
}

/* Appends one certificate to the chain. */
static enum err
take_cert(const struct tls_pem_block *block, void *arg)
{
	struct loading *l = arg;
	struct tls_keypair *p = l->pair;
	struct tls_keypair_cert *more =
	    realloc(p->certs, (p->count + 1) * sizeof(*more));
	struct tls_keypair_cert *slot;

	if (more == NULL)
		return ERR_NO_MEMORY;
	p->certs = more;
	slot = &p->certs[p->count];
	slot->line = block->line;
	slot->cert.buffer =
	    CRYPTO_BUFFER_new(block->der.data, block->der.len, NULL);
	if (slot->cert.buffer == NULL)
		return ERR_NO_MEMORY;
	p->count++;
	if (tls_cert_init(&slot->cert, slot->cert.buffer) == OK)
		return OK;
	p->count--;
	CRYPTO_BUFFER_free(slot->cert.buffer);
	return tls_load_error(l->report, "certificate",
	    "%s: line %u: the certificate is damaged", l->path,
	    block->line == 0 ? 1 : block->line);
}

/* Warns of what clients will not accept or may not put together. */
static void
check_chain(const struct loading *l)
{
	const struct tls_keypair *p = l->pair;
	const struct tls_der *der;
	char where[TLS_LOAD_WHERE_MAX];
	size_t i;

	for (i = 0; i < p->count; i++) {
		der = &p->certs[i].cert.der;
		tls_load_where(where, der->subject, p->certs[i].line);
		if (l->now > der->not_after)
			tls_load_warning(l->report, "certificate",
			    i == 0
				? "%s: %s has expired: clients will refuse it"
				: "%s: the CA %s has expired: clients may "
				  "refuse the chain (renew it in the file)",
			    l->path, where);
		if (l->now < der->not_before)
			tls_load_warning(l->report, "certificate",
			    "%s: %s is not valid yet: check the clock", l->path,
			    where);
		if (i > 0 &&
		    p->certs[i - 1].cert.der.issuer_hash != der->subject_hash)
			tls_load_warning(l->report, "certificate",
			    "%s: %s did not issue the certificate before it: "
			    "clients may not find the chain (order: the "
			    "server's own, then each issuer)",
			    l->path, where);
	}
}

static enum err
load_chain(struct loading *l)
{
	const struct tls_load_source src = { l->path, "certificate",
		"no certificate is in it (name the server's own, as PEM, and "
		"behind it in the file the CAs above it)",
		l->report };
	enum err err;

	l->pair->file = strdup(l->path);
	if (l->pair->file == NULL)
		return ERR_NO_MEMORY;
	err = tls_load_each_cert(&src, take_cert, l);
	if (err == OK)
		check_chain(l);
	return err;
}

/* True if every version of the library can sign with this key. Which curves it
 * reads, and where it refuses those that TLS 1.3 has no signatures for, differs
 * from version to version. */
static bool
can_serve(const EVP_PKEY *key)
{
	int curve;

	switch (EVP_PKEY_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_ED25519:
		return true;
	case EVP_PKEY_EC:
		curve = EC_GROUP_get_curve_name(
		    EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
		return curve == NID_X9_62_prime256v1 ||
		    curve == NID_secp384r1 || curve == NID_secp521r1;
	default:
		return false;
	}
}

/* Takes the first private key of a file. */
static enum err
take_key(const struct tls_pem_block *block, void *arg)
{
	struct loading *l = arg;
	const uint8_t *at = block->der.data;
	const char *label = block->label;

	if (l->pair->key != NULL)
		return OK;
	if (block->encrypted || strstr(label, "ENCRYPTED") != NULL)
		return refuse_key(l, block->line,
		    "the key is encrypted (try: openssl pkey -in KEY -out "
		    "PLAIN, and keep it readable for the daemon only)");
	if (strcmp(label, "OPENSSH PRIVATE KEY") == 0)
		return refuse_key(l, block->line,
		    "the key is in OpenSSH's format (try: ssh-keygen -p -m "
		    "PKCS8 -f KEY)");
	if (strcmp(label, "PRIVATE KEY") == 0 ||
	    strcmp(label, "EC PRIVATE KEY") == 0 ||
	    strcmp(label, "RSA PRIVATE KEY") == 0 || label[0] == '\0')
		l->pair->key =
		    d2i_AutoPrivateKey(NULL, &at, (long)block->der.len);
	ERR_clear_error();
	if (l->pair->key != NULL && can_serve(l->pair->key))
		return OK;
	return refuse_key(l, block->line,
	    "the key is damaged, or of a kind that the TLS library cannot use "
	    "(" TLS_KEYPAIR_KINDS ")");
}

/* Warns of a file with a PIN that others can read. */
static void
check_pin_file(const struct loading *l)
{
	struct config_pin pin;

	if (config_key_uri_pin(l->path, &pin) == NULL &&
	    pin.kind == CONFIG_PIN_FILE)
		tls_load_warn_if_open(l->report, "private_key", pin.name);
}

/* Takes the key in a token that the URI names. The token has to sign. */
static enum err
load_pkcs11_key(struct loading *l)
{
	struct tls_keypair *p = l->pair;
	char why[TLS_PKCS11_WHY_MAX];
	enum err err;
	CBS spki;

	if (p->count == 0)
		return OK; /* that error was reported already */
	spki = tls_der_cbs(p->certs[0].cert.der.spki);
	p->key = EVP_parse_public_key(&spki);
	ERR_clear_error();
	if (p->key == NULL)
		return tls_load_error(l->report, "certificate",
		    "%s: its key is damaged, or of a kind that the TLS library "
		    "cannot use (" TLS_KEYPAIR_KINDS ")",
		    p->file);
	err = tls_pkcs11_key_get(&p->pkcs11, l->path, p->key, why);
	if (err == OK)
		err = tls_pkcs11_key_try(p->pkcs11, why);
	if (err == ERR_NO_MEMORY)
		return err;
	if (err == ERR_MALFORMED)
		return tls_load_error(l->report, "private_key",
		    "%s: it is not the key of the certificate %s (name one for "
		    "each certificate, in the same order)",
		    l->path, p->file);
	if (err != OK)
		return refuse(l->report, "private_key", l->path, why);
	check_pin_file(l);
	return OK;
}

static enum err
load_key(struct loading *l)
{
	const struct tls_load_source src = { l->path, "private_key",
		"the file holds no private key in PEM", l->report };
	uint8_t *data;
	size_t len;
	enum err err = file_read(&data, &len, l->path, KEY_FILE_MAX);

	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK)
		return refuse_key(l, 0, tls_load_text(err, src.none));
	err = tls_load_blocks(slice_make(data, len), TLS_LOAD_KEY, take_key, l,
	    &src);
	file_wipe(data, len);
	if (err == OK)
		tls_load_warn_if_open(l->report, "private_key", l->path);
	return err;
}

/* True if the key belongs to certificate number `i' of the file. */
static bool
is_key_of(const struct tls_keypair *p, size_t i)
{
	CBS spki = tls_der_cbs(p->certs[i].cert.der.spki);
	EVP_PKEY *public = EVP_parse_public_key(&spki);
	bool match = public != NULL && EVP_PKEY_cmp(public, p->key) == 1;

	EVP_PKEY_free(public);
	ERR_clear_error();
	return match;
}

static enum err
check_match(const struct loading *l)
{
	const struct tls_keypair *p = l->pair;
	char where[TLS_LOAD_WHERE_MAX];
	size_t i;

	if (is_key_of(p, 0))
		return OK;
	for (i = 1; i < p->count; i++) {
		if (!is_key_of(p, i))
			continue;
		return tls_load_error(l->report, "certificate",
		    "%s: the key %s belongs to %s, which is not the first "
		    "certificate in the file (order: the server's own, then "
		    "each issuer)",
		    p->file, l->path,
		    tls_load_where(where, p->certs[i].cert.der.subject,
			p->certs[i].line));
	}
	return tls_load_error(l->report, "private_key",
	    "%s: it is not the key of the certificate %s (name one for each "
	    "certificate, in the same order)",
	    l->path, p->file);
}

/* Checks that the response is about this certificate, and warns if it is not
 * good or out of date. */
static enum err
check_ocsp(const struct loading *l)
{
	struct tls_keypair *p = l->pair;
	struct tls_ocsp answer;
	enum err err = tls_ocsp_find(&answer, slice_make(p->ocsp, p->ocsp_len),
	    p->certs[0].cert.der.serial);

	if (err == ERR_NOT_FOUND)
		return tls_load_error(l->report, "ocsp_response",
		    "%s: it is not about the certificate %s (name one for "
		    "each certificate, in the same order)",
		    l->path, p->file);
	if (err != OK)
		return refuse(l->report, "ocsp_response", l->path,
		    "it is no successful OCSP response in DER (try: openssl "
		    "ocsp -respout FILE)");
	p->ocsp_end = answer.next_update;
	if (answer.status != TLS_OCSP_GOOD)
		tls_load_warning(l->report, "ocsp_response",
		    "%s: it says that the certificate is not good: clients "
		    "will refuse it",
		    l->path);
	if (answer.this_update > l->now)
		tls_load_warning(l->report, "ocsp_response",
		    "%s: its thisUpdate is in the future: check the clock",
		    l->path);
	if (answer.next_update < l->now)
		tls_load_warning(l->report, "ocsp_response",
		    "%s: its nextUpdate has passed, so it is not stapled: "
		    "fetch a new one",
		    l->path);
	return OK;
}

static enum err
load_ocsp(struct loading *l)
{
	struct tls_keypair *p = l->pair;
	enum err err;

	err = file_read(&p->ocsp, &p->ocsp_len, l->path, OCSP_FILE_MAX);
	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK)
		return refuse(l->report, "ocsp_response", l->path,
		    tls_load_text(err, NULL));
	p->ocsp_file = strdup(l->path);
	if (p->ocsp_file == NULL)
		return ERR_NO_MEMORY;
	/* Without a certificate, that error was reported already. */
	return p->count == 0 ? OK : check_ocsp(l);
}

enum err
tls_keypair_load(struct tls_keypair *p, const char *certificate,
    const char *key, const char *ocsp, const struct tls_load_report *report)
{
	struct loading l = { p, certificate, report, clock_wall_s() };
	enum err chain, secret, staple = OK;

	chain = load_chain(&l);
	if (chain == ERR_NO_MEMORY)
		return chain;
	l.path = key;
	secret = config_key_uri_is(key) ? load_pkcs11_key(&l) : load_key(&l);
	if (secret == ERR_NO_MEMORY)
		return secret;
	l.path = ocsp;
	if (ocsp != NULL)
		staple = load_ocsp(&l);
	if (staple == ERR_NO_MEMORY)
		return staple;
	l.path = key;
	if (chain == OK && secret == OK)
		secret = check_match(&l);
	return chain != OK ? chain : secret != OK ? secret : staple;
}

void
tls_keypair_fini(struct tls_keypair *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		CRYPTO_BUFFER_free(p->certs[i].cert.buffer);
	free(p->certs);
	EVP_PKEY_free(p->key);
	tls_pkcs11_key_put(p->pkcs11);
	free(p->ocsp);
	free(p->ocsp_file);
	free(p->file);
}

/* Copies the pointers that the library's functions take. The caller frees. */
static CRYPTO_BUFFER **
buffers_of(const struct tls_keypair *p)
{
	CRYPTO_BUFFER **chain = calloc(p->count, sizeof(CRYPTO_BUFFER *));
	size_t i;

	for (i = 0; chain != NULL && i < p->count; i++)
		chain[i] = p->certs[i].cert.buffer;
	return chain;
}

/* Returns how the library signs with the key; NULL: by itself. */
static const SSL_PRIVATE_KEY_METHOD *
method_of(const struct tls_keypair *p)
{
	return p->pkcs11 == NULL ? NULL : tls_handshake_key_method();
}

enum err
tls_keypair_use(const struct tls_keypair *p, SSL_CTX *ctx)
{
	CRYPTO_BUFFER **chain = buffers_of(p);
	bool used = chain != NULL &&
	    SSL_CTX_set_chain_and_key(ctx, chain, p->count,
		p->pkcs11 == NULL ? p->key : NULL, method_of(p));

	free(chain);
	return used ? OK : ERR_TLS;
}

enum err
tls_keypair_use_once(const struct tls_keypair *p, SSL *ssl)
{
	CRYPTO_BUFFER **chain = buffers_of(p);
	bool used = chain != NULL &&
	    SSL_set_chain_and_key(ssl, chain, p->count,
		p->pkcs11 == NULL ? p->key : NULL, method_of(p));

	free(chain);
	return used ? OK : ERR_TLS;
}

void
tls_keypair_staple(struct tls_keypair *p, SSL *ssl)
{
	if (p->ocsp == NULL)
		return;
	if (p->ocsp_end >= clock_wall_s()) {
		(void)SSL_set_ocsp_response(ssl, p->ocsp, p->ocsp_len);
		return;
	}
	if (!atomic_exchange_explicit(&p->ocsp_end_logged, true,
		memory_order_relaxed))
		log_event(LOG_LEVEL_WARN, "ocsp",
		    "%s: its nextUpdate has passed, so it is no longer "
		    "stapled: fetch a new one",
		    p->ocsp_file);
}

/* Finds the list of SingleResponses in an OCSPResponse. */
static enum err
find_answers(CBS *answers, struct slice response)
{
	CBS all = tls_der_cbs(response), outer, status, wrapper, bytes, octets;
	CBS basic, data, responder, produced;
	uint8_t code;

	if (!CBS_get_asn1(&all, &outer, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&all) != 0 ||
	    !CBS_get_asn1(&outer, &status, CBS_ASN1_ENUMERATED) ||
	    !CBS_get_u8(&status, &code) || code != STATUS_SUCCESSFUL ||
	    !CBS_get_asn1(&outer, &wrapper, TAG(0)) ||
	    !CBS_get_asn1(&wrapper, &bytes, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&bytes, NULL, CBS_ASN1_OBJECT) ||
	    !CBS_get_asn1(&bytes, &octets, CBS_ASN1_OCTETSTRING))
		return ERR_MALFORMED;
	if (!CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&basic, &data, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_optional_asn1(&data, NULL, NULL, TAG(0)) ||
	    !CBS_get_any_asn1(&data, &responder, NULL) ||
	    !CBS_get_any_asn1(&data, &produced, NULL) ||
	    !CBS_get_asn1(&data, answers, CBS_ASN1_SEQUENCE))
		return ERR_MALFORMED;
	return OK;
}

/* Reads one SingleResponse and the serial that it is about. */
static enum err
take_answer(CBS *answers, struct tls_ocsp *out, struct slice *serial)
{
	CBS answer, id, number, status, next;
	unsigned tag;
	int present;

	if (!CBS_get_asn1(answers, &answer, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&answer, &id, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&id, NULL, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&id, NULL, CBS_ASN1_OCTETSTRING) ||
	    !CBS_get_asn1(&id, NULL, CBS_ASN1_OCTETSTRING) ||
	    !CBS_get_asn1(&id, &number, CBS_ASN1_INTEGER) ||
	    !CBS_get_any_asn1(&answer, &status, &tag) ||
	    tls_der_time(&answer, &out->this_update) != OK ||
	    !CBS_get_optional_asn1(&answer, &next, &present, TAG(0)))
		return ERR_MALFORMED;
	*serial = tls_der_slice(&number);
	out->status = tag == TAG_GOOD ? TLS_OCSP_GOOD
	    : tag == TAG_REVOKED      ? TLS_OCSP_REVOKED
				      : TLS_OCSP_UNKNOWN;
	out->next_update = INT64_MAX;
	return present ? tls_der_time(&next, &out->next_update) : OK;
}

enum err
tls_ocsp_find(struct tls_ocsp *out, struct slice response, struct slice serial)
{
	struct slice found;
	CBS answers;

	if (find_answers(&answers, response) != OK)
		return ERR_MALFORMED;
	while (CBS_len(&answers) != 0) {
		if (take_answer(&answers, out, &found) != OK)
			return ERR_MALFORMED;
		if (slice_equal(found, serial))
			return OK;
	}
	return ERR_NOT_FOUND;
}
