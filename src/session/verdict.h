/* SPDX-License-Identifier: ISC */
/*
 * The verdict on a client, given what is known of it: deny list, rules and the
 * CONNECT as the broker will get it. It has no connection, so the daemon and
 * `sallyport explain' go through the very same steps.
 */
#ifndef SESSION_VERDICT_H
#define SESSION_VERDICT_H

#include "identity/decide.h"
#include "session/snapshot.h"

/* What a deny-list entry says, for the log; lives on the stack. */
struct verdict_detail {
	char text[IDENTITY_WHY_MAX + 128];
};

/* Is this address denied by `l' (NULL: no list)? Stage accept. */
enum reason verdict_peer(struct identity_denylist *l,
    const struct sockaddr_storage *peer, int64_t now,
    struct verdict_detail *detail);

/* Is this certificate (verified; NULL: none) denied? Stage tls. */
enum reason verdict_cert(struct identity_denylist *l, const struct cert *cert,
    int64_t now, struct verdict_detail *detail);

/* One who has sent a CONNECT; all borrowed. */
struct verdict_input {
	const struct config_listener *listener; /* of the snapshot */
	struct identity_input client;
	int64_t now; /* seconds since 1970 */
	const struct identity_trace *trace; /* NULL: nobody listens */
};

/*
 * Who is this, and may they come in? Stage identity. REASON_NONE: `out' has
 * the names, and the rewritten CONNECT is in `connect' (empty before). Else
 * `detail' says more. `out' must be ended in any case.
 */
enum reason verdict_connect(const struct snapshot *s,
    const struct verdict_input *in, struct identity_verdict *out,
    struct buf *connect, struct verdict_detail *detail);

/* Are these names denied? Also asked of live sessions. */
enum reason verdict_names(struct identity_denylist *l, struct slice username,
    struct slice client_id, int64_t now, struct verdict_detail *detail);

#endif
