#include "admin/status.h"

#include <stdlib.h>
#include <unistd.h>

#include "admin/certs.h"
#include "admin/reply.h"
#include "admin/totals.h"
#include "admin/worker_report.h"
#include "base/clock.h"

const char *
status_word(const struct master *m)
{
	switch (m->state) {
	case MASTER_SERVING:
		return "serving";
	case MASTER_LEAVING:
		return "leaving";
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
listeners(const struct master *m)
{
	json_t *rows = json_array();
	struct totals_listener *all;
	size_t count = totals_listeners(m, &all);
	json_t *stages;
	size_t i;
	int n;

	for (i = 0; i < count; i++) {
		stages = json_object();
		for (n = 0; n < STAGE_COUNT; n++)
			json_object_set_new(stages, stage_name((enum stage)n),
			    json_integer((json_int_t)all[i].live[n]));
		json_array_append_new(rows,
		    json_pack("{s:s,s:I,s:o}", "listener", all[i].name,
			"accepted", (json_int_t)all[i].accepted, "connections",
			stages));
	}
	free(all);
	return rows;
}

/* Those that happened, with their meaning for people. */
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

/* The cipher suites that were met. */
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
traffic(const struct master *m)
{
	struct counters c;

	totals_counters(m, &c);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
	    "accepted", number(&c.accepted), "opened", number(&c.opened),
	    "without_certificate", number(&c.without_certificate),
	    "clone_suspects", number(&c.clone_suspects), "bytes_up",
	    number(&c.moved_up), "bytes_down", number(&c.moved_down),
	    "connack_accepted", number(&c.connack_accepted), "connack_refused",
	    number(&c.connack_refused), "handshakes", handshakes(&c),
	    "handshake", histogram(&c.handshake), "connack",
	    histogram(&c.connack), "ended", ended(&c));
}

static json_t *
denylist(const struct snapshot *s)
{
	return json_pack("{s:s,s:I,s:I}", "file", s->config->denylist.file,
	    "entries", (json_int_t)identity_denylist_count(s->denylist),
	    "bytes", (json_int_t)identity_denylist_size(s->denylist));
}

static json_t *
process(void)
{
	struct totals_process p;

	totals_process(&p);
	return json_pack("{s:I,s:f,s:I,s:I,s:I}", "pid", (json_int_t)getpid(),
	    "cpu_s", p.cpu_s, "resident_bytes", (json_int_t)p.resident,
	    "open_fds", (json_int_t)p.open_fds, "max_fds",
	    (json_int_t)p.max_fds);
}

static json_t *
config(const struct master *m)
{
	return json_pack("{s:s,s:I,s:o,s:I}", "file", m->file, "generation",
	    (json_int_t)m->snapshot->generation, "loaded_at",
	    reply_when(m->reloaded_at), "reloads_failed",
	    (json_int_t)m->reloads_failed);
}

/* [[days, sessions]], the last one null: above all days. */
static json_t *
days_left(const struct worker_report_days_left *left)
{
	json_t *rows = json_array();
	size_t i;

	for (i = 0; i <= WORKER_REPORT_DAYS_COUNT; i++)
		json_array_append_new(rows,
		    json_pack("[o,I]",
			i < WORKER_REPORT_DAYS_COUNT
			    ? json_integer((json_int_t)worker_report_days[i])
			    : json_null(),
			(json_int_t)left->buckets[i]));
	return rows;
}

static void
done(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct worker_report *s)
{
	const struct master *m = a->master;
	int64_t now = clock_wall_s();
	json_t *body;

	(void)r;
	body = json_pack("{s:s,s:s,s:b,s:o,s:o,s:I,s:I}", "version",
	    PACKAGE_VERSION, "state", status_word(m), "ready", (int)s->ready,
	    "now", reply_when(now), "started_at", reply_when(a->started_at),
	    "uptime_s", (json_int_t)(now - a->started_at), "workers",
	    (json_int_t)m->worker_count);
	json_object_set_new(body, "config", config(m));
	json_object_set_new(body, "process", process());
	json_object_set_new(body, "listeners", listeners(m));
	json_object_set_new(body, "traffic", traffic(m));
	json_object_set(body, "pools", s->pools);
	json_object_set(body, "backends", s->backends);
	json_object_set_new(body, "certificates", certs_list(m->snapshot));
	json_object_set_new(body, "crls", certs_crls(m->snapshot));
	json_object_set_new(body, "device_certificates_days_left",
	    days_left(&s->left));
	json_object_set_new(body, "denylist", denylist(m->snapshot));
	reply_json(call, 200, body);
}

void
status_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	worker_report_collect(a, call, r, done);
}
