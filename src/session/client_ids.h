/* SPDX-License-Identifier: ISC */
/*
 * Which session of this daemon was the last one to send a CONNECT with a given
 * ClientID to a given [backend]. A broker closes the older of two sessions with
 * the same ClientID, before MQTT 5 without telling the client [MQTT-3.1.4-2];
 * with this the log can say so. Shared by all workers.
 */
#ifndef SESSION_CLIENT_IDS_H
#define SESSION_CLIENT_IDS_H

#include <stdint.h>

#include "base/slice.h"
#include "base/table.h"

struct client_ids;

/* Embedded in a session. All zero: it has no ClientID yet. */
struct client_ids_member {
	struct table_node node; /* guarded by a lock */
	uint32_t session; /* its id modulo 2^32; 0: not added */
	uint32_t taken_by; /* guarded, too; 0: it still has the ClientID */
};

/* NULL: out of memory. */
struct client_ids *client_ids_new(void);

/* Every member must have released its ClientID. NULL is allowed. */
void client_ids_free(struct client_ids *c);

/* The key for a ClientID at the [backend] of that name. */
uint64_t client_ids_key(const struct client_ids *c, const char *backend,
    struct slice client_id);

/*
 * Notes that the session with the id `session' has the ClientID of that key,
 * and no other session any more. Returns the id of the session that had it
 * before, modulo 2^32; 0: none. Without memory nothing is noted, and a later
 * takeover is not recognized. Any thread.
 */
uint32_t client_ids_take(struct client_ids *c, struct client_ids_member *member,
    uint64_t key, uint64_t session);

/* Releases the ClientID; harmless if the member has none. Returns the id of the
 * session that has taken it meanwhile, modulo 2^32; 0: none. The thread that
 * called client_ids_take(). */
uint32_t client_ids_release(struct client_ids *c,
    struct client_ids_member *member);

#endif
