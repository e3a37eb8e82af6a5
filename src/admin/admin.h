/* SPDX-License-Identifier: ISC */
/*
 * Admin: how an operator observes and controls the daemon. A service of the
 * master, on its loop and thread:
 *
 *   [daemon] admin_socket   a unix socket for the commands
 *   [daemon] http_listen    read-only: metrics, health, status and the page
 *
 * Sessions belong to the workers, so a command sends a query to each of them
 * (worker_query.h) and answers when they have answered. Only counters are read
 * across threads.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "admin/history.h"
#include "admin/http.h"
#include "admin/notify.h"
#include "admin/successor.h"
#include "runtime/master.h"

struct admin {
	struct master *master; /* borrowed */
	struct http_server *control; /* owned; NULL: no admin_socket */
	struct http_server *web; /* owned; NULL: no http_listen */
	struct http_server *fleet_calls; /* owned: requests of other replicas */
	struct list queries; /* not complete yet; see worker_query.c */
	struct timer query_pause; /* between two expensive queries */
	struct list listings; /* of the deny list, not complete yet */
	struct deny_batch *deny_batch; /* owned; half received, see deny.c */
	bool costly_running; /* one is running, or the pause after it */
	char *socket_path; /* owned; NULL: there is nothing to remove */
	uint64_t socket_inode;
	struct history history;
	struct notify notify;
	uid_t owner; /* of the admin socket */
	uid_t started_by; /* the user */
	bool begun; /* it serves; until then nothing of another program's that
		     * runs may be touched */
	bool taken; /* the admin socket is another program's until then */
	char *offered; /* owned: the admin socket that the other one gets */
	struct successor successor;
	int64_t started_at; /* seconds since 1970 */
};

/* For master_init(). */
extern const struct master_service admin_service;

#endif
