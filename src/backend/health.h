/*
 * Probing one endpoint again and again: that its port opens, or that a broker
 * answers a CONNECT there. What it finds goes to the pool's queue.
 *
 * A probe is a 3.1.1 CONNECT with the ClientID of the options, taken back by
 * a DISCONNECT. Any CONNACK shows a broker at work, save code 3, by which it
 * says itself that it is not; a refusal of the probe's own identity says
 * nothing of the devices', and is logged.
 */
#ifndef BACKEND_HEALTH_H
#define BACKEND_HEALTH_H

#include "backend/attempt.h"
#include "backend/queue.h"

struct backend_health;

/* Starts probing `e', which it counts, as q->o says, from `sources' (borrowed),
 * as dials do; the first probe comes soon. NULL when memory runs out: the
 * endpoint is then not probed. */
struct backend_health *backend_health_start(struct backend_queue *q,
    struct backend_sources *sources, struct backend_endpoint *e);

/* Ends it. No probe's result comes after. NULL is fine. */
void backend_health_cancel(struct backend_health *h);

/* The endpoint that is probed. */
const struct backend_endpoint *backend_health_endpoint(
    const struct backend_health *h);

/* A dial failed there: probe as soon as the back-off allows. NULL is fine. */
void backend_health_hurry(struct backend_health *h);

#endif
