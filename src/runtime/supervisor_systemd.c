/* SPDX-License-Identifier: ISC */
/*
 * Reports to systemd by sd_notify(). A file of its own because configure
 * chooses it.
 */
#include "runtime/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* RELOADING=1 has to contain the time, so that an earlier READY=1 is not taken
 * for the answer (sd_notify(3)). */
static unsigned long long
mono_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long long)ts.tv_sec * 1000000 +
	    (unsigned long long)ts.tv_nsec / 1000;
}

void
supervisor_notify(enum supervisor_event event, const char *status)
{
	static const char *const words[] = {
		[SUPERVISOR_READY] = "READY=1",
		[SUPERVISOR_RELOADING] = "RELOADING=1",
		[SUPERVISOR_STOPPING] = "STOPPING=1",
		[SUPERVISOR_ALIVE] = "WATCHDOG=1",
	};
	char when[64] = "";

	if (event == SUPERVISOR_RELOADING)
		snprintf(when, sizeof(when), "\nMONOTONIC_USEC=%llu",
		    mono_usec());
	sd_notifyf(0, "%s%s%s%s", words[event], when,
	    status == NULL ? "" : "\nSTATUS=", status == NULL ? "" : status);
}

bool
supervisor_is_present(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

void
supervisor_main(int pid)
{
	sd_notifyf(0, "MAINPID=%d", pid);
}

void
supervisor_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

uint64_t
supervisor_watchdog_ms(void)
{
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return usec / 1000 / 2; /* twice as often as it has to be */
}

int
supervisor_socket(const char *name, size_t at)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(0, &names);
	int found = -1;
	int i;

	for (i = 0; i < count; i++) {
		if (found == -1 && strcmp(names[i], name) == 0 && at-- == 0)
			found = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return found;
}

size_t
supervisor_sockets(void)
{
	int count = sd_listen_fds(0);

	return count > 0 ? (size_t)count : 0;
}
