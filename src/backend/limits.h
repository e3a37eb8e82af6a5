/* SPDX-License-Identifier: ISC */
/*
 * What limits connections to brokers in the whole process, shared by the pools
 * of all workers: connect_rate of a [backend] section, and the local ports
 * between one of our addresses and one of a broker's. Any thread may call.
 */
#ifndef BACKEND_LIMITS_H
#define BACKEND_LIMITS_H

#include <stdint.h>
#include <sys/socket.h>

#include "io/stream_fd.h"

/*
 * connect_rate: one token bucket for the pools of all workers, and after a
 * reload for the pools that replace them, as long as nothing changes for that
 * broker. Counted.
 */
struct backend_connect_rate;

/* A limit of `rate' dials a second, counted once. NULL when memory runs
 * out. */
struct backend_connect_rate *backend_connect_rate_new(uint32_t rate);

/* Counts one more user and returns `p'. NULL is allowed and means that there
 * is no limit. */
struct backend_connect_rate *backend_connect_rate_get(
    struct backend_connect_rate *p);

/* Counts one user less; the last one frees. NULL is allowed. */
void backend_connect_rate_put(struct backend_connect_rate *p);

/* Takes a token and returns 0, or returns the milliseconds until there is one.
 * 0 for NULL. */
uint64_t backend_connect_rate_try(struct backend_connect_rate *p,
    uint64_t now_ms);

/*
 * How many connections there are between each pair of a local address and a
 * broker's. Every connection takes a local port, of which the kernel has some
 * 28,000 for a pair; a warning is logged while some are left.
 */
struct backend_flows;

/* The most pairs that are counted. */
#define BACKEND_FLOWS_MAX 256

/* Begins to count. NULL when memory runs out. */
struct backend_flows *backend_flows_new(void);

/* Call it when no counted stream is left. NULL is allowed. */
void backend_flows_free(struct backend_flows *f);

/* For tests: `ports' are all the local ports of a pair. */
void backend_flows_set_ports(struct backend_flows *f, uint32_t ports);

/* Counts `broker', a stream_fd from `from' to `to', until it is closed. */
void backend_flows_count(struct backend_flows *f, struct stream *broker,
    const struct sockaddr_storage *from, const struct sockaddr_storage *to);

/* One pair. The texts die with the call. */
struct backend_flow_status {
	const char *source; /* without a port */
	const char *endpoint;
	uint32_t flows;
	uint32_t ports;
};

/* Calls `each' for every pair that was ever counted. */
void backend_flows_each(struct backend_flows *f,
    void (*each)(const struct backend_flow_status *s, void *arg), void *arg);

#endif
