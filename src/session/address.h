/*
 * An IP address and port in 28 bytes, where a sockaddr_storage takes 128.
 */
#ifndef SESSION_ADDRESS_H
#define SESSION_ADDRESS_H

#include <netinet/in.h>
#include <string.h>

union session_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Keeps as much of `from' as an IP address needs. */
static inline void
session_address_store(union session_address *to,
    const struct sockaddr_storage *from)
{
	memcpy(to, from, sizeof(*to));
}

/* The other way round. */
static inline void
session_address_load(const union session_address *from,
    struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, sizeof(*from));
}

#endif
