#include "backend/pick.h"

#include "base/hash.h"

/* Rendezvous hashing (Thaler and Ravishankar, 1998): every client ranks all
 * endpoints by a hash of both and takes the highest that works. When one
 * goes, only its own clients move; when it is back they return. */
static uint64_t
rank(uint64_t client, uint64_t endpoint)
{
	return hash_mix(client ^ endpoint);
}

uint64_t
backend_pick_hash(struct slice client_id)
{
	static const struct hash_key key = { 1, 0 };

	return hash_keyed(&key, client_id);
}

enum among {
	AMONG_USABLE,
	AMONG_ALL /* also those left alone or on trial */
};

static bool
eligible(const struct backend_choice *c, unsigned slot, enum among among)
{
	const struct backend_endpoint *e = c->slots[slot];

	if (e == NULL || (c->tried >> slot & 1) != 0)
		return false;
	if (among == AMONG_ALL)
		return true;
	return backend_endpoint_usable(e, c->now);
}

static unsigned
count(const struct backend_choice *c, enum among among)
{
	unsigned slot, n = 0;

	for (slot = 0; slot < BACKEND_ENDPOINTS_MAX; slot++)
		if (eligible(c, slot, among))
			n++;
	return n;
}

/* Is `a' to be preferred to `b'? */
static bool
better(const struct backend_choice *c, const struct backend_endpoint *a,
    const struct backend_endpoint *b)
{
	if (c->balance == BACKEND_CLIENTID)
		return rank(c->hash, a->hash) > rank(c->hash, b->hash);
	return a->order < b->order;
}

static struct backend_endpoint *
pick_best(const struct backend_choice *c, enum among among)
{
	struct backend_endpoint *best = NULL;
	unsigned slot;

	for (slot = 0; slot < BACKEND_ENDPOINTS_MAX; slot++)
		if (eligible(c, slot, among) &&
		    (best == NULL || better(c, c->slots[slot], best)))
			best = c->slots[slot];
	return best;
}

static struct backend_endpoint *
pick_turn(const struct backend_choice *c, enum among among)
{
	unsigned n = count(c, among);
	uint64_t skip = n == 0 ? 0 : c->turn % n;
	unsigned slot;

	for (slot = 0; slot < BACKEND_ENDPOINTS_MAX; slot++)
		if (eligible(c, slot, among) && skip-- == 0)
			return c->slots[slot];
	return NULL;
}

static struct backend_endpoint *
pick(const struct backend_choice *c, enum among among)
{
	if (c->balance == BACKEND_ROUNDROBIN)
		return pick_turn(c, among);
	return pick_best(c, among);
}

struct backend_endpoint *
backend_pick(const struct backend_choice *c)
{
	struct backend_endpoint *e = pick(c, AMONG_USABLE);

	if (e == NULL && c->hold == BACKEND_REFUSE)
		e = pick(c, AMONG_ALL);
	return e;
}

unsigned
backend_pick_count(const struct backend_choice *c)
{
	return count(c, c->hold == BACKEND_REFUSE ? AMONG_ALL : AMONG_USABLE);
}
