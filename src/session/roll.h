/*
 * The roll of certificates that are in: which live sessions, of all workers,
 * came by the same certificate. It holds down how many they may be, and
 * notices when one certificate is used from two addresses at once, as a
 * stolen key would be.
 *
 * Shared by all workers: sharded, a lock a shard, held for a few comparisons.
 */
#ifndef SESSION_ROLL_H
#define SESSION_ROLL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "session/address.h"

struct door;
struct roll;
struct roll_entry;
struct roll_shard;

/* A session's line on the roll; embedded in it. All zero: not on it. */
struct roll_line {
	struct roll_shard *shard; /* borrowed; NULL: never was on the roll */
	struct list node; /* in entry->lines; the shard's lock guards it */
	struct roll_entry *entry; /* guarded too; NULL: taken off */
	struct door *door; /* borrowed: where the session lives */
	union session_address peer;
	/* Its session is to go. Set with the lock held, for the door's thread,
	 * which door_evict() then calls. */
	atomic_bool evicted;
};

enum roll_excess {
	ROLL_REFUSE, /* the newcomer stays out */
	ROLL_KICK_OLDEST /* those who came first have to go */
};

struct roll_rules {
	uint32_t most; /* sessions a certificate; 0 = any number */
	enum roll_excess excess;
};

/* What came of entering. */
struct roll_answer {
	bool full; /* not entered: there are `most' already */
	bool clone; /* somebody else is in from another address: */
	union session_address other;
};

/* NULL when memory runs out. */
struct roll *roll_new(void);

/* Every line must have left. NULL is fine. */
void roll_free(struct roll *r);

/*
 * Enters `line' (door and peer filled) under the certificate's SHA-256.
 * ERR_NO_MEMORY: not entered. Any thread.
 */
enum err roll_enter(struct roll *r, struct roll_line *line,
    const uint8_t sha256[32], const struct roll_rules *rules,
    struct roll_answer *answer) MUST_CHECK;

/* Takes `line' off; harmless when it is not on. Any thread. */
void roll_leave(struct roll_line *line);

#endif
