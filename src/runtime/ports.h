/* SPDX-License-Identifier: ISC */
/*
 * Binding every listener of the configuration, one socket a worker, and
 * telling where: in the log, and in ports_file for whoever asked for port 0.
 */
#ifndef RUNTIME_PORTS_H
#define RUNTIME_PORTS_H

#include <stdio.h>

#include "base/report.h"
#include "config/config.h"
#include "runtime/worker.h"

/*
 * Binds all and hands the sockets to the workers. Lines of the ports file are
 * "LISTENER ADDRESS:PORT". All that cannot be bound is complained about in
 * one run: ERR_CONFIG. Before privileges are dropped.
 *
 * `also', if not NULL, is called with `arg' to bind what else there is and to
 * write its lines to the ports file (NULL: there is none).
 */
typedef enum err ports_also(void *arg, FILE *file, struct report *why);
enum err ports_bind(const struct config *cfg, struct worker **workers,
    size_t worker_count, ports_also *also, void *arg,
    struct report *why) MUST_CHECK;

#endif
