/* SPDX-License-Identifier: ISC */
/*
 * The counters of one worker. Only the worker's thread writes them; other
 * threads may read them at any time and add up those of all workers.
 */
#ifndef SESSION_COUNTERS_H
#define SESSION_COUNTERS_H

#include "accept/listener.h"
#include "base/counter.h"
#include "domain/reason.h"
#include "domain/stage.h"
#include "tls/suites.h"

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

/* The outcomes of a handshake. */
#define HANDSHAKES(X) X(FULL, "full") X(RESUMED, "resumed") X(FAILED, "failed")

enum handshake {
#define X(id, name) HANDSHAKE_##id,
	HANDSHAKES(X)
#undef X
	HANDSHAKE_COUNT
};

/* Consists of counters only, so that it can be added up as an array. */
struct counters {
	struct listener_counts accept;
	counter accepted; /* connections, from stage accept on */
	counter opened; /* sessions that reached the relay */
	counter ended[REASON_COUNT]; /* connections, by close reason */
	counter live[STAGE_COUNT]; /* present connections, by stage */
	counter handshakes[TLS_SUITE_COUNT][HANDSHAKE_COUNT];
	counter without_certificate;
	counter clone_suspects; /* one certificate from two addresses */
	counter bytes_up; /* of ended sessions */
	counter bytes_down;
	counter
	    total_bytes_up; /* of ended and live ones, as of the last tick */
	counter total_bytes_down;
	counter connack_accepted;
	counter connack_refused; /* by the broker */
	struct histogram handshake; /* from accept to the handshake's end */
	struct histogram connack; /* from accept to the CONNACK */
};

#endif
