/*
 * What http_listen serves, read-only: /metrics, /healthz, /readyz, /status
 * and the status page at /. It names no device.
 */
#ifndef ADMIN_WEB_H
#define ADMIN_WEB_H

#include "admin/admin.h"

/* http_handler of http_listen; `arg' is a struct admin. */
void web_handle(struct http_call *call, const struct http_request *request,
    void *arg);

#endif
