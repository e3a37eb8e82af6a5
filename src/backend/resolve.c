/* SPDX-License-Identifier: ISC */
/*
 * Why the C library, and not a library for DNS: what an operator tries with
 * getent is then what the daemon finds, in all that resolv.conf, hosts and
 * nsswitch.conf can say: search lists and ndots, several nameservers, rotation,
 * timeouts, TCP for long answers, scopes, files that are replaced while the
 * daemon runs. libevent's evdns and c-ares 1.18 each differ in several of these
 * (a search ends at SERVFAIL, hosts are read once), and none of them tells more
 * about a failure. getaddrinfo() blocks, so it runs on threads; they start when
 * they are needed and end when they have been idle for a while.
 *
 * Two things are added. Some nameservers never answer questions for AAAA, or
 * for A; the C library then waits for 10 s and more. So when the answer takes
 * longer than SLOW_MS, A and AAAA are asked for separately as well, and one
 * that has an answer waits for the other for no longer than SKEW_MS. And when a
 * name is not found, each nameserver is asked once more, so that the log can
 * tell what each said to which question: the C library does not.
 *
 * In a static program the C library has the same code for hosts and DNS built
 * in; other sources in nsswitch.conf are skipped there, and in the sandbox.
 */
#include "backend/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/nameservers.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/thread.h"

#define SLOW_MS 1000
#define SKEW_MS 500

/* An answer this old is given to further lookups: workers resolve the same name
 * at nearly the same time. */
#define FRESH_MS 300

/* A thread without work ends after this time. */
#define IDLE_MS 5000

/* The most threads. A name whose nameservers are silent occupies three for up
 * to half a minute. */
#define THREADS_MAX 48
#define STACK_SIZE ((size_t)512 << 10)

/* How often nameservers are asked again for what is wrong with a name, if the C
 * library says the same as before. */
#define EXPLAIN_MS 60000

/* Counted by the name that has it and by every message on its way. */
struct answer {
	unsigned users;
	enum err err;
	size_t count;
	struct sockaddr_storage list[BACKEND_LOOKUP_MAX];
	char why[BACKEND_LOOKUP_WHY];
};

/* The questions that a name stands for. ALL is the one that counts; the others
 * are asked if it takes long. */
enum question {
	ASK_ALL,
	ASK_IPV4,
	ASK_IPV6,
	ASK_COUNT
};

struct job {
	struct list node; /* in the resolver's, while no thread has it */
	struct name *name;
	enum question question;
	bool running; /* queued, or on a thread */
	struct answer *answer; /* owned; of the lookup under way. ALL: empty,
				  for its thread to fill */
};

struct name {
	struct list node; /* in the resolver's */
	struct backend_resolver *resolver;
	bool asking; /* a lookup is under way */
	uint64_t round; /* goes up by one with each lookup */
	struct job jobs[ASK_COUNT];
	struct list waiting; /* backend_lookup */
	struct answer *last; /* counted; NULL: none yet */
	uint64_t answered_at; /* ms */
	int status; /* of the last failure that was explained */
	uint64_t explained_at; /* ms; 0 = never */
	bool good; /* there was an answer with addresses */
	char explanation[BACKEND_LOOKUP_WHY];
	char host[];
};

struct backend_resolver {
	pthread_mutex_t lock; /* guards all of this, and the names */
	pthread_cond_t changed; /* a job was queued, or a name answered */
	unsigned users; /* the owner and every thread */
	bool ended; /* the owner is gone */
	bool held; /* see backend_resolver_hold() */
	unsigned threads;
	unsigned idle; /* threads that wait for a job */
	unsigned queued; /* jobs that no thread has taken */
	struct list jobs;
	struct list names; /* owned; as many as the configurations named */
	struct sockaddr_storage nameserver; /* for tests; AF_UNSPEC: none */
};

struct backend_lookup {
	struct loop_message message;
	struct list node; /* in the name's list until it is answered */
	struct backend_resolver *resolver; /* borrowed */
	struct loop *loop; /* borrowed */
	struct answer *answer; /* counted; NULL until it is answered */
	backend_lookup_done *done; /* NULL once cancelled */
	void *arg; /* borrowed: the owner */
};

/* Users of answers are counted under the resolver's lock. */
static void
answer_put(struct answer *a)
{
	if (a != NULL && --a->users == 0)
		free(a);
}

/*
 * Asking, without the lock.
 */

static void
collect(struct answer *a, const struct addrinfo *ai)
{
	for (; ai != NULL && a->count < BACKEND_LOOKUP_MAX; ai = ai->ai_next)
		if (ai->ai_addrlen <= sizeof(a->list[0]))
			memcpy(&a->list[a->count++], ai->ai_addr,
			    ai->ai_addrlen);
}

/* Returns the C library's text for an error. EAI_SYSTEM means errno. */
static const char *
status_text(int status, int error)
{
	return status == EAI_SYSTEM ? strerror(error) : gai_strerror(status);
}

/* Looks up the host with the C library and returns its status. The answer's
 * `why' is what the library says. */
static int
look_up(struct answer *a, const char *host, enum question question)
{
	static const int families[] = {
		[ASK_ALL] = AF_UNSPEC,
		[ASK_IPV4] = AF_INET,
		[ASK_IPV6] = AF_INET6,
	};
	struct addrinfo hints = { .ai_family = families[question],
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *ai = NULL;
	int status = getaddrinfo(host, NULL, &hints, &ai);

	if (status == 0) {
		collect(a, ai);
		freeaddrinfo(ai);
	} else {
		snprintf(a->why, sizeof(a->why), "%s",
		    status_text(status, errno));
	}
	a->err = a->count > 0 ? OK : ERR_RESOLVE;
	return status;
}

/*
 * Answering, under the lock.
 */

static void
run_answered(struct loop_message *m)
{
	struct backend_lookup *l =
	    list_entry(m, struct backend_lookup, message);
	struct backend_resolver *r = l->resolver;
	struct answer *a = l->answer;

	if (l->done != NULL)
		l->done(l->arg, a->err, a->list, a->count, a->why);
	pthread_mutex_lock(&r->lock);
	answer_put(a);
	pthread_mutex_unlock(&r->lock);
	free(l);
}

static void
post_answer(struct name *n, struct backend_lookup *l)
{
	list_remove(&l->node);
	l->answer = n->last;
	n->last->users++;
	loop_post(l->loop, &l->message);
}

/* Logs a change: that a name is not found any more, or for another reason, or
 * that it is found again. */
static void
log_change(struct name *n, const struct answer *before)
{
	bool found = n->last->err == OK;

	if (strcmp(n->last->why, before != NULL ? before->why : "") == 0)
		return;
	if (found)
		log_event(LOG_LEVEL_INFO, "backend_resolved", "%s", n->host);
	else
		log_event(LOG_LEVEL_WARN, "backend_resolve_failed", "%s: %s%s",
		    n->host, n->last->why,
		    n->good ? "; the last good answer is kept" : "");
}

/* Ends the lookup of `n' with the answer `a', whose count it takes. */
static void
conclude(struct name *n, struct answer *a)
{
	struct answer *before = n->last;
	struct list *node;
	struct list *next;

	n->last = a;
	n->answered_at = clock_mono_ms();
	n->asking = false;
	log_change(n, before);
	n->good = n->good || a->err == OK;
	answer_put(before);
	list_each(node, next, &n->waiting)
		post_answer(n, list_entry(node, struct backend_lookup, node));
	pthread_cond_broadcast(&n->resolver->changed);
}

/* Adds the addresses that A and AAAA brought separately. */
static void
merge(struct answer *a, const struct answer *other)
{
	size_t i;

	for (i = 0; other != NULL && i < other->count; i++)
		if (a->count < BACKEND_LOOKUP_MAX)
			a->list[a->count++] = other->list[i];
	if (a->count > 0) {
		a->err = OK;
		a->why[0] = '\0';
	}
}

/* Waits until lookup number `round' of `n' is over, or for `ms'. True if it is
 * still under way. */
static bool
wait_for_round(struct name *n, uint64_t round, uint64_t ms)
{
	struct backend_resolver *r = n->resolver;
	struct timespec until = clock_mono_after(ms);
	int error = 0;

	while (error == 0 && n->asking && n->round == round && !r->ended)
		error = pthread_cond_timedwait(&r->changed, &r->lock, &until);
	return n->asking && n->round == round && !r->ended;
}

static struct answer *
take_answer(struct job *job)
{
	struct answer *a = job->answer;

	job->answer = NULL;
	return a;
}

/* Finds out why the C library has no address, unless that was done lately.
 * Called with the lock, which is released meanwhile. */
static void
explain(struct name *n, struct answer *a, int status)
{
	struct backend_resolver *r = n->resolver;
	uint64_t now = clock_mono_ms();
	char text[BACKEND_LOOKUP_WHY - 128];
	size_t len = strlen(a->why);

	if (n->explained_at == 0 || n->status != status ||
	    now - n->explained_at > EXPLAIN_MS) {
		pthread_mutex_unlock(&r->lock);
		nameservers_explain(text, sizeof(text), n->host,
		    &r->nameserver);
		pthread_mutex_lock(&r->lock);
		n->explained_at = now;
		n->status = status;
		snprintf(n->explanation, sizeof(n->explanation), "%s", text);
	}
	if (n->explanation[0] != '\0')
		snprintf(a->why + len, sizeof(a->why) - len, " (%s)",
		    n->explanation);
}

/* The question for all addresses was answered, or failed. */
static void
all_answered(struct job *job, struct answer *a, int status, uint64_t round)
{
	struct name *n = job->name;

	if (a->err != OK) {
		merge(a, n->jobs[ASK_IPV6].answer);
		merge(a, n->jobs[ASK_IPV4].answer);
	}
	if (a->err != OK && !n->resolver->ended)
		explain(n, a, status);
	if (n->asking && n->round == round)
		conclude(n, a);
	else
		answer_put(a);
}

/* One of the separate questions was answered, or failed. */
static void
one_answered(struct job *job, struct answer *a, uint64_t round)
{
	struct name *n = job->name;

	if (!n->asking || n->round != round) {
		answer_put(a);
		return;
	}
	answer_put(job->answer);
	job->answer = a;
	if (a->err != OK || !wait_for_round(n, round, SKEW_MS) ||
	    job->answer != a)
		return;
	a = take_answer(job);
	merge(a, n->jobs[ASK_IPV4].answer);
	merge(a, n->jobs[ASK_IPV6].answer);
	conclude(n, a);
}

/* Runs a job. Called with the lock, which is released while asking. */
static void
run_job(struct backend_resolver *r, struct job *job)
{
	struct name *n = job->name;
	struct answer *a;
	int status;

	a = job->question == ASK_ALL || wait_for_round(n, n->round, SLOW_MS)
	    ? take_answer(job)
	    : NULL;
	if (a == NULL) {
		job->running = false;
		return;
	}
	pthread_mutex_unlock(&r->lock);
	nameservers_prepare(&r->nameserver);
	status = look_up(a, n->host, job->question);
	pthread_mutex_lock(&r->lock);
	job->running = false;
	/* If the next lookup has begun meanwhile, the answer is for that. */
	if (job->question == ASK_ALL)
		all_answered(job, a, status, n->round);
	else
		one_answered(job, a, n->round);
}

static void
free_names(struct backend_resolver *r)
{
	struct name *n;
	int i;

	while (!list_empty(&r->names)) {
		n = list_entry(r->names.next, struct name, node);
		list_remove(&n->node);
		for (i = 0; i < ASK_COUNT; i++)
			answer_put(n->jobs[i].answer);
		answer_put(n->last);
		free(n);
	}
}

/* One user less. Called with the lock, which is released. */
static void
put(struct backend_resolver *r)
{
	bool last = --r->users == 0;

	if (last)
		free_names(r);
	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Waits for a job; NULL if there is none for a while. */
static struct job *
next_job(struct backend_resolver *r)
{
	struct timespec until = clock_mono_after(IDLE_MS);
	struct job *job;
	int error = 0;

	r->idle++;
	while (error == 0 && list_empty(&r->jobs) && !r->ended)
		error = pthread_cond_timedwait(&r->changed, &r->lock, &until);
	r->idle--;
	if (r->ended || list_empty(&r->jobs))
		return NULL;
	job = list_entry(r->jobs.next, struct job, node);
	list_remove(&job->node);
	r->queued--;
	return job;
}

static void *
run_thread(void *arg)
{
	struct backend_resolver *r = arg;
	struct job *job;

	pthread_mutex_lock(&r->lock);
	while ((job = next_job(r)) != NULL)
		run_job(r, job);
	r->threads--;
	put(r); /* r may be gone */
	return NULL;
}

static enum err
start_thread(struct backend_resolver *r)
{
	if (thread_start(NULL, STACK_SIZE, run_thread, r) != OK)
		return ERR_NO_MEMORY;
	r->threads++;
	r->users++;
	return OK;
}

/* Queues a job, unless it is running; questions for all addresses go first. */
static enum err
queue_job(struct backend_resolver *r, struct job *job)
{
	if (job->running)
		return OK;
	answer_put(job->answer);
	job->answer = calloc(1, sizeof(*job->answer));
	if (job->answer == NULL)
		return ERR_NO_MEMORY;
	job->answer->users = 1;
	if (!r->held && r->idle <= r->queued && r->threads < THREADS_MAX &&
	    start_thread(r) != OK && r->threads == 0)
		return ERR_NO_MEMORY;
	job->running = true;
	r->queued++;
	list_append(job->question == ASK_ALL ? r->jobs.next : &r->jobs,
	    &job->node);
	pthread_cond_broadcast(&r->changed);
	return OK;
}

static struct name *
find_or_add(struct backend_resolver *r, const char *host)
{
	struct list *node;
	struct list *next;
	struct name *n;
	int i;

	list_each(node, next, &r->names) {
		n = list_entry(node, struct name, node);
		if (strcmp(n->host, host) == 0)
			return n;
	}
	n = calloc(1, sizeof(*n) + strlen(host) + 1);
	if (n == NULL)
		return NULL;
	n->resolver = r;
	list_init(&n->waiting);
	for (i = 0; i < ASK_COUNT; i++) {
		n->jobs[i].name = n;
		n->jobs[i].question = (enum question)i;
		list_init(&n->jobs[i].node);
	}
	memcpy(n->host, host, strlen(host));
	list_init(&n->node);
	list_append(&r->names, &n->node);
	return n;
}

/* Begins a lookup of `n' unless one is under way. */
static enum err
begin(struct name *n)
{
	struct backend_resolver *r = n->resolver;
	int i;

	if (n->asking)
		return OK;
	if (queue_job(r, &n->jobs[ASK_ALL]) != OK)
		return ERR_NO_MEMORY;
	n->asking = true;
	n->round++;
	for (i = ASK_IPV4; i < ASK_COUNT; i++)
		(void)queue_job(r, &n->jobs[i]);
	return OK;
}

enum err
backend_lookup_start(struct backend_lookup **out, struct backend_resolver *r,
    struct loop *loop, const char *host, backend_lookup_done *done, void *arg)
{
	struct backend_lookup *l = calloc(1, sizeof(*l));
	enum err err = OK;
	struct name *n;

	*out = NULL;
	if (l == NULL)
		return ERR_NO_MEMORY;
	l->resolver = r;
	l->loop = loop;
	l->message.run = run_answered;
	l->done = done;
	l->arg = arg;
	list_init(&l->node);
	pthread_mutex_lock(&r->lock);
	n = find_or_add(r, host);
	if (n == NULL) {
		err = ERR_NO_MEMORY;
	} else if (!n->asking && n->last != NULL &&
	    clock_mono_ms() - n->answered_at < FRESH_MS) {
		post_answer(n, l);
	} else {
		err = begin(n);
		if (err == OK)
			list_append(&n->waiting, &l->node);
	}
	pthread_mutex_unlock(&r->lock);
	if (err == OK)
		*out = l;
	else
		free(l);
	return err;
}

void
backend_lookup_cancel(struct backend_lookup *l)
{
	struct backend_resolver *r;
	bool answered;

	if (l == NULL)
		return;
	r = l->resolver;
	l->done = NULL;
	pthread_mutex_lock(&r->lock);
	answered = l->answer != NULL;
	list_remove(&l->node);
	pthread_mutex_unlock(&r->lock);
	if (!answered)
		free(l); /* otherwise the message does */
}

struct backend_resolver *
backend_resolver_new(void)
{
	struct backend_resolver *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (r == NULL)
		return NULL;
	r->users = 1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	list_init(&r->jobs);
	list_init(&r->names);
	return r;
}

void
backend_resolver_hold(struct backend_resolver *r)
{
	r->held = true;
}

enum err
backend_resolver_release(struct backend_resolver *r)
{
	enum err err = OK;

	pthread_mutex_lock(&r->lock);
	r->held = false;
	while (r->threads < r->queued && r->threads < THREADS_MAX &&
	    start_thread(r) == OK)
		;
	if (r->queued > 0 && r->threads == 0)
		err = ERR_SYSTEM;
	pthread_mutex_unlock(&r->lock);
	return err;
}

void
backend_resolver_set_nameserver(struct backend_resolver *r,
    const struct sockaddr_storage *nameserver)
{
	r->nameserver = *nameserver;
}

void
backend_resolver_free(struct backend_resolver *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->ended = true;
	pthread_cond_broadcast(&r->changed);
	put(r);
}
