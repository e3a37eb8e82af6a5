/* SPDX-License-Identifier: ISC */
/*
 * Host names to socket addresses without blocking, by libevent's evdns:
 * /etc/hosts, resolv.conf with its search list, A and AAAA. A changed
 * resolv.conf is noticed.
 */
#ifndef BACKEND_RESOLVE_H
#define BACKEND_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "io/loop.h"

/* Addresses of one name at most; more are dropped. */
#define BACKEND_LOOKUP_MAX 32

/* A worker's resolver, shared by its pools. Costs nothing until a name has to
 * be resolved. */
struct backend_resolver;

/* `nameserver': for tests, "ADDRESS:PORT" to ask instead of those in
 * resolv.conf, or NULL. NULL when memory runs out. */
struct backend_resolver *backend_resolver_new(struct loop *loop,
    const char *nameserver);

/* Call it after the pools that use it are put. NULL is allowed. */
void backend_resolver_free(struct backend_resolver *r);

struct backend_lookup;

/*
 * The answer: OK and `count' > 0 addresses, their port set; or ERR_RESOLVE
 * and why not. All pointers die with the call, and so does the lookup.
 */
typedef void backend_lookup_done(void *arg, enum err err,
    const struct sockaddr_storage *list, size_t count, const char *why);

/* Asks for `host'. `*out' is NULL, and done was called already, when the
 * answer was at hand; else done comes later unless cancelled. ERR_NO_MEMORY:
 * no done. */
enum err backend_lookup_start(struct backend_lookup **out,
    struct backend_resolver *r, const char *host, uint16_t port,
    backend_lookup_done *done, void *arg) MUST_CHECK;

/* No done will come. NULL is fine. */
void backend_lookup_cancel(struct backend_lookup *l);

#endif
