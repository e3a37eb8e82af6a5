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
#include "tls/pkcs11_key.h"

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

struct tls_signing {
	struct loop_message message;
	struct list node; /* in the queue, or among the running ones */
	struct tls_pkcs11_key *key; /* borrowed */
	struct loop *loop; /* borrowed; NULL: a thread waits for it */
	void (*done)(void *arg);
	void *arg;
	enum job_place place; /* under the lock, until it is posted */
	bool cancelled; /* likewise */
	uint64_t started_at; /* ms; when a thread took it */
	enum err err;
	struct tls_digest digest;
	struct tls_signature signature;
	char why[TLS_PKCS11_WHY_MAX];
};

struct tls_pkcs11_key {
	struct list node; /* in the registry's */
	unsigned owners; /* under the registry's lock */
	char *uri; /* owned */
	EVP_PKEY *public; /* counted */
	struct tls_pkcs11 *pkcs11; /* owned */
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
	char why[TLS_PKCS11_WHY_MAX];
};

static struct {
	pthread_mutex_t lock;
	struct list keys;
	bool threads_allowed;
	bool ends_registered;
	unsigned threads; /* of all keys */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.keys = { &registry.keys, &registry.keys } };

static _Thread_local char last_why[TLS_PKCS11_WHY_MAX];

const char *
tls_signing_why(void)
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
open_session(struct tls_pkcs11_key *k, struct tls_pkcs11_session **session,
    char why[TLS_PKCS11_WHY_MAX])
{
	enum err err;

	if (*session != NULL)
		return OK;
	pthread_mutex_lock(&k->opening);
	err = tls_pkcs11_open(session, k->pkcs11, why);
	pthread_mutex_unlock(&k->opening);
	return err;
}

/* Signs. A session that has become invalid, as after the token was removed and
 * came back, is replaced once. */
static enum err
sign_once(struct tls_pkcs11_key *k, struct tls_pkcs11_session **session,
    const struct tls_digest *d, struct tls_signature *out,
    char why[TLS_PKCS11_WHY_MAX])
{
	bool had_one = *session != NULL;
	enum err err;

	err = open_session(k, session, why);
	if (err == OK)
		err = tls_pkcs11_sign(*session, d, out, why);
	if (err == ERR_CLOSED && had_one) {
		tls_pkcs11_close(*session);
		*session = NULL;
		err = open_session(k, session, why);
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
	struct tls_signing *job = list_entry(m, struct tls_signing, message);

	if (job->cancelled) {
		free(job);
		return;
	}
	job->place = JOB_DONE;
	job->done(job->arg); /* job may be gone */
}

/* Gives a job its result. It may be gone afterwards. */
static void
conclude(struct tls_pkcs11_key *k, struct tls_signing *job, enum err err,
    const char *why)
{
	if (k->stuck)
		log_event(LOG_LEVEL_INFO, "token", "%s: it answers again",
		    k->uri);
	k->stuck = false;
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
		pthread_cond_broadcast(&k->changed);
	}
}

/* The token has failed: those that wait for it fail as well. A load reports
 * that by itself. */
static void
set_failed(struct tls_pkcs11_key *k, const char *why, bool for_load)
{
	uint64_t ms = RETRY_MIN_MS << (k->failures < 5 ? k->failures : 5);
	struct tls_signing *job;

	if (!for_load && (!k->failure_logged || strcmp(k->why, why) != 0)) {
		log_event(LOG_LEVEL_ERROR, "token_failed",
		    "%s: %s; handshakes that need this key fail", k->uri, why);
		k->failure_logged = true;
	}
	k->failed = true;
	k->trying = false;
	k->failures++;
	k->retry_at = clock_mono_ms() + (ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
	snprintf(k->why, sizeof(k->why), "%s", why);
	while (!list_empty(&k->jobs)) {
		job = list_entry(k->jobs.next, struct tls_signing, node);
		k->queued--;
		conclude(k, job, ERR_CLOSED, why);
	}
}

static void
set_good(struct tls_pkcs11_key *k)
{
	if (k->failure_logged)
		log_event(LOG_LEVEL_INFO, "token", "%s: it works again",
		    k->uri);
	k->failure_logged = false;
	k->failed = false;
	k->trying = false;
	k->failures = 0;
}

/*
 * Threads.
 */

static void
free_key(struct tls_pkcs11_key *k)
{
	tls_pkcs11_free(k->pkcs11);
	EVP_PKEY_free(k->public);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	pthread_mutex_destroy(&k->opening);
	free(k->uri);
	free(k);
}

/* One user less. Called with the lock, which is released. */
static void
put(struct tls_pkcs11_key *k)
{
	bool last = --k->users == 0;

	pthread_mutex_unlock(&k->lock);
	if (last)
		free_key(k);
}

/* Runs a job. Called with the lock, which is released while the token works.
 * Returns false if the token allows no session for this thread. */
static bool
run_job(struct tls_pkcs11_key *k, struct tls_signing *job,
    struct tls_pkcs11_session **session)
{
	struct tls_digest digest = job->digest;
	struct tls_signature signature;
	char why[TLS_PKCS11_WHY_MAX] = "";
	enum err err;

	pthread_mutex_unlock(&k->lock);
	err = sign_once(k, session, &digest, &signature, why);
	pthread_mutex_lock(&k->lock);
	if (err == ERR_LIMIT && k->threads > 1) {
		list_remove(&job->node);
		if (job->cancelled) {
			free(job);
			return false;
		}
		job->place = JOB_QUEUED;
		list_append(k->jobs.next, &job->node);
		k->queued++;
		pthread_cond_broadcast(&k->changed);
		return false;
	}
	if (err == OK) {
		job->signature = signature;
		set_good(k);
	} else if (err != ERR_REFUSED) {
		set_failed(k, why, job->loop == NULL);
	} else {
		k->trying = false;
	}
	conclude(k, job, err, why);
	return true;
}

/* Waits for a job; NULL when the key is not used any more. */
static struct tls_signing *
next_job(struct tls_pkcs11_key *k)
{
	struct tls_signing *job;

	k->idle++;
	while (list_empty(&k->jobs) && !k->ended)
		pthread_cond_wait(&k->changed, &k->lock);
	k->idle--;
	if (list_empty(&k->jobs))
		return NULL;
	job = list_entry(k->jobs.next, struct tls_signing, node);
	list_remove(&job->node);
	list_append(&k->running, &job->node);
	k->queued--;
	job->place = JOB_RUNNING;
	job->started_at = clock_mono_ms();
	return job;
}

static void *
run_thread(void *arg)
{
	struct tls_pkcs11_key *k = arg;
	struct tls_pkcs11_session *session = NULL;
	struct tls_signing *job;

	pthread_mutex_lock(&k->lock);
	while ((job = next_job(k)) != NULL)
		if (!run_job(k, job, &session)) {
			k->threads_max = k->threads - 1;
			break;
		}
	k->threads--;
	pthread_mutex_unlock(&k->lock);
	tls_pkcs11_close(session);
	pthread_mutex_lock(&k->lock);
	put(k); /* k may be gone */
	count_thread(-1);
	return NULL;
}

static void
start_thread(struct tls_pkcs11_key *k)
{
	count_thread(1);
	if (thread_start(NULL, STACK_SIZE, run_thread, k) != OK) {
		count_thread(-1);
		return;
	}
	k->threads++;
	k->users++;
}

/* Returns why this signature is not begun now, or NULL. A load does not wait
 * for the time of the next attempt. */
static const char *
refusal(struct tls_pkcs11_key *k, const struct tls_signing *job)
{
	static const char stuck[] = "the token does not answer";
	uint64_t now = clock_mono_ms();
	const struct tls_signing *oldest;

	if (k->failed && job->loop != NULL && (k->trying || now < k->retry_at))
		return k->why;
	if (k->queued >= TLS_PKCS11_QUEUE_MAX)
		return "too many signatures wait for the token";
	if (k->idle > 0 || k->threads < k->threads_max ||
	    list_empty(&k->running))
		return NULL;
	oldest = list_entry(k->running.next, struct tls_signing, node);
	if (now - oldest->started_at <= STUCK_MS)
		return NULL;
	if (!k->stuck)
		log_event(LOG_LEVEL_ERROR, "token_failed",
		    "%s: %s; handshakes that need this key fail", k->uri,
		    stuck);
	k->stuck = true;
	return stuck;
}

/* Queues a job. ERR_CLOSED: not now. */
static enum err
queue_job(struct tls_pkcs11_key *k, struct tls_signing *job,
    char why[TLS_PKCS11_WHY_MAX])
{
	const char *text;

	pthread_mutex_lock(&k->lock);
	text = refusal(k, job);
	if (text == NULL && k->idle <= k->queued && k->threads < k->threads_max)
		start_thread(k);
	if (text == NULL && k->threads == 0)
		text = "no thread can be started";
	if (text == NULL) {
		k->trying = k->failed;
		k->queued++;
		list_append(&k->jobs, &job->node);
		pthread_cond_broadcast(&k->changed);
	} else {
		snprintf(why, TLS_PKCS11_WHY_MAX, "%s", text);
	}
	pthread_mutex_unlock(&k->lock);
	return text == NULL ? OK : ERR_CLOSED;
}

static struct tls_signing *
make_job(struct tls_pkcs11_key *k, const struct tls_digest *d)
{
	struct tls_signing *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->message.run = run_done;
	list_init(&job->node);
	job->key = k;
	job->digest = *d;
	return job;
}

/*
 * For workers.
 */

enum err
tls_signing_start(struct tls_signing **out, struct tls_pkcs11_key *k,
    const struct tls_digest *d, struct loop *loop, void (*done)(void *arg),
    void *arg)
{
	struct tls_signing *job = make_job(k, d);

	*out = NULL;
	if (job == NULL) {
		snprintf(last_why, sizeof(last_why), "out of memory");
		return ERR_CLOSED;
	}
	job->loop = loop;
	job->done = done;
	job->arg = arg;
	if (queue_job(k, job, last_why) != OK) {
		free(job);
		return ERR_CLOSED;
	}
	*out = job;
	return OK;
}

enum err
tls_signing_result(const struct tls_signing *job,
    const struct tls_signature **out, const char **why)
{
	bool done;

	/* Until it is done, a thread may have it. */
	pthread_mutex_lock(&job->key->lock);
	done = job->place == JOB_DONE;
	pthread_mutex_unlock(&job->key->lock);
	if (!done)
		return ERR_BLOCKED;
	*out = &job->signature;
	*why = job->why;
	return job->err == OK ? OK : ERR_CLOSED;
}

void
tls_signing_cancel(struct tls_signing *job)
{
	struct tls_pkcs11_key *k;
	bool ours;

	if (job == NULL)
		return;
	k = job->key;
	pthread_mutex_lock(&k->lock);
	ours = job->place == JOB_QUEUED || job->place == JOB_DONE;
	if (job->place == JOB_QUEUED) {
		list_remove(&job->node);
		k->queued--;
		/* This may have been the attempt that was to find out whether
		 * the token is back. */
		k->trying = false;
	}
	job->cancelled = true;
	pthread_mutex_unlock(&k->lock);
	if (ours)
		free(job);
}

/*
 * For loads.
 */

static enum err
wait_for_job(struct tls_pkcs11_key *k, struct tls_signing *job,
    struct tls_signature *out, char why[TLS_PKCS11_WHY_MAX])
{
	struct timespec until = clock_mono_after(WAIT_MS);
	enum err err = ERR_CLOSED;
	int error = 0;

	pthread_mutex_lock(&k->lock);
	while (error == 0 && job->place != JOB_DONE)
		error = pthread_cond_timedwait(&k->changed, &k->lock, &until);
	if (job->place == JOB_DONE) {
		err = job->err;
		*out = job->signature;
		snprintf(why, TLS_PKCS11_WHY_MAX, "%s", job->why);
	} else {
		snprintf(why, TLS_PKCS11_WHY_MAX,
		    "it has not answered within %d s", WAIT_MS / 1000);
	}
	pthread_mutex_unlock(&k->lock);
	tls_signing_cancel(job);
	return err;
}

enum err
tls_pkcs11_key_sign_now(struct tls_pkcs11_key *k, const struct tls_digest *d,
    struct tls_signature *out, char why[TLS_PKCS11_WHY_MAX])
{
	struct tls_pkcs11_session *session = NULL;
	struct tls_signing *job;
	bool threads;
	enum err err;

	pthread_mutex_lock(&registry.lock);
	threads = registry.threads_allowed;
	pthread_mutex_unlock(&registry.lock);
	if (!threads) {
		err = sign_once(k, &session, d, out, why);
		tls_pkcs11_close(session);
		return err == OK || err == ERR_MALFORMED ? err : ERR_CLOSED;
	}
	job = make_job(k, d);
	if (job == NULL || queue_job(k, job, why) != OK) {
		free(job);
		return ERR_CLOSED;
	}
	return wait_for_job(k, job, out, why);
}

enum err
tls_pkcs11_key_try(struct tls_pkcs11_key *k, char why[TLS_PKCS11_WHY_MAX])
{
	static const char text[] = "sallyport tries the key of this token";
	struct tls_signature signature;
	struct tls_digest d = { .md = EVP_sha256() };
	unsigned len = 0;

	if (!EVP_Digest(text, sizeof(text), d.bytes, &len, d.md, NULL))
		return ERR_NO_MEMORY;
	d.len = len;
	return tls_pkcs11_key_sign_now(k, &d, &signature, why);
}

/*
 * The registry.
 */

void
tls_pkcs11_key_allow_threads(void)
{
	pthread_mutex_lock(&registry.lock);
	registry.threads_allowed = true;
	pthread_mutex_unlock(&registry.lock);
}

/* Returns the key, counted, if some profile has it. With the lock. */
static struct tls_pkcs11_key *
find_key(const char *uri, const EVP_PKEY *public)
{
	struct list *node;
	struct list *next;
	struct tls_pkcs11_key *k;

	list_each(node, next, &registry.keys) {
		k = list_entry(node, struct tls_pkcs11_key, node);
		if (strcmp(k->uri, uri) == 0 &&
		    EVP_PKEY_cmp(k->public, public) == 1) {
			k->owners++;
			return k;
		}
	}
	return NULL;
}

static struct tls_pkcs11_key *
make_key(const char *uri, EVP_PKEY *public)
{
	struct tls_pkcs11_key *k = calloc(1, sizeof(*k));
	pthread_condattr_t attr;

	if (k == NULL)
		return NULL;
	k->owners = k->users = 1;
	k->threads_max = THREADS_MAX;
	list_init(&k->node);
	list_init(&k->jobs);
	list_init(&k->running);
	pthread_mutex_init(&k->opening, NULL);
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attr);
	pthread_condattr_destroy(&attr);
	k->uri = strdup(uri);
	EVP_PKEY_up_ref(public);
	k->public = public;
	return k;
}

enum err
tls_pkcs11_key_get(struct tls_pkcs11_key **out, const char *uri,
    EVP_PKEY *public, char why[TLS_PKCS11_WHY_MAX])
{
	struct tls_pkcs11_key *k;
	enum err err = OK;

	pthread_mutex_lock(&registry.lock);
	*out = find_key(uri, public);
	pthread_mutex_unlock(&registry.lock);
	if (*out != NULL)
		return OK;
	k = make_key(uri, public);
	if (k == NULL)
		return ERR_NO_MEMORY;
	err = k->uri == NULL ? ERR_NO_MEMORY
			     : tls_pkcs11_new(&k->pkcs11, uri, public, why);
	if (err != OK) {
		free_key(k);
		return err;
	}
	pthread_mutex_lock(&registry.lock);
	list_append(&registry.keys, &k->node);
	if (!registry.ends_registered)
		registry.ends_registered = on_exit(finish_modules, NULL) == 0;
	pthread_mutex_unlock(&registry.lock);
	*out = k;
	return OK;
}

void
tls_pkcs11_key_put(struct tls_pkcs11_key *k)
{
	bool last;

	if (k == NULL)
		return;
	pthread_mutex_lock(&registry.lock);
	last = --k->owners == 0;
	if (last)
		list_remove(&k->node);
	pthread_mutex_unlock(&registry.lock);
	if (!last)
		return;
	pthread_mutex_lock(&k->lock);
	k->ended = true;
	pthread_cond_broadcast(&k->changed);
	put(k);
}
