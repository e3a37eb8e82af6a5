/* SPDX-License-Identifier: ISC */
/*
 * The stages of a connection as one table, and what a session owns only until
 * it is relayed.
 */
#ifndef SESSION_STAGES_H
#define SESSION_STAGES_H

#include "accept/proxy_in.h"
#include "backend/dial.h"
#include "identity/decide.h"
#include "mqtt/connect_read.h"
#include "session/session.h"
#include "ws/open.h"

/* The deadline of a stage that has no time limit of its own. */
#define STAGE_NO_DEADLINE SIZE_MAX

/* A row of the table. */
struct stage_def {
	unsigned from; /* bit 1 << stage for each stage that may come before */
	size_t deadline; /* offset of the time limit in struct config_timeouts;
			  * it counts from the beginning of the stage */
	enum reason timeout; /* close reason when the deadline passes */
	void (*start)(struct session *s); /* `s' may be gone afterwards */
	void (*cancel)(struct session *s); /* ends the stage early; NULL:
					    * nothing to do */
};

/* The CONNECT and the decision about it. The first two are freed when stage
 * identity ends: many clients may wait for a broker, each with a CONNECT of 64
 * KiB. */
struct session_connect {
	struct mqtt_connect_result connect_read; /* bytes owned */
	struct identity_decision decision; /* points into connect_read, cert */
	struct cert *cert; /* owned; NULL: the client has none */
	struct buf rewritten; /* owned: the CONNECT for the broker */
	struct buf after_connect; /* owned: what the client sent after it */
	bool assign_client_id; /* tell the client its ClientID */
	bool refuse_auth; /* an AUTH packet ends the session */
	size_t charged; /* bytes counted in session_memory */
};

/* Freed when the relay starts, so that an idle session stays small. */
struct session_setup {
	struct snapshot *snapshot; /* counted: the rules for this connection */
	const struct config_listener *listener; /* borrowed from snapshot */
	struct backend_pool *pool; /* counted: the listener's */
	uint64_t denylist_version; /* when the connection was accepted */
	struct timer deadline; /* of the present stage */
	struct session *session; /* borrowed: the owner */
	struct pending_handshake handshake; /* counted until it is finished */
	struct session_connect *connect; /* owned; NULL before identity */
	union session_address local; /* the address the client connected to */
	int fd; /* owned until the ClientHello has come, then -1 */
	union { /* of the present stage, which is cancelled by it */
		struct accept_proxy *proxy;
		struct ws_open *ws;
		struct mqtt_connect_read *connect_read;
		struct backend_dial *dial;
	} operation;
};

/* Returns the row of `stage'. */
const struct stage_def *stage_def(enum stage stage);

/* Starts stage accept of a new session. `s' may be gone afterwards. */
void stages_begin(struct session *s);

/* Frees s->setup, if it is there, and what it owns. */
void stages_free_setup(struct session *s);

#endif
