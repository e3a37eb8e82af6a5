#include "backend/connect_rate.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/ratelimit.h"

struct backend_connect_rate {
	atomic_uint refs;
	struct ratelimit limit;
};

struct backend_connect_rate *
backend_connect_rate_new(uint32_t rate)
{
	struct backend_connect_rate *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	atomic_init(&p->refs, 1);
	ratelimit_init(&p->limit, rate, 0);
	return p;
}

struct backend_connect_rate *
backend_connect_rate_get(struct backend_connect_rate *p)
{
	if (p != NULL)
		atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void
backend_connect_rate_put(struct backend_connect_rate *p)
{
	if (p == NULL ||
	    atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(p);
}

uint64_t
backend_connect_rate_try(struct backend_connect_rate *p, uint64_t now_ms)
{
	return p == NULL ? 0 : ratelimit_try(&p->limit, now_ms);
}
