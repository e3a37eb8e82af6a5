/* SPDX-License-Identifier: ISC */
#include "runtime/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "runtime/accounts.h"

/*
 * The user.
 */

enum err
privileges_find(const struct config *cfg, uid_t *uid, gid_t *gid,
    struct report *why)
{
	const struct config_daemon *d = &cfg->daemon;
	bool exists;

	*uid = getuid();
	*gid = getgid();
	if (geteuid() != 0)
		return OK;
	exists = accounts_user(d->user, uid, gid);
	if (!exists || *uid == 0) {
		CONFIG_COMPLAIN(cfg, why, d, user,
		    "\"%s\" %s (create one: useradd --system %s; or name "
		    "another)",
		    d->user, exists ? "is root" : "does not exist",
		    exists ? "sallyport" : d->user);
		return ERR_CONFIG;
	}
	if (d->group[0] != '\0' && !accounts_group(d->group, gid)) {
		CONFIG_COMPLAIN(cfg, why, d, group,
		    "\"%s\" does not exist (create it: groupadd --system %s; "
		    "or leave group empty)",
		    d->group, d->group);
		return ERR_CONFIG;
	}
	return OK;
}

static enum err
cannot_drop(const struct config *cfg, struct report *why, const char *what)
{
	report_add(why, "%s: cannot drop privileges: %s: %s", cfg->file, what,
	    strerror(errno));
	return ERR_CONFIG;
}

/* Changes to the groups of which the user is a member: a key may be readable
 * by one of them, such as Debian's ssl-cert. */
static int
set_groups(const char *user, gid_t own)
{
	size_t count = accounts_memberships(user, own, NULL, 0);
	gid_t *list = calloc(count + 1, sizeof(*list));
	size_t n;
	int rc;

	if (list == NULL)
		return -1;
	n = accounts_memberships(user, own, list, count);
	rc = setgroups(n < count ? n : count, list);
	free(list);
	return rc;
}

enum err
privileges_drop(const struct config *cfg, struct report *why)
{
	uid_t uid;
	gid_t gid;
	enum err err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return cannot_drop(cfg, why, "no_new_privs");
	if (geteuid() != 0)
		return OK;
	err = privileges_find(cfg, &uid, &gid, why);
	if (err != OK)
		return err;
	log_give(uid, gid);
	if (set_groups(cfg->daemon.user, gid) == -1)
		return cannot_drop(cfg, why, "setgroups");
	if (setresgid(gid, gid, gid) == -1)
		return cannot_drop(cfg, why, "setresgid");
	if (setresuid(uid, uid, uid) == -1)
		return cannot_drop(cfg, why, "setresuid");
	if (setuid(0) == 0) {
		report_add(why, "%s: user: root could be regained", cfg->file);
		return ERR_CONFIG;
	}
	return OK;
}

/*
 * Reading.
 */

/* Shortens `path' to the first folder on its way that may not be entered. False
 * if there is none. */
static bool
find_closed_folder(char *path)
{
	char *slash = path;

	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (access(path, X_OK) == -1)
			return true;
		*slash = '/';
	}
	return false;
}

/* The report on all files. A folder that is closed is named once. */
struct reading {
	struct report *report;
	char closed[PATH_MAX]; /* the folder named last, or "" */
};

/* Adds the reason why `path' cannot be opened; errno says it. access() follows
 * permissions only, Landlock does not affect it. */
static void
add_unreadable(struct reading *reading, const char *path)
{
	struct report *r = reading->report;
	char folder[PATH_MAX];
	int error = errno;

	snprintf(folder, sizeof(folder), "%s", path);
	if (error == EACCES && access(path, R_OK) == 0)
		report_add(r, "%s: %s", path, file_error(ERR_SANDBOX));
	else if (error == EACCES && find_closed_folder(folder)) {
		if (strcmp(reading->closed, folder) == 0)
			return;
		strcpy(reading->closed, folder);
		report_add(r,
		    "%s: the user that the daemon runs as may not enter %s: "
		    "the next reload will fail (chgrp that folder, and chmod "
		    "g+x)",
		    path, folder);
	} else if (error == EACCES)
		report_add(r,
		    "%s: %s for the user that the daemon runs as: the next "
		    "reload will fail (chgrp it, and chmod g+r)",
		    path, strerror(error));
	else
		report_add(r, "%s: %s: the next reload will fail", path,
		    strerror(error));
}

static void
try_entries(struct reading *r, const char *folder)
{
	DIR *d = opendir(folder);
	char path[PATH_MAX];
	struct dirent *e;
	struct stat st;
	int fd;

	if (d == NULL) {
		add_unreadable(r, folder);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >=
			(int)sizeof(path) ||
		    stat(path, &st) == -1 || !S_ISREG(st.st_mode))
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd == -1)
			add_unreadable(r, path);
		else
			close(fd);
	}
	closedir(d);
}

/* Tries to open a file, or a folder and its files, as a reload would. */
static void
try_name(const char *path, void *arg)
{
	struct reading *r = arg;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd == -1) {
		add_unreadable(r, path);
		return;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		try_entries(r, path);
	close(fd);
}

/* Writes the folder part of the file that `path' leads to; false if it is too
 * long. */
static bool
folder_of(char out[PATH_MAX], const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real) == NULL &&
	    snprintf(real, sizeof(real), "%s", path) >= (int)sizeof(real))
		return false;
	snprintf(out, PATH_MAX, "%s", dirname(real));
	return true;
}

/* sallyportctl deny replaces the file in its folder. An operator should learn
 * that this fails before a device is stolen. */
static void
try_denylist(const struct config *cfg, struct report *r)
{
	char folder[PATH_MAX];

	if (cfg->denylist.file[0] == '\0' || cfg->denylist.shared ||
	    cfg->daemon.admin_socket[0] == '\0' ||
	    !folder_of(folder, cfg->denylist.file))
		return;
	if (access(folder, W_OK | X_OK) == -1)
		report_add(r,
		    "%s: %s for the user that the daemon runs as: sallyportctl "
		    "deny will fail (put the deny list in a folder that this "
		    "user may write)",
		    folder, strerror(errno));
}

void
privileges_check_files(const struct config *cfg, struct report *unreadable,
    struct report *unwritable)
{
	struct reading r = { .report = unreadable };

	config_files(cfg, try_name, &r);
	try_denylist(cfg, unwritable);
}

/*
 * Writing.
 */

/* NULL if a file could be created in the folder of `path', else why not. */
static const char *
folder_fault(const char *path)
{
	char folder[PATH_MAX];

	if (!folder_of(folder, path))
		return strerror(ENAMETOOLONG);
	return access(folder, W_OK | X_OK) == 0 ? NULL : strerror(errno);
}

/* Copies the folder of `path' if it does not exist and is one of those that a
 * service manager creates: /run is empty after each boot. */
static bool
find_runtime_folder(char folder[PATH_MAX], const char *path)
{
	return folder_of(folder, path) && access(folder, F_OK) == -1 &&
	    errno == ENOENT &&
	    (strncmp(folder, "/run/", 5) == 0 ||
		strncmp(folder, "/var/run/", 9) == 0);
}

void
privileges_folder_advice(const struct config *cfg, const char *path,
    char out[PRIVILEGES_ADVICE_MAX])
{
	char folder[PATH_MAX];
	bool root = geteuid() == 0;

	if (find_runtime_folder(folder, path))
		snprintf(out, PRIVILEGES_ADVICE_MAX,
		    "systemd creates %.256s when it starts the service "
		    "(RuntimeDirectory=%.256s); before a start by hand: "
		    "install -d%s%.64s %.256s",
		    folder, strstr(folder, "/run/") + 5, root ? " -o " : "",
		    root ? cfg->daemon.user : "", folder);
	else
		snprintf(out, PRIVILEGES_ADVICE_MAX,
		    "its folder must exist and be writable");
}

/* Complains if the file of the option `key' could not be created; in
 * `warnings' if only a start by hand would fail. */
#define CHECK_OUTPUT(cfg, sec, key, type, why, warnings) \
	do { \
		struct output output = { (sec)->key, &(sec)->head, \
			&(sec)->where.key, #key, (type) }; \
		check_output((cfg), &output, (why), (warnings)); \
	} while (0)

struct output {
	const char *path;
	const struct config_head *head;
	const struct config_where *where;
	const char *key;
	mode_t type; /* what may be there, S_IFREG or S_IFSOCK */
};

static void
check_output(const struct config *cfg, const struct output *o,
    struct report *why, struct report *warnings)
{
	const char *path = o->path;
	char advice[PRIVILEGES_ADVICE_MAX];
	char folder[PATH_MAX];
	const char *fault;
	struct stat st;

	if (path[0] == '\0')
		return;
	if (stat(path, &st) == 0 && (st.st_mode & S_IFMT) != o->type) {
		config_complain(cfg, why, o->head, o->where, o->key,
		    "%s is there, and is not a %s (choose another path)", path,
		    o->type == S_IFSOCK ? "socket" : "file");
		return;
	}
	fault = folder_fault(path);
	if (fault == NULL)
		return;
	privileges_folder_advice(cfg, path, advice);
	config_complain(cfg, find_runtime_folder(folder, path) ? warnings : why,
	    o->head, o->where, o->key, "cannot create %s: %s (%s)", path, fault,
	    advice);
}

/* The group has to exist, and to reach the socket. */
static void
check_admin_group(const struct config *cfg, struct report *why,
    struct report *warnings)
{
	const struct config_daemon *d = &cfg->daemon;
	char folder[PATH_MAX];
	struct stat st;
	gid_t group;
	char *slash;

	if (d->admin_group[0] == '\0')
		return;
	if (!accounts_group(d->admin_group, &group)) {
		CONFIG_COMPLAIN(cfg, why, d, admin_group,
		    "\"%s\" does not exist (create it: groupadd --system %s)",
		    d->admin_group, d->admin_group);
		return;
	}
	snprintf(folder, sizeof(folder), "%s", d->admin_socket);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	if (stat(folder, &st) == 0 && (st.st_mode & S_IXOTH) == 0 &&
	    (st.st_gid != group || (st.st_mode & S_IXGRP) == 0))
		CONFIG_COMPLAIN(cfg, warnings, d, admin_group,
		    "members of \"%s\" may not enter %s, where the socket is "
		    "(try: chmod o+x %s)",
		    d->admin_group, folder, folder);
}

enum err
privileges_check_paths(const struct config *cfg, struct report *why,
    struct report *warnings)
{
	size_t before = why->count;

	CHECK_OUTPUT(cfg, &cfg->daemon, ports_file, S_IFREG, why, warnings);
	CHECK_OUTPUT(cfg, &cfg->daemon, admin_socket, S_IFSOCK, why, warnings);
	CHECK_OUTPUT(cfg, &cfg->fleet, copy, S_IFREG, why, warnings);
	return why->count == before ? OK : ERR_CONFIG;
}

enum err
privileges_check_outputs(const struct config *cfg, struct report *why,
    struct report *warnings)
{
	const struct config_daemon *d = &cfg->daemon;
	enum err err = log_check(d->log);
	char folder[PATH_MAX];
	size_t before = why->count;

	if (err == ERR_NOT_FOUND)
		CONFIG_COMPLAIN(cfg, warnings, d, log, "%s", log_error(err));
	else if (err != OK && find_runtime_folder(folder, d->log))
		CHECK_OUTPUT(cfg, d, log, S_IFREG, why, warnings);
	else if (err != OK)
		CONFIG_COMPLAIN(cfg, why, d, log, "cannot open %s: %s", d->log,
		    log_error(err));
	if (privileges_check_paths(cfg, why, warnings) != OK)
		err = ERR_CONFIG;
	check_admin_group(cfg, why, warnings);
	return why->count == before ? OK : ERR_CONFIG;
}
