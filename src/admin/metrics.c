#include "admin/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "admin/certs.h"
#include "admin/exposition.h"
#include "admin/reply.h"
#include "admin/totals.h"
#include "admin/worker_report.h"

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
add_daemon(struct exposition *e, const struct admin *a,
    const struct worker_report *s)
{
	const struct master *m = a->master;

	FAMILY(e, "build_info", "gauge", "The version, as a label; always 1.");
	labelled(e, "version", PACKAGE_VERSION, 1);
	SINGLE(e, "workers", "gauge", "Worker threads.", m->worker_count);
	SINGLE(e, "ready", "gauge",
	    "1 while serving with a broker that is up, as /readyz says.",
	    s->ready);
	SINGLE(e, "draining", "gauge", "1 while draining.",
	    m->state != MASTER_SERVING);
	SINGLE(e, "config_generation", "gauge",
	    "Loads of the configuration that came into force.",
	    m->snapshot->generation);
	SINGLE(e, "config_last_reload_success_timestamp_seconds", "gauge",
	    "When the configuration in force was loaded.", m->reloaded_at);
	SINGLE(e, "config_reload_failures", "counter",
	    "Reloads that were refused.", m->reloads_failed);
	SINGLE(e, "denylist_entries", "gauge",
	    "Entries of the deny list in force.",
	    identity_denylist_count(m->snapshot->denylist));
	SINGLE(e, "denylist_size_bytes", "gauge",
	    "Memory of the deny list in force.",
	    identity_denylist_size(m->snapshot->denylist));
}

static void
add_listeners(struct exposition *e, const struct master *m)
{
	struct totals_listener *all;
	size_t count = totals_listeners(m, &all);
	struct exposition_label labels[2] = { { "listener", NULL },
		{ "stage", NULL } };
	size_t i;
	int n;

	FAMILY(e, "connections", "gauge", "Connections now, by stage.");
	for (i = 0; i < count; i++) {
		labels[0].value = all[i].name;
		for (n = 0; n < STAGE_COUNT; n++) {
			labels[1].value = stage_name((enum stage)n);
			exposition_sample(e, labels, 2, (double)all[i].live[n]);
		}
	}
	FAMILY(e, "connections_accepted", "counter", "Connections that came.");
	for (i = 0; i < count; i++)
		labelled(e, "listener", all[i].name, all[i].accepted);
	free(all);
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
	    "Handshakes that ended; none: before a cipher was agreed on.");
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
	    "Times that clients were left waiting: for want of descriptors or "
	    "memory, or by a limit.");
	labelled(e, "reason", "resource", counter_get(&c->exhausted));
	labelled(e, "reason", "limit", counter_get(&c->gated));
	SINGLE(e, "accept_shed", "counter",
	    "Connections closed unseen when the want lasted.",
	    counter_get(&c->shed));
}

static void
add_traffic(struct exposition *e, const struct counters *c)
{
	int i;

	add_accept(e, &c->accept);

	SINGLE(e, "sessions_opened", "counter",
	    "Clients let in: relayed to a broker.", counter_get(&c->opened));
	SINGLE(e, "sessions_without_certificate", "counter",
	    "Clients let through to a broker's own check of their password.",
	    counter_get(&c->without_certificate));
	SINGLE(e, "clone_suspects", "counter",
	    "Certificates that came in from a second address.",
	    counter_get(&c->clone_suspects));
	FAMILY(e, "connections_closed", "counter",
	    "Connections that ended, by reason; see sallyport(8).");
	for (i = REASON_NONE + 1; i < REASON_COUNT; i++)
		labelled(e, "reason", reason_name((enum reason)i),
		    counter_get(&c->ended[i]));
	FAMILY(e, "connacks", "counter", "What brokers answered CONNECTs.");
	labelled(e, "result", "accepted", counter_get(&c->connack_accepted));
	labelled(e, "result", "refused", counter_get(&c->connack_refused));
	FAMILY(e, "relayed_bytes", "counter",
	    "MQTT bytes relayed, up to the broker and down to the client.");
	labelled(e, "direction", "up", counter_get(&c->moved_up));
	labelled(e, "direction", "down", counter_get(&c->moved_down));
	add_handshakes(e, c);
	add_latency(e, "sallyport_tls_handshake_duration_seconds",
	    "From accept to the end of the TLS handshake.", &c->handshake);
	add_latency(e, "sallyport_connect_duration_seconds",
	    "From a CONNECT read to its CONNACK passed on.", &c->connack);
}

static const char *
text(const json_t *row, const char *key)
{
	const char *found = json_string_value(json_object_get(row, key));

	return found == NULL ? "" : found;
}

/* One family over rows of JSON: labels and value are fields. */
struct column {
	const char *name;
	const char *type;
	const char *help;
	const char *field;
	const char *labels[4]; /* fields, up to NULL */
};

static void
add_row(struct exposition *e, const struct column *c, const json_t *row)
{
	struct exposition_label labels[4];
	const json_t *value = json_object_get(row, c->field);
	size_t n;

	for (n = 0; n < 4 && c->labels[n] != NULL; n++) {
		labels[n].key = c->labels[n];
		labels[n].value = text(row, c->labels[n]);
	}
	exposition_sample(e, labels, n,
	    json_is_true(value) ? 1 : (double)json_integer_value(value));
}

static void
add_columns(struct exposition *e, const struct column *columns, size_t count,
    json_t *rows)
{
	json_t *row;
	size_t i;
	size_t n;

	for (i = 0; i < count; i++) {
		exposition_family(e, columns[i].name, columns[i].type,
		    columns[i].help);
		json_array_foreach(rows, n, row) add_row(e, &columns[i], row);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
add_backends(struct exposition *e, const struct worker_report *s)
{
	static const struct column backends[] = {
		{ "sallyport_backend_up", "gauge",
		    "1 when a worker finds this broker up.", "up",
		    { "backend", "address", "endpoint" } },
		{ "sallyport_backend_connections", "counter",
		    "Connections made to this broker.", "dialled",
		    { "backend", "address", "endpoint" } },
		{ "sallyport_backend_connection_failures", "counter",
		    "Tries to connect to this broker that failed.", "failed",
		    { "backend", "address", "endpoint" } },
	};
	static const struct column pools[] = {
		{ "sallyport_backend_waiting", "gauge",
		    "CONNECTs that wait for a broker now.", "waiting",
		    { "backend" } },
		{ "sallyport_backend_held", "counter",
		    "CONNECTs that had to wait.", "held", { "backend" } },
		{ "sallyport_backend_busy", "counter",
		    "CONNECTs refused because too many waited.", "busy",
		    { "backend" } },
	};
	static const struct column flows[] = {
		{ "sallyport_backend_flows", "gauge",
		    "Connections from one address to one broker.", "flows",
		    { "source", "endpoint" } },
		{ "sallyport_backend_ports", "gauge",
		    "Local ports there are for them.", "ports",
		    { "source", "endpoint" } },
	};

	add_columns(e, backends, COUNT(backends), s->backends);
	add_columns(e, flows, COUNT(flows), s->flows);
	add_columns(e, pools, COUNT(pools), s->pools);
}

/* Several CRLs may come from one file: they are told apart by number. */
static void
number_rows(json_t *rows)
{
	char number[24];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		snprintf(number, sizeof(number), "%zu", i);
		json_object_set_new(row, "crl", json_string(number));
	}
}

static void
add_certificates(struct exposition *e, const struct snapshot *snapshot)
{
	static const struct column certs[] = {
		{ "sallyport_certificate_not_after_timestamp_seconds", "gauge",
		    "When a server certificate or client CA expires.",
		    "not_after_s", { "tls", "role", "file", "cert_sha256" } },
	};
	static const struct column crls[] = {
		{ "sallyport_crl_this_update_timestamp_seconds", "gauge",
		    "When a CRL was issued.", "this_update_s",
		    { "tls", "file", "crl" } },
		{ "sallyport_crl_next_update_timestamp_seconds", "gauge",
		    "When its successor is due; 0 when it names no date.",
		    "next_update_s", { "tls", "file", "crl" } },
		{ "sallyport_crl_revoked_certificates", "gauge",
		    "Certificates that a CRL revokes.", "revoked",
		    { "tls", "file", "crl" } },
	};
	json_t *rows = certs_list(snapshot);

	add_columns(e, certs, COUNT(certs), rows);
	json_decref(rows);
	rows = certs_crls(snapshot);
	number_rows(rows);
	add_columns(e, crls, COUNT(crls), rows);
	json_decref(rows);
}

static void
add_left(struct exposition *e, const struct worker_report_days_left *left)
{
	double bounds[WORKER_REPORT_DAYS_COUNT];
	size_t i;

	for (i = 0; i < WORKER_REPORT_DAYS_COUNT; i++)
		bounds[i] = worker_report_days[i] * 86400.0;
	FAMILY(e, "session_certificate_remaining_seconds", "gaugehistogram",
	    "How long the certificates of connected devices will last.");
	exposition_histogram(e, bounds, left->buckets, WORKER_REPORT_DAYS_COUNT,
	    (double)left->sum_s);
}

static void
add_process(struct exposition *e, const struct admin *a)
{
	struct totals_process p;

	totals_process(&p);
	exposition_single(e, "process_cpu_seconds", "counter",
	    "Processor time used.", p.cpu_s);
	exposition_single(e, "process_resident_memory_bytes", "gauge",
	    "Memory in RAM.", (double)p.resident);
	exposition_single(e, "process_virtual_memory_bytes", "gauge",
	    "Memory mapped.", (double)p.virtual_size);
	exposition_single(e, "process_open_fds", "gauge",
	    "File descriptors in use.", (double)p.open_fds);
	exposition_single(e, "process_max_fds", "gauge",
	    "File descriptors allowed.", (double)p.max_fds);
	exposition_single(e, "process_start_time_seconds", "gauge",
	    "When the daemon started.", (double)a->started_at);
}

static void
done(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct worker_report *s)
{
	struct http_reply reply = { .status = 200 };
	struct exposition e;
	struct counters c;

	totals_counters(a->master, &c);
	exposition_init(&e, r->openmetrics);
	add_daemon(&e, a, s);
	add_listeners(&e, a->master);
	add_traffic(&e, &c);
	add_backends(&e, s);
	add_certificates(&e, a->master->snapshot);
	add_left(&e, &s->left);
	add_process(&e, a);
	exposition_end(&e);
	if (e.failed) {
		reply_error(call, 503, "out of memory");
	} else {
		reply.type = exposition_type(&e);
		reply.body = buf_slice(&e.out);
		server_reply(call, &reply);
	}
	exposition_fini(&e);
}

void
metrics_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	worker_report_collect(a, call, r, done);
}
