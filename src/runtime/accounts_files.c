/* SPDX-License-Identifier: ISC */
/*
 * Users and groups of /etc/passwd and /etc/group; see runtime/accounts.h. A
 * file of its own because configure chooses it.
 */
#include "runtime/accounts.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

bool
accounts_user(const char *name, uid_t *uid, gid_t *gid)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *pw;

	if (file == NULL)
		return false;
	do
		pw = fgetpwent(file);
	while (pw != NULL && strcmp(pw->pw_name, name) != 0);
	if (pw != NULL) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	}
	fclose(file);
	return pw != NULL;
}

bool
accounts_group(const char *name, gid_t *gid)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *gr;

	if (file == NULL)
		return false;
	do
		gr = fgetgrent(file);
	while (gr != NULL && strcmp(gr->gr_name, name) != 0);
	if (gr != NULL)
		*gid = gr->gr_gid;
	fclose(file);
	return gr != NULL;
}

static bool
has_member(const struct group *gr, const char *name)
{
	size_t i;

	for (i = 0; gr->gr_mem[i] != NULL; i++)
		if (strcmp(gr->gr_mem[i], name) == 0)
			return true;
	return false;
}

size_t
accounts_memberships(const char *name, gid_t own, gid_t *list, size_t max)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *gr;
	size_t n = 0;

	if (file == NULL)
		return 0;
	while ((gr = fgetgrent(file)) != NULL) {
		if (gr->gr_gid == own || !has_member(gr, name))
			continue;
		if (n < max)
			list[n] = gr->gr_gid;
		n++;
	}
	fclose(file);
	return n;
}
