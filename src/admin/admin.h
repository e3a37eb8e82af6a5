/*
 * Admin: what an operator sees of the daemon and does to it. A service of the
 * master, on its loop and thread:
 *
 *   [daemon] admin_socket   a unix socket, mode 0600; the commands
 *   [daemon] http_listen    read-only: metrics, health, status and the page
 *
 * Sessions belong to the workers, so a command asks them (admin/ask.h) and
 * answers when they have. Only counters are read across threads.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "admin/server.h"
#include "runtime/master.h"

struct admin {
	struct master *master; /* borrowed */
	struct http_server *control; /* owned; NULL: no admin_socket */
	struct http_server *web; /* owned; NULL: no http_listen */
	struct list asks; /* on their way, see admin/ask.c */
	struct timer rest; /* between two costly ones */
	bool busy; /* with a costly one, or resting from it */
	char *socket_path; /* owned; NULL: nothing to unlink */
	uint64_t socket_inode;
	int64_t started_at; /* wall clock */
};

/* For master_init(). */
extern const struct master_service admin_service;

#endif
