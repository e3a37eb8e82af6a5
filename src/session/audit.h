/* SPDX-License-Identifier: ISC */
/*
 * The audit log: a line when a session opens, when a connection is refused,
 * and when a session is dismissed or closes.
 */
#ifndef SESSION_AUDIT_H
#define SESSION_AUDIT_H

#include "session/stages.h"

/* The session is admitted; it has s->setup and s->identity. `address' is the
 * broker's. */
void audit_open(const struct session *s, const char *address);

/* The connection ended before the relay. Anybody can cause this, so at most
 * AUDIT_REFUSALS_A_SECOND lines are written; the others are counted. */
#define AUDIT_REFUSALS_A_SECOND 50
void audit_refuse(struct session *s, enum reason reason, const char *detail);

/* The certificate has a session from another address, too. */
void audit_clone(const struct session *s, const union session_address *other);

/* A session in the relay is being dismissed; its close line follows. */
void audit_dismiss(const struct session *s, enum reason reason,
    const char *detail);

/* The session ended in the relay. */
void audit_close(const struct session *s, enum reason reason);

#endif
