/*
 * The daemon's state at a glance, for sallyportctl status and the page.
 */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include "admin/admin.h"

/* GET /status, at the socket and at http_listen: one JSON object. Names of
 * devices are not in it. */
void status_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* The word for the master's state; static. */
const char *status_word(const struct master *m);

#endif
