/* SPDX-License-Identifier: ISC */
/*
 * Decides whether a client is admitted: by the deny list and by the identity
 * rules; and makes the CONNECT that the broker gets. It needs no connection, so
 * that the daemon and `sallyport explain' use the same code.
 */
#ifndef SESSION_CLIENT_CHECK_H
#define SESSION_CLIENT_CHECK_H

#include "identity/decide.h"
#include "session/snapshot.h"

/* The deny list's entry, or why the identity was refused; for the log. */
struct client_check_detail {
	char text[IDENTITY_WHY_MAX + 128];
};

/* Returns REASON_ACCEPT_DENIED if `l' (NULL: no list) has the address, with the
 * entry in `detail', else REASON_NONE. Stage accept; also for
 * live sessions. */
enum reason client_check_peer(struct identity_denylist *l,
    const struct sockaddr_storage *peer, int64_t now,
    struct client_check_detail *detail);

/* Returns REASON_TLS_DENIED if `l' has the verified certificate (NULL: none).
 * Stage tls; also for live sessions. */
enum reason client_check_cert(struct identity_denylist *l,
    const struct cert *cert, int64_t now, struct client_check_detail *detail);

/* A client that has sent its CONNECT; all borrowed. */
struct client_check_input {
	const struct config_listener *listener; /* of the snapshot */
	struct identity_input client;
	int64_t now; /* seconds since 1970 */
	const struct identity_trace *trace; /* may be NULL */
};

/*
 * Decides who the client is and whether it is admitted. Stage identity.
 * REASON_NONE: `out' has the names, and `connect', empty before, the rewritten
 * CONNECT. Otherwise `detail' says more. Call identity_decision_fini() on `out'
 * in any case.
 */
enum reason client_check_connect(const struct snapshot *s,
    const struct client_check_input *in, struct identity_decision *out,
    struct buf *connect, struct client_check_detail *detail);

/* Returns REASON_IDENTITY_DENIED if `l' has one of the names. Also for live
 * sessions. */
enum reason client_check_names(struct identity_denylist *l,
    struct slice username, struct slice client_id, int64_t now,
    struct client_check_detail *detail);

#endif
