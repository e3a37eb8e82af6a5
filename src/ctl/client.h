/* SPDX-License-Identifier: ISC */
/*
 * The HTTP client of sallyportctl: one request to the admin socket and its
 * answer, blocking.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct client_answer {
	unsigned status;
	struct buf all; /* owned: head and body */
	struct slice body; /* points into `all'; a NUL follows it */
};

/*
 * Sends "METHOD TARGET" to the unix socket `path'. OK: `out' is filled, free it
 * with client_answer_fini(). ERR_NOT_FOUND: there is no such socket;
 * ERR_REFUSED: no process listens there; ERR_SYSTEM (errno): any other error of
 * the connection; ERR_TIMEOUT; ERR_MALFORMED: the answer is not HTTP;
 * ERR_NO_MEMORY.
 */
enum err client_ask(struct client_answer *out, const char *path,
    const char *method, const char *target) MUST_CHECK;

/* Frees what the answer owns. */
void client_answer_fini(struct client_answer *a);

/* Appends `text' to `out', percent-encoded for a query. */
enum err client_encode(struct buf *out, const char *text) MUST_CHECK;

#endif
