/* SPDX-License-Identifier: ISC */
/*
 * The fleet's deny list in force on this replica: what is known
 * (fleet/denials.h), what of it is not in force yet, what the Redis server does
 * not have yet, and the copy on disk. No sockets. Main thread only.
 */
#ifndef FLEET_LIST_H
#define FLEET_LIST_H

#include "base/report.h"
#include "fleet/copy.h"
#include "fleet/denials.h"
#include "identity/denylist.h"
#include "io/timer.h"

/* Called when live sessions have been judged; `ended' were ended. */
typedef void fleet_swept(void *arg, uint64_t ended);

/* What a change does here. */
struct fleet_hooks {
	/* Has the live sessions judged that entries of `changed' (borrowed for
	 * the call) concern; they are in force. Calls `done' (may be NULL)
	 * once, also when there is nothing to do. */
	void (*sweep)(void *arg, const struct identity_deny_table *changed,
	    fleet_swept *done, void *done_arg);
	void *arg;
};

struct fleet_list {
	struct identity_denylist *list; /* counted: what workers ask */
	struct fleet_hooks hooks;
	struct fleet_denials denials;
	struct identity_deny_table changes; /* not in force yet */
	struct fleet_position position; /* how far the stream has been read */
	uint32_t round; /* see fleet_list_restore() */
	/* Indexes of entries that the Redis server may not have, oldest first;
	 * the first `in_flight' of them are on their way. */
	uint32_t *queue; /* owned */
	size_t queue_len;
	size_t queue_cap;
	size_t in_flight;
	size_t sent; /* entries that have left the queue so far */
	struct fleet_copy *copy; /* owned; NULL: there is none */
	const char *copy_path; /* borrowed */
	struct timer save;
	bool online; /* the Redis server has, or soon has, all that is saved */
	bool incomplete; /* `changes' lacks something */
	bool dirty; /* the copy lacks something */
	bool copy_failed;
	uint64_t refused; /* entries of the Redis server */
};

/* Milliseconds since 1970. */
int64_t fleet_list_now(void);

/* Makes a list in whose copy at `path' ("": none) changes are kept. Takes a
 * count of `list'. ERR_NO_MEMORY. */
enum err fleet_list_init(struct fleet_list *l, struct identity_denylist *list,
    struct loop *loop, const char *path) MUST_CHECK;

/* Reads the copy, if there is one, and puts it in force. ERR_CONFIG: it cannot
 * be used, and `why' says so. ERR_NO_MEMORY. */
enum err fleet_list_load(struct fleet_list *l, struct report *why) MUST_CHECK;

/* Fills `list' as a start would, from the copy at `path' and the rows of the
 * fleet's file `file' (NULL: no such file), for a program that only reads.
 * *found is true if there is a copy. ERR_CONFIG: the copy cannot be used, and
 * `why' says so. ERR_NO_MEMORY. */
enum err fleet_list_read(const char *path, struct identity_denylist *list,
    const struct identity_deny_base *file, bool *found,
    struct report *why) MUST_CHECK;

/* Writes the copy a last time, and stops its thread. */
void fleet_list_stop(struct fleet_list *l);

/* After the loop was freed. */
void fleet_list_fini(struct fleet_list *l);

/* Something changed that the copy has to have. */
void fleet_list_touch(struct fleet_list *l);

/* Takes an entry of the Redis server; it is in force after
 * fleet_list_enforce(). */
void fleet_list_take(struct fleet_list *l, struct slice field,
    struct slice value);

/* Takes entry `i' of a change that is decided here, and queues it. */
enum err fleet_list_decide(struct fleet_list *l,
    const struct identity_deny_table *t, size_t i) MUST_CHECK;

/* Decides entry `i' of `t' with the stamp `stamp', unless something newer is
 * known already: *effect says so, and *at is its index. Queues it as one that
 * only counts where it is the newest. */
enum err fleet_list_decide_at(struct fleet_list *l,
    const struct identity_deny_table *t, size_t i, int64_t stamp,
    enum fleet_effect *effect, size_t *at) MUST_CHECK;

/* Puts what was taken in force while there are no sessions. */
enum err fleet_list_apply(struct fleet_list *l) MUST_CHECK;

/* Puts what was taken in force, and has live sessions judged. On an error it
 * is tried again by the next call, and `done' is not called. */
enum err fleet_list_enforce(struct fleet_list *l, fleet_swept *done, void *arg);

/* Returns the number of entries that the Redis server must have: those that
 * came from it, or were sent to it. */
int64_t fleet_list_confirmed(const struct fleet_list *l);

/* Queues what the Redis server did not have when its whole set was read:
 * entries that were not taken in this round. */
void fleet_list_restore(struct fleet_list *l);

/* A change to be sent: where its texts lie in a buffer. */
struct fleet_part {
	const char *how; /* "now" or "late"; see fleet/scripts.h */
	size_t field, stamp, value, end;
};
#define FLEET_PARTS_MAX 500

/* Writes the first changes of the queue; returns how many, 0 without memory.
 * They are not on their way yet. */
size_t fleet_list_write(struct fleet_list *l,
    struct fleet_part parts[FLEET_PARTS_MAX], struct buf *texts);

/* Those on their way have arrived, or may not have. */
void fleet_list_sent(struct fleet_list *l);
void fleet_list_lost(struct fleet_list *l);

#endif
