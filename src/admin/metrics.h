/*
 * The metrics: every number of the daemon, for Prometheus.
 */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/admin.h"

/* GET /metrics, at the socket and at http_listen. */
void metrics_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

#endif
