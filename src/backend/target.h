/*
 * One configured address: a fixed one, or a name that is resolved now and
 * again, sooner when what it stood for fails. The last good answer is kept
 * when a later one fails.
 */
#ifndef BACKEND_TARGET_H
#define BACKEND_TARGET_H

#include "backend/resolve.h"
#include "base/address.h"
#include "io/timer.h"

struct backend_target;

/* What the name stands for now. `arg' is the owner. */
typedef void backend_target_found(struct backend_target *t,
    const struct sockaddr_storage *list, size_t count);

/* Looking it up failed; t->error says why. */
typedef void backend_target_failed(struct backend_target *t);

struct backend_target {
	char *text; /* owned; as configured */
	unsigned index; /* among the pool's */
	void *owner; /* borrowed: the pool */
	struct loop *loop; /* borrowed */
	struct backend_resolver *resolver; /* borrowed */
	backend_target_found *found;
	backend_target_failed *failed;
	struct sockaddr_storage fixed; /* AF_UNSPEC when it is a name */
	char host[ADDRESS_HOST_MAX];
	uint16_t port;
	struct backend_lookup *lookup; /* owned; NULL while none is under way */
	struct timer timer; /* to the next lookup */
	uint64_t asked; /* when the last one began; 0 = never */
	uint64_t refresh_ms;
	bool good; /* there was a good answer */
	char error[96]; /* of the last lookup; "" = none */
};

/* Makes `t' of the text. ERR_CONFIG when it is not an address. */
enum err backend_target_init(struct backend_target *t, struct loop *loop,
    const char *text) MUST_CHECK;

/* Begins to resolve, and goes on until the fini. A fixed address is `found'
 * inside this call, a name maybe, too. */
void backend_target_start(struct backend_target *t);

/* What it stands for does not answer: ask again now, unless just done. */
void backend_target_doubt(struct backend_target *t);

/* Ends a lookup under way, whose answer is then never told, and frees what
 * `t' owns. */
void backend_target_fini(struct backend_target *t);

#endif
