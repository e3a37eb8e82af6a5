/* SPDX-License-Identifier: ISC */
/*
 * A pool in three parts: the configured addresses and what they resolve to,
 * the queue of dials that wait for an endpoint, and the making of it all.
 */
#include "backend/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/health.h"
#include "backend/resolve.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/timer.h"

/* What a 0 in the options means. */
#define TIMEOUT_MS 5000
#define QUEUE 4096
#define RESOLVE_MS 30000
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 10000
#define PROBE_INTERVAL_MS 5000
#define PROBE_TIMEOUT_MS 2000

/* A lookup that failed, or whose answer may be out of date, is made again after
 * this time. */
#define LOOKUP_RETRY_MS 1000

/* While no endpoint is up, dials are waiting, so each endpoint is tried this
 * often at least: one try per second does no harm. */
#define EAGER_MS 1000

/* How long all dials wait after this process ran out of something, or one
 * endpoint after its queue was full. */
#define PAUSE_MS 50

/*
 * One configured address: a fixed one, or a name that is resolved again and
 * again, sooner when an endpoint that it stood for fails. The last good answer
 * is kept when a later lookup fails.
 */
struct target {
	struct backend_pool *pool; /* borrowed: the owner */
	char *text; /* owned; as configured */
	unsigned index; /* among the pool's */
	struct sockaddr_storage fixed; /* AF_UNSPEC if it is a name */
	char host[ADDRESS_HOST_MAX];
	uint16_t port;
	struct backend_lookup *lookup; /* owned; NULL while none is under way */
	struct timer timer; /* to the next lookup */
	uint64_t asked; /* when the last lookup began; 0 = never */
	bool good; /* there was a good answer */
	char error[BACKEND_LOOKUP_WHY]; /* of the last lookup; "" = none */
};

struct backend_pool {
	unsigned users;
	struct loop_garbage garbage;
	struct loop *loop; /* borrowed */
	struct backend_resolver *resolver; /* borrowed */
	struct backend_options o; /* its texts are owned, its lists NULL */
	struct target *targets; /* owned */
	size_t target_count;
	struct sockaddr_storage *sources; /* owned; ports are 0 */
	size_t source_count;
	size_t source_turn; /* the one used last */
	struct backend_table table;
	struct backend_health *health[BACKEND_ENDPOINTS_MAX]; /* owned */

	struct list waiting; /* backend_waiter, oldest first */
	struct timer timer; /* serves the queue when it fires */
	bool resolving; /* a lookup under way may bring endpoints */
	uint64_t pause_until; /* no dial is served before this, ms */
	uint64_t turn; /* of round robin */
	uint64_t random_state;
	struct backend_counts counts;
};

uint32_t
backend_pool_random(struct backend_pool *p)
{
	return (uint32_t)(hash_next(&p->random_state) >> 32);
}

/*
 * The queue.
 */

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

static void
serve_at(struct backend_pool *p, uint64_t when)
{
	uint64_t now = loop_now(p->loop);

	if (when != UINT64_MAX)
		timer_start(&p->timer, when > now ? when - now : 1);
}

/* Takes the first dial out of the queue and gives it `e', which may be NULL. */
static void
dismiss(struct backend_pool *p, struct backend_endpoint *e)
{
	struct backend_waiter *w =
	    list_entry(p->waiting.next, struct backend_waiter, node);

	backend_pool_leave(p, w);
	w->ready(w, e);
}

/* Serves the first dial of the queue; false if all have to go on waiting. */
static bool
serve_first(struct backend_pool *p)
{
	struct backend_waiter *w =
	    list_entry(p->waiting.next, struct backend_waiter, node);
	struct backend_choice c = choice(p, w);
	struct backend_endpoint *e;
	uint64_t wait;

	if (p->pause_until > c.now) {
		serve_at(p, p->pause_until);
		return false;
	}
	e = backend_pick(&c);
	/* A dial that has tried every endpoint does not wait for what a lookup
	 * may bring: dials after it may have an endpoint left to try. */
	if (e == NULL && !p->o.hold && (!p->resolving || w->tried != 0)) {
		dismiss(p, NULL);
		return true;
	}
	if (e == NULL) {
		serve_at(p, backend_table_next(&p->table, c.now));
		return false;
	}
	wait = backend_connect_rate_try(p->o.connect_rate, c.now);
	if (wait > 0) {
		serve_at(p, c.now + wait);
		return false;
	}
	dismiss(p, begin(p, e));
	return true;
}

/* Serves as many dials as can go now; call it when something has changed. */
static void
serve(struct backend_pool *p)
{
	while (!list_empty(&p->waiting) && serve_first(p))
		;
}

static void
time_to_serve(void *arg)
{
	serve(arg);
}

void
backend_pool_enter(struct backend_pool *p, struct backend_waiter *w,
    struct slice client_id,
    void (*ready)(struct backend_waiter *, struct backend_endpoint *))
{
	list_init(&w->node);
	w->hash = backend_pick_hash(client_id);
	w->tried = 0;
	w->held = false;
	w->ready = ready;
	p->counts.dials++;
}

enum err
backend_pool_wait(struct backend_pool *p, struct backend_waiter *w)
{
	list_append(&p->waiting, &w->node);
	p->counts.waiting++;
	/* Only the first dial can go at once: the others wait for the same
	 * things. */
	if (p->waiting.next == &w->node)
		serve(p);
	if (list_empty(&w->node))
		return OK;
	if (p->counts.waiting > p->o.queue) {
		backend_pool_leave(p, w);
		p->counts.busy++;
		return ERR_LIMIT;
	}
	p->counts.held += !w->held;
	w->held = true;
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

	if (e == NULL || p->pause_until > c.now)
		return NULL;
	if (backend_connect_rate_try(p->o.connect_rate, c.now) > 0)
		return NULL;
	return begin(p, e);
}

uint64_t
backend_pool_share(struct backend_pool *p, const struct backend_waiter *w,
    uint64_t left_ms)
{
	struct backend_choice c = choice(p, w);
	uint64_t share = p->o.attempt_ms;

	if (share == 0) {
		/* Without the endpoint of this attempt: hence 1 more. */
		share = left_ms / (backend_pick_count(&c) + 1);
		if (share < p->o.timeout_ms / 4)
			share = p->o.timeout_ms / 4;
	}
	return share < left_ms ? share : left_ms;
}

/*
 * What tries and probes find out.
 */

/* Logs a change, unless the pool of another worker has done it. */
static void
log_state(struct backend_pool *p, struct backend_endpoint *e)
{
	bool up = e->state == BACKEND_UP;
	struct log_line line;

	if (up ? !backend_outage_end(&e->outage)
	       : !backend_outage_begin(p->o.outages, &e->outage, p->o.name,
		     e->text))
		return;
	log_begin(&line, up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    up ? "backend_up" : "backend_down");
	log_str(&line, "stage", "backend");
	log_str(&line, "backend", p->o.name);
	log_str(&line, "endpoint", e->text);
	if (!up)
		log_str(&line, "error", e->error);
	log_end(&line);
}

/* Cuts all back-offs short if no endpoint is up. */
static void
shorten_backoffs(struct backend_pool *p)
{
	uint64_t soon = loop_now(p->loop) + EAGER_MS -
	    backend_pool_random(p) % (EAGER_MS / 4);
	struct backend_endpoint *e;
	unsigned i;

	if (backend_pool_up(p))
		return;
	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = p->table.slots[i];
		if (e != NULL && e->state == BACKEND_DOWN && e->until > soon)
			e->until = soon;
	}
}

static void target_resolve_soon(struct target *t);

static void
note_failure(struct backend_pool *p, struct backend_endpoint *e,
    const char *why)
{
	struct backend_backoff backoff = { p->o.backoff_ms, p->o.backoff_max_ms,
		backend_pool_random(p) };

	if (backend_endpoint_failed(e, why, loop_now(p->loop), &backoff))
		log_state(p, e);
	shorten_backoffs(p);
	if (p->table.slots[e->slot] == e) {
		if (p->health[e->slot] == NULL)
			p->health[e->slot] = backend_health_start(p, e);
		backend_health_probe_soon(p->health[e->slot]);
	}
	target_resolve_soon(&p->targets[e->target]);
}

void
backend_pool_tried(struct backend_pool *p, struct backend_endpoint *e,
    enum backend_outcome outcome, const char *why)
{
	uint64_t now = loop_now(p->loop);

	switch (outcome) {
	case BACKEND_DIALLED:
		p->counts.dialled++;
		if (backend_endpoint_succeeded(e))
			log_state(p, e);
		break;
	case BACKEND_FAILED:
		note_failure(p, e, why);
		break;
	case BACKEND_FULL:
		if (e->state == BACKEND_TRIAL ||
		    backend_endpoint_full(e, now, now + PAUSE_MS) >
			BACKEND_FULL_MS)
			note_failure(p, e, why);
		break;
	case BACKEND_NO_FAULT:
		p->pause_until = now + PAUSE_MS;
		backend_endpoint_abandoned(e, now);
		break;
	case BACKEND_GIVEN_UP:
		backend_endpoint_abandoned(e, now);
		break;
	}
	backend_endpoint_put(e);
	serve(p);
}

void
backend_pool_probed(struct backend_pool *p, struct backend_endpoint *e,
    const char *why)
{
	if (why != NULL)
		note_failure(p, e, why);
	else if (backend_endpoint_revived(e))
		log_state(p, e);
	serve(p);
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

/*
 * The configured addresses.
 */

/* Starts the probes of all endpoints in the table, and stops all other probes.
 * If the options have no probes, note_failure() starts to watch an endpoint
 * that is down. */
static void
sync_health(struct backend_pool *p)
{
	struct backend_endpoint *e;
	size_t i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = p->table.slots[i];
		if (p->health[i] != NULL &&
		    backend_health_endpoint(p->health[i]) != e) {
			backend_health_cancel(p->health[i]);
			p->health[i] = NULL;
		}
		if (p->o.probe == CONFIG_PROBE_NONE)
			continue;
		if (e != NULL && p->health[i] == NULL)
			p->health[i] = backend_health_start(p, e);
		/* Without memory for a probe, the back-off must do. */
		if (e != NULL)
			e->probed = p->health[i] != NULL;
	}
}

/* The queue continues to wait while a lookup may bring endpoints. */
static void
note_resolving(struct backend_pool *p)
{
	size_t i;

	p->resolving = false;
	for (i = 0; i < p->target_count; i++)
		if (p->targets[i].lookup != NULL)
			p->resolving = true;
}

/* `list' is what the address stands for now. */
static void
target_found(struct target *t, const struct sockaddr_storage *list,
    size_t count)
{
	struct backend_pool *p = t->pool;
	size_t left_out = backend_table_merge(&p->table, t->index, list, count);

	if (left_out > 0)
		log_event(LOG_LEVEL_WARN, "backend_too_many",
		    "%s: %zu of %zu endpoints are not used: a pool has %d",
		    t->text, left_out, count, BACKEND_ENDPOINTS_MAX);
	sync_health(p);
}

static void
looked_up(void *arg, enum err err, const struct sockaddr_storage *list,
    size_t count, const char *why)
{
	struct sockaddr_storage with_port[BACKEND_LOOKUP_MAX];
	struct target *t = arg;
	size_t i;

	t->lookup = NULL;
	snprintf(t->error, sizeof(t->error), "%s", why);
	if (err == OK) {
		for (i = 0; i < count; i++) {
			with_port[i] = list[i];
			address_set_port(&with_port[i], t->port);
		}
		t->good = true;
		target_found(t, with_port, count);
	}
	timer_start(&t->timer,
	    t->good ? t->pool->o.resolve_ms : LOOKUP_RETRY_MS);
	note_resolving(t->pool);
	serve(t->pool);
}

/* Begins to resolve, and continues until target_fini(). A fixed address is
 * found inside this call. */
static void
target_start(struct target *t)
{
	enum err err;

	if (t->fixed.ss_family != AF_UNSPEC) {
		target_found(t, &t->fixed, 1);
		return;
	}
	if (t->lookup != NULL)
		return;
	t->asked = loop_now(t->pool->loop);
	err = backend_lookup_start(&t->lookup, t->pool->resolver, t->pool->loop,
	    t->host, looked_up, t);
	if (err != OK)
		looked_up(t, err, NULL, 0, err_text(err));
	note_resolving(t->pool);
}

static void
time_to_resolve(void *arg)
{
	target_start(arg);
}

/* An endpoint that the address stands for failed: resolves it again, unless
 * that was done just now. */
static void
target_resolve_soon(struct target *t)
{
	if (t->fixed.ss_family == AF_UNSPEC && t->lookup == NULL &&
	    loop_now(t->pool->loop) - t->asked >= LOOKUP_RETRY_MS)
		target_start(t);
}

/* ERR_CONFIG if `text' is not an address. Call target_fini() in any case. */
static enum err
target_init(struct target *t, struct backend_pool *p, const char *text)
{
	t->pool = p;
	timer_init(&t->timer, p->loop, time_to_resolve, t);
	t->text = strdup(text);
	if (t->text == NULL)
		return ERR_NO_MEMORY;
	if (backend_address_check(text) != OK)
		return ERR_CONFIG;
	if (address_parse(&t->fixed, text) == OK)
		return OK;
	memset(&t->fixed, 0, sizeof(t->fixed));
	return address_split(text, t->host, &t->port) == OK ? OK : ERR_CONFIG;
}

static void
target_fini(struct target *t)
{
	timer_stop(&t->timer);
	backend_lookup_cancel(t->lookup);
	free(t->text);
}

enum err
backend_address_check(const char *text)
{
	struct sockaddr_storage fixed;
	char host[ADDRESS_HOST_MAX];
	uint16_t port;

	if (address_parse(&fixed, text) == OK)
		return fixed.ss_family == AF_UNIX || address_port(&fixed) != 0
		    ? OK
		    : ERR_MALFORMED;
	if (text[0] == '[' || address_split(text, host, &port) != OK ||
	    port == 0)
		return ERR_MALFORMED;
	/* Digits and dots only, and not an address: a name never looks like
	 * that. */
	return strspn(host, "0123456789.") == strlen(host) ? ERR_MALFORMED : OK;
}

/*
 * Making and freeing a pool.
 */

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
	p->sources = calloc(o->source_count, sizeof(*p->sources));
	if (p->sources == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < o->source_count; i++)
		if (address_parse_host(&p->sources[i], o->sources[i]) != OK)
			return ERR_CONFIG;
	p->source_count = o->source_count;
	/* Not all workers should begin at the same one. */
	p->source_turn = backend_pool_random(p) % p->source_count;
	return OK;
}

static enum err
add_targets(struct backend_pool *p, const struct backend_options *o)
{
	struct target *t;
	enum err err;

	if (o->address_count == 0)
		return ERR_CONFIG;
	p->targets = calloc(o->address_count, sizeof(*p->targets));
	if (p->targets == NULL)
		return ERR_NO_MEMORY;
	while (p->target_count < o->address_count) {
		t = &p->targets[p->target_count];
		t->index = (unsigned)p->target_count;
		err = target_init(t, p, o->addresses[p->target_count++]);
		if (err != OK)
			return err;
	}
	return OK;
}

enum err
backend_pool_new(struct backend_pool **out, struct loop *loop,
    struct backend_resolver *resolver, const struct backend_options *options)
{
	struct hash_key seed = hash_key_random();
	struct backend_pool *p = calloc(1, sizeof(*p));
	enum err err;
	size_t i;

	if (p == NULL)
		return ERR_NO_MEMORY;
	p->users = 1;
	p->loop = loop;
	p->resolver = resolver;
	p->random_state = seed.k0;
	p->turn = seed.k1; /* not all workers should begin at the same one */
	list_init(&p->waiting);
	timer_init(&p->timer, loop, time_to_serve, p);
	err = copy_options(p, options);
	if (err == OK)
		err = add_sources(p, options);
	if (err == OK)
		err = add_targets(p, options);
	if (err != OK) {
		backend_pool_put(p);
		return err;
	}
	for (i = 0; i < p->target_count; i++)
		target_start(&p->targets[i]);
	*out = p;
	return OK;
}

static void
pool_free(void *memory)
{
	struct backend_pool *p = memory;

	backend_connect_rate_put(p->o.connect_rate);
	free(p->targets);
	free(p->sources);
	free((char *)p->o.name);
	free((char *)p->o.probe_client_id);
	free((char *)p->o.probe_username);
	free((char *)p->o.probe_password);
	free(p);
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
	timer_stop(&p->timer);
	for (i = 0; i < p->target_count; i++)
		target_fini(&p->targets[i]);
	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++)
		backend_health_cancel(p->health[i]);
	backend_table_fini(&p->table);
	loop_free_later(p->loop, &p->garbage, p, pool_free);
}

/*
 * What others ask.
 */

static void
report(const struct backend_pool *p, const struct target *t,
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
			report(p, &p->targets[i], NULL, each, arg);
		for (slot = 0; slot < BACKEND_ENDPOINTS_MAX; slot++) {
			e = p->table.slots[slot];
			if (e != NULL && e->target == i)
				report(p, &p->targets[i], e, each, arg);
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

const struct sockaddr_storage *
backend_pool_source(struct backend_pool *p, sa_family_t family)
{
	size_t i;

	for (i = 0; i < p->source_count; i++) {
		p->source_turn = (p->source_turn + 1) % p->source_count;
		if (p->sources[p->source_turn].ss_family == family)
			return &p->sources[p->source_turn];
	}
	return NULL;
}

size_t
backend_pool_source_count(const struct backend_pool *p)
{
	return p->source_count;
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
