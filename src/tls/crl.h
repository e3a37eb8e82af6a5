/* SPDX-License-Identifier: ISC */
/*
 * Certificate revocation lists in an index of our own: by issuer and key,
 * then by serial. It lives outside the TLS library, so that it can be asked
 * about live connections.
 *
 * A set is frozen once loaded, has one owner, and is used by all threads; the
 * lists in it are counted, since the sets before and after a reload share
 * them. A CRL whose issuer is not among the client CAs is kept aside until a
 * client's verified chain brings the issuer's key to check its signature with.
 */
#ifndef TLS_CRL_H
#define TLS_CRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "config/types.h"
#include "domain/reason.h"
#include "tls/load.h"

/* What to do about an issuer that no CRL in force covers. */
enum tls_crl_policy {
	TLS_CRL_HARD, /* refuse */
	TLS_CRL_SOFT, /* allow */
	TLS_CRL_GRACE /* refuse, but a CRL counts on for crl_grace seconds */
};

struct crl_set;
struct tls_trust;

/*
 * Reads all CRLs in `paths' (PEM or DER files, or directories of them) and
 * checks those signatures whose CA is in `trust'. Where `previous' (borrowed,
 * may be NULL) has a newer CRL of the same issuer, or the new one is not in
 * force while the old one is, the old one stays, and a warning says so.
 *
 * ERR_CONFIG with every complaint, or ERR_NO_MEMORY; *out is NULL then. An
 * unreadable, truncated or foreign-signed file is such a complaint: revocation
 * is not guessed.
 */
enum err crl_set_load(struct crl_set **out, const struct config_list *paths,
    const struct tls_trust *trust, const struct crl_set *previous,
    const struct tls_load_report *say) MUST_CHECK;

/* Frees the set; lists that others share live on. NULL is fine. */
void crl_set_free(struct crl_set *set);

/* Who issued the certificate that is asked about. */
struct crl_issuer {
	uint64_t name; /* tls_der_name_print() of its subject */
	struct slice spki; /* the SubjectPublicKeyInfo's DER */
	const uint8_t *key; /* SHA-256 of spki */
};

/* How to judge. */
struct crl_rules {
	enum tls_crl_policy policy;
	int64_t grace; /* seconds, for TLS_CRL_GRACE */
	int64_t now; /* seconds since 1970 */
};

/* Kinds of certificates, since a CRL may cover one kind only. */
enum crl_subject {
	CRL_SUBJECT_LEAF,
	CRL_SUBJECT_CA
};

/*
 * Is the certificate with this serial (DER INTEGER content) revoked?
 * REASON_NONE, REASON_TLS_REVOKED (also when the CRL that says so is out of
 * date) or REASON_TLS_CRL_UNAVAILABLE. Under 1 us, save for the first time
 * that an issuer not in `trust' is asked about. Any thread.
 */
enum reason crl_set_check(const struct crl_set *set,
    const struct crl_issuer *issuer, struct slice serial,
    enum crl_subject subject, const struct crl_rules *rules);

/* Are both made of the same lists? Then they say the same. NULL is fine. */
bool crl_set_same(const struct crl_set *a, const struct crl_set *b);

/* One CRL of a set; dies with the call. */
struct crl_info {
	const char *file;
	struct slice issuer; /* the Name's DER */
	struct slice number; /* big-endian; empty when it has none */
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* INT64_MAX: it names none */
	size_t revoked; /* entries */
	bool verified; /* its signature was checked */
};

/* Calls `each' for every CRL. */
void crl_set_each(const struct crl_set *set,
    void (*each)(const struct crl_info *info, void *arg), void *arg);

#endif
