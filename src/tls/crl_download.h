/* SPDX-License-Identifier: ISC */
/*
 * CRLs that were downloaded, judged before they replace a file that the daemon
 * reads: what they are, who signed them, and whether they are newer than those
 * in place. Nothing here opens a connection or writes a file.
 */
#ifndef TLS_CRL_DOWNLOAD_H
#define TLS_CRL_DOWNLOAD_H

#include "base/buf.h"
#include "config/types.h"
#include "tls/load.h"

struct tls_trust;

#define CRL_DOWNLOAD_WHY_MAX 512

/* Room for a CRL number in hex; a longer one is cut. */
#define CRL_DOWNLOAD_NUMBER_MAX 48

/* The client CAs that may sign a list: those of each profile that reads the
 * file. Borrowed. */
struct crl_signers {
	const struct tls_trust *const *trusts;
	size_t count;
};

/* What the lists of one file say. */
struct crl_summary {
	size_t lists; /* signed by a client CA and in force; the rest is of
		       * these */
	size_t revoked; /* entries of all */
	int64_t this_update; /* the latest, seconds since 1970; 0: no list */
	int64_t next_update; /* the earliest; INT64_MAX: none */
	char
	    number[CRL_DOWNLOAD_NUMBER_MAX]; /* of the first; "": it has none */
};

/* Sums up the contents of a file. What is damaged, or signed by another, does
 * not count. ERR_NO_MEMORY. */
enum err crl_download_sum_up(struct crl_summary *out, struct slice file,
    const struct crl_signers *signers, int64_t now) MUST_CHECK;

/* A download. */
struct crl_download {
	struct slice body; /* as it came: DER, or PEM with one list or more */
	struct slice in_place; /* the file that it would replace; or empty */
	struct crl_signers signers;
	int64_t now; /* seconds since 1970 */
};

/*
 * OK: the lists are good, and one at least is new. `pem' (empty before) then
 * holds them, and the lists in place that are in force and that the download
 * has no list of the same CA and scope for, so that a file never forgets what
 * a CA revoked.
 *
 * ERR_EXISTS: they are good, but those in place are as new. ERR_REFUSED with
 * `why': a list is damaged, is not signed by a client CA, is not valid yet, has
 * ended, or is older than one in place that is in force. ERR_NO_MEMORY.
 */
enum err crl_download_check(const struct crl_download *download,
    struct buf *pem, char why[CRL_DOWNLOAD_WHY_MAX]) MUST_CHECK;

/*
 * Loads the file `path' as the daemon would, for each of the profiles.
 * ERR_REFUSED with `why': a reload would fail. ERR_NO_MEMORY.
 */
enum err crl_download_try_load(const char *path,
    const struct crl_signers *signers,
    char why[CRL_DOWNLOAD_WHY_MAX]) MUST_CHECK;

/*
 * Calls `each' with every distribution point that the CAs' certificates name:
 * the URIs of one point, `count' of them, as text valid during the call. Other
 * kinds of names are left out. ERR_NO_MEMORY, or the first error of `each'.
 */
enum err crl_download_points(const struct tls_trust *trust,
    enum err (*each)(char *const *uris, size_t count, void *arg),
    void *arg) MUST_CHECK;

#endif
