/*
 * A look at what only the workers know: the state of the brokers, and whose
 * certificates end soon. Status, metrics, readiness and cert are made of it.
 */
#ifndef ADMIN_WORKER_REPORT_H
#define ADMIN_WORKER_REPORT_H

#include <jansson.h>

#include "admin/worker_query.h"

/* Live sessions are counted by how many days their certificate has left: the
 * upper bounds; one more bucket, unbounded, follows. */
#define WORKER_REPORT_DAYS(X) \
	X(0) X(1) X(7) X(14) X(30) X(60) X(90) X(180) X(365) X(730)
#define SURVEY_DAYS_ONE(days) +1
#define WORKER_REPORT_DAYS_COUNT (0 WORKER_REPORT_DAYS(SURVEY_DAYS_ONE))

/* The days of each, ascending; static. */
extern const unsigned worker_report_days[WORKER_REPORT_DAYS_COUNT];

struct worker_report_days_left {
	uint64_t buckets[WORKER_REPORT_DAYS_COUNT + 1]; /* not cumulative */
	uint64_t sum_s; /* of what they have left; an expired one has 0 */
};

/* The certificates that end soonest, at most. */
#define SURVEY_SOONEST_MAX 100

/* The workers' answers put together. */
struct worker_report {
	/* [{backend, address, endpoint, up, failures, dialled, failed,
	 * error}]; up when any worker finds it so. */
	json_t *backends;
	/* [{backend, up, dials, dialled, held, waiting, busy}]; up when all
	 * workers find it so: each has to dial for itself. */
	json_t *pools;
	/* [{source, endpoint, flows, ports}] */
	json_t *flows;
	/* [{user, client_id, cert_sha256, cert_not_after, days_left}] */
	json_t *soonest;
	struct worker_report_days_left left;
	bool ready; /* serving, and some broker is up */
};

/*
 * Asks the workers for their part and then calls `done' with the call, the
 * request (valid in `done' only) and the survey, which dies with it.
 */
typedef void worker_report_cb(struct admin *a, struct http_call *call,
    const struct http_request *request, const struct worker_report *s);
void worker_report_collect(struct admin *a, struct http_call *call,
    const struct http_request *request, worker_report_cb *done);

/* The same without a look at the sessions: `soonest' and `left' stay empty. */
void worker_report_collect_brokers(struct admin *a, struct http_call *call,
    const struct http_request *request, worker_report_cb *done);

#endif
