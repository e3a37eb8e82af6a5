/*
 * The stage that takes the PROXY header off a fresh connection and nothing
 * more: not a byte of the TLS handshake behind it is read. How long that may
 * take is the session's to say.
 */
#ifndef ACCEPT_PROXY_IN_H
#define ACCEPT_PROXY_IN_H

#include <sys/socket.h>

#include "accept/proxy_header.h"
#include "base/address.h"
#include "domain/reason.h"
#include "io/loop.h"

struct accept_proxy_options {
	const struct address_net *trusted; /* borrowed; who may send one */
	size_t trusted_count;
};

struct accept_proxy;

/*
 * REASON_NONE: `header' says who the client is (of kind LOCAL: it is the
 * socket's peer); both pointers die with the call. Else REASON_ACCEPT_PROXY or
 * _RESOURCE, header is NULL and `detail' is a static text. The stage is gone
 * when it is called.
 */
typedef void accept_proxy_done(void *arg, enum reason reason,
    const struct accept_proxy_header *header, const char *detail);

/*
 * Reads the header from `fd' (connected, non-blocking), which stays the
 * caller's and must stay open until `done' or the cancel. `done' is never
 * called from inside the start. `peer' is the balancer's address: when it is
 * not trusted the connection is refused. ERR_NO_MEMORY: no done will come.
 */
enum err accept_proxy_start(struct accept_proxy **out, struct loop *loop,
    int fd, const struct sockaddr_storage *peer,
    const struct accept_proxy_options *options, accept_proxy_done *done,
    void *arg) MUST_CHECK;

/* Ends it without a done. NULL is fine. */
void accept_proxy_cancel(struct accept_proxy *p);

#endif
