/* SPDX-License-Identifier: ISC */
/*
 * The sessions of certificates on several workers at once, with a fleet on the
 * main thread that answers requests and ends sessions: the limit holds at each
 * moment, each answer finds its session or none, and nothing is left. The
 * thread sanitizer watches.
 */
#include "session/cert_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "session/manager.h"
#include "tap.h"

#define WORKERS 4
#define SLOTS 6 /* sessions of a worker */
#define CERTS 5
#define MOST 3
#define STEPS 3000

struct slot {
	struct cert_sessions_member member; /* first: cast from it */
	struct worker *worker;
	bool used;
	bool waits; /* for an answer */
};

struct worker {
	struct session_manager manager; /* only what a replacement needs */
	pthread_t thread;
	uint32_t random;
	unsigned step;
	struct slot slots[SLOTS];
	struct loop_message next; /* its next step */
	struct loop_message finished; /* to the main thread: no more steps */
	struct loop_message stop; /* from it */
	unsigned added, full, asked, answered, dropped, replaced, odd;
};

static struct cert_sessions *all;
static struct loop *loop;
static struct worker workers[WORKERS];
static uint32_t chance = 12345;
static unsigned working = WORKERS;
static unsigned taken, changes, over;

static uint32_t
draw(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525 + 1013904223;
	return (*random >> 8) % below;
}

static void
certificate(uint8_t sha256[32], uint32_t n)
{
	memset(sha256, (int)(n * 41 + 1), 32);
}

/*
 * Workers.
 */

static void
end(struct slot *s)
{
	struct worker *w = s->worker;

	w->dropped += s->waits;
	cert_sessions_remove(&s->member);
	w->odd += s->member.request != NULL || s->member.entry != NULL;
	memset(&s->member, 0, sizeof(s->member));
	s->used = false;
	s->waits = false;
}

static void
answered(struct cert_sessions_member *member,
    const struct cert_sessions_request *request)
{
	struct slot *s = (struct slot *)(void *)member;

	s->worker->answered++;
	s->worker->odd += !s->used || !s->waits;
	s->waits = false;
	if (request->answer == CERT_SESSIONS_FULL)
		end(s);
}

static void
begin(struct slot *s)
{
	struct worker *w = s->worker;
	struct cert_sessions_limit limit = { MOST,
		draw(&w->random, 2) == 0 ? CERT_SESSIONS_REFUSE
					 : CERT_SESSIONS_KICK_OLDEST };
	struct cert_sessions_request request = { .home = w->manager.loop,
		.answered = answered,
		.limit = limit,
		.waits = draw(&w->random, 2) == 0 };
	struct cert_sessions_result result;

	certificate(request.sha256, draw(&w->random, CERTS));
	s->member.manager = &w->manager;
	if (cert_sessions_add(all, &s->member, request.sha256, &limit,
		&result) != OK)
		abort();
	w->full += result.full;
	if (result.full)
		return;
	w->added++;
	w->odd += result.count == 0 || result.count > MOST;
	s->used = true;
	request.count = result.count;
	if (cert_sessions_ask(&s->member, &request) != OK)
		abort();
	w->asked++;
	s->waits = true;
}

static void
step(struct loop_message *m)
{
	struct worker *w = list_entry(m, struct worker, next);
	struct slot *s = &w->slots[draw(&w->random, SLOTS)];
	size_t i;

	if (s->used)
		end(s);
	else
		begin(s);
	if (++w->step < STEPS) {
		loop_post(w->manager.loop, &w->next);
		return;
	}
	for (i = 0; i < SLOTS; i++)
		if (w->slots[i].used)
			end(&w->slots[i]);
	loop_post(loop, &w->finished);
}

/* As session_manager_dismiss_replaced()'s message does it. */
static void
dismiss(struct loop_message *m)
{
	struct worker *w =
	    list_entry(m, struct worker, manager.dismiss_message);
	size_t i;

	(void)atomic_exchange(&w->manager.dismiss_posted, false);
	for (i = 0; i < SLOTS; i++) {
		if (!w->slots[i].used ||
		    !atomic_load(&w->slots[i].member.replaced))
			continue;
		w->replaced++;
		end(&w->slots[i]);
	}
}

static void
stop(struct loop_message *m)
{
	loop_stop(list_entry(m, struct worker, stop)->manager.loop);
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	loop_run(w->manager.loop);
	return NULL;
}

/*
 * The fleet.
 */

static void
look(void *arg, const uint8_t sha256[32],
    const struct cert_sessions_state *state)
{
	unsigned *certs = arg;

	(void)sha256;
	*certs += state->count > 0;
	over += state->count > MOST;
}

static void
take(bool now)
{
	struct cert_sessions_request *request;
	struct cert_sessions_state state;
	struct cert_sessions_due due;
	uint8_t sha256[32];
	struct list *node;
	struct list *next;
	unsigned certs = 0;

	cert_sessions_take(all, &due, now);
	list_each(node, next, &due.requests) {
		request = list_entry(node, struct cert_sessions_request, node);
		list_remove(node);
		request->answer = (enum cert_sessions_answer)draw(&chance, 3);
		taken++;
		cert_sessions_give_back(request);
	}
	changes += (unsigned)due.count;
	free(due.changed);
	certificate(sha256, draw(&chance, CERTS));
	cert_sessions_state(all, sha256, &state);
	over += state.count > MOST;
	if (draw(&chance, 4) == 0)
		cert_sessions_end_oldest(all, sha256, 1 + draw(&chance, 2));
	cert_sessions_each(all, look, &certs);
	over += certs > CERTS;
}

static void
take_now(struct loop_message *m)
{
	(void)m;
	take(true);
}

static void
take_soon(struct loop_message *m)
{
	(void)m;
	take(false);
}

/* When no worker takes steps any more, all requests go back; what follows them
 * comes after them. */
static void
finished(struct loop_message *m)
{
	size_t i;

	(void)m;
	if (--working > 0)
		return;
	cert_sessions_share(all, NULL);
	take(true);
	for (i = 0; i < WORKERS; i++)
		loop_post(workers[i].manager.loop, &workers[i].stop);
	loop_stop(loop);
}

static void
start(struct worker *w, uint32_t seed)
{
	size_t i;

	w->random = seed;
	w->next.run = step;
	w->finished.run = finished;
	w->stop.run = stop;
	w->manager.dismiss_message.run = dismiss;
	w->manager.loop = loop_new();
	if (w->manager.loop == NULL)
		abort();
	for (i = 0; i < SLOTS; i++)
		w->slots[i].worker = w;
	loop_post(w->manager.loop, &w->next);
	if (thread_start(&w->thread, 0, work, w) != OK)
		abort();
}

int
main(void)
{
	struct loop_message soon = { .run = take_soon };
	struct loop_message now = { .run = take_now };
	struct cert_sessions_notify notify;
	unsigned added = 0, full = 0, asked = 0, answers = 0, odd = 0;
	unsigned replaced = 0, certs = 0;
	uint32_t i;

	all = cert_sessions_new();
	loop = loop_new();
	if (all == NULL || loop == NULL)
		abort();
	notify = (struct cert_sessions_notify){ loop, &soon, &now };
	cert_sessions_share(all, &notify);
	for (i = 0; i < WORKERS; i++)
		start(&workers[i], 7 * i + 1);
	loop_run(loop);
	for (i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		loop_free(workers[i].manager.loop);
		added += workers[i].added;
		full += workers[i].full;
		asked += workers[i].asked;
		answers += workers[i].answered + workers[i].dropped;
		replaced += workers[i].replaced;
		odd += workers[i].odd;
	}
	loop_free(loop);
	cert_sessions_each(all, look, &certs);
	is_int((long long)certs, 0, "no certificate has sessions any more");
	is_int((long long)over, 0, "none had more than it may have");
	is_int((long long)odd, 0, "each session is as its worker left it");
	is_int((long long)taken, (long long)asked, "each request was fetched");
	is_int((long long)answers, (long long)asked,
	    "and answered, unless its session had ended");
	ok(added > 1000 && full > 0 && replaced > 0 && changes > 0,
	    "sessions came, were refused, and were ended for others");
	cert_sessions_free(all);
	return done_testing();
}
