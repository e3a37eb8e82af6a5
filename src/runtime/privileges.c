/* SPDX-License-Identifier: ISC */
#include "runtime/privileges.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/accounts.h"

static enum err
complain(struct report *why, const char *where, const char *what)
{
	report_add(why, "%s: cannot drop privileges: %s: %s", where, what,
	    strerror(errno));
	return ERR_CONFIG;
}

/* The ids to become; names are looked up once, before anything is given up. */
static enum err
find_ids(const char *user, const char *group, const char *where,
    struct report *why, uid_t *uid, gid_t *gid)
{
	bool exists = accounts_user(user, uid, gid);

	if (!exists || *uid == 0) {
		report_add(why,
		    "%s: user: \"%s\" %s (make one: useradd --system %s; "
		    "or name another)",
		    where, user, exists ? "is root" : "does not exist",
		    exists ? "sallyport" : user);
		return ERR_CONFIG;
	}
	if (group[0] != '\0' && !accounts_group(group, gid)) {
		report_add(why,
		    "%s: group: \"%s\" does not exist (make it: groupadd "
		    "--system %s; or leave group empty)",
		    where, group, group);
		return ERR_CONFIG;
	}
	return OK;
}

enum err
privileges_check(const char *user, const char *group, const char *where,
    struct report *why)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return OK;
	return find_ids(user, group, where, why, &uid, &gid);
}

enum err
privileges_drop(const char *user, const char *group, const char *where,
    struct report *why)
{
	uid_t uid;
	gid_t gid;
	enum err err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return complain(why, where, "no_new_privs");
	if (geteuid() != 0)
		return OK;
	err = find_ids(user, group, where, why, &uid, &gid);
	if (err != OK)
		return err;
	if (setgroups(0, NULL) == -1)
		return complain(why, where, "setgroups");
	if (setresgid(gid, gid, gid) == -1)
		return complain(why, where, "setresgid");
	if (setresuid(uid, uid, uid) == -1)
		return complain(why, where, "setresuid");
	if (setuid(0) == 0) {
		report_add(why, "%s: user: root could be taken back", where);
		return ERR_CONFIG;
	}
	return OK;
}
