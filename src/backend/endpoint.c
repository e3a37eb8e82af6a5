/* SPDX-License-Identifier: ISC */
/*
 * Three parts: the state of one endpoint; the table of endpoints, which is
 * brought up to date when a DNS name resolves to other addresses; and the
 * choice of the endpoint to try next.
 */
#include "backend/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

/* Bits of `order' for the place within an address; the rest is the address. */
#define ORDER_BITS 20

struct backend_endpoint *
backend_endpoint_new(const struct sockaddr_storage *address)
{
	/* The key is fixed, so that balance = clientid chooses the same
	 * endpoint in every worker and after a restart. */
	static const struct hash_key key = { 0, 0 };
	struct backend_endpoint *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->users = 1;
	e->state = BACKEND_UP;
	e->address = *address;
	address_text_port(e->text, address);
	e->hash = hash_keyed(&key, slice_str(e->text));
	return e;
}

struct backend_endpoint *
backend_endpoint_get(struct backend_endpoint *e)
{
	e->users++;
	return e;
}

void
backend_endpoint_put(struct backend_endpoint *e)
{
	if (e == NULL || --e->users > 0)
		return;
	backend_outage_forget(&e->outage);
	free(e);
}

bool
backend_endpoint_usable(const struct backend_endpoint *e, uint64_t now)
{
	if (e->state == BACKEND_DOWN)
		return !e->probed && now >= e->until;
	return e->state == BACKEND_UP && now >= e->pause_until;
}

void
backend_endpoint_begin(struct backend_endpoint *e)
{
	if (e->state == BACKEND_DOWN)
		e->state = BACKEND_TRIAL;
}

bool
backend_endpoint_revived(struct backend_endpoint *e)
{
	bool was_up = e->state == BACKEND_UP;

	e->state = BACKEND_UP;
	e->failures = 0;
	e->pause_until = 0;
	e->full_since = 0;
	e->error[0] = '\0';
	return !was_up;
}

bool
backend_endpoint_succeeded(struct backend_endpoint *e)
{
	e->dialled++;
	if (e->probed && e->state != BACKEND_UP)
		return false;
	return backend_endpoint_revived(e);
}

static uint64_t
backoff(unsigned failures, const struct backend_backoff *b)
{
	uint64_t ms = b->first_ms;

	while (--failures > 0 && ms < b->max_ms)
		ms *= 2;
	if (ms > b->max_ms)
		ms = b->max_ms;
	return ms - ms / 4 + ms / 2 * (b->random % 1024) / 1024;
}

bool
backend_endpoint_failed(struct backend_endpoint *e, const char *error,
    uint64_t now, const struct backend_backoff *b)
{
	bool was_up = e->state == BACKEND_UP;

	e->failed++;
	snprintf(e->error, sizeof(e->error), "%s", error);
	if (e->state == BACKEND_DOWN && now < e->until)
		return false;
	e->failures++;
	e->state = BACKEND_DOWN;
	e->until = now + backoff(e->failures, b);
	return was_up;
}

uint64_t
backend_endpoint_full(struct backend_endpoint *e, uint64_t now,
    uint64_t pause_until)
{
	if (e->full_since == 0)
		e->full_since = now;
	e->pause_until = pause_until;
	return now - e->full_since;
}

void
backend_endpoint_abandoned(struct backend_endpoint *e, uint64_t now)
{
	if (e->state != BACKEND_TRIAL)
		return;
	e->state = BACKEND_DOWN;
	e->until = now;
}

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
	/* Endpoints that went make room first; this clears `seen' too. */
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
backend_table_next(const struct backend_table *t, uint64_t now)
{
	const struct backend_endpoint *e;
	uint64_t next = UINT64_MAX;
	unsigned i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = t->slots[i];
		if (e == NULL)
			continue;
		if (e->state == BACKEND_DOWN && !e->probed && e->until < next)
			next = e->until;
		if (e->state == BACKEND_UP && e->pause_until > now &&
		    e->pause_until < next)
			next = e->pause_until;
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

/* Rendezvous hashing (Thaler and Ravishankar, 1998): every client ranks all
 * endpoints by a hash of both and takes the highest that works. When an
 * endpoint fails, only its own clients move; when it works again they return.
 */
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
	AMONG_ALL /* also those that are DOWN or in TRIAL */
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

/* True if `a' is preferred to `b'. */
static bool
better(const struct backend_choice *c, const struct backend_endpoint *a,
    const struct backend_endpoint *b)
{
	if (c->balance == CONFIG_BALANCE_CLIENTID)
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
	if (c->balance == CONFIG_BALANCE_ROUNDROBIN)
		return pick_turn(c, among);
	return pick_best(c, among);
}

struct backend_endpoint *
backend_pick(const struct backend_choice *c)
{
	struct backend_endpoint *e = pick(c, AMONG_USABLE);

	if (e == NULL && !c->hold)
		e = pick(c, AMONG_ALL);
	return e;
}

unsigned
backend_pick_count(const struct backend_choice *c)
{
	return count(c, c->hold ? AMONG_USABLE : AMONG_ALL);
}
