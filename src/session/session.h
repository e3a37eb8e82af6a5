/* SPDX-License-Identifier: ISC */
/*
 * A session: one connection from accept to its end. Which stages it passes
 * through, and in which order, stands in session/stages.c; here is how it
 * begins, what it keeps, and how it ends.
 *
 * What a connection needs only until it is relayed (deadline, CONNECT,
 * decision about it) is in `setup' and freed then. An idle session consists of
 * this struct, its two streams and its identity.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "domain/stage.h"
#include "identity/decide.h"
#include "relay/relay.h"
#include "session/cert_sessions.h"
#include "session/manager.h"

struct session_setup;

/* A name that the client gave itself, beside the one that the broker knows. */
enum session_claim {
	SESSION_CLAIM_NONE, /* it gave none */
	SESSION_CLAIM_SAME, /* the same */
	SESSION_CLAIM_OTHER /* another, which is kept */
};

/*
 * Who the client is: what log, list, kick and sweep need for as long as the
 * session lives. The rest of the certificate can be read from the TLS stream
 * again, so it is not kept. One allocation without a pointer into itself, as
 * every idle session has one: the functions below find what `text' holds.
 */
struct session_identity {
	struct identity_rules *rules; /* counted: the profile that decided */
	int64_t not_after; /* earliest end in the chain; INT64_MAX: no cert */
	/* Of the certificate, if any; see domain/cert.h. */
	uint8_t sha256[CERT_SHA256_LEN];
	uint8_t tbs_sha256[CERT_SHA256_LEN]; /* tells certificates apart */
	bool has_certificate;
	bool has_other_form; /* the SHA-256 of that differs, and is kept */
	enum session_claim username_claim : 8;
	enum session_claim client_id_claim : 8;
	/* Lengths in `text', which has in this order: Username and ClientID as
	 * the broker knows them, what the client called itself instead, cut to
	 * what is logged, and the SHA-256 of the certificate's other form. */
	uint16_t username_len;
	uint16_t client_id_len;
	uint16_t claimed_username_len;
	uint16_t claimed_id_len;
	uint8_t text[];
};

/* What the open line says, from the dial until the broker's CONNACK. */
struct session_open_line {
	struct cert *cert; /* owned; NULL: the client has none */
	uint32_t takes_over; /* the session whose ClientID it took; 0: none */
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
	struct session_identity *identity; /* owned; NULL until admitted */
	struct session_open_line *open_line; /* owned; until the CONNACK */
	struct relay relay; /* in stage relay only */
	struct client_ids_member client_id; /* in manager->client_ids */
	struct throttle_slot slot;
	struct cert_sessions_member member; /* has the client's address, too */
	uint64_t id; /* unique in the life of the process */
	uint64_t accepted_ms; /* loop_now() at accept */
	uint32_t deny_filter; /* its place in manager->deny_filters, plus 1 */
	uint32_t maximum_packet; /* v5: the client's limit; 0 = none */
	/* For session_check_peers(): the low bits of the bytes relayed at the
	 * last check. */
	uint32_t checked_bytes;
	/* For a drain that has checked the session: the low bits of loop_now()
	 * at the first check, of the bytes relayed at the last check, and of
	 * when it may be dismissed. */
	uint32_t drain_since;
	uint32_t drain_bytes;
	uint32_t drain_ready;
	enum stage stage : 8;
	enum mqtt_level level : 8; /* UNKNOWN before the CONNECT */
	uint8_t connack; /* its return code or reason code, once answered */
	bool checked_busy : 1; /* at the last check some were on their way */
	bool draining : 1; /* a drain has looked at it */
	bool
	    answered : 1; /* the broker's CONNACK was passed on to the client */
	bool ended : 1; /* only waits to be freed at the end of the turn */
};

/*
 * Takes `fd', a connection that was accepted from `peer' at a listener, and
 * starts its first stage. It ends by itself.
 */
void session_open(struct session_manager *manager, int fd,
    const struct sockaddr_storage *peer, struct listener_state *listener_state);

/* Ends the session of an unfinished handshake, to make room for another. It is
 * gone afterwards. */
void session_end_pending(struct pending_handshake *h);

/*
 * Ends the session for `reason'. The client and the broker get the packets of
 * closing_packets_make(). Before the relay the session is gone afterwards; in
 * the relay it ends at the next packet boundaries. `detail' (may be NULL) goes
 * to the log. A second call does nothing.
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
void session_relay_ended(struct session *s, enum reason reason);

/* Stores the client's address in `*out'; with a trusted balancer, the one from
 * the PROXY header. */
void session_peer(const struct session *s, struct sockaddr_storage *out);

/* Makes the identity from what the decision was made of; takes a count of
 * `rules', copies the rest. NULL: out of memory. */
struct session_identity *session_identity_new(struct identity_rules *rules,
    const struct cert *cert, const struct mqtt_connect *c,
    const struct identity_decision *v);

/* The Username as the broker knows it. Like the next ones, a slice of `i'. */
struct slice session_identity_username(const struct session_identity *i);

/* The ClientID as the broker knows it. */
struct slice session_identity_client_id(const struct session_identity *i);

/* What the client called itself, cut to what is logged; data is NULL if it gave
 * no name. */
struct slice session_identity_claimed_username(
    const struct session_identity *i);
struct slice session_identity_claimed_id(const struct session_identity *i);

/* Returns the SHA-256 of the certificate's other form, or i->sha256 if it has
 * only one form. */
const uint8_t *session_identity_other_form(const struct session_identity *i);

/* Frees s->open_line, if it is there. */
void session_open_line_free(struct session *s);

/* NULL is allowed. */
void session_identity_free(struct session_identity *identity);

#endif
