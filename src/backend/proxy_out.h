/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol header sent to a broker, versions 1 and 2 (HAProxy's
 * proxy-protocol.txt). Pure. At most 500 bytes, which is all that Mosquitto 2.1
 * accepts.
 */
#ifndef BACKEND_PROXY_OUT_H
#define BACKEND_PROXY_OUT_H

#include <sys/socket.h>

#include "backend/pool.h"
#include "base/err.h"
#include "base/slice.h"

#define BACKEND_PROXY_OUT_MAX 500

/* What the header says about the client's TLS. A certificate's names may be
 * given only if it was verified and is not revoked: EMQX and VerneMQ use the CN
 * as a user name without asking whether it was verified. */
enum backend_proxy_tls {
	BACKEND_PROXY_PLAIN, /* no TLS */
	BACKEND_PROXY_NO_CERTIFICATE, /* TLS, without a verified certificate */
	BACKEND_PROXY_VERIFIED, /* sent and verified in this handshake */
	BACKEND_PROXY_RESUMED /* verified; sent in an earlier handshake */
};

struct backend_proxy_out {
	const struct sockaddr_storage *source; /* the client */
	const struct sockaddr_storage *destination; /* the listener */
	enum backend_proxy_tls tls;
	struct slice tls_version; /* "TLSv1.3"; empty: left out */
	struct slice cipher; /* empty: left out */
	struct slice cn; /* UTF-8; sent only if verified */
	struct slice authority; /* SNI; empty: left out */
};

/*
 * Writes the header to `out' and its length to `*len'. From a header that is
 * too long, first the authority is left out, then the cipher, then the version,
 * never the CN. ERR_MALFORMED: the CN contains a NUL. ERR_LIMIT: the CN alone
 * is too long. In both cases the client must be refused, since part of a name
 * is another name. If source and destination are of different families, or not
 * IP addresses, version 1 says UNKNOWN and version 2 UNSPEC with the TLVs.
 */
enum err backend_proxy_out_write(uint8_t out[BACKEND_PROXY_OUT_MAX],
    size_t *len, enum config_proxy_protocol version,
    const struct backend_proxy_out *p) MUST_CHECK;

#endif
