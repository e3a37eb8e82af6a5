/* SPDX-License-Identifier: ISC */
/*
 * What the daemon reports about itself, as plain C data. Each worker fills a
 * struct totals of its own, on its own thread; the main thread adds them up and
 * adds what it knows itself. Status (JSON), metrics (Prometheus), the health
 * checks and the command cert all render the result; none reads another's
 * output.
 */
#ifndef ADMIN_TOTALS_H
#define ADMIN_TOTALS_H

#include "admin/admin.h"
#include "session/counters.h"

/* One [listener NAME], over all its sockets and workers. */
struct totals_listener {
	char *name; /* owned */
	uint64_t accepted;
	uint64_t live[STAGE_COUNT]; /* connections now, by stage */
};

/* One endpoint of a backend. */
struct totals_endpoint {
	char *backend; /* these four are owned */
	char *address; /* as configured */
	char *endpoint; /* as dialled; "" while the name is unresolved */
	char *error; /* of the last failure; "" when there was none */
	bool up; /* no worker considers it down */
	uint64_t failures; /* in a row, summed over the workers */
	uint64_t dialled; /* connections made */
	uint64_t failed; /* attempts that failed */
};

/* One [backend NAME]. */
struct totals_pool {
	char *backend; /* owned */
	bool up; /* every worker has an endpoint that is up */
	struct backend_counts counts;
};

/* The connections from one local address to one broker. */
struct totals_flow {
	char *source; /* these two are owned */
	char *endpoint;
	uint64_t flows;
	uint64_t ports; /* local ports there are for them */
};

/* A server certificate or client CA in force. */
struct totals_cert {
	const char *profile; /* borrowed from the snapshot */
	char *file; /* owned */
	enum tls_cert_role role;
	int64_t not_before; /* seconds since 1970 */
	int64_t not_after;
	char sha256[2 * CERT_SHA256_LEN + 1]; /* in hex */
};

/* A CRL in force. */
struct totals_crl {
	const char *profile; /* borrowed from the snapshot */
	char *file; /* owned */
	char index[24]; /* from "0"; one file may hold several CRLs */
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* 0 when it names no date */
	uint64_t revoked; /* entries */
	bool verified; /* its signature was checked */
};

/* A connected device whose certificate expires soon. */
struct totals_device {
	char *text; /* owned; the two slices point into it */
	struct slice username;
	struct slice client_id;
	uint8_t sha256[CERT_SHA256_LEN];
	int64_t not_after; /* seconds since 1970 */
};

/* At most this many devices are listed: those that expire first. */
#define TOTALS_DEVICES_MAX 100

/* Live sessions are counted by the days until their certificates expire. These
 * are the upper bounds of the buckets; one more, unbounded, follows. */
#define TOTALS_DAYS(X) \
	X(0) X(1) X(7) X(14) X(30) X(60) X(90) X(180) X(365) X(730)
#define TOTALS_DAYS_ONE(days) +1
#define TOTALS_DAYS_COUNT (0 TOTALS_DAYS(TOTALS_DAYS_ONE))

/* The bounds in days, ascending. */
extern const unsigned totals_days[TOTALS_DAYS_COUNT];

struct totals_days_left {
	uint64_t buckets[TOTALS_DAYS_COUNT + 1]; /* not cumulative */
	uint64_t sum_s; /* seconds left in all; an expired one adds 0 */
};

/* What the system knows of this process. What could not be measured, for
 * example without /proc, has its flag unset and must not be reported. */
struct totals_process {
	double cpu_s; /* used so far */
	bool has_cpu;
	uint64_t resident; /* bytes */
	uint64_t virtual_size; /* bytes */
	bool has_memory;
	uint64_t open_fds;
	bool has_open_fds;
	uint64_t max_fds;
	bool has_max_fds;
};

struct totals {
	struct counters counters;
	struct totals_listener *listeners; /* in the order they were bound */
	size_t listener_count;
	struct totals_endpoint *endpoints;
	size_t endpoint_count;
	struct totals_pool *pools;
	size_t pool_count;
	struct totals_flow *flows;
	size_t flow_count;
	struct totals_cert *certs; /* each once per profile and role */
	size_t cert_count;
	struct totals_crl *crls;
	size_t crl_count;
	struct totals_device devices[TOTALS_DEVICES_MAX]; /* by expiry date */
	size_t device_count;
	struct totals_days_left left;
	struct totals_process process;
	bool ready; /* serving, and at least one backend is up */
	bool failed; /* out of memory: use no other field */
};

/* Returns how status and metrics call a certificate's role: "server",
 * "client_ca". */
const char *totals_role(const struct totals_cert *c);

/* Adds up what the workers have counted, without asking them. */
void totals_counters(const struct master *m, struct counters *sum);

/* How much to collect. */
enum totals_scope {
	TOTALS_BROKERS, /* cheap: endpoints, pools and `ready' only */
	TOTALS_STATE, /* also what the main thread knows */
	TOTALS_ALL /* also looks at every session */
};

/* Called once, on the main thread. `call', if any, has to be answered;
 * `request' and `t' are only valid during the call. */
typedef void totals_cb(struct admin *a, struct http_call *call,
    const struct http_request *request, const struct totals *t);

/*
 * Asks the workers and calls `done' with the sum. The call, which may be NULL
 * as `request' may, is answered with 503 instead if memory runs out, a worker
 * does not answer in time or too many others wait. At most one TOTALS_ALL runs
 * at a time.
 */
void totals_collect(struct admin *a, struct http_call *call,
    const struct http_request *request, enum totals_scope scope,
    totals_cb *done);

#endif
