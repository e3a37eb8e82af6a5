#include "admin/worker_report.h"

#include <stdlib.h>
#include <string.h>

#include "admin/reply.h"
#include "base/clock.h"
#include "session/session.h"

#define DAY 86400

#define DAYS(n) n,
const unsigned worker_report_days[WORKER_REPORT_DAYS_COUNT] = {
	WORKER_REPORT_DAYS(DAYS)
};
#undef DAYS

/* What is asked for. */
struct question {
	worker_report_cb *done;
};

/* One worker's part. */
struct part {
	json_t *backends;
	json_t *pools;
	json_t *soonest;
	struct worker_report_days_left left;
	const struct session *ending[SURVEY_SOONEST_MAX]; /* while it looks */
	size_t ending_count;
};

static void
add_backend(const struct backend_status *s, void *arg)
{
	struct part *p = arg;

	json_array_append_new(p->backends,
	    json_pack("{s:s,s:s,s:s,s:b,s:I,s:I,s:I,s:o}", "backend", s->name,
		"address", s->address, "endpoint", s->endpoint, "up",
		s->state == BACKEND_UP, "failures", (json_int_t)s->failures,
		"dialled", (json_int_t)s->dialled, "failed",
		(json_int_t)s->failed, "error",
		reply_text(slice_str(s->error))));
}

static void
add_pool(struct part *p, const struct config_backend *b,
    struct backend_pool *pool)
{
	const struct backend_counts *c = backend_pool_counts(pool);

	json_array_append_new(p->pools,
	    json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I}", "backend",
		config_name(&b->head), "up", backend_pool_up(pool), "dials",
		(json_int_t)c->dials, "dialled", (json_int_t)c->dialled, "held",
		(json_int_t)c->held, "waiting", (json_int_t)c->waiting, "busy",
		(json_int_t)c->busy));
	backend_pool_each(pool, add_backend, p);
}

/* Keeps the soonest, in order. */
static void
note_end(struct part *p, const struct session *s)
{
	size_t i = p->ending_count;

	if (i == SURVEY_SOONEST_MAX) {
		i--;
		if (p->ending[i]->identity->not_after <= s->identity->not_after)
			return;
	} else {
		p->ending_count++;
	}
	for (; i > 0 &&
	     p->ending[i - 1]->identity->not_after > s->identity->not_after;
	     i--)
		p->ending[i] = p->ending[i - 1];
	p->ending[i] = s;
}

static void
count_left(struct worker_report_days_left *left, int64_t s)
{
	size_t i = 0;

	while (i < WORKER_REPORT_DAYS_COUNT &&
	    s > (int64_t)worker_report_days[i] * DAY)
		i++;
	left->buckets[i]++;
	if (s > 0)
		left->sum_s += (uint64_t)s;
}

static void
look_at_session(struct part *p, const struct session *s, int64_t now)
{
	if (s->stage != STAGE_RELAY || s->identity == NULL ||
	    !s->identity->has_certificate)
		return;
	note_end(p, s);
	count_left(&p->left, s->identity->not_after - now);
}

static void
look_at_sessions(struct part *p, struct session_manager *d)
{
	int64_t now = clock_wall_s();
	const struct session_identity *w;
	struct list *node;
	struct list *next;
	size_t i;

	list_each(node, next, &d->sessions)
		look_at_session(p, list_entry(node, struct session, node), now);
	for (i = 0; i < p->ending_count; i++) {
		w = p->ending[i]->identity;
		json_array_append_new(p->soonest,
		    json_pack("{s:o,s:o,s:o,s:o,s:I}", "user",
			reply_text(w->username), "client_id",
			reply_text(w->client_id), "cert_sha256",
			reply_hex(w->sha256, CERT_SHA256_LEN), "cert_not_after",
			reply_when(w->not_after), "days_left",
			(json_int_t)((w->not_after - now) / DAY)));
	}
	p->ending_count = 0;
}

static void
work_brokers(struct worker *w, const void *question, void *answer)
{
	struct session_manager *d = worker_sessions(w);
	struct part *p = answer;
	size_t i;

	(void)question;
	p->backends = json_array();
	p->pools = json_array();
	p->soonest = json_array();
	for (i = 0; i < d->pool_count; i++)
		add_pool(p, &d->snapshot->config->backend[i], d->pools[i]);
}

static void
work(struct worker *w, const void *question, void *answer)
{
	work_brokers(w, question, answer);
	look_at_sessions(answer, worker_sessions(w));
}

static void
free_part(void *answer)
{
	struct part *p = answer;

	json_decref(p->backends);
	json_decref(p->pools);
	json_decref(p->soonest);
}

static bool
same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key);
	const json_t *y = json_object_get(b, key);

	return x == NULL ? y == NULL : json_equal(x, y);
}

/* The row of `rows' with the same backend, address and endpoint. */
static json_t *
find_row(json_t *rows, const json_t *row)
{
	json_t *one;
	size_t i;

	json_array_foreach(rows, i, one)
	{
		if (same(one, row, "backend") && same(one, row, "address") &&
		    same(one, row, "endpoint"))
			return one;
	}
	return NULL;
}

enum up_when {
	UP_WHEN_ANY,
	UP_WHEN_ALL
};

/* Adds the numbers of `from' to `to'. */
static void
add_numbers(json_t *to, json_t *from, enum up_when when)
{
	const char *key;
	json_t *value;
	json_t *here;
	bool up;

	json_object_foreach(from, key, value)
	{
		here = json_object_get(to, key);
		if (json_is_integer(value)) {
			json_integer_set(here,
			    json_integer_value(here) +
				json_integer_value(value));
		} else if (json_is_boolean(value)) {
			up = when == UP_WHEN_ANY
			    ? json_is_true(here) || json_is_true(value)
			    : json_is_true(here) && json_is_true(value);
			json_object_set_new(to, key, json_boolean(up));
		} else if (json_string_length(here) == 0) {
			json_object_set(to, key, value);
		}
	}
}

static void
merge(json_t *into, json_t *rows, enum up_when when)
{
	json_t *found;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		found = find_row(into, row);
		if (found == NULL)
			json_array_append(into, row);
		else
			add_numbers(found, row, when);
	}
}

static int
compare_ends(const void *a, const void *b)
{
	json_int_t x = json_integer_value(
	    json_object_get(*(json_t *const *)a, "days_left"));
	json_int_t y = json_integer_value(
	    json_object_get(*(json_t *const *)b, "days_left"));

	return x < y ? -1 : x > y;
}

/* Sorts all workers' rows and keeps the first. */
static json_t *
merge_soonest(struct worker_query *a)
{
	json_t *out = json_array();
	const struct part *p;
	json_t **all;
	json_t *row;
	size_t count = 0;
	size_t n;
	size_t i;

	all = calloc(a->count * SURVEY_SOONEST_MAX, sizeof(json_t *));
	if (all == NULL)
		return out;
	for (i = 0; i < a->count; i++) {
		p = worker_query_answer(a, i);
		json_array_foreach(p->soonest, n, row) all[count++] = row;
	}
	qsort(all, count, sizeof(*all), compare_ends);
	for (i = 0; i < count && i < SURVEY_SOONEST_MAX; i++)
		json_array_append(out, all[i]);
	free(all);
	return out;
}

static bool
any_up(json_t *pools)
{
	json_t *row;
	size_t i;

	json_array_foreach(pools, i, row)
	{
		if (json_is_true(json_object_get(row, "up")))
			return true;
	}
	return false;
}

static void
add_flow(const struct backend_flow_status *f, void *arg)
{
	json_array_append_new(arg,
	    json_pack("{s:s,s:s,s:I,s:I}", "source", f->source, "endpoint",
		f->endpoint, "flows", (json_int_t)f->flows, "ports",
		(json_int_t)f->ports));
}

static void
done(struct worker_query *a)
{
	const struct question *q = a->question;
	struct worker_report s = { .backends = json_array(),
		.pools = json_array(),
		.flows = json_array() };
	const struct part *p;
	size_t n;
	size_t i;

	for (i = 0; i < a->count; i++) {
		p = worker_query_answer(a, i);
		merge(s.backends, p->backends, UP_WHEN_ANY);
		merge(s.pools, p->pools, UP_WHEN_ALL);
		for (n = 0; n <= WORKER_REPORT_DAYS_COUNT; n++)
			s.left.buckets[n] += p->left.buckets[n];
		s.left.sum_s += p->left.sum_s;
	}
	backend_flows_each(a->admin->master->flows, add_flow, s.flows);
	s.soonest = merge_soonest(a);
	s.ready = a->admin->master->state == MASTER_SERVING && any_up(s.pools);
	q->done(a->admin, a->call, a->request, &s);
	json_decref(s.backends);
	json_decref(s.pools);
	json_decref(s.flows);
	json_decref(s.soonest);
}

static const struct worker_query_kind whole = {
	.answer_size = sizeof(struct part),
	.costly = true,
	.work = work,
	.done = done,
	.free_answer = free_part,
};
static const struct worker_query_kind brokers = {
	.answer_size = sizeof(struct part),
	.work = work_brokers,
	.done = done,
	.free_answer = free_part,
};

static void
ask(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct worker_query_kind *kind, worker_report_cb *then)
{
	struct question *q = malloc(sizeof(*q));

	if (q == NULL) {
		reply_json(call, 503, NULL);
		return;
	}
	q->done = then;
	worker_query_send(a, call, r, kind, q, 0);
}

void
worker_report_collect(struct admin *a, struct http_call *call,
    const struct http_request *r, worker_report_cb *then)
{
	ask(a, call, r, &whole, then);
}

void
worker_report_collect_brokers(struct admin *a, struct http_call *call,
    const struct http_request *r, worker_report_cb *then)
{
	ask(a, call, r, &brokers, then);
}
