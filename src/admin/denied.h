/* SPDX-License-Identifier: ISC */
/*
 * Which entries of the deny list a request means, and the command that shows
 * them.
 */
#ifndef ADMIN_DENIED_H
#define ADMIN_DENIED_H

#include "admin/admin.h"
#include "admin/http.h"
#include "identity/denylist.h"

/* Which entries a request means; everything that is given must match. */
struct denied_selection {
	const char *as; /* each may be NULL */
	const char *who; /* in its normal form */
	const char *match; /* a part of who or reason */
	const char *expired; /* "yes" or "no" */
	int64_t now;
};

/* Reads the selection of a request; false: the call has been answered. */
bool denied_select(struct denied_selection *s, struct http_call *call,
    const struct http_request *r);

/* True if the entry is one of them. */
bool denied_matches(const struct denied_selection *s,
    const struct identity_deny *d);

/* The fields of a row that `sort' means; none if there are no such. */
void denied_sort_fields(const char *sort, const char *fields[2],
    bool *descending);

/* GET /denied: the deny list in force, with a fleet's; as, who, match and
 * expired select; sort, offset and limit. */
void denied_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* Ends the listings that are not complete, without an answer; before their
 * calls are freed. */
void denied_stop(struct admin *a);

#endif
