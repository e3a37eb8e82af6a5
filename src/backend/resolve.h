/* SPDX-License-Identifier: ISC */
/*
 * Host names to socket addresses without blocking a loop: the C library's
 * getaddrinfo() on threads of its own. One resolver serves all workers of the
 * process, so a name that several workers ask for at the same time is looked up
 * once, and a change of its answer is logged once.
 */
#ifndef BACKEND_RESOLVE_H
#define BACKEND_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "io/loop.h"

/* The most addresses of one name; further ones are ignored. */
#define BACKEND_LOOKUP_MAX 32

/* Room for the text that says why a name has no address, NUL included. */
#define BACKEND_LOOKUP_WHY 512

struct backend_resolver;

/* A resolver without threads: they start with the first lookup. NULL when
 * memory runs out. */
struct backend_resolver *backend_resolver_new(void);

/* From now on lookups wait, and no thread is started, until
 * backend_resolver_release(). The sandbox applies only to threads that are
 * started inside it. Call this before the first lookup. */
void backend_resolver_hold(struct backend_resolver *r);

/* Starts threads for the lookups that wait. ERR_SYSTEM with errno: none could
 * be started. */
enum err backend_resolver_release(struct backend_resolver *r) MUST_CHECK;

/* Call it when every lookup has been answered or cancelled. Threads that still
 * wait for a nameserver keep what they need and free it. NULL is allowed. */
void backend_resolver_free(struct backend_resolver *r);

/* For tests: the only nameserver to ask, an IPv4 address with its port. Call it
 * before the first lookup. */
void backend_resolver_set_nameserver(struct backend_resolver *r,
    const struct sockaddr_storage *nameserver);

struct backend_lookup;

/*
 * The answer. OK: `count' > 0 addresses, whose port is 0. ERR_RESOLVE: `why'
 * says what the C library said, and what each nameserver said to which
 * question. All pointers, and the lookup itself, are valid until the call
 * returns.
 */
typedef void backend_lookup_done(void *arg, enum err err,
    const struct sockaddr_storage *list, size_t count, const char *why);

/* Asks for the addresses of `host'. `done' is called once on the thread of
 * `loop', never from inside, unless the lookup is cancelled. ERR_NO_MEMORY:
 * `done' will not be called. */
enum err backend_lookup_start(struct backend_lookup **out,
    struct backend_resolver *r, struct loop *loop, const char *host,
    backend_lookup_done *done, void *arg) MUST_CHECK;

/* Ends the lookup; `done' is not called. On the loop's thread. NULL is
 * allowed. */
void backend_lookup_cancel(struct backend_lookup *l);

#endif
