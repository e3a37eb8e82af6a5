/* SPDX-License-Identifier: ISC */
/*
 * The supervisor of a build without libsystemd: nothing is reported. A file of
 * its own because configure chooses it.
 */
#include "runtime/supervisor.h"

void
supervisor_notify(enum supervisor_event event, const char *status)
{
	(void)event;
	(void)status;
}

bool
supervisor_is_present(void)
{
	return false;
}

void
supervisor_main(int pid)
{
	(void)pid;
}

void
supervisor_status(const char *status)
{
	(void)status;
}

uint64_t
supervisor_watchdog_ms(void)
{
	return 0;
}

int
supervisor_socket(const char *name, size_t at)
{
	(void)name;
	(void)at;
	return -1;
}

size_t
supervisor_sockets(void)
{
	return 0;
}
