#include "runtime/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;

	if (pw == NULL || pw->pw_uid == 0) {
		report_add(why,
		    "%s: user: \"%s\" %s (make one: useradd --system %s; "
		    "or name another)",
		    where, user, pw == NULL ? "does not exist" : "is root",
		    pw == NULL ? user : "sallyport");
		return ERR_CONFIG;
	}
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	if (group[0] == '\0')
		return OK;
	gr = getgrnam(group);
	if (gr == NULL) {
		report_add(why,
		    "%s: group: \"%s\" does not exist (make it: groupadd "
		    "--system %s; or leave group empty)",
		    where, group, group);
		return ERR_CONFIG;
	}
	*gid = gr->gr_gid;
	return OK;
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
