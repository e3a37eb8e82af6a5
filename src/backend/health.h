/* SPDX-License-Identifier: ISC */
/*
 * Probes of one endpoint, again and again: whether its port opens, or whether
 * a broker answers a CONNECT there. The result goes to the pool.
 *
 * Without probes in the options, an endpoint is only watched while it is down
 * and no client tries it: then its port is tried until it opens. Otherwise a
 * load balancer, which sends no client to a proxy without a broker, would never
 * learn that the broker is back.
 *
 * An MQTT probe is a 3.1.1 CONNECT with the ClientID of the options, followed
 * by a DISCONNECT. Any CONNACK shows that a broker is at work, except code 3,
 * by which it says that it is unavailable. A refusal of the probe's own
 * identity says nothing about the devices' and is only logged.
 */
#ifndef BACKEND_HEALTH_H
#define BACKEND_HEALTH_H

#include "backend/pool.h"

struct backend_health;

/* Starts to probe `e', which it counts, as the pool's options say. The first
 * probe comes soon, or, without probes in the options, when
 * backend_health_probe_soon() asks for it. NULL when memory runs out: then
 * nothing probes it. */
struct backend_health *backend_health_start(struct backend_pool *p,
    struct backend_endpoint *e);

/* Ends the probes; no result is reported any more. NULL is allowed. */
void backend_health_cancel(struct backend_health *h);

/* The endpoint that is probed. */
const struct backend_endpoint *backend_health_endpoint(
    const struct backend_health *h);

/* A dial to the endpoint failed: probe it as soon as its back-off allows. NULL
 * is allowed. */
void backend_health_probe_soon(struct backend_health *h);

#endif
