/*
 * How many connections go from one address of ours to one of a broker's. Each
 * takes a local port, of which the kernel has some 28,000 for such a pair;
 * whoever comes near that is warned while there is time. Shared by all
 * workers.
 */
#ifndef BACKEND_FLOWS_H
#define BACKEND_FLOWS_H

#include <stdint.h>
#include <sys/socket.h>

#include "io/stream_fd.h"

struct backend_flows;

/* Pairs at most; more are not counted. */
#define BACKEND_FLOWS_MAX 256

/* Begins to count; `ports' is how many a pair has, 0: as the kernel says.
 * NULL when memory runs out. */
struct backend_flows *backend_flows_new(uint32_t ports);

/* When no stream is counted any more. NULL is fine. */
void backend_flows_free(struct backend_flows *f);

/* Counts `broker', a stream_fd from `from' to `to', until it is closed. */
void backend_flows_count(struct backend_flows *f, struct stream *broker,
    const struct sockaddr_storage *from, const struct sockaddr_storage *to);

/* One pair; texts without the port of `source'. They die with the call. */
struct backend_flow_status {
	const char *source;
	const char *endpoint;
	uint32_t flows;
	uint32_t ports;
};
void backend_flows_each(struct backend_flows *f,
    void (*each)(const struct backend_flow_status *s, void *arg), void *arg);

#endif
