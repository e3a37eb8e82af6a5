/* SPDX-License-Identifier: ISC */
/*
 * Real sockets on loopback for unit tests, and a loop that runs until what a
 * test waits for has happened, or too long.
 */
#ifndef UNIT_NET_KIT_H
#define UNIT_NET_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "io/loop.h"

/* How long a test waits for something that should happen at once. */
#define NET_KIT_TIMEOUT_MS 5000

/* Runs the loop until a callback calls loop_stop(); false when `ms' went by
 * before. */
bool net_kit_run(struct loop *loop, uint64_t ms);

/* Runs a few turns, so that all that is ready is served. */
void net_kit_turns(struct loop *loop);

/* Milliseconds this thread has computed: a loop that sleeps adds none. */
double net_kit_cpu_ms(void);

/* A blocking listener on 127.0.0.1 with a queue of `backlog'; its address
 * goes to `at'. */
int net_kit_listen(struct sockaddr_storage *at, int backlog);

/* The address that `text' names, without a port. */
struct sockaddr_storage net_kit_host(const char *text);

/* A blocking connection to `at', or -1 with errno. */
int net_kit_connect(const struct sockaddr_storage *at);

/* A port of 127.0.0.1 at which no server listens. */
struct sockaddr_storage net_kit_refused(void);

/* A listener that answers no SYN: its queue is full, of `filler', which has
 * room for four sockets. All are the caller's to close. */
int net_kit_black_hole(struct sockaddr_storage *at, int filler[4]);

/* Two ends of a TCP connection; the first is non-blocking. */
void net_kit_pair(int fds[2]);

#endif
