/* SPDX-License-Identifier: ISC */
/*
 * Binds every listener of the configuration, one socket for each worker, or
 * takes its sockets from the program that ran before (takeover.h), and
 * reports the addresses: in the log, and in ports_file for programs that asked
 * for port 0.
 */
#ifndef RUNTIME_PORTS_H
#define RUNTIME_PORTS_H

#include <stdio.h>

#include "base/report.h"
#include "config/config.h"
#include "runtime/worker.h"

/*
 * Binds all listeners and hands the sockets to the workers. To be called
 * before privileges are dropped. Lines of the ports file are "LISTENER
 * ADDRESS:PORT". Everything that cannot be bound is complained about in one
 * run: ERR_CONFIG; then no ports file is left behind.
 *
 * `also' (may be NULL) is called with `arg' to bind what else there is and to
 * write its lines to the ports file (NULL if there is none).
 */
typedef enum err ports_also(void *arg, FILE *file, struct report *why);

struct ports_options {
	const struct config *cfg; /* borrowed */
	struct worker **workers; /* borrowed */
	size_t count; /* of workers */
	struct takeover *takeover; /* borrowed: has sockets; NULL: none */
	ports_also *also;
	void *arg;
};

enum err ports_bind(const struct ports_options *o,
    struct report *why) MUST_CHECK;

/*
 * Complains of the addresses of listeners and of http_listen that this machine
 * does not have: ERR_CONFIG. Ports are not tried: the program that runs may
 * have them.
 */
enum err ports_check(const struct config *cfg, struct report *why) MUST_CHECK;

#endif
