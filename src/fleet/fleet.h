/* SPDX-License-Identifier: ISC */
/*
 * What the replicas of a fleet share through a Redis server, which may be
 * Valkey: the deny list. All of this runs on the main thread and never waits: a
 * slow server delays neither a worker nor the main thread.
 *
 * THE DENY LIST
 *
 * The Redis server holds a hash with all entries (PREFIX:denied) and a stream
 * of changes (PREFIX:changes). A script writes both in one step, and a message
 * wakes the other replicas, which read the stream. See fleet/denials.h for the
 * entries, and why it does not matter in which order they arrive.
 *
 *   JOINING      does the server's stream still hold the last change we know?
 *   LOADING      no: reads the whole set, and sends what the server lacks. So a
 *                server that comes back empty is restored by the replicas.
 *   CATCHING_UP  reads the stream up to its end
 *   ONLINE       reads what is new
 *
 * While a replica catches up, changes are collected and put in force together,
 * so that no session is ended for an entry that was taken back later.
 *
 * A change by a command is in force here at once and waits to be sent; while
 * the Redis server cannot be reached, it waits on disk as well.
 *
 * SESSIONS OF A CERTIFICATE
 *
 * They are counted on all replicas together: see fleet/leases.h.
 *
 * QUESTIONS
 *
 * Replicas ask each other for their sessions, to kick, to reload and so on
 * (fleet/rpc.h); admin knows what the questions mean.
 *
 * TRUST
 *
 * The Redis server can deny any client, take back what the fleet denies, and
 * ask whatever a replica can ask: kick, reload, drain. It cannot admit a client
 * that a certificate, a rule or this replica's own file keeps out: its list is
 * asked in addition to these.
 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "config/config.h"
#include "fleet/leases.h"
#include "fleet/link.h"
#include "fleet/list.h"
#include "fleet/rpc.h"

struct fleet;

struct fleet_options {
	struct loop *loop; /* borrowed: the main thread's */
	struct backend_resolver *resolver; /* borrowed */
	struct config *config; /* counted by the fleet */
	struct identity_denylist *list; /* counted by the fleet */
	struct cert_sessions *sessions; /* borrowed: until fleet_stop() */
	struct fleet_hooks hooks;
};

/* Reads the copy on disk, if there is one, and puts it in force. ERR_CONFIG:
 * it cannot be used, and `why' says so. ERR_NO_MEMORY. Unless *out is NULL,
 * call fleet_stop() and fleet_free() also after an error. */
enum err fleet_new(struct fleet **out, const struct fleet_options *o,
    struct report *why) MUST_CHECK;

/* Starts to connect; `access' is borrowed for the call. ERR_NO_MEMORY,
 * ERR_SYSTEM. */
enum err fleet_start(struct fleet *f,
    const struct fleet_link_access *access) MUST_CHECK;

/* Answers all that still wait, writes the copy and closes the connections. NULL
 * is allowed. */
void fleet_stop(struct fleet *f);

/* After the loop was freed. NULL is allowed. */
void fleet_free(struct fleet *f);

/* The next connections use these. */
void fleet_set_access(struct fleet *f, const struct fleet_link_access *access);

/* The outcome of a change. */
struct fleet_changed {
	enum err err; /* OK: in force here, for live sessions too */
	uint64_t ended; /* live sessions that were ended here */
	bool sent; /* the Redis server has it; otherwise it is sent later */
};
typedef void fleet_change_done(void *arg, const struct fleet_changed *result);

/* Puts the entries of `change' in force and sends them. Borrowed for the call.
 * `done' is called once; from inside if there is no memory. */
void fleet_change(struct fleet *f, const struct identity_deny_table *change,
    fleet_change_done *done, void *arg);

/*
 * Takes a version of the deny list file that belongs to the fleet
 * (fleet/file.h): `rows', borrowed for the call, with the file's `file_stat'.
 * Puts in force and sends what it changes. Before fleet_start() there are no
 * sessions to judge; after it, `done' (may be NULL) is called once when they
 * have been, unless there is an error. ERR_CONFIG: it is refused, and `why'
 * says so. ERR_NO_MEMORY, ERR_LIMIT: try again.
 */
enum err fleet_take_file(struct fleet *f,
    const struct identity_deny_table *rows, const struct stat *file_stat,
    struct report *why, fleet_swept *done, void *arg) MUST_CHECK;

/* A replica that is alive. */
struct fleet_replica {
	char *name;
	uint64_t silent_ms; /* since its last heartbeat, when we had ours */
};

/* How the fleet is. Pointers live until the next turn of the loop. */
struct fleet_status {
	bool online; /* connected, and all changes have been read */
	const char *name;
	const char *address; /* of the Redis server */
	const char *why; /* it is not online; "" otherwise */
	const char *last_id; /* the last change */
	uint64_t lag_ms; /* for how long the Redis server owes an answer */
	uint64_t changed_at; /* clock_mono_ms() when `online' changed */
	size_t entries; /* denied by the fleet */
	size_t waiting; /* changes that have not been sent */
	uint64_t refused; /* values of the Redis server that were refused */
	uint64_t lost; /* connections lost */
	bool copy_failed; /* the copy on disk cannot be written */
	struct fleet_leases_status sessions; /* of certificates */
	const struct fleet_replica *replicas; /* with us, by name */
	size_t replica_count;
};
void fleet_get_status(const struct fleet *f, struct fleet_status *out);

/* From now on questions of other replicas are passed to `asked'. Call it before
 * fleet_start(). */
void fleet_listen(struct fleet *f, fleet_rpc_asked *asked, void *arg);

/* For questions to the other replicas; NULL once it has stopped. */
struct fleet_rpc *fleet_get_rpc(const struct fleet *f);

#endif
