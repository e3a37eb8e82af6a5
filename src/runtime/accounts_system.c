/* SPDX-License-Identifier: ISC */
/*
 * As the system is set up: files, LDAP, systemd's dynamic users.
 */
#include "runtime/accounts.h"

#include <grp.h>
#include <pwd.h>
#include <stddef.h>

bool
accounts_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return false;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return true;
}

bool
accounts_group(const char *name, gid_t *gid)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		return false;
	*gid = gr->gr_gid;
	return true;
}
