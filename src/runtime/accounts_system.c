/* SPDX-License-Identifier: ISC */
/*
 * Users and groups as nsswitch.conf says: files, LDAP, systemd's dynamic
 * users; see runtime/accounts.h. A file of its own because configure chooses
 * it.
 */
#include "runtime/accounts.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

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

size_t
accounts_memberships(const char *name, gid_t own, gid_t *list, size_t max)
{
	int count = 0;
	gid_t *all;
	size_t n = 0;
	int i;

	(void)getgrouplist(name, own, NULL, &count);
	all = calloc((size_t)count, sizeof(*all));
	if (all == NULL || getgrouplist(name, own, all, &count) == -1)
		count = 0;
	for (i = 0; i < count; i++) {
		if (all[i] == own)
			continue;
		if (n < max)
			list[n] = all[i];
		n++;
	}
	free(all);
	return n;
}
