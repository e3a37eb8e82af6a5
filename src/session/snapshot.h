/* SPDX-License-Identifier: ISC */
/*
 * The result of one load of the configuration: the options, the TLS contexts
 * with their CRLs, and the identity rules, by which connections are judged. It
 * never changes and is counted, so all workers read it without a lock. A
 * reload makes a complete new one, or none.
 */
#ifndef SESSION_SNAPSHOT_H
#define SESSION_SNAPSHOT_H

#include <stdint.h>

#include "backend/limits.h"
#include "base/report.h"
#include "config/config.h"
#include "identity/decide.h"
#include "identity/denylist.h"
#include "mqtt/connect.h"
#include "session/tls_profile_inputs.h"
#include "tls/ctx.h"
#include "ws/upgrade.h"

struct snapshot {
	_Atomic unsigned refs; /* snapshot_get(), snapshot_put() only */
	uint64_t generation; /* 1 for the first, then counting up */
	struct config *config; /* counted */
	struct tls_ctx **tls; /* counted each; as config->tls */
	struct tls_profile_inputs
	    *tls_inputs; /* owned; what these were made of */
	size_t tls_shared; /* how many of these are those of the load before */
	struct identity_rules **identity; /* counted; as config->identity */
	/* Counted; NULL: none. Not a part of the snapshot: it is shared with
	 * others, and changes on its own. */
	struct identity_denylist *denylist;
	/* Counted, and shared in the same way: the rows of a file that belongs
	 * to the fleet. No client is judged by it; fleet/file.h says what
	 * follows from it. NULL: the file is this replica's own. */
	struct identity_denylist *fleet_file;
	/* What [fleet] needs. The list is counted, shared as the one above, and
	 * asked together with it; NULL: there is no fleet. */
	struct identity_denylist *fleet_denied;
	struct tls_client *fleet_tls; /* counted; NULL: no TLS */
	char *fleet_password; /* owned; NULL: none */
	struct ws_policy *ws; /* owned; as config->listener */
	struct backend_connect_rate *
	    *connect_rate; /* counted each; as config->backend */
	struct mqtt_policy mqtt;
	struct tls_tickets *tickets; /* counted: own keys, kept over reloads */
	/* See snapshot_on_last_put(). */
	void (*last_put)(void *arg, struct snapshot *s);
	void *last_put_arg;
	struct snapshot *retired; /* for last_put(): to make a list of them */
};

/* Called for each file that a configuration names, before it is read. */
struct snapshot_reading {
	void (*file)(const char *path, void *arg);
	void *arg;
};

/*
 * Reads `file' (NULL: uses the configuration of `previous' as it is) and all
 * the files that it names; calls `reading' (may be NULL) for them. `previous'
 * (NULL at start) is the snapshot in force. The new one takes over its ticket
 * keys, its deny list if the file has the same name, the connect rate of each
 * unchanged [backend], and those of its CRLs that are newer than the files.
 *
 * OK: *out is counted once, and `warnings' says what works but should be looked
 * at. ERR_CONFIG, ERR_NO_MEMORY: *out is NULL, and `why' has all complaints.
 * Any thread, but only one at a time.
 */
enum err snapshot_load(struct snapshot **out, const char *file,
    const struct snapshot *previous, const struct snapshot_reading *reading,
    struct report *why, struct report *warnings) MUST_CHECK;

/* Returns the rules for a client with `cert' (NULL: none) at `listener';
 * borrowed. */
struct identity_rules *snapshot_rules(const struct snapshot *s,
    const struct config_listener *listener, const struct cert *cert);

/* Takes a count and returns `s'. Any thread. */
struct snapshot *snapshot_get(struct snapshot *s);

/* Gives a count back. The last one frees the snapshot, or calls what
 * snapshot_on_last_put() has set. Any thread; NULL is allowed. */
void snapshot_put(struct snapshot *s);

/* From now on the last snapshot_put() calls last_put(arg, s) on its own thread
 * instead of freeing; the callee has to call snapshot_free(). Before other
 * threads know the snapshot. */
void snapshot_on_last_put(struct snapshot *s,
    void (*last_put)(void *arg, struct snapshot *s), void *arg);

/* Frees a snapshot whose last count was put. */
void snapshot_free(struct snapshot *s);

#endif
