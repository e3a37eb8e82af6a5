/* SPDX-License-Identifier: ISC */
/*
 * The line that the service manager shows for the daemon (systemctl status):
 * sessions, brokers that are up, and the worst problem. Sent when it has
 * changed, every few seconds at most, and only where such a manager runs.
 */
#ifndef ADMIN_NOTIFY_H
#define ADMIN_NOTIFY_H

#include <stdint.h>

#include "io/timer.h"

#define NOTIFY_TEXT_MAX 256

struct admin;

struct notify {
	struct timer timer;
	char last_line[NOTIFY_TEXT_MAX];
	int64_t reload_ended_at; /* of the master, when it was sent */
};

/* Begins on the master's loop, unless there is no service manager. */
void notify_init(struct admin *a);

/* Stops. A zeroed one is fine. */
void notify_fini(struct admin *a);

#endif
