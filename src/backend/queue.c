#include "backend/queue.h"

#include "base/hash.h"
#include "base/log.h"

/* While no endpoint is up dials are waiting, so none is left alone for longer:
 * one try a second hurts nobody. */
#define EAGER_MS 1000

/* How long all wait after a try failed for want of something of ours. */
#define REST_MS 50

uint32_t
backend_queue_noise(struct backend_queue *q)
{
	return (uint32_t)(hash_next(&q->noise) >> 32);
}

static struct backend_choice
choice(struct backend_queue *q, const struct backend_waiter *w)
{
	struct backend_choice c = {
		.slots = q->table->slots,
		.balance = q->o->balance,
		.hold = q->o->hold,
		.hash = w->hash,
		.tried = w->tried,
		.turn = q->turn,
		.now = loop_now(q->loop),
	};

	return c;
}

/* Begins a try at `e' and counts it for the caller. */
static struct backend_endpoint *
begin(struct backend_queue *q, struct backend_endpoint *e)
{
	q->turn++;
	backend_endpoint_begin(e);
	return backend_endpoint_get(e);
}

static void
pump_at(struct backend_queue *q, uint64_t when)
{
	uint64_t now = loop_now(q->loop);

	if (when != UINT64_MAX)
		timer_start(&q->timer, when > now ? when - now : 1);
}

/* The first of the queue goes to `e', or hears that there is none. */
static void
dismiss(struct backend_queue *q, struct backend_endpoint *e)
{
	struct backend_waiter *w =
	    list_entry(q->waiting.next, struct backend_waiter, node);

	backend_queue_leave(q, w);
	w->go(w, e);
}

/* Serves the first of the queue; false when all have to wait on. */
static bool
serve(struct backend_queue *q)
{
	struct backend_waiter *w =
	    list_entry(q->waiting.next, struct backend_waiter, node);
	struct backend_choice c = choice(q, w);
	struct backend_endpoint *e;
	uint64_t wait;

	if (q->rest_until > c.now) {
		pump_at(q, q->rest_until);
		return false;
	}
	e = backend_pick(&c);
	/* One that has tried them all does not wait for what a name might
	 * stand for next: those behind it may have one left to try. */
	if (e == NULL && q->o->hold == BACKEND_REFUSE &&
	    (!q->resolving || w->tried != 0)) {
		dismiss(q, NULL);
		return true;
	}
	if (e == NULL) {
		pump_at(q, backend_table_next(q->table));
		return false;
	}
	wait = backend_connect_rate_try(q->o->connect_rate, c.now);
	if (wait > 0) {
		pump_at(q, c.now + wait);
		return false;
	}
	dismiss(q, begin(q, e));
	return true;
}

void
backend_queue_pump(struct backend_queue *q)
{
	while (!list_empty(&q->waiting) && serve(q))
		;
}

static void
fired(void *arg)
{
	backend_queue_pump(arg);
}

void
backend_queue_init(struct backend_queue *q, struct loop *loop,
    const struct backend_options *o, struct backend_table *table)
{
	struct hash_key seed = hash_key_random();

	memset(q, 0, sizeof(*q));
	q->loop = loop;
	q->o = o;
	q->table = table;
	q->noise = seed.k0;
	q->turn = seed.k1; /* workers should not all begin at the same one */
	list_init(&q->waiting);
	timer_init(&q->timer, loop, fired, q);
}

void
backend_queue_fini(struct backend_queue *q)
{
	timer_stop(&q->timer);
}

enum err
backend_queue_wait(struct backend_queue *q, struct backend_waiter *w)
{
	list_append(&q->waiting, &w->node);
	q->counts.waiting++;
	/* Only the first can go at once: the others wait for the same. */
	if (q->waiting.next == &w->node)
		backend_queue_pump(q);
	if (list_empty(&w->node))
		return OK;
	if (q->counts.waiting > q->o->queue) {
		backend_queue_leave(q, w);
		q->counts.busy++;
		return ERR_LIMIT;
	}
	q->counts.held += !w->held;
	w->held = true;
	return OK;
}

void
backend_queue_leave(struct backend_queue *q, struct backend_waiter *w)
{
	if (list_empty(&w->node))
		return;
	list_remove(&w->node);
	q->counts.waiting--;
}

struct backend_endpoint *
backend_queue_next(struct backend_queue *q, const struct backend_waiter *w)
{
	struct backend_choice c = choice(q, w);
	struct backend_endpoint *e = backend_pick(&c);

	if (e == NULL || q->rest_until > c.now)
		return NULL;
	if (backend_connect_rate_try(q->o->connect_rate, c.now) > 0)
		return NULL;
	return begin(q, e);
}

uint64_t
backend_queue_share(struct backend_queue *q, const struct backend_waiter *w,
    uint64_t left_ms)
{
	struct backend_choice c = choice(q, w);
	uint64_t share;

	if (q->o->attempt_ms != 0)
		return q->o->attempt_ms < left_ms ? q->o->attempt_ms : left_ms;
	/* What is being tried now is not in the count any more. */
	share = left_ms / (backend_pick_count(&c) + 1);
	if (share < q->o->timeout_ms / 4)
		share = q->o->timeout_ms / 4;
	return share < left_ms ? share : left_ms;
}

static void
log_state(struct backend_queue *q, const struct backend_endpoint *e)
{
	bool up = e->state == BACKEND_UP;
	struct log_line line;

	log_begin(&line, up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    up ? "backend_up" : "backend_down");
	log_str(&line, "stage", "backend");
	log_str(&line, "backend", q->o->name);
	log_str(&line, "endpoint", e->text);
	if (!up)
		log_str(&line, "error", e->error);
	log_end(&line);
}

/* Cuts all back-offs short when there is nothing else to go to. */
static void
look_again(struct backend_queue *q)
{
	uint64_t soon = loop_now(q->loop) + EAGER_MS -
	    backend_queue_noise(q) % (EAGER_MS / 4);
	struct backend_endpoint *e;
	unsigned i;

	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = q->table->slots[i];
		if (e != NULL && e->state == BACKEND_UP)
			return;
	}
	for (i = 0; i < BACKEND_ENDPOINTS_MAX; i++) {
		e = q->table->slots[i];
		if (e != NULL && e->state == BACKEND_DOWN && e->until > soon)
			e->until = soon;
	}
}

static void
note_failure(struct backend_queue *q, struct backend_endpoint *e,
    const char *why)
{
	if (backend_endpoint_failed(e, why, loop_now(q->loop), q->o->backoff_ms,
		q->o->backoff_max_ms, backend_queue_noise(q)))
		log_state(q, e);
	look_again(q);
	q->failed(q->arg, e);
}

void
backend_queue_note(struct backend_queue *q, struct backend_endpoint *e,
    enum backend_outcome outcome, const char *why)
{
	uint64_t now = loop_now(q->loop);

	switch (outcome) {
	case BACKEND_DIALLED:
		q->counts.dialled++;
		if (backend_endpoint_succeeded(e))
			log_state(q, e);
		break;
	case BACKEND_FAILED:
		note_failure(q, e, why);
		break;
	case BACKEND_NO_FAULT:
		q->rest_until = now + REST_MS;
		backend_endpoint_abandoned(e, now);
		break;
	case BACKEND_GIVEN_UP:
		backend_endpoint_abandoned(e, now);
		break;
	}
	backend_endpoint_put(e);
	backend_queue_pump(q);
}

void
backend_queue_probed(struct backend_queue *q, struct backend_endpoint *e,
    const char *why)
{
	if (why != NULL)
		note_failure(q, e, why);
	else if (backend_endpoint_revived(e))
		log_state(q, e);
	backend_queue_pump(q);
}
