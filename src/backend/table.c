#include "backend/table.h"

/* Bits of `order' for the place within an address; the rest is the address. */
#define ORDER_BITS 20

static struct backend_endpoint *
find(const struct backend_table *t, unsigned target,
    const struct sockaddr_storage *address)
{
	unsigned i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++)
		if (t->slots[i] != NULL && t->slots[i]->target == target &&
		    address_equal(&t->slots[i]->address, address))
			return t->slots[i];
	return NULL;
}

static struct backend_endpoint *
add(struct backend_table *t, unsigned target,
    const struct sockaddr_storage *address)
{
	struct backend_endpoint *e;
	unsigned slot = 0;

	while (slot < BACKEND_ENDPOINTS_MAX && t->slots[slot] != NULL)
		slot++;
	if (slot == BACKEND_ENDPOINTS_MAX)
		return NULL;
	e = backend_endpoint_new(address);
	if (e == NULL)
		return NULL;
	e->slot = slot;
	e->target = target;
	e->order =
	    target << ORDER_BITS | (t->order++ & ((1u << ORDER_BITS) - 1));
	t->slots[slot] = e;
	return e;
}

static void
drop_unseen(struct backend_table *t, unsigned target)
{
	struct backend_endpoint *e;
	unsigned i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = t->slots[i];
		if (e == NULL || e->target != target)
			continue;
		if (!e->seen) {
			t->slots[i] = NULL;
			backend_endpoint_put(e);
		} else {
			e->seen = false;
		}
	}
}

size_t
backend_table_merge(struct backend_table *t, unsigned target,
    const struct sockaddr_storage *list, size_t count)
{
	struct backend_endpoint *e;
	size_t i, left_out = 0;

	for (i = 0; i < count; i++) {
		e = find(t, target, &list[i]);
		if (e != NULL)
			e->seen = true;
	}
	/* Those that went make room first; `seen' is over after it. */
	drop_unseen(t, target);
	for (i = 0; i < count; i++) {
		if (find(t, target, &list[i]) != NULL)
			continue;
		if (add(t, target, &list[i]) == NULL)
			left_out++;
	}
	return left_out;
}

size_t
backend_table_count(const struct backend_table *t, unsigned target)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++)
		if (t->slots[i] != NULL && t->slots[i]->target == target)
			n++;
	return n;
}

uint64_t
backend_table_next(const struct backend_table *t)
{
	const struct backend_endpoint *e;
	uint64_t next = UINT64_MAX;
	unsigned i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = t->slots[i];
		if (e != NULL && e->state == BACKEND_DOWN && !e->probed &&
		    e->until < next)
			next = e->until;
	}
	return next;
}

void
backend_table_fini(struct backend_table *t)
{
	unsigned i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		backend_endpoint_put(t->slots[i]);
		t->slots[i] = NULL;
	}
}
