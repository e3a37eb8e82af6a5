/* SPDX-License-Identifier: ISC */
/*
 * The live sessions of all workers by certificate. This limits how many
 * sessions one certificate may have, and detects that a certificate is used
 * from two addresses at the same time, as a stolen key would be.
 *
 * Shared by all workers. It is divided into shards with a lock each, which is
 * held for a few comparisons.
 */
#ifndef SESSION_CERT_SESSIONS_H
#define SESSION_CERT_SESSIONS_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"

struct session_manager;
struct cert_sessions;
struct cert_sessions_entry;

/* An IP address and port in 28 bytes; a sockaddr_storage takes 128. */
union session_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Copies as much of `from' as an IP address needs. */
static inline void
session_address_store(union session_address *to,
    const struct sockaddr_storage *from)
{
	memcpy(to, from, sizeof(*to));
}

/* The reverse. */
static inline void
session_address_load(const union session_address *from,
    struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, sizeof(*from));
}

/* A session's membership; embedded in the session. All zero: none. */
struct cert_sessions_member {
	struct cert_sessions *all; /* borrowed; NULL: never added */
	uint64_t hash; /* of the certificate */
	struct list node; /* in entry->members; guarded by a lock */
	struct cert_sessions_entry *entry; /* guarded, too; NULL: removed */
	struct session_manager *manager; /* borrowed: of the session's worker */
	union session_address peer; /* the client's address */
	/* The session has to end. Set with the lock held, for the session's
	 * own thread, which session_manager_evict() then wakes. */
	atomic_bool evicted;
};

/* What happens when a certificate has reached its limit. */
enum cert_sessions_excess {
	CERT_SESSIONS_REFUSE, /* the new session is refused */
	CERT_SESSIONS_KICK_OLDEST /* the oldest sessions end */
};

struct cert_sessions_limit {
	uint32_t most; /* sessions of one certificate; 0 = no limit */
	enum cert_sessions_excess excess;
};

/* The outcome of cert_sessions_add(). */
struct cert_sessions_result {
	bool full; /* not added: there are `most' already */
	bool clone; /* there is a session from another address: */
	union session_address other;
};

/* NULL: out of memory. */
struct cert_sessions *cert_sessions_new(void);

/* Every member must have been removed. NULL is allowed. */
void cert_sessions_free(struct cert_sessions *c);

/*
 * Adds `member', whose manager and peer are set, under the certificate's
 * SHA-256. ERR_NO_MEMORY: not added. Any thread.
 */
enum err cert_sessions_add(struct cert_sessions *c,
    struct cert_sessions_member *member, const uint8_t sha256[32],
    const struct cert_sessions_limit *limit,
    struct cert_sessions_result *result) MUST_CHECK;

/* Removes `member'; harmless if it was not added. Any thread. */
void cert_sessions_remove(struct cert_sessions_member *member);

#endif
