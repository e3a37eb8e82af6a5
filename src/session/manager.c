/* SPDX-License-Identifier: ISC */
#include "session/manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/options.h"
#include "session/session.h"
#include "session/sweep.h"

/* How often certificates are checked for expiry. */
#define TICK_MS 1000

/* All sessions are checked in slices, between which others run. Reading
 * the clock takes as long as a session. */
#define SLICE_MS 1
#define SLICE_LEAST 16
#define PAUSE_MS 1

/* In how many of these ticks each session's peers are checked once. */
#define CHECK_TICKS 16

/* Replaced sessions are collected for this long before they are dismissed. That
 * walks over all sessions, and a device that reconnects without a pause must
 * not keep the worker busy with it. */
#define DISMISS_MS 20

/* How often a drain dismisses sessions. */
#define DRAIN_STEP_MS 50

/* How many clients linger at once after a session. Each has given back the
 * descriptor of its broker. */
#define LINGER_MAX 1024

/* More than the kernels buffer of bytes that a broker has sent and no client
 * will read. */
#define BROKER_LINGER_BYTES (16 * 1024 * 1024)

/*
 * The snapshot and its broker pools.
 */

static void
put_pools(struct backend_pool **pools, size_t count)
{
	size_t i;

	for (i = 0; pools != NULL && i < count; i++)
		backend_pool_put(pools[i]);
	free(pools);
}

/*
 * Makes the pool of the i'th [backend] of `snapshot'. If the section has not
 * changed, the present pool is used on, because it knows which brokers are up.
 * A new pool has to find that out first, and until then this daemon, and every
 * other one that gets the same change, would not be ready.
 *
 * The probe's ClientID ends with the worker's number, or the probes of two
 * workers would take over each other's session at the broker.
 */
static enum err
make_pool(struct session_manager *m, struct backend_pool **out,
    const struct snapshot *snapshot, size_t i)
{
	const struct config_backend *b = &snapshot->config->backend[i];
	const struct config_backend *old = NULL;
	struct backend_options o;
	char client_id[256];

	if (m->snapshot != NULL)
		old = config_backend_before(m->snapshot->config,
		    snapshot->config, i);
	if (old != NULL) {
		*out = backend_pool_get(m->pools[old->head.index]);
		return OK;
	}
	options_backend(&o, snapshot->config, b);
	snprintf(client_id, sizeof(client_id), "%s-%u", b->probe_clientid,
	    m->index);
	o.probe_client_id = client_id;
	o.flows = m->flows;
	o.outages = m->outages;
	o.connect_rate = snapshot->connect_rate[i];
	return backend_pool_new(out, m->loop, m->resolver, &o);
}

/* Makes the pools of `snapshot' and puts both in force; on error nothing has
 * changed. */
static enum err
take_snapshot(struct session_manager *m, struct snapshot *snapshot)
{
	const struct config *cfg = snapshot->config;
	struct backend_pool **pools =
	    calloc(cfg->backend_count, sizeof(struct backend_pool *));
	enum err err = pools == NULL ? ERR_NO_MEMORY : OK;
	size_t i;

	for (i = 0; err == OK && i < cfg->backend_count; i++)
		err = make_pool(m, &pools[i], snapshot, i);
	if (err != OK) {
		put_pools(pools, pools == NULL ? 0 : cfg->backend_count);
		return err;
	}
	put_pools(m->pools, m->pool_count);
	m->pools = pools;
	m->pool_count = cfg->backend_count;
	snapshot_put(m->snapshot);
	m->snapshot = snapshot_get(snapshot);
	loop_set_batching(m->loop, (uint32_t)cfg->daemon.batch_delay);
	return OK;
}

/*
 * Walks.
 */

void
session_walk_start(struct session_manager *m, struct session_walk *w)
{
	list_init(&w->node);
	list_append(&m->walks, &w->node);
	w->next = m->sessions.next;
	w->end = m->next_id;
}

struct session *
session_walk_next(struct session_manager *m, struct session_walk *w)
{
	struct session *s;

	if (w->next != &m->sessions) {
		s = list_entry(w->next, struct session, node);
		w->next = s->node.next;
		if (s->id < w->end)
			return s;
	}
	session_walk_stop(w);
	return NULL;
}

void
session_walk_stop(struct session_walk *w)
{
	list_remove(&w->node);
}

void
session_walk_skip(struct session_manager *m, const struct session *s)
{
	struct session_walk *w;
	struct list *node;
	struct list *next;

	list_each(node, next, &m->walks) {
		w = list_entry(node, struct session_walk, node);
		if (w->next == &s->node)
			w->next = s->node.next;
	}
}

/*
 * Expiry, and the byte counters.
 */

static void
check_session(struct session_tick *t, struct session *s)
{
	if (s->identity == NULL || s->ended)
		return;
	if (s->stage == STAGE_RELAY) {
		t->up += s->relay.up.bytes;
		t->down += s->relay.down.bytes;
	}
	if (sweep_is_expired(s, t->now))
		session_dismiss(s, REASON_RELAY_EXPIRED, NULL);
	if (s->stage == STAGE_RELAY && !s->ended &&
	    s->id % CHECK_TICKS == t->count % CHECK_TICKS)
		session_check_peers(s);
}

/* True if the check that is under way has passed the session. */
static bool
was_checked(const struct session_manager *m, const struct session *s)
{
	const struct session_walk *w = &m->tick.walk;

	return m->tick.walking && s->id < w->end &&
	    (w->next == &m->sessions ||
		s->id < list_entry(w->next, struct session, node)->id);
}

void
session_manager_count_end(struct session_manager *m, const struct session *s)
{
	if (!was_checked(m, s))
		return;
	m->tick.up -= s->relay.up.bytes;
	m->tick.down -= s->relay.down.bytes;
}

static void
end_tick(struct session_manager *m)
{
	struct counters *c = &m->counters;

	m->tick.walking = false;
	m->tick.count++;
	counter_set(&c->total_bytes_up, counter_get(&c->bytes_up) + m->tick.up);
	counter_set(&c->total_bytes_down,
	    counter_get(&c->bytes_down) + m->tick.down);
	audit_tick(&m->audit);
	timer_start(&m->tick.timer, TICK_MS);
}

/* Runs every second, and for each slice. The wall clock may be set at any time,
 * so it is read here instead of starting a timer for a date. */
static void
tick(void *arg)
{
	uint64_t end = clock_mono_ms() + SLICE_MS;
	struct session_manager *m = arg;
	struct session_tick *t = &m->tick;
	struct session *s;
	unsigned n = 0;

	if (!t->walking) {
		t->walking = true;
		t->now = clock_wall_s();
		t->up = 0;
		t->down = 0;
		session_walk_start(m, &t->walk);
	}
	while ((s = session_walk_next(m, &t->walk)) != NULL) {
		check_session(t, s);
		if (++n % SLICE_LEAST == 0 && clock_mono_ms() >= end) {
			timer_start(&t->timer, PAUSE_MS);
			return;
		}
	}
	end_tick(m);
}

/*
 * Beginning, reload and end.
 */

static void drain_step(void *arg);
static void dismiss_replaced(void *arg);
static void dismiss_soon(struct loop_message *message);

enum err
session_manager_init(struct session_manager *m,
    const struct session_manager_options *o)
{
	memset(m, 0, sizeof(*m));
	list_init(&m->sessions);
	list_init(&m->walks);
	m->sweep_next = &m->sessions;
	linger_set_init(&m->lingering, LINGER_MAX, LINGER_BYTES);
	linger_set_init(&m->refused, o->lingering, LINGER_BYTES);
	linger_set_init(&m->unauthenticated, o->lingering, LINGER_BYTES);
	linger_set_init(&m->lingering_brokers, SIZE_MAX, BROKER_LINGER_BYTES);
	m->throttle = o->throttle;
	m->cert_sessions = o->cert_sessions;
	m->client_ids = o->client_ids;
	m->memory = o->memory;
	m->flows = o->flows;
	m->outages = o->outages;
	m->resolver = o->resolver;
	m->index = o->index;
	m->workers = o->workers;
	m->dismiss_message.run = dismiss_soon;
	m->next_id = o->index + 1;
	audit_init(&m->audit);
	m->loop = loop_new();
	if (m->loop == NULL)
		return ERR_NO_MEMORY;
	pending_queue_init(&m->handshakes, m->throttle, m->loop,
	    session_end_pending);
	timer_init(&m->drain, m->loop, drain_step, m);
	timer_init(&m->tick.timer, m->loop, tick, m);
	timer_init(&m->dismiss_timer, m->loop, dismiss_replaced, m);
	timer_init(&m->sweep, m->loop, sweep_step, m);
	timer_start(&m->tick.timer, TICK_MS);
	return take_snapshot(m, o->snapshot);
}

void
session_manager_fini(struct session_manager *m)
{
	struct list *node;
	struct list *next;

	m->empty = NULL;
	list_each(node, next, &m->sessions)
		session_kill(list_entry(node, struct session, node),
		    REASON_RELAY_DRAINED);
	audit_tick(&m->audit);
	linger_end_all(&m->lingering);
	linger_end_all(&m->refused);
	linger_end_all(&m->unauthenticated);
	linger_end_all(&m->lingering_brokers);
	put_pools(m->pools, m->pool_count);
	free(m->deny_filters.all);
	if (m->loop != NULL) {
		pending_queue_fini(&m->handshakes);
		timer_stop(&m->drain);
		timer_stop(&m->tick.timer);
		timer_stop(&m->dismiss_timer);
		timer_stop(&m->sweep);
	}
	loop_free(m->loop);
	snapshot_put(m->snapshot);
}

enum err
session_manager_reload(struct session_manager *m, struct snapshot *snapshot)
{
	unsigned what = sweep_find(m->snapshot, snapshot);
	enum err err = take_snapshot(m, snapshot);

	if (err == OK && what != 0)
		sweep_start(m, what);
	return err;
}

/*
 * Drain. Idle sessions leave first, the oldest of them before the others. A
 * session that transfers something is held back: a client that has sent a part
 * of a packet may complete it, and gets the answer. The last step dismisses all
 * that are left.
 */

/* How long a session has to be idle, from the beginning of the drain on. */
#define DRAIN_IDLE_MS 200

/* How long after the last byte of a session that was not idle. This is for the
 * broker's answer. */
#define DRAIN_ANSWER_MS 1000

/* For how long at most a session is held back that is always busy, but between
 * two packets. */
#define DRAIN_BUSY_MS 3000

/* True if the session may be dismissed now. Its times and counts have 32 bits:
 * only their differences matter. */
static bool
may_leave(struct session *s, uint64_t now_ms)
{
	uint32_t now = (uint32_t)now_ms;
	uint32_t bytes = (uint32_t)(s->relay.up.bytes + s->relay.down.bytes);
	bool within = relay_is_within_packet(&s->relay);

	if (s->stage != STAGE_RELAY)
		return true;
	if (!s->draining) {
		s->draining = true;
		s->drain_since = now;
		s->drain_ready = now + DRAIN_IDLE_MS;
	} else if (bytes != s->drain_bytes) {
		s->drain_ready = now + DRAIN_ANSWER_MS;
	}
	s->drain_bytes = bytes;
	if (within)
		s->drain_ready = now + DRAIN_ANSWER_MS;
	return (int32_t)(now - s->drain_ready) >= 0 ||
	    (!within && now - s->drain_since >= DRAIN_BUSY_MS);
}

/* The number of sessions that are to leave in this step, of `steps' that are
 * left. */
static size_t
find_due(struct session_manager *m, size_t steps)
{
	size_t due;

	if (!m->drain_evenly || steps == 1)
		return (m->session_count + steps - 1) / steps;
	m->drain_due += (double)m->session_count / (double)steps;
	due = (size_t)m->drain_due;
	m->drain_due -= (double)due;
	return due;
}

/* Dismisses as many sessions as it takes to be done at drain_end. */
static void
drain_step(void *arg)
{
	struct session_manager *m = arg;
	uint64_t now = loop_now(m->loop);
	uint64_t left = now < m->drain_end ? m->drain_end - now : 0;
	size_t steps = (size_t)(left / DRAIN_STEP_MS) + 1;
	size_t due = find_due(m, steps);
	struct list *node;
	struct list *next;
	struct session *s;

	list_each(node, next, &m->sessions) {
		if (due == 0)
			break;
		s = list_entry(node, struct session, node);
		if (session_is_leaving(s) || (!may_leave(s, now) && steps > 1))
			continue;
		due--;
		session_dismiss(s, REASON_RELAY_DRAINED, NULL);
	}
	if (m->session_count + m->lingering.count + m->refused.count +
		m->unauthenticated.count + m->lingering_brokers.count ==
	    0)
		m->empty(m);
	else
		timer_start(&m->drain, DRAIN_STEP_MS);
}

void
session_manager_drain(struct session_manager *m, uint64_t ms,
    void (*empty)(struct session_manager *))
{
	m->empty = empty;
	m->drain_evenly = false;
	m->drain_end = loop_now(m->loop) + ms;
	drain_step(m);
}

void
session_manager_drain_evenly(struct session_manager *m, uint64_t ms,
    void (*empty)(struct session_manager *))
{
	m->empty = empty;
	m->drain_evenly = true;
	m->drain_due = 0;
	m->drain_end = loop_now(m->loop) + ms;
	drain_step(m);
}

void
session_manager_drain_sooner(struct session_manager *m, uint64_t ms)
{
	uint64_t end = loop_now(m->loop) + ms;

	/* The next step handles it. If `empty' was called, there is no next
	 * step. */
	m->drain_evenly = false;
	if (end < m->drain_end)
		m->drain_end = end;
}

/*
 * A certificate has more sessions than it may have, so a new one replaces an
 * old one. Another worker marks the old session; this one dismisses it.
 */

static void
dismiss_replaced(void *arg)
{
	struct session_manager *m = arg;
	struct list *node;
	struct list *next;
	struct session *s;

	/* A session that is marked from now on posts a new message. This is an
	 * exchange, so that the marks set before it are visible below. */
	(void)atomic_exchange(&m->dismiss_posted, false);
	list_each(node, next, &m->sessions) {
		s = list_entry(node, struct session, node);
		if (atomic_load_explicit(&s->member.replaced,
			memory_order_relaxed))
			session_dismiss(s, REASON_RELAY_REPLACED, NULL);
	}
}

/* On the worker's own thread. */
static void
dismiss_soon(struct loop_message *message)
{
	struct session_manager *m =
	    list_entry(message, struct session_manager, dismiss_message);

	timer_start(&m->dismiss_timer, DISMISS_MS);
}

void
session_manager_dismiss_replaced(struct session_manager *m)
{
	if (!atomic_exchange(&m->dismiss_posted, true))
		loop_post(m->loop, &m->dismiss_message);
}
