/* SPDX-License-Identifier: ISC */
/*
 * The user that the daemon runs as: found by name, checked, and changed to
 * once the ports are bound; and what this user may do with the configured
 * files.
 */
#ifndef RUNTIME_PRIVILEGES_H
#define RUNTIME_PRIVILEGES_H

#include <sys/types.h>

#include "base/err.h"
#include "base/report.h"
#include "config/config.h"

/*
 * Finds the user and group that the daemon will run as: `user' and `group' of
 * [daemon] if it was started as root, otherwise the current ones. ERR_CONFIG
 * with complaints if the names do not exist or the user is root.
 */
enum err privileges_find(const struct config *cfg, uid_t *uid, gid_t *gid,
    struct report *why) MUST_CHECK;

/*
 * Sets no_new_privs. If started as root, changes to `user' and `group' of
 * [daemon] and to the groups that the user is a member of, and verifies that
 * root cannot be regained. ERR_CONFIG with complaints: do not continue.
 */
enum err privileges_drop(const struct config *cfg,
    struct report *why) MUST_CHECK;

/*
 * Reports what the current user cannot do with the configured files: a line in
 * `unreadable' for each file that the next reload could not read, with the
 * cause, permissions or sandbox; and one in `unwritable' if sallyportctl could
 * not change the deny list. Call it after privileges_drop(), and inside the
 * sandbox if there is one. Nothing is refused.
 */
void privileges_check_files(const struct config *cfg, struct report *unreadable,
    struct report *unwritable);

/*
 * Reports what a start would report of log, ports_file, admin_socket and the
 * fleet's copy, without changing anything: ERR_CONFIG with complaints if it
 * would fail, and what it would warn of. A missing folder below /run is only
 * warned of, because a service manager creates it.
 */
enum err privileges_check_outputs(const struct config *cfg, struct report *why,
    struct report *warnings) MUST_CHECK;

/*
 * The part of it that a start does as well: ports_file, admin_socket and copy.
 * Nothing is replaced that is not a file, or not a socket. All of it goes to
 * `why' if that is `warnings', too.
 */
enum err privileges_check_paths(const struct config *cfg, struct report *why,
    struct report *warnings) MUST_CHECK;

#define PRIVILEGES_ADVICE_MAX 1024

/* Writes what the operator can do if the file `path' cannot be created. */
void privileges_folder_advice(const struct config *cfg, const char *path,
    char out[PRIVILEGES_ADVICE_MAX]);

#endif
