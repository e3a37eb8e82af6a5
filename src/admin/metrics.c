/* SPDX-License-Identifier: ISC */
/*
 * The totals as metrics for Prometheus. sallyport(8) lists them; a test
 * compares the two.
 */
#include <stdio.h>

#include "admin/commands.h"
#include "admin/exposition.h"
#include "admin/reply.h"
#include "admin/totals.h"
#include "base/log.h"
#include "tls/library.h"

#define FAMILY(e, name, type, help) \
	exposition_family(e, "sallyport_" name, type, help)
#define SINGLE(e, name, type, help, value) \
	exposition_single(e, "sallyport_" name, type, help, (double)(value))

static void
labelled(struct exposition *e, const char *key, const char *word, uint64_t n)
{
	struct exposition_label label = { key, word };

	exposition_sample(e, &label, 1, (double)n);
}

static void
add_build(struct exposition *e)
{
	const struct tls_library *l = tls_library();
	char api[16];
	struct exposition_label labels[] = {
		{ "version", PACKAGE_VERSION },
		{ "tls_library", l->name },
		{ "tls_library_api", api },
		{ "tls_library_source", l->source },
		{ "post_quantum", l->post_quantum ? "yes" : "no" },
	};

	snprintf(api, sizeof(api), "%d", l->api);
	exposition_sample(e, labels, sizeof(labels) / sizeof(labels[0]), 1);
}

static void
add_daemon(struct exposition *e, const struct admin *a, const struct totals *t)
{
	const struct master *m = a->master;

	FAMILY(e, "build_info", "gauge",
	    "The versions of the program and of its TLS library, as labels; "
	    "always 1.");
	add_build(e);
	SINGLE(e, "workers", "gauge", "Worker threads.", m->worker_count);
	SINGLE(e, "ready", "gauge",
	    "1 while serving and at least one broker is up, as /readyz says.",
	    t->ready);
	SINGLE(e, "draining", "gauge", "1 while draining.",
	    m->state != MASTER_SERVING);
	SINGLE(e, "config_generation", "gauge",
	    "Loads of the configuration that came into force.",
	    m->snapshot->generation);
	SINGLE(e, "config_last_reload_success_timestamp_seconds", "gauge",
	    "When the configuration in force was loaded.", m->reloaded_at);
	SINGLE(e, "config_last_reload_successful", "gauge",
	    "1 if the last load came into force, 0 if it was refused.",
	    m->reload_failed || denylist_is_refused(m->denylist) ? 0 : 1);
	SINGLE(e, "config_last_reload_timestamp_seconds", "gauge",
	    "When the last load ended, in force or refused.",
	    m->reload_ended_at);
	SINGLE(e, "config_reload_failures", "counter",
	    "Reloads that were refused.", m->reloads_failed);
	SINGLE(e, "log_dropped", "counter",
	    "Log lines that were not written: the log is too slow, or full.",
	    log_dropped());
	SINGLE(e, "denylist_entries", "gauge",
	    "Entries of the deny list in force.",
	    identity_denylist_count(m->snapshot->denylist));
	SINGLE(e, "denylist_size_bytes", "gauge",
	    "Memory of the deny list in force.",
	    identity_denylist_size(m->snapshot->denylist));
}

static void
add_fleet(struct exposition *e, const struct fleet *f)
{
	struct fleet_status s;

	if (f == NULL)
		return;
	fleet_get_status(f, &s);
	SINGLE(e, "fleet_online", "gauge",
	    "1 while the fleet's Redis server is there and all changes are "
	    "known.",
	    s.online);
	SINGLE(e, "fleet_lag_seconds", "gauge",
	    "For how long the Redis server has owed an answer.",
	    (double)s.lag_ms / 1000);
	SINGLE(e, "fleet_replicas", "gauge",
	    "Replicas alive, with this one; 0 while the Redis server cannot be "
	    "reached.",
	    s.replica_count);
	SINGLE(e, "fleet_denylist_entries", "gauge",
	    "Entries of the fleet's deny list.", s.entries);
	SINGLE(e, "fleet_changes_waiting", "gauge",
	    "Changes of the deny list that the Redis server does not have yet.",
	    s.waiting);
	SINGLE(e, "fleet_entries_refused", "counter",
	    "Entries of the Redis server that were refused.", s.refused);
	SINGLE(e, "fleet_connections_lost", "counter",
	    "Connections to the Redis server that were lost.", s.lost);
	SINGLE(e, "fleet_sessions_asked", "counter",
	    "Sessions for which the other replicas were asked.",
	    s.sessions.asked);
	SINGLE(e, "fleet_sessions_alone", "counter",
	    "Sessions for which the other replicas could not be asked.",
	    s.sessions.alone);
}

static void
add_listeners(struct exposition *e, const struct totals *t)
{
	struct exposition_label labels[2] = { { "listener", NULL },
		{ "stage", NULL } };
	const struct totals_listener *l;
	size_t i;
	int n;

	FAMILY(e, "connections", "gauge", "Connections now, by stage.");
	for (i = 0; i < t->listener_count; i++) {
		l = &t->listeners[i];
		labels[0].value = l->name;
		for (n = 0; n < STAGE_COUNT; n++) {
			labels[1].value = stage_name((enum stage)n);
			exposition_sample(e, labels, 2, (double)l->live[n]);
		}
	}
	FAMILY(e, "connections_accepted", "counter", "Connections accepted.");
	for (i = 0; i < t->listener_count; i++)
		labelled(e, "listener", t->listeners[i].name,
		    t->listeners[i].accepted);
}

static void
add_handshakes(struct exposition *e, const struct counters *c)
{
	static const char *const results[] = {
#define X(id, name) name,
		HANDSHAKES(X)
#undef X
	};
	struct exposition_label labels[3] = { { "version", NULL },
		{ "cipher", NULL }, { "result", NULL } };
	int suite;
	int n;

	FAMILY(e, "tls_handshakes", "counter",
	    "Handshakes that ended, cipher none: before one was agreed on.");
	for (suite = 0; suite < TLS_SUITE_COUNT; suite++)
		for (n = 0; n < HANDSHAKE_COUNT; n++) {
			labels[0].value =
			    tls_suite_version((enum tls_suite)suite);
			labels[1].value = tls_suite_name((enum tls_suite)suite);
			labels[2].value = results[n];
			exposition_sample(e, labels, 3,
			    (double)counter_get(&c->handshakes[suite][n]));
		}
}

static void
add_latency(struct exposition *e, const char *name, const char *help,
    const struct histogram *h)
{
	static const double bounds[] = {
#define X(ms) ms / 1000.0,
		COUNTERS_BUCKETS(X)
#undef X
	};
	uint64_t counts[COUNTERS_BUCKET_COUNT];
	size_t i;

	for (i = 0; i < COUNTERS_BUCKET_COUNT; i++)
		counts[i] = counter_get(&h->buckets[i]);
	exposition_family(e, name, "histogram", help);
	exposition_histogram(e, bounds, counts, COUNTERS_BUCKET_COUNT - 1,
	    (double)counter_get(&h->sum_ms) / 1000);
}

static void
add_accept(struct exposition *e, const struct listener_counts *c)
{
	FAMILY(e, "accept_pauses", "counter",
	    "Times that accepting paused, for lack of descriptors or memory.");
	labelled(e, "reason", "resource", counter_get(&c->exhausted));
	SINGLE(e, "accept_shed", "counter",
	    "Connections closed unread because that lack lasted.",
	    counter_get(&c->shed));
}

static void
add_traffic(struct exposition *e, const struct counters *c)
{
	int i;

	add_accept(e, &c->accept);

	SINGLE(e, "sessions_opened", "counter",
	    "Sessions that were relayed to a broker.", counter_get(&c->opened));
	SINGLE(e, "sessions_without_certificate", "counter",
	    "Clients without a certificate, left to the broker's own check.",
	    counter_get(&c->without_certificate));
	SINGLE(e, "clone_suspects", "counter",
	    "Certificates that connected from a second address.",
	    counter_get(&c->clone_suspects));
	FAMILY(e, "connections_closed", "counter",
	    "Connections that ended, by reason; see sallyport(8).");
	for (i = REASON_NONE + 1; i < REASON_COUNT; i++)
		labelled(e, "reason", reason_name((enum reason)i),
		    counter_get(&c->ended[i]));
	FAMILY(e, "connacks", "counter", "Answers of brokers to a CONNECT.");
	labelled(e, "result", "accepted", counter_get(&c->connack_accepted));
	labelled(e, "result", "refused", counter_get(&c->connack_refused));
	FAMILY(e, "relayed_bytes", "counter",
	    "MQTT bytes relayed, up to the broker and down to the client.");
	labelled(e, "direction", "up", counter_get(&c->total_bytes_up));
	labelled(e, "direction", "down", counter_get(&c->total_bytes_down));
	add_handshakes(e, c);
	add_latency(e, "sallyport_tls_handshake_duration_seconds",
	    "From accept to the end of the TLS handshake.", &c->handshake);
	add_latency(e, "sallyport_connect_duration_seconds",
	    "From accept to passing on the CONNACK.", &c->connack);
}

/* The value of one sample of `row', a row of the totals. */
typedef double value_fn(const void *row);

/* One family over all rows of one kind. */
struct family {
	const char *name;
	const char *type;
	const char *help;
	value_fn *value;
};

/* Rows of one kind, and how a row is labelled. */
struct rows {
	const void *first;
	size_t count;
	size_t size; /* bytes of a row */
	size_t label_count;
	void (*label)(const void *row, struct exposition_label *labels);
};

#define LABELS_MAX 4

static void
add_families(struct exposition *e, const struct family *families, size_t count,
    const struct rows *rows)
{
	struct exposition_label labels[LABELS_MAX];
	const char *row;
	size_t i;
	size_t n;

	for (i = 0; i < count; i++) {
		exposition_family(e, families[i].name, families[i].type,
		    families[i].help);
		for (n = 0; n < rows->count; n++) {
			row = (const char *)rows->first + n * rows->size;
			rows->label(row, labels);
			exposition_sample(e, labels, rows->label_count,
			    families[i].value(row));
		}
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Defines a value_fn: FIELD of a row of TYPE. */
#define VALUE(name, type, field) \
	static double name(const void *row) \
	{ \
		return (double)((const struct type *)row)->field; \
	}
VALUE(endpoint_up, totals_endpoint, up)
VALUE(endpoint_dialled, totals_endpoint, dialled)
VALUE(endpoint_failed, totals_endpoint, failed)
VALUE(pool_waiting, totals_pool, counts.waiting)
VALUE(pool_held, totals_pool, counts.held)
VALUE(pool_busy, totals_pool, counts.busy)
VALUE(flow_flows, totals_flow, flows)
VALUE(flow_ports, totals_flow, ports)
VALUE(cert_not_after, totals_cert, not_after)
VALUE(crl_this_update, totals_crl, this_update)
VALUE(crl_next_update, totals_crl, next_update)
VALUE(crl_revoked, totals_crl, revoked)

static void
label_endpoint(const void *row, struct exposition_label *labels)
{
	const struct totals_endpoint *p = row;

	labels[0] = (struct exposition_label){ "backend", p->backend };
	labels[1] = (struct exposition_label){ "address", p->address };
	labels[2] = (struct exposition_label){ "endpoint", p->endpoint };
}

static void
label_pool(const void *row, struct exposition_label *labels)
{
	const struct totals_pool *p = row;

	labels[0] = (struct exposition_label){ "backend", p->backend };
}

static void
label_flow(const void *row, struct exposition_label *labels)
{
	const struct totals_flow *f = row;

	labels[0] = (struct exposition_label){ "source", f->source };
	labels[1] = (struct exposition_label){ "endpoint", f->endpoint };
}

static void
label_cert(const void *row, struct exposition_label *labels)
{
	const struct totals_cert *c = row;

	labels[0] = (struct exposition_label){ "tls", c->profile };
	labels[1] = (struct exposition_label){ "role", totals_role(c) };
	labels[2] = (struct exposition_label){ "file", c->file };
	labels[3] = (struct exposition_label){ "cert_sha256", c->sha256 };
}

static void
label_crl(const void *row, struct exposition_label *labels)
{
	const struct totals_crl *c = row;

	labels[0] = (struct exposition_label){ "tls", c->profile };
	labels[1] = (struct exposition_label){ "file", c->file };
	labels[2] = (struct exposition_label){ "crl", c->index };
}

static void
add_backends(struct exposition *e, const struct totals *t)
{
	static const struct family endpoints[] = {
		{ "sallyport_backend_up", "gauge",
		    "0 when a worker considers this broker down.",
		    endpoint_up },
		{ "sallyport_backend_connections", "counter",
		    "Connections made to this broker.", endpoint_dialled },
		{ "sallyport_backend_connection_failures", "counter",
		    "Attempts to connect to this broker that failed.",
		    endpoint_failed },
	};
	static const struct family flows[] = {
		{ "sallyport_backend_flows", "gauge",
		    "Connections from one local address to one broker.",
		    flow_flows },
		{ "sallyport_backend_ports", "gauge",
		    "Local ports that are available for them.", flow_ports },
	};
	static const struct family pools[] = {
		{ "sallyport_backend_waiting", "gauge",
		    "CONNECTs that wait for a broker now.", pool_waiting },
		{ "sallyport_backend_held", "counter",
		    "CONNECTs that had to wait.", pool_held },
		{ "sallyport_backend_busy", "counter",
		    "CONNECTs refused because too many waited.", pool_busy },
	};
	const struct rows endpoint_rows = { t->endpoints, t->endpoint_count,
		sizeof(*t->endpoints), 3, label_endpoint };
	const struct rows flow_rows = { t->flows, t->flow_count,
		sizeof(*t->flows), 2, label_flow };
	const struct rows pool_rows = { t->pools, t->pool_count,
		sizeof(*t->pools), 1, label_pool };

	add_families(e, endpoints, COUNT(endpoints), &endpoint_rows);
	add_families(e, flows, COUNT(flows), &flow_rows);
	add_families(e, pools, COUNT(pools), &pool_rows);
}

static void
add_certificates(struct exposition *e, const struct totals *t)
{
	static const struct family certs[] = {
		{ "sallyport_certificate_not_after_timestamp_seconds", "gauge",
		    "When a server certificate or client CA expires.",
		    cert_not_after },
	};
	static const struct family crls[] = {
		{ "sallyport_crl_this_update_timestamp_seconds", "gauge",
		    "When a CRL was issued.", crl_this_update },
		{ "sallyport_crl_next_update_timestamp_seconds", "gauge",
		    "When the next CRL is due; 0 when it names no date.",
		    crl_next_update },
		{ "sallyport_crl_revoked_certificates", "gauge",
		    "Certificates that a CRL revokes.", crl_revoked },
	};
	const struct rows cert_rows = { t->certs, t->cert_count,
		sizeof(*t->certs), 4, label_cert };
	const struct rows crl_rows = { t->crls, t->crl_count, sizeof(*t->crls),
		3, label_crl };

	add_families(e, certs, COUNT(certs), &cert_rows);
	add_families(e, crls, COUNT(crls), &crl_rows);
}

static void
add_left(struct exposition *e, const struct totals_days_left *left)
{
	double bounds[TOTALS_DAYS_COUNT];
	size_t i;

	for (i = 0; i < TOTALS_DAYS_COUNT; i++)
		bounds[i] = totals_days[i] * 86400.0;
	FAMILY(e, "session_certificate_remaining_seconds", "gaugehistogram",
	    "How long the certificates of connected devices remain valid.");
	exposition_histogram(e, bounds, left->buckets, TOTALS_DAYS_COUNT,
	    (double)left->sum_s);
}

/* Leaves out what could not be measured: a 0 would be wrong. */
static void
add_process(struct exposition *e, const struct totals_process *p,
    int64_t started_at)
{
	if (p->has_cpu)
		exposition_single(e, "process_cpu_seconds", "counter",
		    "Processor time used.", p->cpu_s);
	if (p->has_memory) {
		exposition_single(e, "process_resident_memory_bytes", "gauge",
		    "Memory in RAM.", (double)p->resident);
		exposition_single(e, "process_virtual_memory_bytes", "gauge",
		    "Memory mapped.", (double)p->virtual_size);
	}
	if (p->has_open_fds)
		exposition_single(e, "process_open_fds", "gauge",
		    "File descriptors in use.", (double)p->open_fds);
	if (p->has_max_fds)
		exposition_single(e, "process_max_fds", "gauge",
		    "File descriptors allowed.", (double)p->max_fds);
	exposition_single(e, "process_start_time_seconds", "gauge",
	    "When the daemon started.", (double)started_at);
}

static void
render(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct totals *t)
{
	struct http_reply reply = { .status = 200 };
	struct exposition e;

	exposition_init(&e, r->openmetrics);
	add_daemon(&e, a, t);
	add_fleet(&e, a->master->fleet);
	add_listeners(&e, t);
	add_traffic(&e, &t->counters);
	add_backends(&e, t);
	add_certificates(&e, t);
	add_left(&e, &t->left);
	add_process(&e, &t->process, a->started_at);
	exposition_end(&e);
	if (e.failed) {
		reply_error(call, 503, "out of memory");
	} else {
		reply.type = exposition_type(&e);
		reply.body = buf_slice(&e.out);
		http_reply_send(call, &reply);
	}
	exposition_fini(&e);
}

void
metrics_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	totals_collect(a, call, r, TOTALS_ALL, render);
}
