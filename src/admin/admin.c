/* SPDX-License-Identifier: ISC */
#include "admin/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "accept/listener.h"
#include "admin/commands.h"
#include "admin/denied.h"
#include "admin/replicas.h"
#include "admin/worker_query.h"
#include "base/address.h"
#include "base/clock.h"
#include "runtime/accounts.h"
#include "runtime/privileges.h"
#include "runtime/resources.h"

/* A request has to have room for a PEM certificate as a user name,
 * percent-encoded. */
#define CONTROL_HEAD_MAX (256 * 1024)
#define WEB_HEAD_MAX 8192
/* Expensive requests at once; the others are left to health checks. */
#define WEB_COSTLY 8
#define DEADLINE_MS 10000
/* Commands that run for the fleet at once. */
#define INNER 32
#define BACKLOG 64

/* True if there is a socket file at which no process listens. Other files give
 * ECONNREFUSED, too, and must not be removed. */
static bool
is_stale(const struct sockaddr_un *at)
{
	struct stat st;
	bool stale;
	int fd;

	if (stat(at->sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return false;
	stale = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == -1 &&
	    errno == ECONNREFUSED;
	close(fd);
	return stale;
}

/* Binds under a umask, so that the socket is at no moment open to more users
 * than `mode' allows. Other threads must not run yet. Returns -1 with errno on
 * error. */
static int
bind_unix(const char *path, mode_t mode)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int saved;
	int rc;

	if (fd == -1)
		return -1;
	memcpy(at.sun_path, path, strlen(path) + 1);
	mask = umask(~mode & 0777);
	rc = bind(fd, (const struct sockaddr *)&at, sizeof(at));
	if (rc == -1 && errno == EADDRINUSE && is_stale(&at)) {
		unlink(path);
		rc = bind(fd, (const struct sockaddr *)&at, sizeof(at));
	}
	saved = errno;
	umask(mask);
	errno = saved;
	if (rc == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Finds the owners that the socket is to have; -1: as it is created. */
static enum err
find_owners(const struct config *cfg, uid_t *uid, gid_t *gid,
    struct report *why)
{
	const struct config_daemon *d = &cfg->daemon;
	gid_t own;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (geteuid() == 0 && !accounts_user(d->user, uid, &own))
		*uid = (uid_t)-1; /* refused when privileges are dropped */
	if (d->admin_group[0] == '\0' || accounts_group(d->admin_group, gid))
		return OK;
	CONFIG_COMPLAIN(cfg, why, &cfg->daemon, admin_group,
	    "\"%s\" does not exist (create it: groupadd --system %s)",
	    d->admin_group, d->admin_group);
	return ERR_CONFIG;
}

/* Gives the socket away, and nothing else: in a folder of another user a file
 * of root's could have taken its place. Returns -1 with errno on error. */
static int
give_away(const char *path, uid_t uid, gid_t gid)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int rc = -1;
	int saved;

	if (fd == -1)
		return -1;
	errno = EEXIST;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_nlink == 1)
		rc = fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

/* Creates the Unix socket `path' and sets its owner and group. ERR_CONFIG:
 * `why' has a message. */
static enum err
make_socket(struct admin *a, const struct config *cfg, const char *path,
    int *out, struct report *why)
{
	char advice[PRIVILEGES_ADVICE_MAX];
	uid_t uid;
	gid_t gid;
	int error;
	int fd;

	if (find_owners(cfg, &uid, &gid, why) != OK)
		return ERR_CONFIG;
	a->owner = uid == (uid_t)-1 ? geteuid() : uid;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		CONFIG_COMPLAIN(cfg, why, &cfg->daemon, admin_socket,
		    "%s: %s (choose a shorter path)", path,
		    strerror(ENAMETOOLONG));
		return ERR_CONFIG;
	}
	fd = bind_unix(path, gid == (gid_t)-1 ? 0600 : 0660);
	if (fd == -1) {
		error = errno;
		privileges_folder_advice(cfg, path, advice);
		CONFIG_COMPLAIN(cfg, why, &cfg->daemon, admin_socket,
		    "%s: %s (%s)", path, strerror(error),
		    error == EADDRINUSE
			? "another sallyport listens there, or it is not a "
			  "socket"
			: advice);
		return ERR_CONFIG;
	}
	/* Not called needlessly: a service manager may forbid it. */
	if ((uid != (uid_t)-1 || gid != (gid_t)-1) &&
	    give_away(path, uid, gid) == -1) {
		CONFIG_COMPLAIN(cfg, why, &cfg->daemon, admin_group,
		    "%s: %s (only root, or a member of \"%s\", can give the "
		    "socket to that group)",
		    path, strerror(errno), cfg->daemon.admin_group);
		close(fd);
		unlink(path);
		return ERR_CONFIG;
	}
	*out = fd;
	return OK;
}

/*
 * Takes the admin socket of the running program; its file stays where it is.
 * That program gets a new socket, which has its process id in the name, because
 * its sandbox does not let it create one. ERR_NOT_FOUND: the running program
 * has no admin socket, or one with another path.
 */
static enum err
take_control(struct admin *a, const struct config *cfg, int *out,
    struct report *why)
{
	struct takeover *t = a->master->takeover;
	const char *path = cfg->daemon.admin_socket;
	struct sockaddr_storage at = { .ss_family = AF_UNIX };
	struct takeover_want want = { TAKEOVER_ADMIN, "", &at };
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)&at;
	char line[sizeof(un->sun_path) + 64];
	int *fds;
	int fd;

	memcpy(un->sun_path, path, strlen(path) + 1);
	if (takeover_take(t, &want, &fds) == 0)
		return ERR_NOT_FOUND;
	*out = fds[0];
	free(fds);
	a->taken = true;
	snprintf(line, sizeof(line), "admin %s.%ld", path, takeover_pid(t));
	a->offered = strdup(line + strlen("admin "));
	if (a->offered == NULL)
		return ERR_NO_MEMORY;
	if (make_socket(a, cfg, a->offered, &fd, why) != OK)
		return ERR_CONFIG;
	return takeover_offer(t, line, fd);
}

static enum err
open_control(struct admin *a, const struct config *cfg, struct report *why)
{
	const char *path = cfg->daemon.admin_socket;
	struct http_server_options o = {
		.connections = RESOURCES_ADMIN_CONNECTIONS,
		.costly = RESOURCES_ADMIN_CONNECTIONS /
		    2, /* of those who only read */
		.head_max = CONTROL_HEAD_MAX,
		.deadline_ms = DEADLINE_MS,
		.held = a->master->takeover != NULL,
		.handle = commands_handle,
		.arg = a,
	};
	struct stat st;
	enum err err;
	int fd = -1;

	if (path[0] == '\0')
		return OK;
	err = take_control(a, cfg, &fd, why);
	if (err == ERR_NOT_FOUND)
		err = make_socket(a, cfg, path, &fd, why);
	if (err != OK) {
		if (fd != -1)
			close(fd);
		return err;
	}
	if (stat(path, &st) == 0)
		a->socket_inode = st.st_ino;
	a->socket_path = strdup(path);
	a->control = http_server_new(a->master->loop, &o);
	if (a->socket_path == NULL || a->control == NULL ||
	    http_server_listen(a->control, fd) != OK) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	return OK;
}

/* Takes the socket of the running program, or binds one. ERR_SYSTEM with
 * errno. */
static enum err
bind_web(const struct admin *a, const struct config_addr *at, int *fd)
{
	struct takeover_want want = { TAKEOVER_HTTP, "", &at->sa };
	struct listener_options o = { .backlog = BACKLOG };
	int *fds;

	if (takeover_take(a->master->takeover, &want, &fds) == 0)
		return listener_bind(fd, 1, &at->sa, &o);
	*fd = fds[0];
	free(fds);
	return OK;
}

static enum err
open_web_at(struct admin *a, const struct config *cfg,
    const struct config_addr *at, FILE *ports, struct report *why)
{
	char text[ADDRESS_TEXT_MAX];
	struct sockaddr_storage bound;
	struct log_line line;
	int fd;

	if (bind_web(a, at, &fd) != OK) {
		if (at->optional && errno == EAFNOSUPPORT)
			return OK; /* a machine without IPv6 */
		CONFIG_COMPLAIN(cfg, why, &cfg->daemon, http_listen,
		    "%s: %s (choose a free address of this machine)", at->text,
		    strerror(errno));
		return ERR_CONFIG;
	}
	if (listener_bound(fd, &bound) == OK) {
		address_text_port(text, &bound);
		log_begin(&line, LOG_LEVEL_INFO, "listen");
		log_str(&line, "http", text);
		log_end(&line);
		if (ports != NULL)
			fprintf(ports, "http_listen %s\n", text);
	}
	if (http_server_listen(a->web, fd) == OK)
		return OK;
	close(fd);
	return ERR_NO_MEMORY;
}

/* Binds an address at which the running program is to answer once it is
 * replaced. If there is no such address, it is replaced all the same. */
static enum err
offer_web(const struct admin *a, const struct config *cfg)
{
	const struct config_addrs *addrs = &cfg->daemon.take_over_http;
	struct takeover *t = a->master->takeover;
	struct listener_options o = { .backlog = BACKLOG };
	size_t i;
	int fd;

	if (t == NULL || addrs->count == 0)
		return OK;
	for (i = 0; i < addrs->count; i++)
		if (listener_bind(&fd, 1, &addrs->items[i].sa, &o) == OK)
			return takeover_offer(t, "http", fd);
	log_event(LOG_LEVEL_WARN, "take_over",
	    "no address of take_over_http is free: %s", strerror(errno));
	return OK;
}

static enum err
open_web(struct admin *a, const struct config *cfg, FILE *ports,
    struct report *why)
{
	const struct config_addrs *addrs = &cfg->daemon.http_listen;
	struct http_server_options o = {
		.connections = resources_http_connections(a->master->files),
		.costly = WEB_COSTLY,
		.head_max = WEB_HEAD_MAX,
		.deadline_ms = DEADLINE_MS,
		.held = a->master->takeover != NULL,
		.handle = web_handle,
		.arg = a,
	};
	enum err result = OK;
	enum err err;
	size_t i;

	if (addrs->count == 0)
		return OK;
	a->web = http_server_new(a->master->loop, &o);
	if (a->web == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < addrs->count; i++) {
		err = open_web_at(a, cfg, &addrs->items[i], ports, why);
		if (err != OK)
			result = err;
	}
	return result;
}

/* Brings the questions of other replicas here. */
static enum err
open_fleet_calls(struct admin *a)
{
	struct http_server_options o = { .connections = INNER };

	if (a->master->fleet == NULL)
		return OK;
	a->fleet_calls = http_server_new(a->master->loop, &o);
	if (a->fleet_calls == NULL)
		return ERR_NO_MEMORY;
	fleet_listen(a->master->fleet, replicas_asked, a);
	return OK;
}

static enum err
start(void **out, struct master *m, FILE *ports, struct report *why)
{
	struct admin *a = calloc(1, sizeof(*a));
	enum err control;
	enum err web;

	if (a == NULL)
		return ERR_NO_MEMORY;
	*out = a;
	a->master = m;
	a->started_at = clock_wall_s();
	a->started_by = geteuid();
	worker_query_init(a);
	list_init(&a->listings);
	control = open_control(a, m->snapshot->config, why);
	if (history_init(&a->history, m) != OK || open_fleet_calls(a) != OK)
		return ERR_NO_MEMORY;
	notify_init(a);
	web = open_web(a, m->snapshot->config, ports, why);
	if (web == OK)
		web = offer_web(a, m->snapshot->config);
	return control == OK ? web : control;
}

static void
begin(void *service)
{
	struct admin *a = service;

	a->begun = true;
	http_server_begin(a->control);
	http_server_begin(a->web);
}

/* Removes the socket, unless a successor has put its own in this place. */
static void
remove_socket(const struct admin *a)
{
	struct stat st;

	if (a->offered != NULL && !a->begun)
		unlink(a->offered);
	if (a->taken && !a->begun)
		return;
	if (a->socket_path != NULL && stat(a->socket_path, &st) == 0 &&
	    st.st_ino == a->socket_inode)
		unlink(a->socket_path);
}

static void
stop(void *service)
{
	struct admin *a = service;

	worker_query_abandon_all(a);
	denied_stop(a);
	deny_stop(a);
	http_server_free(a->fleet_calls);
	successor_stop(a);
	http_server_free(a->control);
	http_server_free(a->web);
	history_fini(&a->history);
	notify_fini(a);
	remove_socket(a);
	free(a->socket_path);
	free(a->offered);
	free(a);
}

const struct master_service admin_service = { start, begin, stop };
