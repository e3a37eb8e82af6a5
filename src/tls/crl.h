/* SPDX-License-Identifier: ISC */
/*
 * The CRLs of a profile: which lists there are, and whether they revoke a
 * certificate. They are kept outside the TLS library, so that live
 * connections can be checked against them too.
 *
 * A set is immutable once loaded, has one owner and is read by all threads.
 * The lists in it are counted, since the sets before and after a reload share
 * them. Whatever depends on the time (which list is in force, which replaces
 * which) is decided when a question is asked, never at loading.
 */
#ifndef TLS_CRL_H
#define TLS_CRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "config/choices.h"
#include "config/types.h"
#include "domain/reason.h"
#include "tls/load.h"

struct crl_set;
struct tls_trust;

/*
 * Reads all CRLs in `paths' (PEM or DER files, or directories of them) and
 * checks the signatures of those whose CA is in `trust'. A CRL of another CA
 * is kept: it counts as soon as a client's verified chain brings the key.
 *
 * `previous' (borrowed, may be NULL) is the set in force. A list of it that no
 * file holds any more is kept while a file has a list of the same CA and
 * scope that does not replace it: an older one (a rollback), one that is not
 * valid yet or has ended, or one whose number and date disagree about which
 * is newer. A list of `previous' that has ended is not kept beside one in
 * force.
 *
 * ERR_CONFIG after reporting all errors, or ERR_NO_MEMORY; *out is NULL then.
 * A file that is unreadable, truncated or signed by another key is an error:
 * revocation is not guessed.
 */
enum err crl_set_load(struct crl_set **out, const struct config_list *paths,
    const struct tls_trust *trust, const struct crl_set *previous,
    const struct tls_load_report *report) MUST_CHECK;

/* Warns of each CA of `trust' of which the set has no list in force: with
 * CONFIG_CRL_POLICY_HARD and CONFIG_CRL_POLICY_GRACE its certificates are
 * refused. */
void crl_set_warn_missing(const struct crl_set *set,
    const struct tls_trust *trust, const struct tls_load_report *report);

/* Frees the set; lists shared with another set stay. NULL is allowed. */
void crl_set_free(struct crl_set *set);

/* The kind of a certificate, since a CRL may cover one kind only. */
enum crl_subject {
	CRL_SUBJECT_LEAF,
	CRL_SUBJECT_CA
};

/* The certificate that is asked about, and who issued it. */
struct crl_question {
	uint64_t issuer_name; /* tls_der_name_hash() of the issuer's name */
	struct slice spki; /* the issuer's SubjectPublicKeyInfo */
	const uint8_t *key; /* SHA-256 of spki */
	struct slice key_id; /* the issuer's subjectKeyIdentifier, or empty */
	struct slice serial; /* INTEGER content */
	struct slice points; /* cRLDistributionPoints, or empty */
	enum crl_subject subject;
};

/* How to judge. */
struct crl_rules {
	enum config_crl_policy policy; /* if no CRL in force covers it */
	int64_t grace; /* seconds, for CONFIG_CRL_POLICY_GRACE */
	int64_t now; /* seconds since 1970 */
};

/* What is wrong when no CRL in force covers a certificate. */
enum crl_gap_kind {
	CRL_GAP_NONE, /* the issuer has no CRL */
	CRL_GAP_OTHER_POINT, /* they are for other distribution points */
	CRL_GAP_NOT_YET, /* it begins at `when' */
	CRL_GAP_ENDED /* it ended at `when' */
};

struct crl_gap {
	enum crl_gap_kind kind;
	int64_t when; /* seconds since 1970 */
};

/*
 * REASON_NONE; REASON_TLS_REVOKED, also if the CRL that says so is out of date
 * or covers another distribution point; or REASON_TLS_CRL_UNAVAILABLE, with
 * *gap. A certificate that names distribution points is covered by a CRL that
 * names some only if one is the same (RFC 5280 6.3.3 (b)(2)(i)). Below 1 us,
 * except when an issuer outside `trust' is met for the first time. Any
 * thread.
 */
enum reason crl_set_check(const struct crl_set *set,
    const struct crl_question *q, const struct crl_rules *rules,
    struct crl_gap *gap);

/* True if both sets hold the same lists, so that they give the same answers.
 * NULL is allowed. */
bool crl_set_same(const struct crl_set *a, const struct crl_set *b);

/* One CRL of a set; valid during the call. */
struct crl_info {
	const char *file;
	struct slice issuer; /* the Name's DER */
	struct slice number; /* big-endian; empty if it has none */
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* INT64_MAX: it has none */
	size_t revoked; /* entries */
	bool verified; /* its signature was checked */
};

/* Calls `each' for every CRL. */
void crl_set_each(const struct crl_set *set,
    void (*each)(const struct crl_info *info, void *arg), void *arg);

#endif
