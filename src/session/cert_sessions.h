/* SPDX-License-Identifier: ISC */
/*
 * The live sessions of all workers by certificate. This limits how many
 * sessions one certificate may have, and detects that a certificate is used
 * from two addresses at the same time, as a stolen key would be.
 *
 * Shared by all workers. It is divided into shards with a lock each, which is
 * held for a few comparisons.
 *
 * With a fleet (fleet/leases.h) the other replicas are asked, too: a session
 * that was added here sends a request to the main thread, which answers it.
 * What has changed here is noted, so that the fleet can tell the others.
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
#include "io/loop.h"

struct session_manager;
struct cert_sessions;
struct cert_sessions_entry;
struct cert_sessions_request;

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
	struct cert_sessions_request *request; /* not answered yet, or NULL */
	uint64_t added_unix_ms; /* ms since 1970 */
	union session_address peer; /* the client's address */
	/* The session has to end. Set with the lock held, for the session's
	 * own thread, which session_manager_dismiss_replaced() then wakes. */
	atomic_bool replaced;
};

/* What happens when a certificate has reached its limit. */
enum cert_sessions_excess {
	CERT_SESSIONS_REFUSE, /* the new session is refused */
	CERT_SESSIONS_KICK_OLDEST /* the oldest sessions end */
};

struct cert_sessions_limit {
	uint32_t max; /* sessions of one certificate; 0 = no limit */
	enum cert_sessions_excess excess;
};

/* The outcome of cert_sessions_add(). */
struct cert_sessions_result {
	bool full; /* not added: there are `max' already */
	bool clone; /* there is a session from another address: */
	union session_address other;
	uint32_t count; /* of the certificate's sessions, with this one */
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

/* Removes `member'; harmless if it was not added. Its request is not answered
 * any more. The thread of its worker. */
void cert_sessions_remove(struct cert_sessions_member *member);

/*
 * The fleet.
 */

/* What the other replicas say to a new session. */
enum cert_sessions_answer {
	CERT_SESSIONS_ADMITTED,
	CERT_SESSIONS_FULL, /* the certificate has as many as it may have */
	CERT_SESSIONS_UNANSWERED /* they could not be asked */
};

/* Asks the other replicas whether a session that was added here may stay. */
struct cert_sessions_request {
	struct loop_message message; /* takes it back to its worker */
	struct list node; /* the fleet's */
	struct loop *home; /* borrowed: the worker's */
	/* NULL: the session has ended. The worker's thread. */
	struct cert_sessions_member *member;
	/* On the worker's thread; the session may end by it. */
	void (*answered)(struct cert_sessions_member *member,
	    const struct cert_sessions_request *request);
	uint8_t sha256[32];
	struct cert_sessions_limit limit;
	union session_address peer;
	uint64_t added_unix_ms;
	uint32_t count; /* of this replica's sessions, with this one */
	bool waits; /* the session waits for the answer */
	bool clone_known; /* an address of this replica differs already */
	/* The answer. */
	enum cert_sessions_answer answer;
	bool clone;
	union session_address other;
};

/* How the fleet is told of requests and changes. All borrowed. */
struct cert_sessions_notify {
	struct loop *loop;
	struct loop_message *soon; /* there is something: fetch it soon */
	struct loop_message *now; /* a session waits */
};

/* Sets how the fleet is told; NULL: it is no longer told. Main thread, before
 * the workers start or while they run. */
void cert_sessions_share(struct cert_sessions *c,
    const struct cert_sessions_notify *notify);

/* Sends a copy of `request' to the other replicas. The caller has set its home,
 * answered, sha256, limit, count, waits and clone_known; `member' was added.
 * ERR_CLOSED: there is no fleet; ERR_NO_MEMORY. */
enum err cert_sessions_ask(struct cert_sessions_member *member,
    const struct cert_sessions_request *request) MUST_CHECK;

/* What the fleet has to do. */
struct cert_sessions_due {
	struct list requests;
	uint8_t (*changed)[32]; /* owned: certificates */
	size_t count;
	bool all; /* changes were lost for lack of memory */
};

/* Fetches it; `now' tells which of the two messages asked for it. */
void cert_sessions_take(struct cert_sessions *c, struct cert_sessions_due *due,
    bool now);

/* Sends an answered request back. Any thread. */
void cert_sessions_give_back(struct cert_sessions_request *request);

/* The sessions of one certificate on this replica. */
struct cert_sessions_state {
	uint32_t count;
	uint64_t oldest, newest; /* ms since 1970 */
	union session_address peer; /* of the newest */
};
void cert_sessions_state(struct cert_sessions *c, const uint8_t sha256[32],
    struct cert_sessions_state *out);

/* Calls `each' for every certificate, with a lock held. */
void cert_sessions_each(struct cert_sessions *c,
    void (*each)(void *arg, const uint8_t sha256[32],
	const struct cert_sessions_state *state),
    void *arg);

/* Ends the oldest `count' sessions of a certificate. Any thread. */
void cert_sessions_end_oldest(struct cert_sessions *c, const uint8_t sha256[32],
    uint32_t count);

/* True if the hosts of two addresses differ. Ports differ with every
 * connection. */
bool cert_sessions_differ(const union session_address *a,
    const union session_address *b);

#endif
