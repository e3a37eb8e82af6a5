/*
 * What an OCSP response to be stapled says: enough to find one that is for
 * another certificate, or stale, before a client does. Its signature is for
 * the clients to check.
 */
#ifndef TLS_OCSP_H
#define TLS_OCSP_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum tls_ocsp_status {
	TLS_OCSP_GOOD,
	TLS_OCSP_REVOKED,
	TLS_OCSP_UNKNOWN /* the responder does not know the certificate */
};

struct tls_ocsp {
	enum tls_ocsp_status status;
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* INT64_MAX: none is named */
};

/*
 * Finds what `response' (DER, RFC 6960 4.2.1) says of the certificate with
 * this serial (DER INTEGER content). ERR_MALFORMED when it is no successful
 * response, ERR_NOT_FOUND when it speaks of other certificates only.
 */
enum err tls_ocsp_find(struct tls_ocsp *out, struct slice response,
    struct slice serial) MUST_CHECK;

#endif
