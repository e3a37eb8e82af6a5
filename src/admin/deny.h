/*
 * The commands deny, allow and denied. The deny list is a file; they change
 * that, and then reload, so that what is in force is what is on the disk.
 */
#ifndef ADMIN_DENY_H
#define ADMIN_DENY_H

#include "admin/admin.h"

/* POST /deny: as, who, until ("" for ever), reason. Answers when it is in
 * force everywhere and live sessions have been told to go. */
void deny_add_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* POST /allow: as, who. 404 when there is no such entry. */
void deny_remove_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* GET /denied: the list in force. as and who select. */
void deny_list_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

#endif
