/*
 * The PROXY protocol header towards a broker, versions 1 and 2 (HAProxy's
 * proxy-protocol.txt). Pure. Never longer than 500 bytes, since Mosquitto 2.1
 * takes no more.
 */
#ifndef BACKEND_PROXY_OUT_H
#define BACKEND_PROXY_OUT_H

#include <sys/socket.h>

#include "backend/pool.h"
#include "base/err.h"
#include "base/slice.h"

#define BACKEND_PROXY_OUT_MAX 500

/* What is told of the client's TLS. Names of a certificate may be given only
 * if it was verified and is not revoked: brokers believe a CN they are told
 * without asking whether it was proved (features of EMQX and VerneMQ). */
enum backend_proxy_tls {
	BACKEND_PROXY_PLAIN, /* no TLS */
	BACKEND_PROXY_NO_CERTIFICATE, /* TLS; or a certificate not verified */
	BACKEND_PROXY_VERIFIED, /* shown and verified in this handshake */
	BACKEND_PROXY_RESUMED /* verified; shown in an earlier handshake */
};

struct backend_proxy_out {
	const struct sockaddr_storage *source; /* the client */
	const struct sockaddr_storage *destination; /* where it came in */
	enum backend_proxy_tls tls;
	struct slice tls_version; /* "TLSv1.3"; empty = not told */
	struct slice cipher; /* empty = not told */
	struct slice cn; /* UTF-8; told only if verified */
	struct slice authority; /* SNI; empty = not told */
};

/*
 * Writes the header to `out' and its length to `*len'. Too long a header
 * loses first the authority, then the cipher, then the version, never the
 * CN. ERR_MALFORMED: the CN holds a NUL; ERR_LIMIT: the CN alone is too long.
 * Both must refuse the client: half an identity is none. Source and
 * destination of different or other families: version 1 says UNKNOWN,
 * version 2 UNSPEC with the TLVs.
 */
enum err backend_proxy_out_write(uint8_t out[BACKEND_PROXY_OUT_MAX],
    size_t *len, enum config_proxy_protocol version,
    const struct backend_proxy_out *p) MUST_CHECK;

#endif
