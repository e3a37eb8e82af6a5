/* SPDX-License-Identifier: ISC */
#include "admin/history.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/commands.h"
#include "admin/reply.h"
#include "admin/totals.h"
#include "base/clock.h"
#include "base/log.h"

double
history_quantile(const struct histogram *now, const struct histogram *before,
    double q)
{
	static const double bounds[] = {
#define X(ms) ms,
		COUNTERS_BUCKETS(X)
#undef X
	};
	uint64_t counts[COUNTERS_BUCKET_COUNT];
	uint64_t total = 0;
	double below = 0;
	double from;
	size_t i;

	for (i = 0; i < COUNTERS_BUCKET_COUNT; i++) {
		counts[i] = counter_get(&now->buckets[i]) -
		    counter_get(&before->buckets[i]);
		total += counts[i];
	}
	if (total == 0)
		return -1;
	for (i = 0; i + 1 < COUNTERS_BUCKET_COUNT; i++) {
		if (counts[i] > 0 &&
		    below + (double)counts[i] >= q * (double)total) {
			from = i == 0 ? 0 : bounds[i - 1];
			return from +
			    (bounds[i] - from) * (q * (double)total - below) /
			    (double)counts[i];
		}
		below += (double)counts[i];
	}
	return bounds[COUNTERS_BUCKET_COUNT - 2];
}

static uint32_t
grown(const counter *now, const counter *before)
{
	return (uint32_t)(counter_get(now) - counter_get(before));
}

/* Milliseconds since 1970. */
static int64_t
wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Adds a point: what changed from r->before to `now'. */
static void
add_point(struct history_ring *r, const struct counters *now)
{
	static const double shares[] = { .5, .99 };
	struct history_point *p = &r->points[r->next];
	const struct counters *before = &r->before;
	uint64_t now_ms = clock_mono_ms();
	int i;

	r->next = (r->next + 1) % r->size;
	if (r->count < r->size)
		r->count++;
	p->at = wall_ms();
	p->span_ms = (uint32_t)(now_ms - r->before_ms);
	p->sessions = (uint32_t)counter_get(&now->live[STAGE_RELAY]);
	p->sessions_max = r->sessions_max;
	p->accepted = grown(&now->accepted, &before->accepted);
	p->opened = grown(&now->opened, &before->opened);
	for (i = 0; i < REASON_COUNT; i++)
		p->ended[i] = grown(&now->ended[i], &before->ended[i]);
	p->accept_pauses =
	    grown(&now->accept.exhausted, &before->accept.exhausted);
	p->log_dropped = (uint32_t)(log_dropped() - r->before_dropped);
	p->accept_shed = grown(&now->accept.shed, &before->accept.shed);
	p->bytes_up = counter_get(&now->total_bytes_up) -
	    counter_get(&before->total_bytes_up);
	p->bytes_down = counter_get(&now->total_bytes_down) -
	    counter_get(&before->total_bytes_down);
	for (i = 0; i < 2; i++) {
		p->handshake_ms[i] = (float)history_quantile(&now->handshake,
		    &before->handshake, shares[i]);
		p->connack_ms[i] = (float)history_quantile(&now->connack,
		    &before->connack, shares[i]);
	}
	r->before = *now;
	r->before_dropped += p->log_dropped;
	r->before_ms = now_ms;
	r->sessions_max = 0;
}

static void
note_sessions(struct history_ring *r, const struct counters *now)
{
	uint32_t live = (uint32_t)counter_get(&now->live[STAGE_RELAY]);

	if (live > r->sessions_max)
		r->sessions_max = live;
}

static void
on_step(void *arg)
{
	struct history *h = arg;
	struct counters now;

	timer_start(&h->timer, HISTORY_FINE_STEP_MS);
	totals_counters(h->master, &now);
	note_sessions(&h->fine, &now);
	note_sessions(&h->coarse, &now);
	add_point(&h->fine, &now);
	if (++h->steps < HISTORY_COARSE_STEPS)
		return;
	h->steps = 0;
	add_point(&h->coarse, &now);
}

static enum err
init_ring(struct history_ring *r, size_t size)
{
	r->points = calloc(size, sizeof(*r->points));
	r->size = size;
	r->before_ms = clock_mono_ms();
	return r->points == NULL ? ERR_NO_MEMORY : OK;
}

enum err
history_init(struct history *h, const struct master *m)
{
	enum err err;

	memset(h, 0, sizeof(*h));
	h->master = m;
	timer_init(&h->timer, m->loop, on_step, h);
	err = init_ring(&h->fine, HISTORY_FINE_POINTS);
	if (err == OK)
		err = init_ring(&h->coarse, HISTORY_COARSE_POINTS);
	if (err == OK)
		timer_start(&h->timer, HISTORY_FINE_STEP_MS);
	return err;
}

void
history_fini(struct history *h)
{
	if (h->master != NULL)
		timer_stop(&h->timer);
	free(h->fine.points);
	free(h->coarse.points);
	memset(h, 0, sizeof(*h));
}

const struct history_point *
history_point(const struct history_ring *r, size_t i)
{
	return &r->points[(r->next + r->size - r->count + i) % r->size];
}

/*
 * GET /history
 */

/* The columns that are whole numbers. */
static const struct {
	const char *name;
	size_t offset;
} columns[] = {
#define X(field) { #field, offsetof(struct history_point, field) },
	X(span_ms) X(sessions) X(sessions_max) X(accepted) X(opened)
#undef X
};

static json_t *
number_column(const struct history_ring *r, size_t from, size_t offset)
{
	json_t *values = json_array();
	const char *p;
	size_t i;

	for (i = from; i < r->count; i++) {
		p = (const char *)history_point(r, i);
		json_array_append_new(values,
		    json_integer(
			*(const uint32_t *)(const void *)(p + offset)));
	}
	return values;
}

/* A latency in tenths of a millisecond's precision; null: there was none. */
static json_t *
latency(float ms)
{
	return ms < 0 ? json_null() : json_real((double)(int)(ms * 10) / 10);
}

/* The reasons that occurred, each with its count at every point. */
static json_t *
reasons(const struct history_ring *r, size_t from)
{
	json_t *all = json_object();
	uint64_t sum;
	size_t i;
	int n;

	for (n = REASON_NONE + 1; n < REASON_COUNT; n++) {
		sum = 0;
		for (i = from; i < r->count; i++)
			sum += history_point(r, i)->ended[n];
		if (sum > 0)
			json_object_set_new(all, reason_name((enum reason)n),
			    number_column(r, from,
				offsetof(struct history_point, ended) +
				    (size_t)n * sizeof(uint32_t)));
	}
	return all;
}

/* The points after `since', as one array for each column. */
static json_t *
render(const struct history_ring *r, unsigned step_s, int64_t since)
{
	json_t *o = json_pack("{s:I}", "step_s", (json_int_t)step_s);
	json_t *rows[7];
	static const char *const names[7] = { "at_ms", "bytes_up", "bytes_down",
		"handshake_p50_ms", "handshake_p99_ms", "connack_p50_ms",
		"connack_p99_ms" };
	const struct history_point *p;
	size_t from = 0;
	size_t i;

	while (from < r->count && history_point(r, from)->at <= since)
		from++;
	for (i = 0; i < 7; i++)
		rows[i] = json_array();
	for (i = from; i < r->count; i++) {
		p = history_point(r, i);
		json_array_append_new(rows[0], json_integer(p->at));
		json_array_append_new(rows[1],
		    json_integer((json_int_t)p->bytes_up));
		json_array_append_new(rows[2],
		    json_integer((json_int_t)p->bytes_down));
		json_array_append_new(rows[3], latency(p->handshake_ms[0]));
		json_array_append_new(rows[4], latency(p->handshake_ms[1]));
		json_array_append_new(rows[5], latency(p->connack_ms[0]));
		json_array_append_new(rows[6], latency(p->connack_ms[1]));
	}
	for (i = 0; i < 7; i++)
		json_object_set_new(o, names[i], rows[i]);
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		json_object_set_new(o, columns[i].name,
		    number_column(r, from, columns[i].offset));
	json_object_set_new(o, "ended", reasons(r, from));
	return o;
}

void
history_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	const char *range = http_request_param(r, "range");
	const char *since_text = http_request_param(r, "since");
	int64_t since = since_text == NULL ? 0 : strtoll(since_text, NULL, 10);

	if (range == NULL || strcmp(range, "10m") == 0)
		reply_json(call, 200,
		    render(&a->history.fine, HISTORY_FINE_STEP_MS / 1000,
			since));
	else if (strcmp(range, "24h") == 0)
		reply_json(call, 200,
		    render(&a->history.coarse,
			HISTORY_COARSE_STEPS * HISTORY_FINE_STEP_MS / 1000,
			since));
	else
		reply_error(call, 400, "range is 10m or 24h");
}
