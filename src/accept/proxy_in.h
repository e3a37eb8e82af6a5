/* SPDX-License-Identifier: ISC */
/*
 * The stage that reads the PROXY header from a new connection and nothing more:
 * no byte of the TLS handshake that follows is read. The session sets the
 * deadline.
 */
#ifndef ACCEPT_PROXY_IN_H
#define ACCEPT_PROXY_IN_H

#include <sys/socket.h>

#include "accept/proxy_header.h"
#include "base/address.h"
#include "domain/reason.h"
#include "io/loop.h"

struct accept_proxy_options {
	const struct address_net *trusted; /* borrowed; the load balancers */
	size_t trusted_count;
	const struct sockaddr_storage *peer; /* borrowed; where `fd' leads */
};

struct accept_proxy;

/*
 * REASON_NONE: `header' names the client (kind LOCAL: the client is the
 * socket's peer); both pointers are valid during the call. Otherwise
 * REASON_ACCEPT_PROXY or _RESOURCE, or _CHECK for a health check that ended
 * without a header; then header is NULL, and `detail' is a static text or NULL.
 * The stage is gone when this is called.
 */
typedef void accept_proxy_done(void *arg, enum reason reason,
    const struct accept_proxy_header *header, const char *detail);

/*
 * Reads the header from `fd' (connected, non-blocking), which stays the
 * caller's and must stay open until `done' is called or the stage is cancelled.
 * `done' is never called from inside the start. The options are needed during
 * the call only; if their `peer' is not trusted, the connection is refused.
 * ERR_NO_MEMORY: `done' will not be called.
 */
enum err accept_proxy_start(struct accept_proxy **out, struct loop *loop,
    int fd, const struct accept_proxy_options *options, accept_proxy_done *done,
    void *arg) MUST_CHECK;

/* Ends the stage; `done' is not called. NULL is allowed. */
void accept_proxy_cancel(struct accept_proxy *p);

#endif
