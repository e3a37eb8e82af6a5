/* SPDX-License-Identifier: ISC */
/*
 * The program that takes over (`sallyport --take-over') from the running one.
 * The protocol is described in handover.h; the other side is admin/successor.h.
 *
 * At the beginning, single-threaded and with the privileges that it was started
 * with, it asks for the sockets and waits for them. If anything fails before it
 * accepts connections, this program ends, and the running one continues as if
 * nothing had happened.
 */
#ifndef RUNTIME_TAKEOVER_H
#define RUNTIME_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/report.h"
#include "config/config.h"
#include "tls/tickets.h"

struct master;
struct takeover;

/*
 * Asks the program whose admin socket is `path' (empty: that of `cfg') for its
 * sockets. ERR_CONFIG with complaints, ERR_NO_MEMORY; then *out is NULL. On
 * success the environment says which supervisor there is, and where its
 * credentials are, as it did for the running program: load the configuration's
 * files after this. Before any thread is started.
 */
enum err takeover_begin(struct takeover **out, const struct config *cfg,
    const char *path, struct report *why) MUST_CHECK;

/* Uses the ticket keys of the running program, if these were generated. */
void takeover_use_tickets(const struct takeover *t,
    struct tls_tickets *tickets);

/* The process id of the running program. */
long takeover_pid(const struct takeover *t);

enum takeover_kind {
	TAKEOVER_LISTENER,
	TAKEOVER_HTTP,
	TAKEOVER_ADMIN
};

/* What a socket is wanted for. */
struct takeover_want {
	enum takeover_kind kind;
	const char *name; /* of the listener */
	/* Where it has to be bound; port 0: any port, if it has the same kind
	 * and name. NULL: it was passed by a supervisor under this name. */
	const struct sockaddr_storage *at;
};

/*
 * Takes all sockets that are bound to one address that is wanted, of which
 * there are several if the running program has several workers. Writes them to
 * *fds, an array that the caller frees, and returns their number; 0: there are
 * none, or memory ran out. NULL for `t' is allowed.
 */
size_t takeover_take(struct takeover *t, const struct takeover_want *want,
    int **fds);

/* ERR_CONFIG with a complaint if a socket that a supervisor passed is not
 * taken: clients would connect to it and wait for ever. */
enum err takeover_check(const struct takeover *t, const struct config *cfg,
    struct report *why) MUST_CHECK;

/* Passes `fd' to the running program when that one leaves, and a line that says
 * what it is for. Takes `fd'. */
enum err takeover_offer(struct takeover *t, const char *line,
    int fd) MUST_CHECK;

/*
 * Takes over, once all threads of `m' run: has all files loaded again, because
 * they may have changed since; accepts connections; tells the other program to
 * leave; and calls master_is_ready() when it does. If the files have an error,
 * the loop of `m' is stopped with m->start_error set.
 */
void takeover_run(struct takeover *t, struct master *m);

/* Closes what was not taken. If takeover_run() has not succeeded, the other
 * program continues as before. NULL is allowed. */
void takeover_free(struct takeover *t);

#endif
