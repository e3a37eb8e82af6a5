/* SPDX-License-Identifier: ISC */
/*
 * Users and groups by name. Two files implement it: accounts_system.c asks
 * whatever the system is set up to ask (nsswitch.conf), accounts_files.c reads
 * /etc/passwd and /etc/group, for a static program, which cannot load what the
 * former may need. Main thread only.
 */
#ifndef RUNTIME_ACCOUNTS_H
#define RUNTIME_ACCOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

/* The user's id and its own group; false if there is no such user. */
bool accounts_user(const char *name, uid_t *uid, gid_t *gid);

/* The group's id; false if there is no such group. */
bool accounts_group(const char *name, gid_t *gid);

#endif
