/*
 * The PROXY protocol header, versions 1 and 2, as a load balancer sends it in
 * front of the connection it forwards (HAProxy's proxy-protocol.txt). Pure.
 * Strict: what the text does not allow is BAD, except that unknown TLVs are
 * passed over as it demands. Addresses are believed, TLVs only checked: an
 * identity from a header is no proof.
 */
#ifndef ACCEPT_PROXY_HEADER_H
#define ACCEPT_PROXY_HEADER_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

/* The longest header taken: version 2 can say 65,551 bytes. */
#define ACCEPT_PROXY_HEADER_MAX 4096

enum accept_proxy_kind {
	ACCEPT_PROXY_LOCAL, /* the balancer's own, or it does not know: the
			       socket's address counts */
	ACCEPT_PROXY_FORWARDED /* the addresses in the header count */
};

struct accept_proxy_header {
	enum accept_proxy_kind kind;
	unsigned version; /* 1 or 2 */
	struct sockaddr_storage source; /* IPv4 or IPv6, if forwarded */
	struct sockaddr_storage destination;
	size_t len; /* bytes of the header */
};

/*
 * Reads a header from the front of `in'. PARSE_OK fills `out'; PARSE_MORE
 * says that all of `in' is header and more is to come; PARSE_BAD sets `*why'
 * to a static text.
 */
enum parse accept_proxy_header_parse(struct accept_proxy_header *out,
    struct slice in, const char **why);

#endif
