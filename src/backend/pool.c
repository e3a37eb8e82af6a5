#include "backend/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/attempt.h"
#include "backend/pick.h"
#include "backend/table.h"
#include "backend/target.h"
#include "base/log.h"
#include "base/siphash.h"
#include "io/timer.h"

/* What a 0 in the options means. */
#define TIMEOUT_MS 5000
#define QUEUE 4096
#define RESOLVE_MS 30000
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 10000
#define PROBE_INTERVAL_MS 5000
#define PROBE_TIMEOUT_MS 2000

/* How long all wait after a try failed for want of something of ours. */
#define REST_MS 50

struct backend_pool {
	unsigned users;
	struct loop_grave grave;
	struct loop *loop; /* borrowed */
	struct backend_options o; /* its texts are owned, its lists NULL */
	struct backend_target *targets; /* owned */
	size_t target_count;
	struct backend_sources sources; /* owns its list */
	struct backend_table table;
	struct list waiting; /* backend_waiter; first come, first served */
	struct timer pump; /* the queue is looked at when it fires */
	uint64_t rest_until; /* nobody goes before this */
	uint64_t turn; /* of round robin */
	uint64_t noise; /* state of the jitter */
	struct backend_counts counts;
};

/* The next number of a splitmix64 sequence: enough for jitter. */
static uint32_t
noise(struct backend_pool *p)
{
	uint64_t x = p->noise += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(x >> 32);
}

static struct backend_choice
choice(struct backend_pool *p, const struct backend_waiter *w)
{
	struct backend_choice c = {
		.slots = p->table.slots,
		.balance = p->o.balance,
		.hold = p->o.hold,
		.hash = w->hash,
		.tried = w->tried,
		.turn = p->turn,
		.now = loop_now(p->loop),
	};

	return c;
}

/* Begins a try at `e' and counts it for the caller. */
static struct backend_endpoint *
begin(struct backend_pool *p, struct backend_endpoint *e)
{
	p->turn++;
	backend_endpoint_begin(e);
	return backend_endpoint_get(e);
}

/* May a lookup under way bring endpoints? */
static bool
is_resolving(const struct backend_pool *p)
{
	size_t i;

	for (i = 0; i < p->target_count; i++)
		if (p->targets[i].lookup != NULL)
			return true;
	return false;
}

static void
pump_at(struct backend_pool *p, uint64_t when)
{
	uint64_t now = loop_now(p->loop);

	if (when != UINT64_MAX)
		timer_start(&p->pump, when > now ? when - now : 1);
}

/* The first of the queue goes to `e', or hears that there is none. */
static void
dismiss(struct backend_pool *p, struct backend_endpoint *e)
{
	struct backend_waiter *w =
	    list_entry(p->waiting.next, struct backend_waiter, node);

	backend_pool_leave(p, w);
	w->go(w, e);
}

/* Serves the first of the queue; false when all have to wait on. */
static bool
serve(struct backend_pool *p)
{
	struct backend_waiter *w =
	    list_entry(p->waiting.next, struct backend_waiter, node);
	struct backend_choice c = choice(p, w);
	struct backend_endpoint *e;
	uint64_t wait;

	if (p->rest_until > c.now) {
		pump_at(p, p->rest_until);
		return false;
	}
	e = backend_pick(&c);
	if (e == NULL && p->o.hold == BACKEND_REFUSE && !is_resolving(p)) {
		dismiss(p, NULL);
		return true;
	}
	if (e == NULL) {
		pump_at(p, backend_table_next(&p->table));
		return false;
	}
	wait = p->o.pace == NULL ? 0 : ratelimit_try(p->o.pace, c.now);
	if (wait > 0) {
		pump_at(p, c.now + wait);
		return false;
	}
	dismiss(p, begin(p, e));
	return true;
}

static void
pump(void *arg)
{
	struct backend_pool *p = arg;

	while (!list_empty(&p->waiting) && serve(p))
		;
}

enum err
backend_pool_wait(struct backend_pool *p, struct backend_waiter *w)
{
	uint32_t limit = p->o.queue;

	list_append(&p->waiting, &w->node);
	p->counts.waiting++;
	/* Only the first can go at once: the others wait for the same. */
	if (p->waiting.next == &w->node)
		pump(p);
	if (list_empty(&w->node))
		return OK;
	if (p->counts.waiting > limit) {
		backend_pool_leave(p, w);
		p->counts.busy++;
		return ERR_LIMIT;
	}
	p->counts.held++;
	return OK;
}

void
backend_pool_leave(struct backend_pool *p, struct backend_waiter *w)
{
	if (list_empty(&w->node))
		return;
	list_remove(&w->node);
	p->counts.waiting--;
}

struct backend_endpoint *
backend_pool_next(struct backend_pool *p, const struct backend_waiter *w)
{
	struct backend_choice c = choice(p, w);
	struct backend_endpoint *e = backend_pick(&c);

	if (e == NULL || p->rest_until > c.now)
		return NULL;
	if (p->o.pace != NULL && ratelimit_try(p->o.pace, c.now) > 0)
		return NULL;
	return begin(p, e);
}

uint64_t
backend_pool_share(struct backend_pool *p, const struct backend_waiter *w,
    uint64_t left_ms)
{
	struct backend_choice c = choice(p, w);
	uint64_t share;

	if (p->o.attempt_ms != 0)
		return p->o.attempt_ms < left_ms ? p->o.attempt_ms : left_ms;
	/* What is being tried now is not in the count any more. */
	share = left_ms / (backend_pick_count(&c) + 1);
	if (share < p->o.timeout_ms / 4)
		share = p->o.timeout_ms / 4;
	return share < left_ms ? share : left_ms;
}

static void
log_state(struct backend_pool *p, const struct backend_endpoint *e)
{
	bool up = e->state == BACKEND_UP;
	struct log_line line;

	log_begin(&line, up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    up ? "backend_up" : "backend_down");
	log_str(&line, "stage", "backend");
	log_str(&line, "backend", p->o.name);
	log_str(&line, "address", p->targets[e->target].text);
	log_str(&line, "endpoint", e->text);
	if (!up)
		log_str(&line, "error", e->error);
	log_end(&line);
}

static void
note_failure(struct backend_pool *p, struct backend_endpoint *e,
    const char *why)
{
	if (backend_endpoint_failed(e, why, loop_now(p->loop), p->o.backoff_ms,
		p->o.backoff_max_ms, noise(p)))
		log_state(p, e);
	backend_target_doubt(&p->targets[e->target]);
}

void
backend_pool_note(struct backend_pool *p, struct backend_endpoint *e,
    enum backend_outcome outcome, const char *why)
{
	switch (outcome) {
	case BACKEND_DIALLED:
		p->counts.dialled++;
		if (backend_endpoint_succeeded(e))
			log_state(p, e);
		break;
	case BACKEND_FAILED:
		note_failure(p, e, why);
		break;
	case BACKEND_NO_FAULT:
		p->rest_until = loop_now(p->loop) + REST_MS;
		backend_endpoint_abandoned(e, loop_now(p->loop));
		break;
	case BACKEND_GIVEN_UP:
		backend_endpoint_abandoned(e, loop_now(p->loop));
		break;
	}
	backend_endpoint_put(e);
	pump(p);
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

static void
found(struct backend_target *t, const struct sockaddr_storage *list,
    size_t count)
{
	struct backend_pool *p = t->owner;
	size_t left_out = backend_table_merge(&p->table, t->index, list, count,
	    p->o.probe != BACKEND_PROBE_NONE);

	if (left_out > 0)
		log_event(LOG_LEVEL_WARN, "backend_too_many",
		    "%s: %zu of %zu endpoints are not used: a pool has %d",
		    t->text, left_out, count, BACKEND_ENDPOINTS_MAX);
	pump(p);
}

static void
not_found(struct backend_target *t)
{
	pump(t->owner);
}

/* Copies `text' to the heap; NULL stays NULL, and is also no memory. */
static char *
copy(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

static uint64_t
or_default(uint64_t value, uint64_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static void
copy_options(struct backend_pool *p, const struct backend_options *o)
{
	p->o = *o;
	p->o.addresses = NULL;
	p->o.sources = NULL;
	p->o.name = copy(o->name);
	p->o.probe_client_id = copy(o->probe_client_id);
	p->o.probe_username = copy(o->probe_username);
	p->o.probe_password = copy(o->probe_password);
	p->o.queue = o->queue != 0 ? o->queue : QUEUE;
	p->o.timeout_ms = or_default(o->timeout_ms, TIMEOUT_MS);
	p->o.resolve_ms = or_default(o->resolve_ms, RESOLVE_MS);
	p->o.backoff_ms = or_default(o->backoff_ms, BACKOFF_MS);
	p->o.backoff_max_ms = or_default(o->backoff_max_ms, BACKOFF_MAX_MS);
	p->o.probe_interval_ms =
	    or_default(o->probe_interval_ms, PROBE_INTERVAL_MS);
	p->o.probe_timeout_ms =
	    or_default(o->probe_timeout_ms, PROBE_TIMEOUT_MS);
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
	p->sources.turn = noise(p) % p->sources.count;
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
bury(struct loop_grave *g)
{
	struct backend_pool *p = list_entry(g, struct backend_pool, grave);

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
	struct siphash_key seed = siphash_key_random();
	enum err err;
	size_t i;

	if (p == NULL)
		return ERR_NO_MEMORY;
	p->users = 1;
	p->loop = loop;
	p->grave.bury = bury;
	list_init(&p->grave.node);
	list_init(&p->waiting);
	timer_init(&p->pump, loop, pump, p);
	p->noise = seed.k0;
	p->turn = seed.k1;
	copy_options(p, options);
	err = p->o.name == NULL ? ERR_NO_MEMORY : add_sources(p, options);
	if (err == OK)
		err = add_targets(p, resolver, options);
	if (err != OK) {
		backend_pool_put(p);
		return err;
	}
	for (i = 0; i < p->target_count; i++)
		backend_target_start(&p->targets[i]);
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
	timer_stop(&p->pump);
	for (i = 0; i < p->target_count; i++)
		backend_target_fini(&p->targets[i]);
	backend_table_fini(&p->table);
	loop_bury(p->loop, &p->grave);
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
	return &p->counts;
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
