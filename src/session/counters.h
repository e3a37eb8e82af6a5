/*
 * What one worker has counted. Only its own thread writes; whoever shows the
 * numbers reads them at any time and adds up all workers'.
 */
#ifndef SESSION_COUNTERS_H
#define SESSION_COUNTERS_H

#include "accept/listener.h"
#include "base/counter.h"
#include "domain/reason.h"
#include "domain/stage.h"
#include "tls/suite.h"

/* Upper bounds of the latency histograms' buckets, in milliseconds; one more
 * bucket, unbounded, follows. */
#define COUNTERS_BUCKETS(X) \
	X(1) \
	X(2) \
	X(5) \
	X(10) X(25) X(50) X(100) X(250) X(500) X(1000) X(2500) X(5000) X(10000)
#define COUNTERS_COUNT_ONE(ms) +1
#define COUNTERS_BUCKET_COUNT (1 COUNTERS_BUCKETS(COUNTERS_COUNT_ONE))

struct histogram {
	counter buckets[COUNTERS_BUCKET_COUNT]; /* not cumulative */
	counter sum_ms;
};

/* What became of a handshake. */
#define HANDSHAKES(X) X(FULL, "full") X(RESUMED, "resumed") X(FAILED, "failed")

enum handshake {
#define X(id, name) HANDSHAKE_##id,
	HANDSHAKES(X)
#undef X
	HANDSHAKE_COUNT
};

/* Counters all through: they are added up as an array. */
struct counters {
	struct listener_counts accept;
	counter accepted; /* connections the stage tls has begun for */
	counter opened; /* sessions that reached the relay */
	counter ended[REASON_COUNT]; /* connections, by close reason */
	counter live[STAGE_COUNT]; /* connections now, by stage */
	counter handshakes[TLS_SUITE_COUNT][HANDSHAKE_COUNT];
	counter without_certificate;
	counter clone_suspects; /* one certificate from two addresses */
	counter bytes_up; /* of ended sessions */
	counter bytes_down;
	counter moved_up; /* with the live ones', as of the last tick */
	counter moved_down;
	counter connack_accepted;
	counter connack_refused; /* by the broker */
	struct histogram handshake; /* accept to TLS done */
	struct histogram connack; /* CONNECT read to CONNACK passed on */
};

/* Counts one observation of `ms' milliseconds. */
void counters_observe(struct histogram *h, uint64_t ms);

#endif
