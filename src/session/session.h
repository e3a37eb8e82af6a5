/* SPDX-License-Identifier: ISC */
/*
 * A session: one connection from accept to its end. Which stages it passes
 * through, and in which order, stands in session/stages.c; here is how it
 * begins, what it keeps, and how it ends.
 *
 * What a connection needs only until it is relayed (deadline, CONNECT,
 * verdict) is in `setup' and freed then. An idle session consists of this
 * struct, its two streams and its identity.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "domain/stage.h"
#include "identity/decide.h"
#include "relay/relay.h"
#include "session/cert_sessions.h"
#include "session/manager.h"

struct session_setup;

/*
 * Who the client is: what log, list, kick and sweep need for as long as the
 * session lives. The rest of the certificate can be read from the TLS stream
 * again, so it is not kept. One allocation; all names are in `text'.
 */
struct session_identity {
	/* Of the certificate, if any; see domain/cert.h. */
	uint8_t sha256[CERT_SHA256_LEN];
	uint8_t twin_sha256[CERT_SHA256_LEN];
	uint8_t tbs_sha256[CERT_SHA256_LEN]; /* tells certificates apart */
	int64_t not_after; /* earliest end in the chain; INT64_MAX: no cert */
	struct identity_rules *rules; /* counted: the profile that decided */
	bool has_certificate;
	struct slice username; /* as the broker knows it */
	struct slice client_id; /* as the broker knows it */
	/* What the client called itself, cut to what is logged; data is NULL
	 * if it gave no name. */
	struct slice claimed_username;
	struct slice claimed_id;
	uint8_t text[];
};

/* What the open line says, from the dial until the broker's CONNACK. */
struct session_opening {
	struct cert *cert; /* owned; NULL: the client has none */
	char backend[]; /* the broker's address */
};

struct session {
	struct list node; /* in manager->sessions */
	struct loop_garbage garbage;
	struct session_manager *manager; /* borrowed */
	struct listener_state *listener_state; /* borrowed from the worker */
	struct stream *client; /* owned: TLS, or WebSocket over it */
	struct stream *tls; /* borrowed: client, or what is beneath it */
	struct stream *broker; /* owned; NULL before it is dialled */
	struct session_setup *setup; /* owned; NULL once relayed */
	struct session_identity *identity; /* owned; NULL before the verdict */
	struct session_opening *opening; /* owned; until the CONNACK */
	struct relay relay; /* in stage relay only */
	uint64_t client_id_key; /* in manager->client_ids; in stage relay */
	uint32_t takes_over; /* the session whose ClientID it took; 0: none */
	uint32_t deny_filter; /* its place in manager->deny_filters, plus 1 */
	struct throttle_slot slot;
	struct cert_sessions_member member; /* has the client's address, too */
	uint64_t id; /* unique in the life of the process */
	uint64_t since; /* loop_now() at accept */
	/* For session_check_peers(): the bytes relayed at the last check, and
	 * whether some were on their way. */
	uint64_t checked_bytes;
	bool checked_busy;
	/* While draining: when the first look was, the bytes relayed at the
	 * last look, and from when on it may be dismissed. 0: no look yet. */
	uint64_t drain_since;
	uint64_t drain_bytes;
	uint64_t drain_ready;
	enum stage stage;
	enum mqtt_level level; /* UNKNOWN before the CONNECT */
	uint32_t maximum_packet; /* v5: the client's limit; 0 = none */
	bool answered; /* the broker's CONNACK was passed on to the client */
	uint8_t connack; /* its return code or reason code, once answered */
	bool ended; /* only waits to be freed at the end of the turn */
};

/*
 * Takes `fd', a connection that was accepted from `peer' at a listener, and
 * starts its first stage. It ends by itself.
 */
void session_open(struct session_manager *manager, int fd,
    const struct sockaddr_storage *peer, struct listener_state *listener_state);

/* Ends the session of an unfinished handshake, to make room for another. It is
 * gone afterwards. */
void session_evict(struct handshake_pending *h);

/*
 * Ends the session for `reason'. The client and the broker are told as
 * closing_packets_make() says. Before the relay the session is gone
 * afterwards; in the relay it ends at the next packet boundaries. `detail'
 * (may be NULL) goes to the log. A second call does nothing.
 */
void session_dismiss(struct session *s, enum reason reason, const char *detail);

/* Ends the session at once, without closing packets. It is gone afterwards. */
void session_kill(struct session *s, enum reason reason);

/* True once the session has ended or is being dismissed. */
bool session_is_leaving(const struct session *s);

/*
 * Ends the session, in stage relay, if the client or the broker has not
 * acknowledged what was sent to it for two minutes, or not read it for
 * [timeouts] unread. Call it every few seconds;
 * it costs nothing while the session is idle. The session may be gone
 * afterwards.
 */
void session_check_peers(struct session *s);

/* For the relay stage: the relay has ended, by itself or because of
 * session_dismiss(). The session is gone afterwards. */
void session_ended(struct session *s, enum reason reason);

/* Stores the client's address in `*out'; with a trusted balancer, the one from
 * the PROXY header. */
void session_peer(const struct session *s, struct sockaddr_storage *out);

/* Makes the identity from what the decision was made of; takes a count of
 * `rules', copies the rest. NULL: out of memory. */
struct session_identity *session_identity_new(struct identity_rules *rules,
    const struct cert *cert, const struct mqtt_connect *c,
    const struct identity_verdict *v);

/* Frees s->opening, if it is there. */
void session_opening_free(struct session *s);

/* NULL is allowed. */
void session_identity_free(struct session_identity *identity);

#endif
