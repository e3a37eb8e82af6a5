/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol header, versions 1 and 2, which a load balancer sends
 * before the connection it forwards (HAProxy's proxy-protocol.txt). Pure.
 * Strict: whatever the specification does not allow is BAD, except that unknown
 * TLVs are skipped, as it demands. Addresses are used; TLVs are only checked,
 * since an identity in a header proves nothing.
 */
#ifndef ACCEPT_PROXY_HEADER_H
#define ACCEPT_PROXY_HEADER_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

/* The longest header accepted; version 2 allows 65,551 bytes. */
#define ACCEPT_PROXY_HEADER_MAX 4096

enum accept_proxy_kind {
	ACCEPT_PROXY_LOCAL, /* the balancer's own connection, or an unknown
			       client: the socket's address applies */
	ACCEPT_PROXY_FORWARDED /* the addresses in the header apply */
};

struct accept_proxy_header {
	enum accept_proxy_kind kind;
	unsigned version; /* 1 or 2 */
	struct sockaddr_storage source; /* IPv4 or IPv6, if forwarded */
	struct sockaddr_storage destination;
	size_t len; /* bytes of the header */
};

/*
 * Reads a header from the beginning of `in'. PARSE_OK fills `out'; PARSE_MORE
 * means that all of `in' is header and more must follow; PARSE_BAD sets `*why'
 * to a static text.
 */
enum parse accept_proxy_header_parse(struct accept_proxy_header *out,
    struct slice in, const char **why);

#endif
