/*
 * How fast a broker may be dialled, connect_rate: one bucket for the pools of
 * all workers, and for the pools that follow them as long as nothing changes
 * for that broker. Counted; any thread.
 */
#ifndef BACKEND_CONNECT_RATE_H
#define BACKEND_CONNECT_RATE_H

#include <stdint.h>

struct backend_connect_rate;

/* `rate' dials a second; counted once. NULL when memory runs out. */
struct backend_connect_rate *backend_connect_rate_new(uint32_t rate);

/* Takes a count more and returns `p'. NULL is fine, and has no limit. */
struct backend_connect_rate *backend_connect_rate_get(
    struct backend_connect_rate *p);

/* Gives a count back; the last one frees. NULL is fine. */
void backend_connect_rate_put(struct backend_connect_rate *p);

/* 0 and it is taken: dial now. Else the milliseconds until one may. NULL: 0. */
uint64_t backend_connect_rate_try(struct backend_connect_rate *p,
    uint64_t now_ms);

#endif
