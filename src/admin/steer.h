/*
 * The commands that change the daemon's course: reload, drain, log.
 */
#ifndef ADMIN_STEER_H
#define ADMIN_STEER_H

#include "admin/admin.h"

/* POST /reload: answers once every worker has the new configuration in force
 * and has dismissed whom it shuts out; 409 with the complaints if refused. */
void steer_reload(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /drain: answers at once. */
void steer_drain_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /log: level = error, warn, info or debug; until the next reload. */
void steer_log_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

#endif
