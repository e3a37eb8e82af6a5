/* SPDX-License-Identifier: ISC */
/*
 * The interface to a supervisor: systemd's notifications and socket activation.
 * Two files implement this, and configure takes one of them:
 * supervisor_systemd.c if there is libsystemd, else supervisor_none.c, which
 * does nothing. Main thread only.
 */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum supervisor_event {
	SUPERVISOR_READY, /* bound, and workers run; also after a reload */
	SUPERVISOR_RELOADING,
	SUPERVISOR_STOPPING,
	SUPERVISOR_ALIVE /* for the watchdog */
};

/* Sends a notification, with a line for `systemctl status' (may be NULL). Does
 * nothing if there is no supervisor. */
void supervisor_notify(enum supervisor_event event, const char *status);

/* True if a supervisor takes notifications. */
bool supervisor_is_present(void);

/* Says that another process is the main one now, whose notifications count
 * from then on. */
void supervisor_main(int pid);

/* Replaces the line for `systemctl status'. */
void supervisor_status(const char *status);

/* The interval at which SUPERVISOR_ALIVE has to be sent, in ms; 0 = never. */
uint64_t supervisor_watchdog_ms(void);

/*
 * Returns the `at'th listening socket, from 0, that was passed under the name
 * `name' (FileDescriptorName= of a .socket unit); -1 if there are no more. The
 * caller owns it.
 */
int supervisor_socket(const char *name, size_t at);

/* The number of sockets that were passed, under all names. */
size_t supervisor_sockets(void);

#endif
