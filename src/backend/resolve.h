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

#include "backend/pool.h"
#include "base/err.h"

/* Addresses of one name at most; more are dropped. */
#define BACKEND_LOOKUP_MAX 32

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
