/* SPDX-License-Identifier: ISC */
/*
 * The library is given exactly one path: the part of client_ca as its store,
 * what lies below as other certificates. It cannot choose then, and the result
 * is compared with the path. Where it is stricter than the field, its errors
 * are looked at once more.
 */
#include "tls/path.h"

#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

const char *
tls_path_whose(const struct tls_chain *c, size_t i, char name[TLS_WHOSE_MAX])
{
	const struct tls_ca *ca;
	const char *slash;
	size_t len;

	if (i == 0)
		return "it";
	memcpy(name, "the CA ", 7);
	(void)tls_der_name_text(name + 7, c->path[i]->der.subject);
	if (i < c->trusted)
		return name;
	ca = list_entry(c->path[i], const struct tls_ca, cert);
	slash = strrchr(ca->file, '/');
	len = strlen(name);
	snprintf(name + len, TLS_WHOSE_MAX - len, " (line %u of %.40s)",
	    ca->line, slash == NULL ? ca->file : slash + 1);
	return name;
}

enum err
tls_path_check_edge(const struct tls_cert *child, const struct tls_cert *issuer)
{
	struct tls_signed s = { child->der.tbs, child->der.algorithm,
		child->der.signature };

	if (!slice_equal(child->der.tbs_algorithm, child->der.algorithm))
		return ERR_MALFORMED;
	return tls_der_check_signature(&s, issuer->der.spki);
}

bool
tls_path_names_other_key(const struct tls_cert *of,
    const struct tls_cert *issuer)
{
	return of->der.issuer_key_id.len > 0 && issuer->der.key_id.len > 0 &&
	    !slice_equal(of->der.issuer_key_id, issuer->der.key_id);
}

/* One path while the library checks it. */
struct library_run {
	const struct tls_chain *c;
	X509 *certs[TLS_CHAIN_MAX]; /* owned; of the path */
	X509_STORE *store; /* owned; the trusted part */
	STACK_OF(X509) * others; /* owned; the part below, but the leaf */
	char *text; /* for details; TLS_DETAIL_MAX */
};

/* True if the dNSName `base' of a nameConstraints covers the host name. */
static bool
dns_covers(const ASN1_STRING *base, const uint8_t *name, size_t len)
{
	const uint8_t *suffix = ASN1_STRING_get0_data(base);
	size_t n = (size_t)ASN1_STRING_length(base);

	if (n == 0)
		return true;
	if (n > len ||
	    OPENSSL_strncasecmp((const char *)name + (len - n),
		(const char *)suffix, n) != 0)
		return false;
	return n == len || suffix[0] == '.' || name[len - n - 1] == '.';
}

/* True if a common name could be a host name. */
static bool
is_host_like(const uint8_t *name, size_t len)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._";
	size_t i;

	for (i = 0; i < len; i++)
		if (memchr(chars, name[i], sizeof(chars) - 1) == NULL)
			return false;
	return len > 0;
}

/* Looks for dNSName subtrees; sets *any if there is one and *covered if one
 * covers the name. */
static void
look_for_dns(const STACK_OF(GENERAL_SUBTREE) * trees, const uint8_t *name,
    size_t len, bool *any, bool *covered)
{
	const GENERAL_SUBTREE *tree;
	size_t i;

	*any = *covered = false;
	for (i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		tree = sk_GENERAL_SUBTREE_value(trees, i);
		if (tree->base->type != GEN_DNS)
			continue;
		*any = true;
		*covered =
		    *covered || dns_covers(tree->base->d.dNSName, name, len);
	}
}

/* True if the nameConstraints of `ca' allow a host name. */
static bool
allows_dns(X509 *ca, const uint8_t *name, size_t len)
{
	NAME_CONSTRAINTS *nc =
	    X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
	bool any, covered, allowed;

	if (nc == NULL)
		return true;
	look_for_dns(nc->permittedSubtrees, name, len, &any, &covered);
	allowed = !any || covered;
	look_for_dns(nc->excludedSubtrees, name, len, &any, &covered);
	NAME_CONSTRAINTS_free(nc);
	return allowed && !covered;
}

static bool
path_allows_dns(const struct library_run *r, const uint8_t *name, size_t len)
{
	size_t i;

	if (!is_host_like(name, len))
		return true;
	for (i = 1; i < r->c->path_count; i++)
		if (!allows_dns(r->certs[i], name, len))
			return false;
	return true;
}

/*
 * The library refuses any certificate without subjectAltName whose common name
 * could be a host name, as soon as a CA above has nameConstraints. Devices'
 * certificates are often like that, and constraints on directory names have
 * been checked already. As in OpenSSL, each common name is held to the
 * constraints on DNS names, if there are any.
 */
static bool
common_names_allowed(const struct library_run *r)
{
	X509_NAME *subject = X509_get_subject_name(r->certs[0]);
	uint8_t *name;
	int i = -1, len;
	bool allowed = true;

	while (allowed) {
		i = X509_NAME_get_index_by_NID(subject, NID_commonName, i);
		if (i == -1)
			break;
		len = ASN1_STRING_to_UTF8(&name,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
		if (len < 0)
			return false;
		allowed = path_allows_dns(r, name, (size_t)len);
		OPENSSL_free(name);
	}
	return allowed;
}

/*
 * The library's signature check failed. It is repeated on the certificate's
 * own bytes: the library may have been shown a copy (see without_issuer_id()),
 * or may not know the length of a PSS salt.
 */
static bool
is_signed(const struct library_run *r, const X509 *x)
{
	const struct tls_chain *c = r->c;
	size_t i;

	for (i = 0; i + 1 < c->path_count; i++)
		if (r->certs[i] == x)
			return tls_path_check_edge(c->path[i],
				   c->path[i + 1]) == OK;
	return false;
}

/* Decides about an error that the library found. Dates are check_path()'s: a
 * chain past them still has to be looked up in CRLs and deny list, where
 * on_expiry lets it live on. */
static int
on_error(int ok, X509_STORE_CTX *ctx)
{
	const struct library_run *r = X509_STORE_CTX_get_ex_data(ctx, 0);

	if (ok)
		return 1;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return 1;
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return is_signed(r, X509_STORE_CTX_get_current_cert(ctx));
	case X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS:
		return common_names_allowed(r);
	default:
		return 0;
	}
}

/* Returns why path[i] cannot be used: because of its keyUsage or
 * extendedKeyUsage. */
static struct tls_result
explain_purpose(const struct library_run *r, size_t i, enum reason reason)
{
	char name[TLS_WHOSE_MAX];
	const char *who = tls_path_whose(r->c, i, name);
	uint32_t usage = X509_get_key_usage(r->certs[i]);

	if ((X509_get_extended_key_usage(r->certs[i]) & XKU_SSL_CLIENT) == 0)
		return tls_result_format(REASON_TLS_PURPOSE, r->text,
		    "%s has an extendedKeyUsage without clientAuth", who);
	if (i == 0 && (usage & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)) == 0)
		return tls_result_format(reason, r->text,
		    "%s has a keyUsage without digitalSignature", who);
	if (i > 0 && (usage & KU_KEY_CERT_SIGN) == 0)
		return tls_result_format(reason, r->text,
		    "%s has a keyUsage without keyCertSign", who);
	return i == 0 ? tls_result_format(reason, r->text,
			    "%s has a Netscape certificate type other than "
			    "SSL client",
			    who)
		      : tls_result_format(reason, r->text,
			    "%s does not say that it is a CA", who);
}

/* Names the critical extension of path[i] that the library does not know. */
static struct tls_result
explain_critical(const struct library_run *r, size_t i)
{
	char name[TLS_WHOSE_MAX], oid[TLS_OID_MAX];

	if (!tls_trust_find_critical(r->certs[i], oid))
		memcpy(oid, "?", 2);
	return tls_result_format(REASON_TLS_BAD_CERTIFICATE, r->text,
	    "%s has the critical extension %s, which is not supported",
	    tls_path_whose(r->c, i, name), oid);
}

/* The library's error about path[i] in our words. */
static struct tls_result
translate(const struct library_run *r, int error, int depth)
{
	size_t i =
	    depth < 0 || (size_t)depth >= r->c->path_count ? 0 : (size_t)depth;
	const char *text = X509_verify_cert_error_string(error);
	char name[TLS_WHOSE_MAX];

	switch (error) {
	case X509_V_ERR_INVALID_CA:
		return explain_purpose(r, i, REASON_TLS_UNTRUSTED);
	case X509_V_ERR_INVALID_PURPOSE:
		return explain_purpose(r, i,
		    i == 0 ? REASON_TLS_PURPOSE : REASON_TLS_UNTRUSTED);
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
		return explain_critical(r, i);
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return tls_result_format(i + 1 < r->c->path_count &&
			    tls_path_names_other_key(r->c->path[i],
				r->c->path[i + 1])
			? REASON_TLS_UNTRUSTED
			: REASON_TLS_BAD_CERTIFICATE,
		    r->text,
		    "%s is not signed by the CA that it names: is there "
		    "another one of that name?",
		    tls_path_whose(r->c, i, name));
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
		return tls_result_format(REASON_TLS_UNTRUSTED, r->text,
		    "there are more CAs below %s than its pathLenConstraint "
		    "allows",
		    tls_path_whose(r->c, i, name));
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
	case X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS:
		return tls_result_format(REASON_TLS_UNTRUSTED, r->text,
		    "nameConstraints of a CA do not allow the name of %s",
		    tls_path_whose(r->c, i, name));
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		return tls_result_make(REASON_TLS_UNTRUSTED, text);
	case X509_V_ERR_CERT_REJECTED:
		return tls_result_make(REASON_TLS_PURPOSE, text);
	case X509_V_ERR_OUT_OF_MEM:
		return tls_result_make(REASON_ACCEPT_RESOURCE, text);
	default:
		return tls_result_make(REASON_TLS_BAD_CERTIFICATE, text);
	}
}

/*
 * Parses a copy of a certificate in which authorityKeyIdentifier has an OID
 * that means nothing. The library refuses an issuer whose key identifier,
 * name or serial differs from what that extension says, but it is a hint only
 * (RFC 5280 4.2.1.1), and it is wrong after a CA was renewed. The copy's
 * signature does not fit any more; is_signed() checks the original's.
 */
static X509 *
without_issuer_id(const struct tls_cert *cert)
{
	size_t len = cert->der.der.len;
	uint8_t *copy = malloc(len);
	CRYPTO_BUFFER *buffer;
	X509 *x = NULL;

	if (copy == NULL)
		return NULL;
	memcpy(copy, cert->der.der.data, len);
	copy[cert->der.issuer_id_oid.data - cert->der.der.data + 2] = 0x7f;
	buffer = CRYPTO_BUFFER_new(copy, len, NULL);
	if (buffer != NULL)
		x = X509_parse_from_buffer(buffer);
	CRYPTO_BUFFER_free(buffer);
	free(copy);
	return x;
}

/* Makes sure that the library takes path[i + 1] for the issuer of path[i]. */
static struct tls_result
prepare_edge(struct library_run *r, size_t i)
{
	char name[TLS_WHOSE_MAX];
	X509 *copy;

	switch (X509_check_issued(r->certs[i + 1], r->certs[i])) {
	case X509_V_OK:
		return tls_result_make(REASON_NONE, NULL);
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		return tls_result_format(REASON_TLS_UNTRUSTED, r->text,
		    "%s has a keyUsage without keyCertSign",
		    tls_path_whose(r->c, i + 1, name));
	case X509_V_ERR_AKID_SKID_MISMATCH:
	case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
		if (r->c->path[i]->der.issuer_id_oid.len != 3)
			break;
		copy = without_issuer_id(r->c->path[i]);
		if (copy == NULL)
			return tls_result_make(REASON_ACCEPT_RESOURCE, NULL);
		X509_free(r->certs[i]);
		r->certs[i] = copy;
		return tls_result_make(REASON_NONE, NULL);
	default:
		break;
	}
	return tls_result_format(REASON_TLS_UNTRUSTED, r->text,
	    "its chain does not fit together: %s is not the issuer named below",
	    tls_path_whose(r->c, i + 1, name));
}

/* Parses the path's certificates and gives each to the library in its role: as
 * the leaf, as an untrusted one, or as a trusted one. */
static struct tls_result
prepare(struct library_run *r)
{
	const struct tls_chain *c = r->c;
	struct tls_result v = { REASON_NONE, NULL };
	bool done = true;
	size_t i;

	for (i = 0; i < c->path_count; i++) {
		r->certs[i] = X509_parse_from_buffer(c->path[i]->buffer);
		if (r->certs[i] == NULL)
			return tls_result_make(REASON_TLS_BAD_CERTIFICATE,
			    i == 0 ? "it cannot be decoded"
				   : "a CA above it cannot be decoded");
	}
	for (i = 0; i + 1 < c->path_count && v.reason == REASON_NONE; i++)
		v = prepare_edge(r, i);
	if (v.reason != REASON_NONE)
		return v;
	r->others = sk_X509_new_null();
	r->store = X509_STORE_new();
	if (r->others == NULL || r->store == NULL)
		return tls_result_make(REASON_ACCEPT_RESOURCE, NULL);
	for (i = 1; i < c->trusted && done; i++)
		done = sk_X509_push(r->others, r->certs[i]) != 0;
	for (i = c->trusted; i < c->path_count && done; i++)
		done = X509_STORE_add_cert(r->store, r->certs[i]) != 0;
	X509_STORE_set_purpose(r->store, X509_PURPOSE_SSL_CLIENT);
	X509_STORE_set_trust(r->store, X509_TRUST_SSL_CLIENT);
	X509_STORE_set_depth(r->store, TLS_CHAIN_MAX);
	/* client_ca may name an issuing CA without its root. */
	X509_STORE_set_flags(r->store, X509_V_FLAG_PARTIAL_CHAIN);
	return done ? tls_result_make(REASON_NONE, NULL)
		    : tls_result_make(REASON_ACCEPT_RESOURCE, NULL);
}

/* True if the library checked exactly the path. */
static bool
checked_path(const struct library_run *r, X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	size_t i;

	if (sk_X509_num(chain) != r->c->path_count)
		return false;
	for (i = 0; i < r->c->path_count; i++)
		if (X509_cmp(sk_X509_value(chain, i), r->certs[i]) != 0)
			return false;
	return true;
}

static struct tls_result
run(struct library_run *r)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	struct tls_result v = tls_result_make(REASON_ACCEPT_RESOURCE, NULL);

	if (ctx == NULL ||
	    !X509_STORE_CTX_init(ctx, r->store, r->certs[0], r->others) ||
	    !X509_STORE_CTX_set_ex_data(ctx, 0, r))
		goto out;
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	if (X509_verify_cert(ctx) != 1)
		v = translate(r, X509_STORE_CTX_get_error(ctx),
		    X509_STORE_CTX_get_error_depth(ctx));
	else if (X509_check_purpose(r->certs[0], X509_PURPOSE_SSL_CLIENT, 0) !=
	    1)
		/* The library does not check this for a leaf in its store. */
		v = translate(r, X509_V_ERR_INVALID_PURPOSE, 0);
	else
		v = checked_path(r, ctx) ? tls_result_make(REASON_NONE, NULL)
					 : tls_result_make(REASON_TLS_UNTRUSTED,
					       "its chain is ambiguous");
out:
	X509_STORE_CTX_free(ctx);
	return v;
}

struct tls_result
tls_path_verify(const struct tls_chain *c, char text[TLS_DETAIL_MAX])
{
	struct library_run r = { .c = c, .text = text };
	struct tls_result v;
	size_t i;

	ERR_clear_error();
	v = prepare(&r);
	if (v.reason == REASON_NONE)
		v = run(&r);
	for (i = 0; i < c->path_count; i++)
		X509_free(r.certs[i]);
	sk_X509_free(r.others);
	X509_STORE_free(r.store);
	ERR_clear_error();
	return v;
}
