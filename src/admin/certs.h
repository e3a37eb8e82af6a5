/*
 * The command cert, and the lists it shares with status and metrics: the
 * certificates and CRLs in force.
 */
#ifndef ADMIN_CERTS_H
#define ADMIN_CERTS_H

#include <jansson.h>

#include "admin/admin.h"

/* GET /cert: {"certificates": [], "crls": [], "devices": []}; limit is for
 * the devices, whose certificates end soonest. */
void certs_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* A new array: [{tls, role, file, cert_sha256, not_before, not_after,
 * not_after_s, days_left}], each certificate once a profile. */
json_t *certs_list(const struct snapshot *s);

/* A new array: [{tls, file, this_update, this_update_s, next_update,
 * next_update_s, revoked, verified}]; next_update_s 0: it names none. */
json_t *certs_crls(const struct snapshot *s);

#endif
