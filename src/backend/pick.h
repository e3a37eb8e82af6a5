/*
 * Which endpoint next: the three ways to balance. Pure.
 */
#ifndef BACKEND_PICK_H
#define BACKEND_PICK_H

#include "backend/endpoint.h"
#include "base/slice.h"

/* What to choose from. Slots may be NULL. */
struct backend_choice {
	struct backend_endpoint *const *slots; /* BACKEND_ENDPOINTS_MAX */
	enum backend_balance balance;
	enum backend_hold hold; /* REFUSE: also what is left alone, at last */
	uint64_t hash; /* of the ClientID, for BACKEND_CLIENTID */
	uint64_t tried; /* bit n: not slot n */
	uint64_t turn; /* for BACKEND_ROUNDROBIN: goes up by one a dial */
	uint64_t now; /* ms */
};

/* The endpoint to try, or NULL when none may be tried now. */
struct backend_endpoint *backend_pick(const struct backend_choice *c);

/* How many could be picked, one after the other. */
unsigned backend_pick_count(const struct backend_choice *c);

/* The hash of a ClientID, stable over restarts and machines. */
uint64_t backend_pick_hash(struct slice client_id);

#endif
