#include "session/counters.h"

void
counters_observe(struct histogram *h, uint64_t ms)
{
	static const uint64_t bounds[] = {
#define X(ms) ms,
		COUNTERS_BUCKETS(X)
#undef X
	};
	unsigned i = 0;

	while (i < sizeof(bounds) / sizeof(bounds[0]) && ms > bounds[i])
		i++;
	counter_add(&h->buckets[i], 1);
	counter_add(&h->sum_ms, ms);
}
