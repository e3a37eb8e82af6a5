/*
 * The endpoints of a pool, kept in step with what names resolve to. An
 * endpoint that stays keeps its place and what is known of its health.
 */
#ifndef BACKEND_TABLE_H
#define BACKEND_TABLE_H

#include "backend/endpoint.h"

struct backend_table {
	struct backend_endpoint *slots[BACKEND_ENDPOINTS_MAX]; /* counted */
	unsigned order; /* goes up by one an endpoint */
};

/*
 * Makes the endpoints of the configured address number `target' those in
 * `list'. New ones are UP. Returns how many found no place (or no memory).
 */
size_t backend_table_merge(struct backend_table *t, unsigned target,
    const struct sockaddr_storage *list, size_t count);

/* Endpoints that `target' has now. */
size_t backend_table_count(const struct backend_table *t, unsigned target);

/* The earliest time at which one that is DOWN may be tried; UINT64_MAX when
 * time alone will bring none. */
uint64_t backend_table_next(const struct backend_table *t);

/* Lets go of all. */
void backend_table_fini(struct backend_table *t);

#endif
