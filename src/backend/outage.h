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
 * `endpoint' of the [backend] section `section' has gone down. *own is what
 * this endpoint counts, NULL at first. Returns true if that is to be logged:
 * nobody has found it down since it was last logged as up. Always true if `all'
 * is NULL or memory runs out.
 */
bool backend_outage_begin(struct backend_outages *all,
    struct backend_outage **own, const char *section, const char *endpoint);

/* The endpoint is up again. Returns true if that is to be logged: nobody else
 * has found this before. */
bool backend_outage_end(struct backend_outage **own);

/* The endpoint is freed. *own may be NULL. */
void backend_outage_forget(struct backend_outage **own);

#endif
