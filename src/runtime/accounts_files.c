/* SPDX-License-Identifier: ISC */
/*
 * What stands in /etc/passwd and /etc/group.
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
