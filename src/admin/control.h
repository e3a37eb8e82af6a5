/*
 * The commands that change the daemon's course: reload, drain, log.
 */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include "admin/admin.h"

/* POST /reload: answers once every worker has the new configuration in force
 * and has dismissed whom it shuts out; 409 with the complaints if refused. */
void control_reload(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /drain: answers at once. */
void control_drain(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /log: level = error, warn, info or debug; until the next reload. */
void control_log(struct admin *a, struct http_call *call,
    const struct http_request *request);

#endif
