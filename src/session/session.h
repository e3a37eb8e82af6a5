/*
 * A session: one connection from accept to its end. It is the conductor, and
 * the only one who knows the order of the stages; each stage gets what it
 * needs and answers once.
 *
 * What a connection needs only until it is relayed (deadline, CONNECT,
 * verdict) hangs from `approach' and is freed then, so that an idle session
 * is this struct, its two streams and its names.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "domain/stage.h"
#include "relay/relay.h"
#include "session/cert_sessions.h"
#include "session/identity.h"
#include "session/listener_state.h"
#include "session/manager.h"

struct session_setup;

struct session {
	struct list node; /* in door->sessions */
	struct loop_grave grave;
	struct session_manager *manager; /* borrowed */
	struct listener_state *listener_state; /* borrowed from the worker */
	struct stream *client; /* owned; what is spoken with the client */
	struct stream *tls; /* borrowed: client, or what is beneath it */
	struct stream *broker; /* owned; NULL before it is dialled */
	struct session_setup *setup; /* owned; NULL once relayed */
	struct session_identity *identity; /* owned; NULL before the verdict */
	struct relay relay; /* in stage relay only */
	struct throttle_ticket ticket;
	struct cert_sessions_member
	    line; /* the peer; and its place on the roll */
	uint64_t id; /* unique in the life of the process */
	uint64_t since; /* loop_now() at accept */
	uint64_t connect_at; /* loop_now() when the CONNECT was there */
	enum stage stage;
	enum mqtt_level level; /* UNKNOWN until a CONNECT said it */
	uint32_t maximum_packet; /* v5: the most it takes; 0 = any */
	bool answered; /* the broker's CONNACK has gone to the client */
	bool over; /* ended; waits for its burial */
};

/*
 * Takes `fd', a connection that came in at `entrance' from `peer', and leads
 * it through the stages. Whatever becomes of it is the session's own business
 * from here on.
 */
void session_open(struct session_manager *manager, int fd,
    const struct sockaddr_storage *peer, struct listener_state *listener_state);

/* Ends the session for `reason', telling the client where MQTT has a word for
 * it, and the broker by `will': see session_words(). The session may be gone
 * after it. `detail' (may be NULL) goes to the log. */
void session_dismiss(struct session *s, enum reason reason, const char *detail);

/* Ends it at once and frees it at the end of the turn. */
void session_kill(struct session *s, enum reason reason);

/* Is it being dismissed already? */
bool session_is_leaving(const struct session *s);

/* The relay has ended by itself, or by session_dismiss(). */
void session_ended(struct session *s, enum reason reason);

/* The client's address as text, as log and identity have it. */
void session_peer(const struct session *s, struct sockaddr_storage *out);

#endif
