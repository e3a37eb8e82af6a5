/* SPDX-License-Identifier: ISC */
/*
 * A key that does not belong to its certificate, or an OCSP response about
 * another certificate, is found when they are loaded, not by the first client.
 * The choice among several certificates is made from the ClientHello, before
 * the library has acted on it.
 */
#include "tls/keypair.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"

#define KEY_FILE_MAX (64 * 1024)
#define OCSP_FILE_MAX (64 * 1024)

#define TAG(number) \
	(CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | (number))
#define TAG_GOOD (CBS_ASN1_CONTEXT_SPECIFIC | 0)
#define TAG_REVOKED TAG(1)
#define STATUS_SUCCESSFUL 0

#define TAG_DNS (CBS_ASN1_CONTEXT_SPECIFIC | 2)

/* Weights of the choice among certificates. */
#define RANK_USABLE 4
#define RANK_NAMED 2
#define RANK_CHEAP 1

static enum err
refuse(const struct tls_load_report *say, const char *option, const char *file,
    const char *what)
{
	return tls_load_error(say, option, "%s: %s", file, what);
}

/* Reports `err' as an error, except lack of memory, which is only returned. */
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

/* Notes that the key asks for a password, which a daemon cannot give. */
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

	err = file_read(&data, &len, path, KEY_FILE_MAX);
	if (err != OK)
		return refuse_err(say, "private_key", path, err);
	bio = BIO_new_mem_buf(data, (int)len);
	if (bio != NULL)
		p->key =
		    PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
	BIO_free(bio);
	/* Not every encrypted key makes the library ask for a password. */
	asked = asked || strstr((char *)data, "ENCRYPTED") != NULL;
	file_wipe(data, len);
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

/* Checks that the response is about this certificate, and warns if it is not
 * good or out of date. */
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
	err = file_read(&p->ocsp, &p->ocsp_len, path, OCSP_FILE_MAX);
	if (err != OK)
		return refuse_err(say, "ocsp_response", path, err);
	/* Without a certificate, that error was reported already. */
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

/* Returns true if `pattern' of a certificate matches `host'. A star stands for
 * exactly the leftmost label (RFC 6125 6.4.3). */
static bool
name_matches(struct slice pattern, struct slice host)
{
	const uint8_t *dot;

	if (pattern.len > 2 && pattern.data[0] == '*' &&
	    pattern.data[1] == '.') {
		dot = host.len == 0 ? NULL : memchr(host.data, '.', host.len);
		if (dot == NULL || dot == host.data)
			return false;
		host = slice_make(dot, host.len - (size_t)(dot - host.data));
		pattern = slice_make(pattern.data + 1, pattern.len - 1);
	}
	return pattern.len == host.len && pattern.len > 0 &&
	    strncasecmp((const char *)pattern.data, (const char *)host.data,
		host.len) == 0;
}

/* Compares `host' with the DNS names of SubjectAltName. *any tells whether
 * there are any. */
static bool
san_matches(const struct tls_der *der, struct slice host, bool *any)
{
	CBS all = tls_der_cbs(der->sans), value;
	unsigned tag;

	*any = false;
	while (CBS_get_any_asn1(&all, &value, &tag)) {
		if (tag != TAG_DNS)
			continue;
		*any = true;
		if (name_matches(tls_der_slice(&value), host))
			return true;
	}
	return false;
}

/* Compares `host' with the CNs, which count only if there are no DNS names. */
static bool
cn_matches(const struct tls_der *der, struct slice host)
{
	CBS all = tls_der_cbs(der->subject), rdns, rdn, pair, oid, value;

	if (!CBS_get_asn1(&all, &rdns, CBS_ASN1_SEQUENCE))
		return false;
	while (CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET))
		while (CBS_get_asn1(&rdn, &pair, CBS_ASN1_SEQUENCE))
			if (CBS_get_asn1(&pair, &oid, CBS_ASN1_OBJECT) &&
			    slice_equal(tls_der_slice(&oid),
				slice_str(CERT_OID_CN)) &&
			    CBS_get_any_asn1(&pair, &value, NULL) &&
			    name_matches(tls_der_slice(&value), host))
				return true;
	return false;
}

static bool
is_named(const struct tls_keypair *p, struct slice host)
{
	bool any;

	if (host.len == 0)
		return false;
	return san_matches(&p->leaf.der, host, &any) ||
	    (!any && cn_matches(&p->leaf.der, host));
}

/* Finds an extension of the ClientHello. Returns false if it is absent. */
static bool
find_extension(const SSL_CLIENT_HELLO *hello, uint16_t type, CBS *out)
{
	const uint8_t *data;
	size_t len;

	if (!SSL_early_callback_ctx_extension_get(hello, type, &data, &len))
		return false;
	CBS_init(out, data, len);
	return true;
}

/* Returns true if the handshake will be TLS 1.3. */
static bool
speaks_1_3(const SSL_CLIENT_HELLO *hello)
{
	CBS ext, list;
	uint16_t version;

	if (SSL_get_max_proto_version(hello->ssl) < TLS1_3_VERSION ||
	    !find_extension(hello, TLSEXT_TYPE_supported_versions, &ext) ||
	    !CBS_get_u8_length_prefixed(&ext, &list))
		return false;
	while (CBS_get_u16(&list, &version))
		if (version == TLS1_3_VERSION)
			return true;
	return false;
}

/* Returns true if the client offers a TLS 1.2 suite for that kind of
 * certificate. */
static bool
offers_suite(const SSL_CLIENT_HELLO *hello, bool ecdsa)
{
	const SSL_CIPHER *cipher;
	uint16_t id;
	CBS list;

	CBS_init(&list, hello->cipher_suites, hello->cipher_suites_len);
	while (CBS_get_u16(&list, &id)) {
		cipher = SSL_get_cipher_by_value(id);
		if (cipher != NULL &&
		    SSL_CIPHER_get_auth_nid(cipher) ==
			(ecdsa ? NID_auth_ecdsa : NID_auth_rsa))
			return true;
	}
	return false;
}

/* Returns true if a key of this type can make signatures of this scheme (RFC
 * 8446 4.2.3). */
static bool
can_sign(int type, uint16_t scheme, bool tls13)
{
	switch (type) {
	case EVP_PKEY_EC:
		return scheme == SSL_SIGN_ECDSA_SECP256R1_SHA256 ||
		    scheme == SSL_SIGN_ECDSA_SECP384R1_SHA384 ||
		    scheme == SSL_SIGN_ECDSA_SECP521R1_SHA512;
	case EVP_PKEY_ED25519:
		return scheme == SSL_SIGN_ED25519;
	default:
		if (scheme == SSL_SIGN_RSA_PSS_RSAE_SHA256 ||
		    scheme == SSL_SIGN_RSA_PSS_RSAE_SHA384 ||
		    scheme == SSL_SIGN_RSA_PSS_RSAE_SHA512)
			return true;
		return !tls13 &&
		    (scheme == SSL_SIGN_RSA_PKCS1_SHA256 ||
			scheme == SSL_SIGN_RSA_PKCS1_SHA384 ||
			scheme == SSL_SIGN_RSA_PKCS1_SHA512);
	}
}

/* Returns true if the client can verify signatures of this pair's key. */
static bool
is_usable(const struct tls_keypair *p, const SSL_CLIENT_HELLO *hello)
{
	int type = EVP_PKEY_id(p->key);
	bool tls13 = speaks_1_3(hello);
	uint16_t scheme;
	CBS ext, list;

	if (!tls13 && !offers_suite(hello, type != EVP_PKEY_RSA))
		return false;
	if (!find_extension(hello, TLSEXT_TYPE_signature_algorithms, &ext) ||
	    !CBS_get_u16_length_prefixed(&ext, &list))
		return type == EVP_PKEY_RSA; /* a very old client */
	while (CBS_get_u16(&list, &scheme))
		if (can_sign(type, scheme, tls13))
			return true;
	return false;
}

const struct tls_keypair *
tls_keypair_choose(const struct tls_keypair *pairs, size_t count,
    const SSL_CLIENT_HELLO *hello)
{
	const char *name =
	    SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
	struct slice host =
	    name == NULL ? slice_make(NULL, 0) : slice_str(name);
	const struct tls_keypair *best = pairs;
	int rank, best_rank = -1;
	size_t i;

	for (i = 0; i < count; i++) {
		rank = (is_usable(&pairs[i], hello) ? RANK_USABLE : 0) +
		    (is_named(&pairs[i], host) ? RANK_NAMED : 0) +
		    (EVP_PKEY_id(pairs[i].key) != EVP_PKEY_RSA ? RANK_CHEAP
							       : 0);
		if (rank > best_rank) {
			best = &pairs[i];
			best_rank = rank;
		}
	}
	return best;
}
