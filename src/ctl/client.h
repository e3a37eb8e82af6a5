/*
 * The smallest HTTP client that can talk to the admin socket: one request,
 * one answer, blocking.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct client_answer {
	unsigned status;
	struct buf all; /* owned: head and body */
	struct slice body; /* points into it; a NUL follows */
};

/*
 * Sends "METHOD TARGET" to the unix socket at `path'. OK: `out' is filled,
 * client_answer_fini() it. ERR_NOT_FOUND: no socket there; ERR_REFUSED:
 * nobody listens; ERR_SYSTEM (errno): all else that keeps us from connecting;
 * ERR_TIMEOUT; ERR_MALFORMED: no HTTP answer; ERR_NO_MEMORY.
 */
enum err client_ask(struct client_answer *out, const char *path,
    const char *method, const char *target) MUST_CHECK;

/* Frees what the answer owns. */
void client_answer_fini(struct client_answer *a);

/* Appends `text' to `out', percent-encoded for a query. */
enum err client_encode(struct buf *out, const char *text) MUST_CHECK;

#endif
