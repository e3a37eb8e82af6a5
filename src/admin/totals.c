/* SPDX-License-Identifier: ISC */
#include "admin/totals.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/reply.h"
#include "admin/worker_query.h"
#include "base/clock.h"
#include "base/encode.h"
#include "session/session.h"

#define DAY 86400
/* A worker's sessions wait no longer than this for a query. */
#define SLICE_MS 1

#define X(days) days,
const unsigned totals_days[TOTALS_DAYS_COUNT] = { TOTALS_DAYS(X) };
#undef X

const char *
totals_role(const struct totals_cert *c)
{
	return c->role == TLS_CERT_SERVER ? "server" : "client_ca";
}

/* Makes room for one more zeroed element after `count' elements of `size'
 * bytes. False when memory runs out; *rows is unchanged then. */
static bool
grow(void **rows, size_t count, size_t size)
{
	char *more = realloc(*rows, (count + 1) * size);

	if (more == NULL)
		return false;
	memset(more + count * size, 0, size);
	*rows = more;
	return true;
}

/* A copy of `text'; t->failed is set when memory runs out. */
static char *
copy(struct totals *t, const char *text)
{
	char *made = strdup(text);

	if (made == NULL)
		t->failed = true;
	return made;
}

/*
 * The parts that a worker fills in, on its own thread.
 */

/* A worker's part. Its sessions are looked at in slices. */
struct part {
	struct totals totals; /* first: it is the answer where there is no
			       * walk */
	struct session_walk walk;
	bool walking; /* the walk has begun */
	int64_t now; /* when it did, in seconds since 1970 */
};

static struct totals_endpoint *
new_endpoint(struct totals *t)
{
	void *rows = t->endpoints;

	if (!grow(&rows, t->endpoint_count, sizeof(*t->endpoints))) {
		t->failed = true;
		return NULL;
	}
	t->endpoints = rows;
	return &t->endpoints[t->endpoint_count++];
}

static void
add_endpoint(const struct backend_status *s, void *arg)
{
	struct totals *t = arg;
	struct totals_endpoint *e = new_endpoint(t);

	if (e == NULL)
		return;
	e->backend = copy(t, s->name);
	e->address = copy(t, s->address);
	e->endpoint = copy(t, s->endpoint);
	e->error = copy(t, s->error);
	e->up = s->state == BACKEND_UP;
	e->failures = s->failures;
	e->dialled = s->dialled;
	e->failed = s->failed;
}

static struct totals_pool *
new_pool(struct totals *t)
{
	void *rows = t->pools;

	if (!grow(&rows, t->pool_count, sizeof(*t->pools))) {
		t->failed = true;
		return NULL;
	}
	t->pools = rows;
	return &t->pools[t->pool_count++];
}

static void
add_pool(struct totals *t, const char *name, struct backend_pool *pool)
{
	struct totals_pool *p = new_pool(t);

	if (p == NULL)
		return;
	p->backend = copy(t, name);
	p->up = backend_pool_up(pool);
	p->counts = *backend_pool_counts(pool);
	backend_pool_each(pool, add_endpoint, t);
}

static bool
work_brokers(struct worker *w, const void *question, void *answer)
{
	const struct session_manager *m = worker_sessions(w);
	struct totals *t = answer;
	size_t i;

	(void)question;
	for (i = 0; i < m->pool_count; i++)
		add_pool(t, config_name(&m->snapshot->config->backend[i].head),
		    m->pools[i]);
	return true;
}

/* True if a session whose certificate expires then belongs among the devices
 * that are listed. */
static bool
is_listed(const struct totals *t, int64_t not_after)
{
	return t->device_count < TOTALS_DEVICES_MAX ||
	    not_after < t->devices[t->device_count - 1].not_after;
}

/* Inserts `from' by expiry date, and takes over its text; drops the last one
 * when there are too many. */
static void
insert_device(struct totals *t, struct totals_device *from)
{
	size_t i = t->device_count;

	if (!is_listed(t, from->not_after))
		return;
	if (i < TOTALS_DEVICES_MAX)
		t->device_count++;
	else
		free(t->devices[--i].text);
	for (; i > 0 && from->not_after < t->devices[i - 1].not_after; i--)
		t->devices[i] = t->devices[i - 1];
	t->devices[i] = *from;
	memset(from, 0, sizeof(*from));
}

static void
count_days_left(struct totals_days_left *left, int64_t s)
{
	size_t i = 0;

	while (i < TOTALS_DAYS_COUNT && s > (int64_t)totals_days[i] * DAY)
		i++;
	left->buckets[i]++;
	if (s > 0)
		left->sum_s += (uint64_t)s;
}

/* Lists the session's certificate. Its names are copied, because the session
 * may end before the next slice. */
static void
add_device(struct totals *t, const struct session_identity *identity)
{
	size_t user = identity->username_len;
	size_t client = identity->client_id_len;
	struct totals_device d = { .not_after = identity->not_after };

	d.text = malloc(user + client + 1);
	if (d.text == NULL) {
		t->failed = true;
		return;
	}
	if (user > 0)
		memcpy(d.text, session_identity_username(identity).data, user);
	if (client > 0)
		memcpy(d.text + user, session_identity_client_id(identity).data,
		    client);
	d.username = slice_make(d.text, user);
	d.client_id = slice_make(d.text + user, client);
	memcpy(d.sha256, identity->sha256, CERT_SHA256_LEN);
	insert_device(t, &d);
}

static void
look_at_session(struct totals *t, const struct session *s, int64_t now)
{
	const struct session_identity *identity = s->identity;

	if (s->stage != STAGE_RELAY || identity == NULL ||
	    !identity->has_certificate)
		return;
	count_days_left(&t->left, identity->not_after - now);
	if (is_listed(t, identity->not_after))
		add_device(t, identity);
}

/* A slice of the walk over all sessions; the brokers come last. */
static bool
work_all(struct worker *w, const void *question, void *answer)
{
	uint64_t end = clock_mono_ms() + SLICE_MS;
	struct session_manager *m = worker_sessions(w);
	struct part *part = answer;
	const struct session *s;
	unsigned n = 0;

	if (!part->walking) {
		part->walking = true;
		part->now = clock_wall_s();
		session_walk_start(m, &part->walk);
	}
	while ((s = session_walk_next(m, &part->walk)) != NULL) {
		look_at_session(&part->totals, s, part->now);
		/* Looking at the clock takes as long as a session. */
		if (++n % 16 == 0 && clock_mono_ms() >= end)
			return false;
	}
	return work_brokers(w, question, &part->totals);
}

/*
 * The sum, on the main thread.
 */

static struct totals_endpoint *
find_endpoint(const struct totals *t, const struct totals_endpoint *like)
{
	struct totals_endpoint *e;
	size_t i;

	for (i = 0; i < t->endpoint_count; i++) {
		e = &t->endpoints[i];
		if (strcmp(e->backend, like->backend) == 0 &&
		    strcmp(e->address, like->address) == 0 &&
		    strcmp(e->endpoint, like->endpoint) == 0)
			return e;
	}
	return NULL;
}

/* Adds one worker's view of an endpoint; may take over the texts of `from'. */
static void
merge_endpoint(struct totals *sum, struct totals_endpoint *from)
{
	struct totals_endpoint *to = find_endpoint(sum, from);
	char *error;

	if (to == NULL) {
		to = new_endpoint(sum);
		if (to == NULL)
			return;
		*to = *from;
		memset(from, 0, sizeof(*from));
		return;
	}
	to->up = to->up && from->up;
	to->failures += from->failures;
	to->dialled += from->dialled;
	to->failed += from->failed;
	if (to->error[0] == '\0') {
		error = to->error;
		to->error = from->error;
		from->error = error;
	}
}

static void
merge_pool(struct totals *sum, struct totals_pool *from)
{
	struct totals_pool *to = NULL;
	size_t i;

	for (i = 0; i < sum->pool_count; i++)
		if (strcmp(sum->pools[i].backend, from->backend) == 0)
			to = &sum->pools[i];
	if (to == NULL) {
		to = new_pool(sum);
		if (to == NULL)
			return;
		*to = *from;
		memset(from, 0, sizeof(*from));
		return;
	}
	to->up = to->up && from->up;
	to->counts.dials += from->counts.dials;
	to->counts.dialled += from->counts.dialled;
	to->counts.held += from->counts.held;
	to->counts.waiting += from->counts.waiting;
	to->counts.busy += from->counts.busy;
}

/* Adds one worker's part to the sum; what is moved is emptied in `part'. */
static void
merge(struct totals *sum, struct totals *part)
{
	size_t i;

	if (part->failed) {
		sum->failed = true;
		return;
	}
	for (i = 0; i < part->endpoint_count; i++)
		merge_endpoint(sum, &part->endpoints[i]);
	for (i = 0; i < part->pool_count; i++)
		merge_pool(sum, &part->pools[i]);
	for (i = 0; i < part->device_count; i++)
		insert_device(sum, &part->devices[i]);
	for (i = 0; i <= TOTALS_DAYS_COUNT; i++)
		sum->left.buckets[i] += part->left.buckets[i];
	sum->left.sum_s += part->left.sum_s;
}

/* struct counters holds counters only, so it is added up as an array. Counters
 * may be read on any thread while a worker counts. */
void
totals_counters(const struct master *m, struct counters *sum)
{
	const size_t count = sizeof(*sum) / sizeof(counter);
	counter *to = (counter *)(void *)sum;
	const counter *from;
	size_t i;
	size_t w;

	memset(sum, 0, sizeof(*sum));
	for (w = 0; w < m->worker_count; w++) {
		from = (const counter *)(const void *)&worker_sessions(
		    m->workers[w])
			   ->counters;
		for (i = 0; i < count; i++)
			counter_add(&to[i], counter_get(&from[i]));
	}
}

static struct totals_listener *
find_listener(struct totals *t, const char *name)
{
	void *rows = t->listeners;
	size_t i;

	for (i = 0; i < t->listener_count; i++)
		if (strcmp(t->listeners[i].name, name) == 0)
			return &t->listeners[i];
	if (!grow(&rows, t->listener_count, sizeof(*t->listeners))) {
		t->failed = true;
		return NULL;
	}
	t->listeners = rows;
	t->listeners[i].name = copy(t, name);
	if (t->listeners[i].name == NULL)
		return NULL;
	t->listener_count++;
	return &t->listeners[i];
}

static void
add_listener(const struct listener_state *from, void *arg)
{
	struct totals *t = arg;
	struct totals_listener *l = find_listener(t, from->name);
	int stage;

	if (l == NULL)
		return;
	l->accepted += counter_get(&from->accepted);
	for (stage = 0; stage < STAGE_COUNT; stage++)
		l->live[stage] += counter_get(&from->live[stage]);
}

static void
add_flow(const struct backend_flow_status *from, void *arg)
{
	struct totals *t = arg;
	void *rows = t->flows;
	struct totals_flow *f;

	if (!grow(&rows, t->flow_count, sizeof(*t->flows))) {
		t->failed = true;
		return;
	}
	t->flows = rows;
	f = &t->flows[t->flow_count++];
	f->source = copy(t, from->source);
	f->endpoint = copy(t, from->endpoint);
	f->flows = from->flows;
	f->ports = from->ports;
}

/* The profile whose certificates and CRLs are being added. */
struct profile {
	struct totals *totals;
	const char *name;
};

/* A bundle may hold a certificate twice, and two options may name one file. */
static bool
has_cert(const struct profile *p, enum tls_cert_role role, const char *sha256)
{
	const struct totals_cert *c;
	size_t i;

	for (i = 0; i < p->totals->cert_count; i++) {
		c = &p->totals->certs[i];
		if (c->profile == p->name && c->role == role &&
		    strcmp(c->sha256, sha256) == 0)
			return true;
	}
	return false;
}

static void
add_cert(const struct tls_cert_info *info, void *arg)
{
	const struct profile *p = arg;
	struct totals *t = p->totals;
	char sha256[2 * CERT_SHA256_LEN + 1];
	void *rows = t->certs;
	struct totals_cert *c;

	encode_hex(sha256, slice_make(info->sha256, CERT_SHA256_LEN));
	if (has_cert(p, info->role, sha256))
		return;
	if (!grow(&rows, t->cert_count, sizeof(*t->certs))) {
		t->failed = true;
		return;
	}
	t->certs = rows;
	c = &t->certs[t->cert_count++];
	c->profile = p->name;
	c->file = copy(t, info->file);
	c->role = info->role;
	c->not_before = info->not_before;
	c->not_after = info->not_after;
	memcpy(c->sha256, sha256, sizeof(c->sha256));
}

static void
add_crl(const struct crl_info *info, void *arg)
{
	const struct profile *p = arg;
	struct totals *t = p->totals;
	void *rows = t->crls;
	struct totals_crl *c;

	if (!grow(&rows, t->crl_count, sizeof(*t->crls))) {
		t->failed = true;
		return;
	}
	t->crls = rows;
	c = &t->crls[t->crl_count];
	snprintf(c->index, sizeof(c->index), "%zu", t->crl_count++);
	c->profile = p->name;
	c->file = copy(t, info->file);
	c->this_update = info->this_update;
	c->next_update = info->next_update == INT64_MAX ? 0 : info->next_update;
	c->revoked = info->revoked;
	c->verified = info->verified;
}

static void
add_certificates(struct totals *t, const struct snapshot *s)
{
	struct profile p = { .totals = t };
	const struct crl_set *crls;
	size_t i;

	for (i = 0; i < s->config->tls_count; i++) {
		p.name = config_name(&s->config->tls[i].head);
		tls_ctx_each_cert(s->tls[i], add_cert, &p);
		crls = tls_ctx_crls(s->tls[i]);
		if (crls != NULL)
			crl_set_each(crls, add_crl, &p);
	}
}

/* Linux 6.2 and later know how many there are; before, reading the folder may
 * take 20 ms. */
static void
count_fds(struct totals_process *out)
{
	const struct dirent *e;
	struct stat st;
	DIR *d;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) {
		out->open_fds = (uint64_t)st.st_size;
		out->has_open_fds = true;
		return;
	}
	d = opendir("/proc/self/fd");
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			out->open_fds++;
	closedir(d);
	if (out->open_fds == 0)
		return;
	out->open_fds--; /* the one that opendir() opened */
	out->has_open_fds = true;
}

static void
read_memory(struct totals_process *out)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size;
	unsigned long long resident;

	if (f == NULL)
		return;
	if (fscanf(f, "%llu %llu", &size, &resident) == 2) {
		out->virtual_size = size * page;
		out->resident = resident * page;
		out->has_memory = true;
	}
	fclose(f);
}

static void
measure_process(struct totals_process *out)
{
	struct timespec cpu;
	struct rlimit fds;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
		out->cpu_s = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
		out->has_cpu = true;
	}
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0) {
		out->max_fds = fds.rlim_cur;
		out->has_max_fds = true;
	}
	count_fds(out);
	read_memory(out);
}

/* Adds what the main thread knows without asking. */
static void
add_own(struct totals *t, const struct master *m)
{
	size_t i;

	totals_counters(m, &t->counters);
	for (i = 0; i < m->worker_count; i++)
		worker_each_listener(m->workers[i], add_listener, t);
	backend_flows_each(m->flows, add_flow, t);
	add_certificates(t, m->snapshot);
	measure_process(&t->process);
}

static void
fini(struct totals *t)
{
	size_t i;

	for (i = 0; i < t->listener_count; i++)
		free(t->listeners[i].name);
	for (i = 0; i < t->endpoint_count; i++) {
		free(t->endpoints[i].backend);
		free(t->endpoints[i].address);
		free(t->endpoints[i].endpoint);
		free(t->endpoints[i].error);
	}
	for (i = 0; i < t->pool_count; i++)
		free(t->pools[i].backend);
	for (i = 0; i < t->flow_count; i++) {
		free(t->flows[i].source);
		free(t->flows[i].endpoint);
	}
	for (i = 0; i < t->cert_count; i++)
		free(t->certs[i].file);
	for (i = 0; i < t->crl_count; i++)
		free(t->crls[i].file);
	for (i = 0; i < t->device_count; i++)
		free(t->devices[i].text);
	free(t->listeners);
	free(t->endpoints);
	free(t->pools);
	free(t->flows);
	free(t->certs);
	free(t->crls);
}

/* What is asked of the workers. */
struct question {
	enum totals_scope scope;
	totals_cb *done;
};

static void
done(struct worker_query *q)
{
	const struct question *question = q->question;
	const struct master *m = q->admin->master;
	struct totals sum = { 0 };
	size_t i;

	for (i = 0; i < q->count; i++)
		merge(&sum, worker_query_answer(q, i));
	for (i = 0; i < sum.pool_count; i++)
		sum.ready = sum.ready || sum.pools[i].up;
	sum.ready = sum.ready && m->state == MASTER_SERVING;
	if (question->scope != TOTALS_BROKERS)
		add_own(&sum, m);
	if (sum.failed)
		reply_error(q->call, 503, "out of memory");
	else
		question->done(q->admin, q->call, q->request, &sum);
	fini(&sum);
}

static void
free_answer(void *answer)
{
	fini(answer);
}

static const struct worker_query_kind kinds[] = {
	[TOTALS_BROKERS] = {
		.answer_size = sizeof(struct totals),
		.work = work_brokers,
		.done = done,
		.free_answer = free_answer,
	},
	[TOTALS_STATE] = {
		.answer_size = sizeof(struct totals),
		.work = work_brokers,
		.done = done,
		.free_answer = free_answer,
	},
	[TOTALS_ALL] = {
		.answer_size = sizeof(struct part),
		.costly = true,
		.work = work_all,
		.done = done,
		.free_answer = free_answer,
	},
};

void
totals_collect(struct admin *a, struct http_call *call,
    const struct http_request *request, enum totals_scope scope,
    totals_cb *then)
{
	struct question *q = malloc(sizeof(*q));

	if (q == NULL) {
		reply_error(call, 503, "out of memory");
		return;
	}
	q->scope = scope;
	q->done = then;
	worker_query_send(a, call, request, &kinds[scope], q);
}
