/* SPDX-License-Identifier: ISC */
/*
 * The running program's side of a take-over (runtime/handover.h): hands its
 * listening sockets to the program that asks for them at the admin socket, and
 * ends when the other program serves.
 *
 * The sockets and the ticket keys are worth as much as the private keys. So
 * only root, and the user that started this program, may ask for them, whatever
 * admin_access says.
 */
#ifndef ADMIN_SUCCESSOR_H
#define ADMIN_SUCCESSOR_H

#include <stdbool.h>

#include "admin/http.h"

struct admin;
struct handover;

/* Sockets of the successor on which this program continues to answer. */
#define SUCCESSOR_WEB_MAX 16

struct successor {
	struct handover *link; /* owned; NULL: no program asks */
	bool serves; /* it has taken over */
	char *control_path; /* owned; NULL: the admin socket stays as it is */
	int control; /* owned, if there is a path */
	int web[SUCCESSOR_WEB_MAX]; /* owned */
	size_t web_count;
};

/* POST /take-over: the connection carries the handover from then on. */
void successor_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* Ends the connection, if there is one. */
void successor_stop(struct admin *a);

#endif
