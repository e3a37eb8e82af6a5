/* SPDX-License-Identifier: ISC */
/*
 * The requests that admin answers. Each function below is a row in the table of
 * the admin socket (commands.c), of http_listen (web.c), or of both. They run
 * on the main thread and answer `call', at once or later on the same thread.
 * `request' lives as long as the call.
 */
#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

#include "admin/admin.h"

/* What a row of a table runs. */
typedef void command_fn(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* The http_handlers of the admin socket and of http_listen, which is read-only
 * and names no device; `arg' is the struct admin. */
void commands_handle(struct http_call *call, const struct http_request *request,
    void *arg);
void web_handle(struct http_call *call, const struct http_request *request,
    void *arg);

/* Runs a command for a fleet: of the replica `from', or of this one (NULL). The
 * request is that of the call, made by http_call_new(). */
void commands_run_for_fleet(struct admin *a, struct http_call *call,
    const char *from);

/* GET /status: the daemon's state as one JSON object, without names of
 * devices. */
void status_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* GET /cert: {"certificates": [], "crls": [], "devices": []}. `limit' is for
 * the devices, those whose certificates expire first. */
void status_cert_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* GET /history: how sessions, connections, close reasons, traffic and latency
 * developed; `range' is 10m (the default) or 24h, and `since' (milliseconds
 * since 1970) leaves out what the client has already. */
void history_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* GET /metrics: every number, as text for Prometheus or as OpenMetrics. */
void metrics_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* GET /sessions: {"matched": N, "sessions": [...]}, oldest first by worker. */
void sessions_list_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /kick: the same answer, for the sessions that were closed; 404 when none
 * matched. Needs at least one filter, or all=1. */
void sessions_kick_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /deny: as, who, until or for, reason; rows for many entries (see
 * deny.c); dry_run; all. Answers once the entries are in force on every worker
 * and the live sessions that they concern have been dismissed, and says how
 * many. */
void deny_add_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /allow: as and who; rows; or as, match, expired for all that match;
 * dry_run. 404 when there is no such entry. */
void deny_remove_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* Forgets a batch of entries that was not sent to its end. */
void deny_stop(struct admin *a);

/* POST /reload: answers once every worker has the new configuration in force
 * and has dismissed the sessions that it excludes; 409 with the complaints if
 * it is refused. */
void commands_reload(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /drain: answers at once. */
void commands_drain(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /log: level = error, warn, info or debug, until the next reload. */
void commands_log(struct admin *a, struct http_call *call,
    const struct http_request *request);

#endif
