/*
 * The audit trail: a line when a session is opened, when a connection is
 * refused, and when a session closes.
 */
#ifndef SESSION_AUDIT_H
#define SESSION_AUDIT_H

#include "session/setup.h"

/* The session is admitted; s->approach and s->who are there. `address' is
 * the broker's. */
void audit_open(const struct session *s, const char *address);

/* It ended before the relay. At most REFUSALS_A_SECOND lines a second are
 * written for what strangers can cause; the rest are counted. */
#define AUDIT_REFUSALS_A_SECOND 50
void audit_refuse(struct session *s, enum reason reason, const char *detail);

/* The certificate is in from another address, too. */
void audit_clone(const struct session *s, const union session_address *other);

/* A live session is being thrown out; its close line follows. */
void audit_dismiss(const struct session *s, enum reason reason,
    const char *detail);

/* It ended after the relay had begun. */
void audit_close(const struct session *s, enum reason reason);

#endif
