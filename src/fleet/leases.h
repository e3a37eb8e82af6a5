/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a certificate on all replicas, for sessions_per_certificate
 * and for the suspicion of a clone.
 *
 * Each replica has a hash in the Redis server (PREFIX:in:NUMBER) of the
 * certificates that have sessions there: how many, since when, from where. The
 * hash is a lease as a whole: the replica renews it every second, and it ends
 * 15 seconds after the replica has died. A session that is established causes
 * no commands of its own.
 *
 * A new session's request is one round trip: a script adds up what the replicas
 * have, says whether the session is one too many, and if older ones have to go
 * instead tells their replicas. Only a session that may be refused waits for
 * it; requests of the others are collected for 100 ms. That wait cannot be
 * saved for the first session of a certificate on a replica: another replica
 * may just have admitted one, and a limit of one has to hold for all of them
 * together. It costs a sequence of connections about a third more CPU time,
 * nearly all of it for waking two threads; requests that come together share a
 * command. The certificate's sessions on this replica are counted here
 * (session/cert_sessions.h), and what is in the Redis server follows that:
 * after a loss, all of it is sent again.
 *
 * Requests that the Redis server does not answer in a second are given back as
 * CERT_SESSIONS_UNANSWERED; [fleet] when_down says what that means. Main thread
 * only.
 */
#ifndef FLEET_LEASES_H
#define FLEET_LEASES_H

#include "fleet/link.h"
#include "session/cert_sessions.h"

struct fleet_leases;

struct fleet_leases_options {
	const struct fleet_link_options *link; /* borrowed for the call; its
						* owner is not used */
	struct cert_sessions *sessions; /* borrowed */
	const char *prefix; /* borrowed */
	const char *me; /* borrowed: "NAME NUMBER", as the others know us */
	uint32_t number; /* of this process */
};

/* NULL: no memory. It starts to connect. */
struct fleet_leases *fleet_leases_new(const struct fleet_leases_options *o,
    const struct fleet_link_access *access);

/* Gives all requests back, and ends this replica's lease. NULL is allowed. */
void fleet_leases_stop(struct fleet_leases *l);

/* After the loop was freed. NULL is allowed. */
void fleet_leases_free(struct fleet_leases *l);

void fleet_leases_set_access(struct fleet_leases *l,
    const struct fleet_link_access *access);

/* Takes a message of the Redis server to this replica. */
void fleet_leases_message(struct fleet_leases *l, struct slice text);

struct fleet_leases_status {
	bool ready; /* the other replicas' sessions are known */
	uint64_t asked; /* requests that were answered */
	uint64_t alone; /* requests that were not */
	uint64_t kicked; /* messages to end a session for another replica */
};
void fleet_leases_get_status(const struct fleet_leases *l,
    struct fleet_leases_status *out);

#endif
