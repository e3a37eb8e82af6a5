/* SPDX-License-Identifier: ISC */
#include "runtime/rights.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Root could read the files; whoever we are now must be able to at the next
 * reload. */
static void
check_file(const char *path, void *arg)
{
	(void)arg;
	if (access(path, R_OK) == -1)
		log_event(LOG_LEVEL_WARN, "unreadable",
		    "%s: %s for the user we became: the next reload will "
		    "fail (chgrp it, and chmod g+r)",
		    path, strerror(errno));
}

/* sallyportctl deny puts a new file in the place of the old one. Who hears that
 * it cannot when a device was stolen hears it too late. */
static void
check_denylist(const struct config *cfg)
{
	char copy[PATH_MAX];
	const char *folder;

	if (cfg->denylist.file[0] == '\0' ||
	    cfg->daemon.admin_socket[0] == '\0' ||
	    snprintf(copy, sizeof(copy), "%s", cfg->denylist.file) >=
		(int)sizeof(copy))
		return;
	folder = dirname(copy);
	if (access(folder, W_OK | X_OK) == -1)
		log_event(LOG_LEVEL_WARN, "unwritable",
		    "%s: %s for the user we are: sallyportctl deny will fail "
		    "(give the deny list a folder that this user may write)",
		    folder, strerror(errno));
}

void
rights_check(const struct config *cfg)
{
	config_files(cfg, check_file, NULL);
	check_denylist(cfg);
}
