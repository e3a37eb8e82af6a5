/* SPDX-License-Identifier: ISC */
#include "fetch/run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "fetch/list_file.h"
#include "fetch/metrics.h"
#include "fetch/transfer.h"
#include "runtime/privileges.h"

/* No metrics file of ours is larger. */
#define METRICS_MAX (16 * 1024 * 1024)

struct runner {
	const struct run_options *options;
	sigset_t signals; /* blocked: those that end or wake the process */
	struct plan *plan; /* owned */
	struct fetch_result *results; /* owned, one for each source */
	struct metrics_row *rows; /* owned, likewise */
	uint64_t random; /* state */
	atomic_bool stop; /* a signal asked for the end */
	atomic_bool wake; /* a signal asked for a round now */
	int code; /* the worst so far */
};

/* Downloads at the same time: a server that is slow or silent holds up no other
 * list, unless so many of them are. */
#define DOWNLOADS_MAX 8

/* The sources of one round. */
struct round {
	struct runner *r;
	const size_t *due; /* indexes of the sources */
	size_t count;
	atomic_size_t next; /* of `due', the first that no thread has taken */
};

/* From the best to the worst. */
static const int codes[] = { RUN_EXIT_OK, RUN_EXIT_FAILED, RUN_EXIT_REFUSED,
	RUN_EXIT_OUTDATED, RUN_EXIT_UNWRITTEN, RUN_EXIT_SYSTEM,
	RUN_EXIT_CONFIG };

static size_t
rank(int code)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return i;
	return 0;
}

static void
raise_exit_code(struct runner *r, int code)
{
	if (rank(code) > rank(r->code))
		r->code = code;
}

/*
 * Signals. They are blocked in all threads, so that none comes between two
 * steps; a download asks for them all the time.
 */

static void
note_signal(struct runner *r, int signal)
{
	if (signal == SIGHUP)
		r->wake = true;
	else
		r->stop = true;
}

static bool
is_stopped(void *arg)
{
	static const struct timespec now = { 0, 0 };
	struct runner *r = arg;
	int signal;

	while ((signal = sigtimedwait(&r->signals, NULL, &now)) > 0)
		note_signal(r, signal);
	return r->stop;
}

static void
block_signals(struct runner *r)
{
	sigemptyset(&r->signals);
	sigaddset(&r->signals, SIGTERM);
	sigaddset(&r->signals, SIGINT);
	sigaddset(&r->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &r->signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Log rotation for other programs sends these. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
}

/* Waits for a signal, at most `ms' milliseconds. */
static void
wait_for(struct runner *r, uint64_t ms)
{
	struct timespec ts = { (time_t)(ms / 1000),
		(long)(ms % 1000) * 1000000 };
	int signal = sigtimedwait(&r->signals, NULL, &ts);

	if (signal > 0)
		note_signal(r, signal);
}

/*
 * The configuration.
 */

static void
print(const struct report *why)
{
	size_t i;

	for (i = 0; i < why->kept; i++)
		fprintf(stderr, "sallyport-fetch: error: %s\n", why->lines[i]);
}

/* Loads the configuration as far as it concerns this program. */
static enum err
load_config(const struct run_options *o, struct config **out,
    struct report *why)
{
	enum err err = config_load_part(o->file, plan_wanted, out, why);

	if (err != OK) {
		config_put(*out);
		*out = NULL;
		return err;
	}
	/* No other thread has this configuration yet. */
	if (o->user != NULL) {
		(*out)->daemon.user = o->user;
		(*out)->daemon.group = "";
	}
	return OK;
}

static void
drop_plan(struct runner *r)
{
	plan_free(r->plan);
	free(r->results);
	free(r->rows);
	r->plan = NULL;
	r->results = NULL;
	r->rows = NULL;
}

/* Reads the metrics that an earlier run left. The caller frees them; NULL:
 * there are none. */
static char *
read_metrics(const struct run_options *o)
{
	uint8_t *data = NULL;
	size_t len;

	if (o->metrics == NULL ||
	    file_read(&data, &len, o->metrics, METRICS_MAX) != OK)
		return NULL;
	return (char *)data;
}

/* Takes what is known of source `i' over to the next plan, if it is there. */
static void
carry_over(const struct runner *r, size_t i, struct plan *next,
    struct metrics_row *rows, struct fetch_result *results)
{
	const struct plan_source *old = &r->plan->sources[i];
	size_t k = plan_find(next, old->path);

	if (k == next->count)
		return;
	next->sources[k].due = old->due;
	next->sources[k].failures = old->failures;
	results[k] = r->results[i];
	rows[k].ran = r->rows[i].ran;
	rows[k].success = r->rows[i].success;
}

/* Puts a plan in the place of the one before. */
static enum err
use_plan(struct runner *r, struct plan *plan)
{
	struct fetch_result *results =
	    calloc(plan->count + 1, sizeof(*results));
	struct metrics_row *rows = calloc(plan->count + 1, sizeof(*rows));
	char *before = read_metrics(r->options);
	size_t i;

	if (results == NULL || rows == NULL) {
		free(results);
		free(rows);
		free(before);
		plan_free(plan);
		return ERR_NO_MEMORY;
	}
	for (i = 0; i < plan->count; i++) {
		rows[i].source = &plan->sources[i];
		rows[i].result = &results[i];
		if (before != NULL)
			rows[i].success =
			    metrics_success(before, rows[i].source);
	}
	free(before);
	for (i = 0; r->plan != NULL && i < r->plan->count; i++)
		carry_over(r, i, plan, rows, results);
	drop_plan(r);
	r->plan = plan;
	r->results = results;
	r->rows = rows;
	return OK;
}

/* The first load. Root is given up between reading the file and all that it
 * names. */
static enum err
begin(struct runner *r, struct report *why)
{
	struct config *config;
	struct plan *plan;
	enum err err = load_config(r->options, &config, why);

	if (err != OK)
		return err;
	err = log_open("stderr", config->daemon.log_level,
	    config->daemon.log_format);
	if (err == OK)
		err = privileges_drop(config, why);
	if (err != OK) {
		config_put(config);
		return err;
	}
	/* Without a thread of its own a line of the log may wait for the next.
	 */
	if (log_start() != OK) {
		config_put(config);
		return ERR_NO_MEMORY;
	}
	err = plan_make(&plan, config, why);
	return err == OK ? use_plan(r, plan) : err;
}

/* Loads the configuration again; after an error the one before stays. */
static void
renew(struct runner *r)
{
	struct config *config;
	struct report why;
	struct plan *plan;
	enum err err;

	report_init(&why);
	err = load_config(r->options, &config, &why);
	if (err == OK)
		err = plan_make(&plan, config, &why);
	if (err == OK)
		err = use_plan(r, plan);
	if (err != OK)
		report_log(&why, LOG_LEVEL_ERROR, "fetch_config");
	report_fini(&why);
}

/*
 * A round.
 */

/* The exit code of a result. */
static void
note(struct runner *r, const struct fetch_result *result)
{
	static const int of[] = {
		[FETCH_NEW] = RUN_EXIT_OK,
		[FETCH_UNCHANGED] = RUN_EXIT_OK,
		[FETCH_FAILED] = RUN_EXIT_FAILED,
		[FETCH_REFUSED] = RUN_EXIT_REFUSED,
		[FETCH_UNWRITTEN] = RUN_EXIT_UNWRITTEN,
		[FETCH_STOPPED] = RUN_EXIT_FAILED,
		[FETCH_NO_MEMORY] = RUN_EXIT_SYSTEM,
	};

	raise_exit_code(r, of[result->outcome]);
	if (!result->in_force)
		raise_exit_code(r, RUN_EXIT_OUTDATED);
}

/* Sets when the list is asked for again. */
static void
set_due(struct runner *r, struct plan_source *source,
    const struct fetch_result *result)
{
	struct plan_pause p = { source->section->interval, source->failures,
		result->summary.next_update, clock_wall_s(),
		hash_next(&r->random) };

	if (source->failures == 0 && !result->in_force)
		p.next_update = p.now;
	source->due = clock_mono_ms() + plan_pause(&p);
}

/* Fetches one list. Called in any thread, which has this source for itself. */
static void
fetch_one(struct runner *r, size_t i)
{
	struct plan_source *source = &r->plan->sources[i];
	struct fetch_result *result = &r->results[i];

	if (fetch_run(source, is_stopped, r, result) != OK) {
		log_event(LOG_LEVEL_ERROR, "fetch_failed", "%s: out of memory",
		    source->path);
		result->outcome = FETCH_NO_MEMORY;
	}
	r->rows[i].ran = true;
	source->failures++;
	if (result->outcome <= FETCH_UNCHANGED) {
		r->rows[i].success = clock_wall_s();
		source->failures = 0;
	}
}

static void *
fetch_some(void *arg)
{
	struct round *round = arg;
	size_t k;

	while (!is_stopped(round->r)) {
		k = atomic_fetch_add(&round->next, 1);
		if (k >= round->count)
			break;
		fetch_one(round->r, round->due[k]);
	}
	return NULL;
}

/* Fetches the lists of a round, several at a time. A thread that cannot be
 * started is done without. */
static void
fetch_all(struct round *round)
{
	pthread_t threads[DOWNLOADS_MAX - 1];
	size_t i, started = 0;

	while (started < DOWNLOADS_MAX - 1 && started + 1 < round->count &&
	    pthread_create(&threads[started], NULL, fetch_some, round) == 0)
		started++;
	fetch_some(round);
	for (i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

static void
write_metrics(struct runner *r)
{
	char why[LIST_FILE_WHY_MAX];
	enum err err;

	if (r->options->metrics == NULL)
		return;
	err = metrics_write(r->options->metrics, r->rows, r->plan->count, why);
	if (err == OK)
		return;
	log_event(LOG_LEVEL_ERROR, "fetch_unwritten", "--metrics: %s",
	    err == ERR_SYSTEM ? why : err_text(err));
	raise_exit_code(r, RUN_EXIT_UNWRITTEN);
}

/* Fetches all that is due. */
static void
run_round(struct runner *r)
{
	struct round round = { .r = r };
	size_t *due = calloc(r->plan->count + 1, sizeof(*due));
	uint64_t now = clock_mono_ms();
	bool all = r->wake;
	size_t i;

	if (due == NULL) {
		raise_exit_code(r, RUN_EXIT_SYSTEM);
		return;
	}
	r->wake = false; /* a signal from now on asks for another round */
	for (i = 0; i < r->plan->count; i++)
		if (all || r->plan->sources[i].due <= now)
			due[round.count++] = i;
	round.due = due;
	fetch_all(&round);
	for (i = 0; i < round.count && i < round.next; i++) {
		note(r, &r->results[due[i]]);
		set_due(r, &r->plan->sources[due[i]], &r->results[due[i]]);
	}
	free(due);
	write_metrics(r);
}

/* Milliseconds until the next source is due. */
static uint64_t
next_due(const struct plan *p)
{
	uint64_t now = clock_mono_ms(), next = UINT64_MAX;
	size_t i;

	for (i = 0; i < p->count; i++)
		if (p->sources[i].due < next)
			next = p->sources[i].due;
	return next <= now ? 0 : next - now;
}

static int
stay(struct runner *r)
{
	while (!is_stopped(r)) {
		run_round(r);
		if (r->stop)
			break;
		if (!r->wake)
			wait_for(r, next_due(r->plan));
		renew(r);
	}
	return RUN_EXIT_OK;
}

static int
start(struct runner *r)
{
	struct report why;
	enum err err;

	report_init(&why);
	err = begin(r, &why);
	print(&why);
	report_fini(&why);
	if (err != OK)
		return err == ERR_CONFIG ? RUN_EXIT_CONFIG : RUN_EXIT_SYSTEM;
	if (r->options->check) {
		printf("%s: good, %zu list%s\n", r->options->file,
		    r->plan->count, r->plan->count == 1 ? "" : "s");
		return RUN_EXIT_OK;
	}
	if (r->options->stay)
		return stay(r);
	run_round(r);
	return r->code;
}

int
run(const struct run_options *options)
{
	struct runner r = { .options = options, .code = RUN_EXIT_OK };
	int code = RUN_EXIT_SYSTEM;

	r.random = hash_key_random().k0;
	block_signals(&r);
	if (transfer_init() == OK) {
		code = start(&r);
		transfer_fini();
	}
	drop_plan(&r);
	log_stop();
	return code;
}
