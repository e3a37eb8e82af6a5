/*
 * The commands sessions and kick.
 */
#ifndef ADMIN_SESSIONS_H
#define ADMIN_SESSIONS_H

#include "admin/admin.h"

/* GET /sessions: {"matched": N, "sessions": [...]}, oldest first by worker. */
void sessions_list_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /kick: the same answer, of those thrown out; 404 when nobody matched.
 * It wants at least one filter, or all=1. */
void sessions_kick_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

#endif
