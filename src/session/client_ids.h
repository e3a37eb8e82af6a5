/* SPDX-License-Identifier: ISC */
/*
 * Which session of this daemon was the last one to send a CONNECT with a given
 * ClientID to a given [backend]. A broker closes the older of two sessions with
 * the same ClientID, before MQTT 5 without telling the client [MQTT-3.1.4-2];
 * with this the log can say so.
 *
 * Shared by all workers, without locks: a table of fixed size, in which a
 * ClientID replaces another one with the same slot. Then a takeover is not
 * recognized; one that did not happen is never reported.
 */
#ifndef SESSION_CLIENT_IDS_H
#define SESSION_CLIENT_IDS_H

#include <stdint.h>

#include "base/slice.h"

struct client_ids;

/* NULL: out of memory. */
struct client_ids *client_ids_new(void);

/* NULL is allowed. */
void client_ids_free(struct client_ids *c);

/* The key for a ClientID at the [backend] of that name. */
uint64_t client_ids_key(const struct client_ids *c, const char *backend,
    struct slice client_id);

/* Notes that session `sid' has the ClientID. Returns the id of the session that
 * had it before and has not released it, modulo 2^32; 0: none. */
uint32_t client_ids_take(struct client_ids *c, uint64_t key, uint64_t sid);

/* Releases the ClientID of session `sid'. Returns the id of the session that
 * has taken it meanwhile, modulo 2^32; 0: none. */
uint32_t client_ids_release(struct client_ids *c, uint64_t key, uint64_t sid);

#endif
