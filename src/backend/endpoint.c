#include "backend/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

struct backend_endpoint *
backend_endpoint_new(const struct sockaddr_storage *address)
{
	/* A fixed key: balance = clientid must say the same in every worker
	 * and after a restart. */
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
	if (e != NULL && --e->users == 0)
		free(e);
}

bool
backend_endpoint_usable(const struct backend_endpoint *e, uint64_t now)
{
	if (e->state == BACKEND_DOWN)
		return !e->probed && now >= e->until;
	return e->state == BACKEND_UP;
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
backoff(unsigned failures, uint64_t first, uint64_t max, uint32_t noise)
{
	uint64_t ms = first;

	while (--failures > 0 && ms < max)
		ms *= 2;
	if (ms > max)
		ms = max;
	return ms - ms / 4 + ms / 2 * (noise % 1024) / 1024;
}

bool
backend_endpoint_failed(struct backend_endpoint *e, const char *error,
    uint64_t now, uint64_t backoff_ms, uint64_t max_ms, uint32_t noise)
{
	bool was_up = e->state == BACKEND_UP;

	e->failed++;
	snprintf(e->error, sizeof(e->error), "%s", error);
	if (e->state == BACKEND_DOWN && now < e->until)
		return false;
	e->failures++;
	e->state = BACKEND_DOWN;
	e->until = now + backoff(e->failures, backoff_ms, max_ms, noise);
	return was_up;
}

void
backend_endpoint_abandoned(struct backend_endpoint *e, uint64_t now)
{
	if (e->state != BACKEND_TRIAL)
		return;
	e->state = BACKEND_DOWN;
	e->until = now;
}
