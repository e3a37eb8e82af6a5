#include "backend/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/attempt.h"
#include "backend/health.h"
#include "backend/target.h"
#include "base/log.h"

/* What a 0 in the options means. */
#define TIMEOUT_MS 5000
#define QUEUE 4096
#define RESOLVE_MS 30000
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 10000
#define PROBE_INTERVAL_MS 5000
#define PROBE_TIMEOUT_MS 2000

struct backend_pool {
	unsigned users;
	struct loop_garbage garbage;
	struct loop *loop; /* borrowed */
	struct backend_options o; /* its texts are owned, its lists NULL */
	struct backend_target *targets; /* owned */
	size_t target_count;
	struct backend_sources sources; /* owns its list */
	struct backend_table table;
	struct backend_queue queue;
	struct backend_health *health[BACKEND_ENDPOINTS_MAX]; /* owned */
};

/* The pool's queue waits on while a lookup may bring endpoints. */
static void
note_resolving(struct backend_pool *p)
{
	size_t i;

	p->queue.resolving = false;
	for (i = 0; i < p->target_count; i++)
		if (p->targets[i].lookup != NULL)
			p->queue.resolving = true;
}

static void
doubt(void *arg, const struct backend_endpoint *e)
{
	struct backend_pool *p = arg;

	if (p->table.slots[e->slot] == e)
		backend_health_hurry(p->health[e->slot]);
	backend_target_doubt(&p->targets[e->target]);
	note_resolving(p);
}

void
backend_pool_explain(const struct backend_pool *p, char *out, size_t size)
{
	const struct backend_endpoint *e;
	size_t i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = p->table.slots[i];
		if (e != NULL && e->error[0] != '\0') {
			snprintf(out, size, "%s: %s", e->text, e->error);
			return;
		}
	}
	for (i = 0; i < p->target_count; i++)
		if (p->targets[i].error[0] != '\0') {
			snprintf(out, size, "%s: %s", p->targets[i].text,
			    p->targets[i].error);
			return;
		}
	snprintf(out, size, "no endpoint was free in time");
}

/* Has every endpoint of the table probed, and no other. */
static void
sync_health(struct backend_pool *p)
{
	struct backend_endpoint *e;
	size_t i;

	if (p->o.probe == BACKEND_PROBE_NONE)
		return;
	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = p->table.slots[i];
		if (p->health[i] != NULL &&
		    backend_health_endpoint(p->health[i]) != e) {
			backend_health_cancel(p->health[i]);
			p->health[i] = NULL;
		}
		if (e != NULL && p->health[i] == NULL)
			p->health[i] =
			    backend_health_start(&p->queue, &p->sources, e);
		/* Not probed for want of memory: back-off must do. */
		if (e != NULL)
			e->probed = p->health[i] != NULL;
	}
}

static void
found(struct backend_target *t, const struct sockaddr_storage *list,
    size_t count)
{
	struct backend_pool *p = t->owner;
	size_t left_out = backend_table_merge(&p->table, t->index, list, count);

	if (left_out > 0)
		log_event(LOG_LEVEL_WARN, "backend_too_many",
		    "%s: %zu of %zu endpoints are not used: a pool has %d",
		    t->text, left_out, count, BACKEND_ENDPOINTS_MAX);
	sync_health(p);
	note_resolving(p);
	backend_queue_pump(&p->queue);
}

static void
not_found(struct backend_target *t)
{
	struct backend_pool *p = t->owner;

	note_resolving(p);
	backend_queue_pump(&p->queue);
}

/* Copies a text of the options to the heap; NULL stays NULL. */
static enum err
copy(const char **out, const char *text)
{
	*out = text == NULL ? NULL : strdup(text);
	return text != NULL && *out == NULL ? ERR_NO_MEMORY : OK;
}

static bool
fits_probe(const char *text)
{
	return text == NULL || strlen(text) <= BACKEND_PROBE_TEXT_MAX;
}

static uint64_t
or_default(uint64_t value, uint64_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static enum err
copy_options(struct backend_pool *p, const struct backend_options *o)
{
	p->o = *o;
	p->o.connect_rate = backend_connect_rate_get(o->connect_rate);
	p->o.addresses = NULL;
	p->o.sources = NULL;
	p->o.name = NULL;
	p->o.probe_client_id = NULL;
	p->o.probe_username = NULL;
	p->o.probe_password = NULL;
	if (copy(&p->o.name, o->name) != OK ||
	    copy(&p->o.probe_client_id, o->probe_client_id) != OK ||
	    copy(&p->o.probe_username, o->probe_username) != OK ||
	    copy(&p->o.probe_password, o->probe_password) != OK)
		return ERR_NO_MEMORY;
	if (!fits_probe(o->probe_client_id) || !fits_probe(o->probe_username) ||
	    !fits_probe(o->probe_password) ||
	    (o->probe_password != NULL && o->probe_username == NULL))
		return ERR_CONFIG;
	p->o.queue = o->queue != 0 ? o->queue : QUEUE;
	p->o.timeout_ms = or_default(o->timeout_ms, TIMEOUT_MS);
	p->o.resolve_ms = or_default(o->resolve_ms, RESOLVE_MS);
	p->o.backoff_ms = or_default(o->backoff_ms, BACKOFF_MS);
	p->o.backoff_max_ms = or_default(o->backoff_max_ms, BACKOFF_MAX_MS);
	p->o.probe_interval_ms =
	    or_default(o->probe_interval_ms, PROBE_INTERVAL_MS);
	p->o.probe_timeout_ms =
	    or_default(o->probe_timeout_ms, PROBE_TIMEOUT_MS);
	return OK;
}

static enum err
add_sources(struct backend_pool *p, const struct backend_options *o)
{
	size_t i;

	if (o->source_count == 0)
		return OK;
	p->sources.list = calloc(o->source_count, sizeof(*p->sources.list));
	if (p->sources.list == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < o->source_count; i++)
		if (address_parse_host(&p->sources.list[i], o->sources[i]) !=
		    OK)
			return ERR_CONFIG;
	p->sources.count = o->source_count;
	/* Workers should not all begin at the same one. */
	p->sources.turn = backend_queue_noise(&p->queue) % p->sources.count;
	return OK;
}

static enum err
add_targets(struct backend_pool *p, struct backend_resolver *resolver,
    const struct backend_options *o)
{
	struct backend_target *t;
	enum err err;

	if (o->address_count == 0)
		return ERR_CONFIG;
	p->targets = calloc(o->address_count, sizeof(*p->targets));
	if (p->targets == NULL)
		return ERR_NO_MEMORY;
	while (p->target_count < o->address_count) {
		t = &p->targets[p->target_count];
		err = backend_target_init(t, p->loop,
		    o->addresses[p->target_count]);
		t->index = (unsigned)p->target_count++;
		if (err != OK)
			return err;
		t->owner = p;
		t->resolver = resolver;
		t->found = found;
		t->failed = not_found;
		t->refresh_ms = p->o.resolve_ms;
	}
	return OK;
}

static void
pool_free(void *memory)
{
	struct backend_pool *p = memory;

	backend_connect_rate_put(p->o.connect_rate);
	free(p->targets);
	free(p->sources.list);
	free((char *)p->o.name);
	free((char *)p->o.probe_client_id);
	free((char *)p->o.probe_username);
	free((char *)p->o.probe_password);
	free(p);
}

enum err
backend_pool_new(struct backend_pool **out, struct loop *loop,
    struct backend_resolver *resolver, const struct backend_options *options)
{
	struct backend_pool *p = calloc(1, sizeof(*p));
	enum err err;
	size_t i;

	if (p == NULL)
		return ERR_NO_MEMORY;
	p->users = 1;
	p->loop = loop;
	backend_queue_init(&p->queue, loop, &p->o, &p->table);
	p->queue.failed = doubt;
	p->queue.arg = p;
	err = copy_options(p, options);
	if (err == OK)
		err = add_sources(p, options);
	if (err == OK)
		err = add_targets(p, resolver, options);
	if (err != OK) {
		backend_pool_put(p);
		return err;
	}
	for (i = 0; i < p->target_count; i++)
		backend_target_start(&p->targets[i]);
	note_resolving(p);
	*out = p;
	return OK;
}

struct backend_pool *
backend_pool_get(struct backend_pool *p)
{
	p->users++;
	return p;
}

void
backend_pool_put(struct backend_pool *p)
{
	size_t i;

	if (p == NULL || --p->users > 0)
		return;
	backend_queue_fini(&p->queue);
	for (i = 0; i < p->target_count; i++)
		backend_target_fini(&p->targets[i]);
	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++)
		backend_health_cancel(p->health[i]);
	backend_table_fini(&p->table);
	loop_free_later(p->loop, &p->garbage, p, pool_free);
}

static void
tell_one(const struct backend_pool *p, const struct backend_target *t,
    const struct backend_endpoint *e,
    void (*each)(const struct backend_status *s, void *arg), void *arg)
{
	struct backend_status s = {
		.name = p->o.name,
		.address = t->text,
		.endpoint = "",
		.state = BACKEND_DOWN,
		.error = t->error,
	};

	if (e != NULL) {
		s.endpoint = e->text;
		s.state = e->state;
		s.failures = e->failures;
		s.dialled = e->dialled;
		s.failed = e->failed;
		s.error = e->error;
	}
	each(&s, arg);
}

void
backend_pool_each(struct backend_pool *p,
    void (*each)(const struct backend_status *s, void *arg), void *arg)
{
	const struct backend_endpoint *e;
	size_t i, slot;

	for (i = 0; i < p->target_count; i++) {
		if (backend_table_count(&p->table, (unsigned)i) == 0)
			tell_one(p, &p->targets[i], NULL, each, arg);
		for (slot = 0; slot < BACKEND_ENDPOINTS_MAX; slot++) {
			e = p->table.slots[slot];
			if (e != NULL && e->target == i)
				tell_one(p, &p->targets[i], e, each, arg);
		}
	}
}

bool
backend_pool_up(const struct backend_pool *p)
{
	const struct backend_endpoint *e;
	size_t slot;

	for (slot = 0; slot < BACKEND_ENDPOINTS_MAX; slot++) {
		e = p->table.slots[slot];
		if (e != NULL && e->state == BACKEND_UP)
			return true;
	}
	return false;
}

const struct backend_counts *
backend_pool_counts(const struct backend_pool *p)
{
	return &p->queue.counts;
}

struct backend_queue *
backend_pool_queue(struct backend_pool *p)
{
	return &p->queue;
}

struct loop *
backend_pool_loop(const struct backend_pool *p)
{
	return p->loop;
}

const struct backend_options *
backend_pool_options(const struct backend_pool *p)
{
	return &p->o;
}

struct backend_sources *
backend_pool_sources(struct backend_pool *p)
{
	return &p->sources;
}
