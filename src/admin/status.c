/* SPDX-License-Identifier: ISC */
/*
 * The totals as JSON: the command status, which the status page also reads, and
 * the command cert.
 */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/commands.h"
#include "admin/problems.h"
#include "admin/reply.h"
#include "admin/totals.h"
#include "base/clock.h"
#include "tls/library.h"

#define DAY 86400
#define DEVICES_DEFAULT 20

static const char *
state_word(const struct master *m)
{
	switch (m->state) {
	case MASTER_STARTING:
		return "starting";
	case MASTER_SERVING:
		return "serving";
	case MASTER_LEAVING:
		return "leaving";
	case MASTER_REPLACED:
		return "replaced";
	case MASTER_DRAINING:
		return "draining";
	case MASTER_STOPPING:
		break;
	}
	return "stopping";
}

static json_t *
number(const counter *c)
{
	return json_integer((json_int_t)counter_get(c));
}

static json_t *
listeners(const struct totals *t)
{
	json_t *rows = json_array();
	const struct totals_listener *l;
	json_t *stages;
	size_t i;
	int n;

	for (i = 0; i < t->listener_count; i++) {
		l = &t->listeners[i];
		stages = json_object();
		for (n = 0; n < STAGE_COUNT; n++)
			json_object_set_new(stages, stage_name((enum stage)n),
			    json_integer((json_int_t)l->live[n]));
		json_array_append_new(rows,
		    json_pack("{s:s,s:I,s:o}", "listener", l->name, "accepted",
			(json_int_t)l->accepted, "connections", stages));
	}
	return rows;
}

/* The close reasons that have occurred, with their explanation. */
static json_t *
ended(const struct counters *c)
{
	json_t *rows = json_array();
	int i;

	for (i = REASON_NONE + 1; i < REASON_COUNT; i++)
		if (counter_get(&c->ended[i]) > 0)
			json_array_append_new(rows,
			    json_pack("{s:s,s:I,s:s}", "reason",
				reason_name((enum reason)i), "count",
				(json_int_t)counter_get(&c->ended[i]), "text",
				reason_text((enum reason)i)));
	return rows;
}

static json_t *
histogram(const struct histogram *h)
{
	static const unsigned bounds[] = {
#define X(ms) ms,
		COUNTERS_BUCKETS(X)
#undef X
	};
	json_t *buckets = json_array();
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < COUNTERS_BUCKET_COUNT; i++) {
		count += counter_get(&h->buckets[i]);
		json_array_append_new(buckets,
		    json_pack("[o,I]",
			i + 1 < COUNTERS_BUCKET_COUNT ? json_integer(bounds[i])
						      : json_null(),
			(json_int_t)counter_get(&h->buckets[i])));
	}
	return json_pack("{s:I,s:o,s:o}", "count", (json_int_t)count, "sum_ms",
	    number(&h->sum_ms), "buckets_ms", buckets);
}

/* The cipher suites that have been used. */
static json_t *
handshakes(const struct counters *c)
{
	json_t *rows = json_array();
	const counter *n;
	int i;

	for (i = 0; i < TLS_SUITE_COUNT; i++) {
		n = c->handshakes[i];
		if (counter_get(&n[HANDSHAKE_FULL]) +
			counter_get(&n[HANDSHAKE_RESUMED]) +
			counter_get(&n[HANDSHAKE_FAILED]) ==
		    0)
			continue;
		json_array_append_new(rows,
		    json_pack("{s:s,s:s,s:o,s:o,s:o}", "version",
			tls_suite_version((enum tls_suite)i), "cipher",
			tls_suite_name((enum tls_suite)i), "full",
			number(&n[HANDSHAKE_FULL]), "resumed",
			number(&n[HANDSHAKE_RESUMED]), "failed",
			number(&n[HANDSHAKE_FAILED])));
	}
	return rows;
}

static json_t *
traffic(const struct counters *c)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
	    "accepted", number(&c->accepted), "opened", number(&c->opened),
	    "without_certificate", number(&c->without_certificate),
	    "clone_suspects", number(&c->clone_suspects), "bytes_up",
	    number(&c->total_bytes_up), "bytes_down",
	    number(&c->total_bytes_down), "connack_accepted",
	    number(&c->connack_accepted), "connack_refused",
	    number(&c->connack_refused), "handshakes", handshakes(c),
	    "handshake", histogram(&c->handshake), "connack",
	    histogram(&c->connack), "ended", ended(c));
}

static json_t *
pools(const struct totals *t)
{
	json_t *rows = json_array();
	const struct totals_pool *p;
	size_t i;

	for (i = 0; i < t->pool_count; i++) {
		p = &t->pools[i];
		json_array_append_new(rows,
		    json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I}", "backend",
			p->backend, "up", (int)p->up, "dials",
			(json_int_t)p->counts.dials, "dialled",
			(json_int_t)p->counts.dialled, "held",
			(json_int_t)p->counts.held, "waiting",
			(json_int_t)p->counts.waiting, "busy",
			(json_int_t)p->counts.busy));
	}
	return rows;
}

static json_t *
backends(const struct totals *t)
{
	json_t *rows = json_array();
	const struct totals_endpoint *e;
	size_t i;

	for (i = 0; i < t->endpoint_count; i++) {
		e = &t->endpoints[i];
		json_array_append_new(rows,
		    json_pack("{s:s,s:s,s:s,s:b,s:I,s:I,s:I,s:o}", "backend",
			e->backend, "address", e->address, "endpoint",
			e->endpoint, "up", (int)e->up, "failures",
			(json_int_t)e->failures, "dialled",
			(json_int_t)e->dialled, "failed", (json_int_t)e->failed,
			"error", reply_text(slice_str(e->error))));
	}
	return rows;
}

static json_t *
certificates(const struct totals *t, int64_t now)
{
	json_t *rows = json_array();
	const struct totals_cert *c;
	size_t i;

	for (i = 0; i < t->cert_count; i++) {
		c = &t->certs[i];
		json_array_append_new(rows,
		    json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:I,s:I}", "tls",
			c->profile, "role", totals_role(c), "file", c->file,
			"cert_sha256", json_string(c->sha256), "not_before",
			reply_when(c->not_before), "not_after",
			reply_when(c->not_after), "not_after_s",
			(json_int_t)c->not_after, "days_left",
			(json_int_t)((c->not_after - now) / DAY)));
	}
	return rows;
}

static json_t *
crls(const struct totals *t)
{
	json_t *rows = json_array();
	const struct totals_crl *c;
	size_t i;

	for (i = 0; i < t->crl_count; i++) {
		c = &t->crls[i];
		json_array_append_new(rows,
		    json_pack("{s:s,s:s,s:o,s:I,s:o,s:I,s:I,s:b}", "tls",
			c->profile, "file", c->file, "this_update",
			reply_when(c->this_update), "this_update_s",
			(json_int_t)c->this_update, "next_update",
			reply_when(c->next_update), "next_update_s",
			(json_int_t)c->next_update, "revoked",
			(json_int_t)c->revoked, "verified", (int)c->verified));
	}
	return rows;
}

static json_t *
devices(const struct totals *t, int64_t now, size_t limit)
{
	json_t *rows = json_array();
	const struct totals_device *d;
	size_t i;

	for (i = 0; i < t->device_count && i < limit; i++) {
		d = &t->devices[i];
		json_array_append_new(rows,
		    json_pack("{s:o,s:o,s:o,s:o,s:I}", "user",
			reply_text(d->username), "client_id",
			reply_text(d->client_id), "cert_sha256",
			reply_hex(d->sha256, CERT_SHA256_LEN), "cert_not_after",
			reply_when(d->not_after), "days_left",
			(json_int_t)((d->not_after - now) / DAY)));
	}
	return rows;
}

static json_t *
denylist(const struct snapshot *s)
{
	return json_pack("{s:s,s:b,s:I,s:I}", "file", s->config->denylist.file,
	    "shared", s->fleet_file != NULL, "entries",
	    (json_int_t)identity_denylist_count(s->denylist), "bytes",
	    (json_int_t)identity_denylist_size(s->denylist));
}

static json_t *
fleet(const struct fleet *f)
{
	json_t *replicas = json_array();
	json_t *silent = json_object();
	struct fleet_status s;
	size_t i;

	fleet_get_status(f, &s);
	for (i = 0; i < s.replica_count; i++) {
		json_array_append_new(replicas,
		    reply_text(slice_str(s.replicas[i].name)));
		json_object_set_new(silent, s.replicas[i].name,
		    json_integer((json_int_t)s.replicas[i].silent_ms));
	}
	return json_pack(
	    "{s:s,s:b,s:s,s:o,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:b,s:o,s:o}", "name",
	    s.name, "online", (int)s.online, "address", s.address, "error",
	    s.why[0] == '\0' ? json_null() : reply_text(slice_str(s.why)),
	    "since_s", (json_int_t)((clock_mono_ms() - s.changed_at) / 1000),
	    "lag_ms", (json_int_t)s.lag_ms, "entries", (json_int_t)s.entries,
	    "waiting", (json_int_t)s.waiting, "refused", (json_int_t)s.refused,
	    "last_id", s.last_id, "connections_lost", (json_int_t)s.lost,
	    "sessions_shared", (int)s.sessions.ready, "replicas", replicas,
	    "silent_ms", silent);
}

/* Leaves out what could not be measured. */
static json_t *
process(const struct totals_process *p)
{
	json_t *o = json_pack("{s:I}", "pid", (json_int_t)getpid());

	if (p->has_cpu)
		json_object_set_new(o, "cpu_s", json_real(p->cpu_s));
	if (p->has_memory)
		json_object_set_new(o, "resident_bytes",
		    json_integer((json_int_t)p->resident));
	if (p->has_open_fds)
		json_object_set_new(o, "open_fds",
		    json_integer((json_int_t)p->open_fds));
	if (p->has_max_fds)
		json_object_set_new(o, "max_fds",
		    json_integer((json_int_t)p->max_fds));
	return o;
}

static json_t *
host(void)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) == -1)
		return json_null();
	return reply_text(slice_str(name));
}

static json_t *
config(const struct master *m)
{
	return json_pack("{s:s,s:I,s:o,s:b,s:o,s:I}", "file", m->file,
	    "generation", (json_int_t)m->snapshot->generation, "loaded_at",
	    reply_when(m->reloaded_at), "last_reload_successful",
	    !m->reload_failed && !denylist_is_refused(m->denylist),
	    "last_reload_at", reply_when(m->reload_ended_at), "reloads_failed",
	    (json_int_t)m->reloads_failed);
}

/* [[days, sessions], ...]; the last bound is null: more than all others. */
static json_t *
days_left(const struct totals_days_left *left)
{
	json_t *rows = json_array();
	size_t i;

	for (i = 0; i <= TOTALS_DAYS_COUNT; i++)
		json_array_append_new(rows,
		    json_pack("[o,I]",
			i < TOTALS_DAYS_COUNT
			    ? json_integer((json_int_t)totals_days[i])
			    : json_null(),
			(json_int_t)left->buckets[i]));
	return rows;
}

static json_t *
tls_library_json(void)
{
	const struct tls_library *l = tls_library();

	return json_pack("{s:s,s:i,s:s,s:b,s:b}", "name", l->name, "api",
	    l->api, "source", l->source, "post_quantum", (int)l->post_quantum,
	    "old", (int)l->old);
}

static void
render_status(struct admin *a, struct http_call *call,
    const struct http_request *r, const struct totals *t)
{
	const struct master *m = a->master;
	int64_t now = clock_wall_s();
	json_t *body;

	(void)r;
	body = json_pack("{s:s,s:s,s:b,s:o,s:o,s:I,s:I}", "version",
	    PACKAGE_VERSION, "state", state_word(m), "ready", (int)t->ready,
	    "now", reply_when(now), "started_at", reply_when(a->started_at),
	    "uptime_s", (json_int_t)(now - a->started_at), "workers",
	    (json_int_t)m->worker_count);
	json_object_set_new(body, "tls_library", tls_library_json());
	json_object_set_new(body, "host", host());
	json_object_set_new(body, "problems", problems_list(a, t));
	json_object_set_new(body, "config", config(m));
	json_object_set_new(body, "process", process(&t->process));
	json_object_set_new(body, "listeners", listeners(t));
	json_object_set_new(body, "traffic", traffic(&t->counters));
	json_object_set_new(body, "pools", pools(t));
	json_object_set_new(body, "backends", backends(t));
	json_object_set_new(body, "certificates", certificates(t, now));
	json_object_set_new(body, "crls", crls(t));
	json_object_set_new(body, "device_certificates_days_left",
	    days_left(&t->left));
	json_object_set_new(body, "denylist", denylist(m->snapshot));
	if (m->fleet != NULL)
		json_object_set_new(body, "fleet", fleet(m->fleet));
	reply_json(call, 200, body);
}

void
status_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	totals_collect(a, call, r, TOTALS_ALL, render_status);
}

static void
render_cert(struct admin *a, struct http_call *call,
    const struct http_request *r, const struct totals *t)
{
	size_t limit = DEVICES_DEFAULT;
	int64_t now = clock_wall_s();

	(void)a;
	if (!http_request_limit(r, &limit)) {
		reply_error(call, 400, "limit is a number up to 100000");
		return;
	}
	reply_json(call, 200,
	    json_pack("{s:o,s:o,s:o}", "certificates", certificates(t, now),
		"crls", crls(t), "devices", devices(t, now, limit)));
}

void
status_cert_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	totals_collect(a, call, r, TOTALS_ALL, render_cert);
}
