/*
 * The roll of certificates that are in: which live sessions, of all workers,
 * came by the same certificate. It holds down how many they may be, and
 * notices when one certificate is used from two addresses at once, as a
 * stolen key would be.
 *
 * Shared by all workers: sharded, a lock a shard, held for a few comparisons.
 */
#ifndef SESSION_CERT_SESSIONS_H
#define SESSION_CERT_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "session/address.h"

struct session_manager;
struct cert_sessions;
struct cert_sessions_entry;
struct cert_sessions_shard;

/* A session's line on the roll; embedded in it. All zero: not on it. */
struct cert_sessions_member {
	struct cert_sessions_shard
	    *shard; /* borrowed; NULL: never was on the roll */
	struct list node; /* in entry->lines; the shard's lock guards it */
	struct cert_sessions_entry *entry; /* guarded too; NULL: taken off */
	struct session_manager *manager; /* borrowed: where the session lives */
	union session_address peer;
	/* Its session is to go. Set with the lock held, for the door's thread,
	 * which door_evict() then calls. */
	atomic_bool evicted;
};

enum cert_sessions_excess {
	CERT_SESSIONS_REFUSE, /* the newcomer stays out */
	CERT_SESSIONS_KICK_OLDEST /* those who came first have to go */
};

struct cert_sessions_limit {
	uint32_t most; /* sessions a certificate; 0 = any number */
	enum cert_sessions_excess excess;
};

/* What came of entering. */
struct cert_sessions_result {
	bool full; /* not entered: there are `most' already */
	bool clone; /* somebody else is in from another address: */
	union session_address other;
};

/* NULL when memory runs out. */
struct cert_sessions *cert_sessions_new(void);

/* Every line must have left. NULL is fine. */
void cert_sessions_free(struct cert_sessions *r);

/*
 * Enters `line' (door and peer filled) under the certificate's SHA-256.
 * ERR_NO_MEMORY: not entered. Any thread.
 */
enum err cert_sessions_add(struct cert_sessions *r,
    struct cert_sessions_member *line, const uint8_t sha256[32],
    const struct cert_sessions_limit *rules,
    struct cert_sessions_result *answer) MUST_CHECK;

/* Takes `line' off; harmless when it is not on. Any thread. */
void cert_sessions_remove(struct cert_sessions_member *line);

#endif
