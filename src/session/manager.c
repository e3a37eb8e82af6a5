#include "session/manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/audit.h"
#include "session/options.h"
#include "session/session.h"
#include "session/sweep.h"

/* How often the clock is held against the certificates' ends; also the step
 * in which a drain sends sessions away. */
#define TICK_MS 1000

/* Evictions gather for so long: each look goes over all sessions, and a device
 * that comes again and again must not make the door do nothing else. */
#define EVICT_MS 20
#define DRAIN_STEP_MS 50

/* More than the kernels hold of what a broker has sent and nobody will read. */
#define PARTING_BYTES (16 * 1024 * 1024)

static void
put_pools(struct backend_pool **pools, size_t count)
{
	size_t i;

	for (i = 0; pools != NULL && i < count; i++)
		backend_pool_put(pools[i]);
	free(pools);
}

/*
 * The pool of a profile for which nothing changes goes on: it knows which
 * brokers are up, and where. A new one would have to ask, and until then this
 * daemon, and with it all others that the same change reaches, would not be
 * ready.
 *
 * A probe must not take over another worker's, so its ClientID is told apart
 * by the worker's number.
 */
static enum err
make_pool(struct session_manager *d, struct backend_pool **out,
    const struct snapshot *snapshot, size_t i)
{
	const struct config_backend *b = &snapshot->config->backend[i];
	const struct config_backend *old = NULL;
	struct backend_options o;
	char client_id[256];

	if (d->snapshot != NULL)
		old = config_backend_before(d->snapshot->config,
		    snapshot->config, i);
	if (old != NULL) {
		*out = backend_pool_get(d->pools[old->head.index]);
		return OK;
	}
	options_backend(&o, snapshot->config, b);
	snprintf(client_id, sizeof(client_id), "%s-%u", b->probe_clientid,
	    d->index);
	o.probe_client_id = client_id;
	o.flows = d->flows;
	o.connect_rate = snapshot->connect_rate[i];
	return backend_pool_new(out, d->loop, d->resolver, &o);
}

/* Makes the pools of `snapshot' and puts both in force, or changes nothing. */
static enum err
take_snapshot(struct session_manager *d, struct snapshot *snapshot)
{
	const struct config *cfg = snapshot->config;
	struct backend_pool **pools =
	    calloc(cfg->backend_count, sizeof(struct backend_pool *));
	enum err err = pools == NULL ? ERR_NO_MEMORY : OK;
	size_t i;

	for (i = 0; err == OK && i < cfg->backend_count; i++)
		err = make_pool(d, &pools[i], snapshot, i);
	if (err != OK) {
		put_pools(pools, pools == NULL ? 0 : cfg->backend_count);
		return err;
	}
	put_pools(d->pools, d->pool_count);
	d->pools = pools;
	d->pool_count = cfg->backend_count;
	snapshot_put(d->snapshot);
	d->snapshot = snapshot_get(snapshot);
	loop_set_batching(d->loop, (uint32_t)cfg->daemon.batch_delay);
	return OK;
}

/* Time may jump, so the wall clock is asked each time and no timer is set for
 * a date. */
static void
tick(void *arg)
{
	struct session_manager *d = arg;
	struct counters *c = &d->counters;
	int64_t now = clock_wall_s();
	uint64_t down = 0;
	uint64_t up = 0;
	struct list *node;
	struct list *next;
	struct session *s;

	list_each(node, next, &d->sessions) {
		s = list_entry(node, struct session, node);
		if (s->stage != STAGE_RELAY)
			continue;
		if (sweep_is_expired(s, now))
			session_dismiss(s, REASON_RELAY_EXPIRED, NULL);
		if (s->over)
			continue;
		up += s->relay.up.bytes;
		down += s->relay.down.bytes;
	}
	counter_set(&c->moved_up, counter_get(&c->bytes_up) + up);
	counter_set(&c->moved_down, counter_get(&c->bytes_down) + down);
	timer_start(&d->tick, TICK_MS);
}

static void send_away(void *arg);
static void evict(void *arg);
static void evict_soon(struct loop_message *m);

enum err
session_manager_init(struct session_manager *d, struct snapshot *snapshot,
    struct throttle *throttle, struct cert_sessions *cert_sessions,
    struct backend_flows *flows, unsigned index)
{
	memset(d, 0, sizeof(*d));
	list_init(&d->sessions);
	d->sweep_next = &d->sessions;
	linger_set_init(&d->lingering, LINGER_MAX, LINGER_BYTES);
	linger_set_init(&d->parting, SIZE_MAX, PARTING_BYTES);
	d->throttle = throttle;
	d->cert_sessions = cert_sessions;
	d->flows = flows;
	d->index = index;
	d->eviction.run = evict_soon;
	d->next_id = ((uint64_t)index << 48) + 1;
	ratelimit_init(&d->refusals, AUDIT_REFUSALS_A_SECOND,
	    AUDIT_REFUSALS_A_SECOND);
	d->loop = loop_new();
	if (d->loop == NULL)
		return ERR_NO_MEMORY;
	timer_init(&d->drain, d->loop, send_away, d);
	timer_init(&d->tick, d->loop, tick, d);
	timer_init(&d->evict, d->loop, evict, d);
	timer_init(&d->sweep, d->loop, sweep_step, d);
	timer_start(&d->tick, TICK_MS);
	d->resolver = backend_resolver_new(d->loop, NULL);
	if (d->resolver == NULL)
		return ERR_NO_MEMORY;
	return take_snapshot(d, snapshot);
}

void
session_manager_fini(struct session_manager *d)
{
	struct list *node;
	struct list *next;

	d->empty = NULL;
	list_each(node, next, &d->sessions)
		session_kill(list_entry(node, struct session, node),
		    REASON_RELAY_DRAINED);
	linger_end_all(&d->lingering);
	linger_end_all(&d->parting);
	put_pools(d->pools, d->pool_count);
	backend_resolver_free(d->resolver);
	if (d->loop != NULL) {
		timer_stop(&d->drain);
		timer_stop(&d->tick);
		timer_stop(&d->evict);
		timer_stop(&d->sweep);
	}
	loop_free(d->loop);
	snapshot_put(d->snapshot);
}

enum err
session_manager_reload(struct session_manager *d, struct snapshot *snapshot)
{
	unsigned what = sweep_find(d->snapshot, snapshot);
	enum err err = take_snapshot(d, snapshot);

	if (err == OK && what != 0)
		sweep_start(d, what);
	return err;
}

/* Sends away as many as it takes to be done in time, the oldest first; and
 * when all are gone and have read their last words it is over. */
static void
send_away(void *arg)
{
	struct session_manager *d = arg;
	uint64_t now = loop_now(d->loop);
	uint64_t left = now < d->drain_end ? d->drain_end - now : 0;
	size_t steps = (size_t)(left / DRAIN_STEP_MS) + 1;
	size_t due = (d->session_count + steps - 1) / steps;
	struct list *node;
	struct list *next;
	struct session *s;

	list_each(node, next, &d->sessions) {
		if (due == 0)
			break;
		s = list_entry(node, struct session, node);
		if (session_is_leaving(s))
			continue;
		due--;
		session_dismiss(s, REASON_RELAY_DRAINED, NULL);
	}
	if (d->session_count + d->lingering.count + d->parting.count == 0)
		d->empty(d);
	else
		timer_start(&d->drain, DRAIN_STEP_MS);
}

void
session_manager_drain(struct session_manager *d, uint64_t ms,
    void (*empty)(struct session_manager *))
{
	d->empty = empty;
	d->drain_end = loop_now(d->loop) + ms;
	send_away(d);
}

/* On the door's thread. */
static void
evict_soon(struct loop_message *m)
{
	struct session_manager *d =
	    list_entry(m, struct session_manager, eviction);

	timer_start(&d->evict, EVICT_MS);
}

static void
evict(void *arg)
{
	struct session_manager *d = arg;
	struct list *node;
	struct list *next;
	struct session *s;

	/* Who is marked from now on asks anew; an exchange, so that who was
	 * marked before is seen below. */
	(void)atomic_exchange(&d->evicting, false);
	list_each(node, next, &d->sessions) {
		s = list_entry(node, struct session, node);
		if (atomic_load_explicit(&s->line.evicted,
			memory_order_relaxed))
			session_dismiss(s, REASON_RELAY_REPLACED, NULL);
	}
}

void
session_manager_evict(struct session_manager *d)
{
	if (!atomic_exchange(&d->evicting, true))
		loop_post(d->loop, &d->eviction);
}
