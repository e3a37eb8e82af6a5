/* SPDX-License-Identifier: ISC */
/*
 * Giving up root, once the ports are bound.
 */
#ifndef RUNTIME_PRIVILEGES_H
#define RUNTIME_PRIVILEGES_H

#include "base/err.h"
#include "base/report.h"

/*
 * Started as root: becomes `user' and `group' (empty: the user's own group),
 * with no supplementary groups, and makes sure that there is no way back.
 * Not started as root: does nothing. Root itself is refused as a user.
 * ERR_CONFIG with complaints, each led by `where', on failure: stop then.
 */
enum err privileges_drop(const char *user, const char *group, const char *where,
    struct report *why) MUST_CHECK;

/*
 * Would privileges_drop() find `user' and `group'? Not started as root: OK.
 * ERR_CONFIG with complaints as above.
 */
enum err privileges_check(const char *user, const char *group,
    const char *where, struct report *why) MUST_CHECK;

#endif
