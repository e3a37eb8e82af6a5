/* SPDX-License-Identifier: ISC */
/*
 * A job is in one of four places: in the queue, on a thread, in the loop's
 * mailbox, or with its owner. The owner may cancel it in each of them. Where
 * another holds it, it is marked, and the holder frees it.
 *
 * A few threads for each key, because a token in a network takes several
 * requests at once, and a session makes one signature at a time. They are
 * started when there is work for them, and end with the key.
 */
#include "tls/token.h"

#include <openssl/digest.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/thread.h"

#define THREADS_MAX 4
#define STACK_SIZE ((size_t)1 << 20)

/* How long a failed token is left alone: doubled with each failure. */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000

/* A signature that takes longer occupies its thread. When all threads are
 * occupied, further signatures are refused. */
#define STUCK_MS 5000

/* How long a load waits for a signature. */
#define WAIT_MS 10000

/* How long the end of the process waits for signatures under way. */
#define END_MS 1000

enum job_place {
	JOB_QUEUED,
	JOB_RUNNING, /* a thread has it */
	JOB_POSTED, /* its message is on its way */
	JOB_DONE
};

struct tls_token_job {
	struct loop_message message;
	struct list node; /* in the queue, or among the running ones */
	struct tls_token *token; /* borrowed */
	struct loop *loop; /* borrowed; NULL: a thread waits for it */
	void (*done)(void *arg);
	void *arg;
	enum job_place place; /* under the lock, until it is posted */
	bool cancelled; /* likewise */
	uint64_t started_at; /* ms; when a thread took it */
	enum err err;
	struct tls_digest digest;
	struct tls_signature signature;
	char why[TLS_TOKEN_WHY_MAX];
};

struct tls_token {
	struct list node; /* in the registry's */
	unsigned owners; /* under the registry's lock */
	char *uri; /* owned */
	EVP_PKEY *public; /* counted */
	struct tls_pkcs11 *key; /* owned */
	pthread_mutex_t opening; /* held while a session is opened */
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed; /* a job was queued or has ended */
	unsigned users; /* the owners together, and each thread */
	bool ended; /* no owner is left */
	unsigned threads;
	unsigned threads_max;
	unsigned idle;
	unsigned queued;
	struct list jobs;
	struct list running; /* oldest first */
	bool failed; /* the last attempt has; `why' says why */
	bool failure_logged;
	bool trying; /* a thread tries again */
	bool stuck; /* no thread has answered for STUCK_MS, which was logged */
	unsigned failures; /* in a row */
	uint64_t retry_at; /* ms */
	char why[TLS_TOKEN_WHY_MAX];
};

static struct {
	pthread_mutex_t lock;
	struct list tokens;
	bool threads_allowed;
	bool ends_registered;
	unsigned threads; /* of all keys */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.tokens = { &registry.tokens, &registry.tokens } };

static _Thread_local char last_why[TLS_TOKEN_WHY_MAX];

const char *
tls_token_why(void)
{
	return last_why;
}

/* Notes that a thread begins or ends. */
static void
count_thread(int change)
{
	pthread_mutex_lock(&registry.lock);
	registry.threads += (unsigned)change;
	pthread_mutex_unlock(&registry.lock);
}

/*
 * Modules have to be finalized at the end of the process, and have destructors.
 * Either would crash a thread that is inside a module, so the threads must have
 * ended. One that waits for its token may never end: then the process ends at
 * once, without them.
 */
static void
finish_modules(int status, void *arg)
{
	uint64_t end = clock_mono_ms() + END_MS;
	const struct timespec pause = { 0, 10000000 };
	unsigned threads;

	(void)arg;
	for (;;) {
		pthread_mutex_lock(&registry.lock);
		threads = registry.threads;
		pthread_mutex_unlock(&registry.lock);
		if (threads == 0 || clock_mono_ms() >= end)
			break;
		nanosleep(&pause, NULL);
	}
	if (threads > 0) {
		fflush(NULL);
		_exit(status);
	}
	tls_pkcs11_finish();
}

/*
 * Asking the token, without the lock.
 */

/* Opens a session unless there is one. */
static enum err
open_session(struct tls_token *t, struct tls_pkcs11_session **session,
    char why[TLS_TOKEN_WHY_MAX])
{
	enum err err;

	if (*session != NULL)
		return OK;
	pthread_mutex_lock(&t->opening);
	err = tls_pkcs11_open(session, t->key, why);
	pthread_mutex_unlock(&t->opening);
	return err;
}

/* Signs. A session that has become invalid, as after the token was removed and
 * came back, is replaced once. */
static enum err
sign_once(struct tls_token *t, struct tls_pkcs11_session **session,
    const struct tls_digest *d, struct tls_signature *out,
    char why[TLS_TOKEN_WHY_MAX])
{
	bool had_one = *session != NULL;
	enum err err;

	err = open_session(t, session, why);
	if (err == OK)
		err = tls_pkcs11_sign(*session, d, out, why);
	if (err == ERR_CLOSED && had_one) {
		tls_pkcs11_close(*session);
		*session = NULL;
		err = open_session(t, session, why);
		if (err == OK)
			err = tls_pkcs11_sign(*session, d, out, why);
	}
	if (err == ERR_CLOSED || err == ERR_MALFORMED) {
		tls_pkcs11_close(*session);
		*session = NULL;
	}
	return err;
}

/*
 * Results, under the lock.
 */

static void
run_done(struct loop_message *m)
{
	struct tls_token_job *job =
	    list_entry(m, struct tls_token_job, message);

	if (job->cancelled) {
		free(job);
		return;
	}
	job->place = JOB_DONE;
	job->done(job->arg); /* job may be gone */
}

/* Gives a job its result. It may be gone afterwards. */
static void
conclude(struct tls_token *t, struct tls_token_job *job, enum err err,
    const char *why)
{
	if (t->stuck)
		log_event(LOG_LEVEL_INFO, "token", "%s: it answers again",
		    t->uri);
	t->stuck = false;
	list_remove(&job->node);
	job->err = err == OK || err == ERR_MALFORMED ? err : ERR_CLOSED;
	snprintf(job->why, sizeof(job->why), "%s", why);
	if (job->cancelled) {
		free(job);
	} else if (job->loop != NULL) {
		job->place = JOB_POSTED;
		loop_post(job->loop, &job->message);
	} else {
		job->place = JOB_DONE;
		pthread_cond_broadcast(&t->changed);
	}
}

/* The token has failed: those that wait for it fail as well. A load reports
 * that by itself. */
static void
set_failed(struct tls_token *t, const char *why, bool for_load)
{
	uint64_t ms = RETRY_MIN_MS << (t->failures < 5 ? t->failures : 5);
	struct tls_token_job *job;

	if (!for_load && (!t->failure_logged || strcmp(t->why, why) != 0)) {
		log_event(LOG_LEVEL_ERROR, "token_failed",
		    "%s: %s; handshakes that need this key fail", t->uri, why);
		t->failure_logged = true;
	}
	t->failed = true;
	t->trying = false;
	t->failures++;
	t->retry_at = clock_mono_ms() + (ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
	snprintf(t->why, sizeof(t->why), "%s", why);
	while (!list_empty(&t->jobs)) {
		job = list_entry(t->jobs.next, struct tls_token_job, node);
		t->queued--;
		conclude(t, job, ERR_CLOSED, why);
	}
}

static void
set_good(struct tls_token *t)
{
	if (t->failure_logged)
		log_event(LOG_LEVEL_INFO, "token", "%s: it works again",
		    t->uri);
	t->failure_logged = false;
	t->failed = false;
	t->trying = false;
	t->failures = 0;
}

/*
 * Threads.
 */

static void
free_token(struct tls_token *t)
{
	tls_pkcs11_free(t->key);
	EVP_PKEY_free(t->public);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->opening);
	free(t->uri);
	free(t);
}

/* One user less. Called with the lock, which is released. */
static void
put(struct tls_token *t)
{
	bool last = --t->users == 0;

	pthread_mutex_unlock(&t->lock);
	if (last)
		free_token(t);
}

/* Runs a job. Called with the lock, which is released while the token works.
 * Returns false if the token allows no session for this thread. */
static bool
run_job(struct tls_token *t, struct tls_token_job *job,
    struct tls_pkcs11_session **session)
{
	struct tls_digest digest = job->digest;
	struct tls_signature signature;
	char why[TLS_TOKEN_WHY_MAX] = "";
	enum err err;

	pthread_mutex_unlock(&t->lock);
	err = sign_once(t, session, &digest, &signature, why);
	pthread_mutex_lock(&t->lock);
	if (err == ERR_LIMIT && t->threads > 1) {
		list_remove(&job->node);
		if (job->cancelled) {
			free(job);
			return false;
		}
		job->place = JOB_QUEUED;
		list_append(t->jobs.next, &job->node);
		t->queued++;
		pthread_cond_broadcast(&t->changed);
		return false;
	}
	if (err == OK) {
		job->signature = signature;
		set_good(t);
	} else if (err != ERR_REFUSED) {
		set_failed(t, why, job->loop == NULL);
	} else {
		t->trying = false;
	}
	conclude(t, job, err, why);
	return true;
}

/* Waits for a job; NULL when the key is not used any more. */
static struct tls_token_job *
next_job(struct tls_token *t)
{
	struct tls_token_job *job;

	t->idle++;
	while (list_empty(&t->jobs) && !t->ended)
		pthread_cond_wait(&t->changed, &t->lock);
	t->idle--;
	if (list_empty(&t->jobs))
		return NULL;
	job = list_entry(t->jobs.next, struct tls_token_job, node);
	list_remove(&job->node);
	list_append(&t->running, &job->node);
	t->queued--;
	job->place = JOB_RUNNING;
	job->started_at = clock_mono_ms();
	return job;
}

static void *
run_thread(void *arg)
{
	struct tls_token *t = arg;
	struct tls_pkcs11_session *session = NULL;
	struct tls_token_job *job;

	pthread_mutex_lock(&t->lock);
	while ((job = next_job(t)) != NULL)
		if (!run_job(t, job, &session)) {
			t->threads_max = t->threads - 1;
			break;
		}
	t->threads--;
	pthread_mutex_unlock(&t->lock);
	tls_pkcs11_close(session);
	pthread_mutex_lock(&t->lock);
	put(t); /* t may be gone */
	count_thread(-1);
	return NULL;
}

static void
start_thread(struct tls_token *t)
{
	count_thread(1);
	if (thread_start(NULL, STACK_SIZE, run_thread, t) != OK) {
		count_thread(-1);
		return;
	}
	t->threads++;
	t->users++;
}

/* Returns why this signature is not begun now, or NULL. A load does not wait
 * for the time of the next attempt. */
static const char *
refusal(struct tls_token *t, const struct tls_token_job *job)
{
	static const char stuck[] = "the token does not answer";
	uint64_t now = clock_mono_ms();
	const struct tls_token_job *oldest;

	if (t->failed && job->loop != NULL && (t->trying || now < t->retry_at))
		return t->why;
	if (t->queued >= TLS_TOKEN_QUEUE_MAX)
		return "too many signatures wait for the token";
	if (t->idle > 0 || t->threads < t->threads_max ||
	    list_empty(&t->running))
		return NULL;
	oldest = list_entry(t->running.next, struct tls_token_job, node);
	if (now - oldest->started_at <= STUCK_MS)
		return NULL;
	if (!t->stuck)
		log_event(LOG_LEVEL_ERROR, "token_failed",
		    "%s: %s; handshakes that need this key fail", t->uri,
		    stuck);
	t->stuck = true;
	return stuck;
}

/* Queues a job. ERR_CLOSED: not now. */
static enum err
queue_job(struct tls_token *t, struct tls_token_job *job,
    char why[TLS_TOKEN_WHY_MAX])
{
	const char *text;

	pthread_mutex_lock(&t->lock);
	text = refusal(t, job);
	if (text == NULL && t->idle <= t->queued && t->threads < t->threads_max)
		start_thread(t);
	if (text == NULL && t->threads == 0)
		text = "no thread can be started";
	if (text == NULL) {
		t->trying = t->failed;
		t->queued++;
		list_append(&t->jobs, &job->node);
		pthread_cond_broadcast(&t->changed);
	} else {
		snprintf(why, TLS_TOKEN_WHY_MAX, "%s", text);
	}
	pthread_mutex_unlock(&t->lock);
	return text == NULL ? OK : ERR_CLOSED;
}

static struct tls_token_job *
make_job(struct tls_token *t, const struct tls_digest *d)
{
	struct tls_token_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->message.run = run_done;
	list_init(&job->node);
	job->token = t;
	job->digest = *d;
	return job;
}

/*
 * For workers.
 */

enum err
tls_token_start(struct tls_token_job **out, struct tls_token *t,
    const struct tls_digest *d, struct loop *loop, void (*done)(void *arg),
    void *arg)
{
	struct tls_token_job *job = make_job(t, d);

	*out = NULL;
	if (job == NULL) {
		snprintf(last_why, sizeof(last_why), "out of memory");
		return ERR_CLOSED;
	}
	job->loop = loop;
	job->done = done;
	job->arg = arg;
	if (queue_job(t, job, last_why) != OK) {
		free(job);
		return ERR_CLOSED;
	}
	*out = job;
	return OK;
}

enum err
tls_token_take(const struct tls_token_job *job,
    const struct tls_signature **out, const char **why)
{
	bool done;

	/* Until it is done, a thread may have it. */
	pthread_mutex_lock(&job->token->lock);
	done = job->place == JOB_DONE;
	pthread_mutex_unlock(&job->token->lock);
	if (!done)
		return ERR_BLOCKED;
	*out = &job->signature;
	*why = job->why;
	return job->err == OK ? OK : ERR_CLOSED;
}

void
tls_token_cancel(struct tls_token_job *job)
{
	struct tls_token *t;
	bool ours;

	if (job == NULL)
		return;
	t = job->token;
	pthread_mutex_lock(&t->lock);
	ours = job->place == JOB_QUEUED || job->place == JOB_DONE;
	if (job->place == JOB_QUEUED) {
		list_remove(&job->node);
		t->queued--;
		/* This may have been the attempt that was to find out whether
		 * the token is back. */
		t->trying = false;
	}
	job->cancelled = true;
	pthread_mutex_unlock(&t->lock);
	if (ours)
		free(job);
}

/*
 * For loads.
 */

static enum err
wait_for_job(struct tls_token *t, struct tls_token_job *job,
    struct tls_signature *out, char why[TLS_TOKEN_WHY_MAX])
{
	struct timespec until = clock_mono_after(WAIT_MS);
	enum err err = ERR_CLOSED;
	int error = 0;

	pthread_mutex_lock(&t->lock);
	while (error == 0 && job->place != JOB_DONE)
		error = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	if (job->place == JOB_DONE) {
		err = job->err;
		*out = job->signature;
		snprintf(why, TLS_TOKEN_WHY_MAX, "%s", job->why);
	} else {
		snprintf(why, TLS_TOKEN_WHY_MAX,
		    "it has not answered within %d s", WAIT_MS / 1000);
	}
	pthread_mutex_unlock(&t->lock);
	tls_token_cancel(job);
	return err;
}

enum err
tls_token_sign_now(struct tls_token *t, const struct tls_digest *d,
    struct tls_signature *out, char why[TLS_TOKEN_WHY_MAX])
{
	struct tls_pkcs11_session *session = NULL;
	struct tls_token_job *job;
	bool threads;
	enum err err;

	pthread_mutex_lock(&registry.lock);
	threads = registry.threads_allowed;
	pthread_mutex_unlock(&registry.lock);
	if (!threads) {
		err = sign_once(t, &session, d, out, why);
		tls_pkcs11_close(session);
		return err == OK || err == ERR_MALFORMED ? err : ERR_CLOSED;
	}
	job = make_job(t, d);
	if (job == NULL || queue_job(t, job, why) != OK) {
		free(job);
		return ERR_CLOSED;
	}
	return wait_for_job(t, job, out, why);
}

enum err
tls_token_try(struct tls_token *t, char why[TLS_TOKEN_WHY_MAX])
{
	static const char text[] = "sallyport tries the key of this token";
	struct tls_signature signature;
	struct tls_digest d = { .md = EVP_sha256() };
	unsigned len = 0;

	if (!EVP_Digest(text, sizeof(text), d.bytes, &len, d.md, NULL))
		return ERR_NO_MEMORY;
	d.len = len;
	return tls_token_sign_now(t, &d, &signature, why);
}

/*
 * The registry.
 */

void
tls_token_allow_threads(void)
{
	pthread_mutex_lock(&registry.lock);
	registry.threads_allowed = true;
	pthread_mutex_unlock(&registry.lock);
}

/* Returns the token, counted, if some profile has it. With the lock. */
static struct tls_token *
find_token(const char *uri, const EVP_PKEY *public)
{
	struct list *node;
	struct list *next;
	struct tls_token *t;

	list_each(node, next, &registry.tokens) {
		t = list_entry(node, struct tls_token, node);
		if (strcmp(t->uri, uri) == 0 &&
		    EVP_PKEY_cmp(t->public, public) == 1) {
			t->owners++;
			return t;
		}
	}
	return NULL;
}

static struct tls_token *
make_token(const char *uri, EVP_PKEY *public)
{
	struct tls_token *t = calloc(1, sizeof(*t));
	pthread_condattr_t attr;

	if (t == NULL)
		return NULL;
	t->owners = t->users = 1;
	t->threads_max = THREADS_MAX;
	list_init(&t->node);
	list_init(&t->jobs);
	list_init(&t->running);
	pthread_mutex_init(&t->opening, NULL);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attr);
	pthread_condattr_destroy(&attr);
	t->uri = strdup(uri);
	EVP_PKEY_up_ref(public);
	t->public = public;
	return t;
}

enum err
tls_token_get(struct tls_token **out, const char *uri, EVP_PKEY *public,
    char why[TLS_TOKEN_WHY_MAX])
{
	struct tls_token *t;
	enum err err = OK;

	pthread_mutex_lock(&registry.lock);
	*out = find_token(uri, public);
	pthread_mutex_unlock(&registry.lock);
	if (*out != NULL)
		return OK;
	t = make_token(uri, public);
	if (t == NULL)
		return ERR_NO_MEMORY;
	err = t->uri == NULL ? ERR_NO_MEMORY
			     : tls_pkcs11_new(&t->key, uri, public, why);
	if (err != OK) {
		free_token(t);
		return err;
	}
	pthread_mutex_lock(&registry.lock);
	list_append(&registry.tokens, &t->node);
	if (!registry.ends_registered)
		registry.ends_registered = on_exit(finish_modules, NULL) == 0;
	pthread_mutex_unlock(&registry.lock);
	*out = t;
	return OK;
}

void
tls_token_put(struct tls_token *t)
{
	bool last;

	if (t == NULL)
		return;
	pthread_mutex_lock(&registry.lock);
	last = --t->owners == 0;
	if (last)
		list_remove(&t->node);
	pthread_mutex_unlock(&registry.lock);
	if (!last)
		return;
	pthread_mutex_lock(&t->lock);
	t->ended = true;
	pthread_cond_broadcast(&t->changed);
	put(t);
}
