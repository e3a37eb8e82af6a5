/* SPDX-License-Identifier: ISC */
/*
 * Which brokers are known to be down, by the pools of all workers: each finds
 * out for itself, but the log has one line for it, not one for each worker. Any
 * thread may call.
 */
#ifndef BACKEND_OUTAGE_H
#define BACKEND_OUTAGE_H

#include <stdbool.h>

struct backend_outages;

/* One broker that is down, counted by each endpoint that is DOWN. */
struct backend_outage;

/* NULL when memory runs out. */
struct backend_outages *backend_outages_new(void);

/* Call it when no endpoint is left. NULL is allowed. */
void backend_outages_free(struct backend_outages *all);

/*
 * Notes that `endpoint' of the [backend] section `section' has gone down. *own
 * is NULL at first, and then what this endpoint counts. Returns true if this
 * has to be logged: since the last line that says that the endpoint is up, no
 * pool has found it down. Always true if `all' is NULL or memory runs out.
 */
bool backend_outage_begin(struct backend_outages *all,
    struct backend_outage **own, const char *section, const char *endpoint);

/* Notes that the endpoint is up again. Returns true if this has to be logged:
 * no other pool has found it before. */
bool backend_outage_end(struct backend_outage **own);

/* The endpoint is freed. *own may be NULL. */
void backend_outage_forget(struct backend_outage **own);

#endif
