/* SPDX-License-Identifier: ISC */
/*
 * What a supervisor is told and gives: systemd's notification and socket
 * activation. Two files implement it; configure takes supervisor_systemd.c
 * where libsystemd is, else supervisor_none.c, which does nothing. Main thread
 * only.
 */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include <stddef.h>
#include <stdint.h>

enum supervisor_news {
	SUPERVISOR_READY, /* bound, and workers run; also after a reload */
	SUPERVISOR_RELOADING,
	SUPERVISOR_STOPPING,
	SUPERVISOR_ALIVE /* for the watchdog */
};

/* Tells it, with a line for `systemctl status' (may be NULL). Nobody there is
 * fine. */
void supervisor_tell(enum supervisor_news news, const char *status);

/* How often it wants to hear SUPERVISOR_ALIVE, in ms; 0 = never. */
uint64_t supervisor_watchdog_ms(void);

/*
 * The listening sockets it passed under the name `name' (FileDescriptorName=
 * of a .socket unit), the `at'th of them from 0; -1 when there is none more.
 * Each is given once and is the caller's from then on.
 */
int supervisor_socket(const char *name, size_t at);

/* How many sockets it passed, under whatever names. */
size_t supervisor_sockets(void);

#endif
