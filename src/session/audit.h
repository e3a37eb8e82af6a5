/* SPDX-License-Identifier: ISC */
/*
 * The audit log: a line when a session opens, when a connection is refused,
 * and when a session is dismissed or closes.
 *
 * Clients cause these lines, so there are limits for each worker, made so that
 * no client can hide another client's lines by causing many:
 *
 *  - Refusals have two budgets of AUDIT_REFUSALS_A_SECOND lines: one for
 *    clients whose certificate passed verification, one for all others.
 *    Outside of the budgets, the first refusal in each second of each reason
 *    and each subject is logged (the first AUDIT_FIRSTS of them). The subject
 *    is the certificate, or the network (IPv4 /24, IPv6 /64).
 *    A suspected clone counts as a refusal of its certificate, although it is
 *    admitted.
 *  - The lines of admitted sessions have a budget for each certificate.
 *
 * What is left out is counted, and once a second an event not_logged says how
 * many lines, by event and reason.
 */
#ifndef SESSION_AUDIT_H
#define SESSION_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/ratelimit.h"
#include "domain/reason.h"

struct session;
struct session_manager;
union session_address;

#define AUDIT_REFUSALS_A_SECOND 50
#define AUDIT_FIRSTS 256

/* So many health checks are not reported. */
#define AUDIT_CHECKS_A_SECOND 50

/* The lines of one certificate's sessions: a second, and at once. */
#define AUDIT_SESSION_LINES_A_SECOND 20
#define AUDIT_SESSION_LINES_BURST 200

/* The lines of all certificates for which there is no budget. */
#define AUDIT_SHARED_LINES_A_SECOND 1000
#define AUDIT_SHARED_LINES_BURST 10000

#define AUDIT_EVENTS(X) \
	X(OPEN, "open") \
	X(REFUSE, "refuse") \
	X(DISMISS, "dismiss") \
	X(CLOSE, "close") \
	X(CLONE, "clone_suspect")

enum audit_event {
#define X(id, name) AUDIT_##id,
	AUDIT_EVENTS(X)
#undef X
	AUDIT_EVENT_COUNT
};

/* The budget for refusals of one kind of client. */
struct audit_refusals {
	struct ratelimit limit;
	/* The reasons and subjects of the present second, hashed; 0 = free. */
	uint32_t seen[2 * AUDIT_FIRSTS];
	size_t seen_count;
};

/* The budget for the sessions of one certificate. */
struct audit_certificate {
	uint64_t subject; /* hash; another one takes it when it is full */
	struct ratelimit limit;
};

#define AUDIT_CERTIFICATES 1024
#define AUDIT_GROUP 4 /* of them may be a subject's */

/* A worker's budgets. */
struct audit {
	struct audit_refusals verified; /* with a verified certificate */
	struct audit_refusals unverified;
	struct ratelimit checks; /* health checks; above it they are refusals */
	struct audit_certificate certificates[AUDIT_CERTIFICATES];
	struct ratelimit shared; /* for those without a place */
	uint32_t left_out[AUDIT_EVENT_COUNT][REASON_COUNT];
};

/* Makes all budgets full. */
void audit_init(struct audit *a);

/* Begins a new second: logs what was left out. */
void audit_tick(struct audit *a);

/* The broker has accepted the session's CONNECT; s->open_line is there. */
void audit_open(struct session *s);

/* The connection ended before the broker accepted it. */
void audit_refuse(struct session *s, enum reason reason, const char *detail);

/* The certificate has a session from another address, too. */
void audit_clone(struct session *s, const union session_address *other);

/* A session in the relay is being dismissed; its close line follows. */
void audit_dismiss(struct session *s, enum reason reason, const char *detail);

/* The session ended after the broker had accepted it. `other' is the session
 * that has taken over its ClientID; 0: none. */
void audit_close(struct session *s, enum reason reason, uint32_t other);

#endif
