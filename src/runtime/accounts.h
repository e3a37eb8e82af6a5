/* SPDX-License-Identifier: ISC */
/*
 * Users and groups by name. Two files implement this, and configure takes one
 * of them: accounts_system.c asks the sources that nsswitch.conf names;
 * accounts_files.c reads /etc/passwd and /etc/group, for a static program,
 * which cannot load the libraries of those sources. Main thread only.
 */
#ifndef RUNTIME_ACCOUNTS_H
#define RUNTIME_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Finds a user and its own group; false if there is no such user. */
bool accounts_user(const char *name, uid_t *uid, gid_t *gid);

/* Finds a group; false if there is no such group. */
bool accounts_group(const char *name, gid_t *gid);

/* The groups of which the user `name' is a member, except `own'. Returns how
 * many there are and stores the first `max' of them in `list'. */
size_t accounts_memberships(const char *name, gid_t own, gid_t *list,
    size_t max);

#endif
