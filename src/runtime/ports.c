/* SPDX-License-Identifier: ISC */
#include "runtime/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/address.h"
#include "base/log.h"
#include "runtime/privileges.h"
#include "runtime/supervisor.h"
#include "runtime/takeover.h"
#include "session/options.h"

/* What all functions here need. */
struct binding {
	const struct config *cfg; /* borrowed */
	struct worker **workers; /* borrowed */
	size_t count; /* of workers */
	struct takeover *takeover; /* borrowed; may be NULL */
	FILE *file; /* borrowed: the ports file; NULL if there is none */
	struct report *why; /* borrowed */
};

/* Reports the address of a socket. */
static void
report_address(const struct binding *b, const struct config_listener *l, int fd)
{
	char text[ADDRESS_TEXT_MAX];
	struct sockaddr_storage at;
	struct log_line line;

	if (listener_bound(fd, &at) != OK)
		return;
	address_text_port(text, &at);
	log_begin(&line, LOG_LEVEL_INFO, "listen");
	log_str(&line, "listener", l->head.name);
	log_str(&line, "address", text);
	log_end(&line);
	if (b->file != NULL)
		fprintf(b->file, "%s %s\n", l->head.name, text);
}

/*
 * Gives the sockets of one address to the workers. The running program may have
 * had another number of workers: then a worker gets several, so that each queue
 * of connections is served; or workers share one. After an error the others are
 * closed.
 */
static enum err
hand_out(const struct binding *b, const int *fds, size_t count,
    const struct config_listener *l, enum worker_socket origin)
{
	size_t max = count > b->count ? count : b->count;
	enum err err = OK;
	size_t i;
	int fd;

	for (i = 0; i < max; i++) {
		fd = i < count ? fds[i] : -1;
		if (err == OK && i >= count)
			fd = fcntl(fds[i % count], F_DUPFD_CLOEXEC, 0);
		if (err == OK && fd == -1)
			err = ERR_SYSTEM;
		if (err == OK)
			err = worker_listen(b->workers[i % b->count],
			    l->head.index, fd, origin);
		if (err != OK && fd != -1)
			close(fd);
	}
	return err;
}

/* Takes the sockets from the running program that are bound to `at', or, if it
 * is NULL, one of those that were passed to it as `l'. ERR_NOT_FOUND: there are
 * none. */
static enum err
take_handed(const struct binding *b, const struct config_listener *l,
    const struct sockaddr_storage *at)
{
	struct takeover_want want = { TAKEOVER_LISTENER, l->head.name, at };
	enum err err;
	size_t count;
	int *fds;

	count = takeover_take(b->takeover, &want, &fds);
	if (count == 0)
		return ERR_NOT_FOUND;
	report_address(b, l, fds[0]);
	err = hand_out(b, fds, count, l,
	    at == NULL ? WORKER_SOCKET_PASSED : WORKER_SOCKET_BOUND);
	free(fds);
	return err;
}

/* True if `addr' is the [::] of a port that was written without a host, and
 * this machine has no IPv6: then only 0.0.0.0 is used. `error' is what bind()
 * set. */
static bool
may_be_absent(const struct config_addr *addr, int error)
{
	return addr->optional &&
	    (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

static const char *
bind_advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program listens there: see ss -ltnp";
	case EACCES:
		return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
	case EAFNOSUPPORT:
		return "this machine has no IPv6: bind an IPv4 address";
	default:
		return "bind an address of this machine";
	}
}

static enum err
bind_one(const struct binding *b, const struct config_listener *l, size_t at)
{
	const struct config_addr *addr = &l->bind.items[at];
	struct listener_options o = { .socket = options_socket() };
	enum err err = take_handed(b, l, &addr->sa);
	int *fds;

	if (err != ERR_NOT_FOUND)
		return err;
	fds = calloc(b->count, sizeof(*fds));
	if (fds == NULL)
		return ERR_NO_MEMORY;
	err = listener_bind(fds, b->count, &addr->sa, &o);
	if (err == OK) {
		report_address(b, l, fds[0]);
		err = hand_out(b, fds, b->count, l, WORKER_SOCKET_BOUND);
	} else if (may_be_absent(addr, errno)) {
		err = OK;
	} else {
		CONFIG_COMPLAIN(b->cfg, b->why, l, bind, "%s: %s (%s)",
		    addr->text, strerror(errno), bind_advice(errno));
	}
	free(fds);
	return err;
}

/* Uses the sockets that a supervisor has passed under the listener's name,
 * instead of its bind addresses, which may be ports that need privileges. */
static enum err
adopt_passed(const struct binding *b, const struct config_listener *l)
{
	int *fds = calloc(b->count, sizeof(*fds));
	enum err err = fds == NULL ? ERR_NO_MEMORY : OK;
	size_t at;
	int fd;

	for (at = 0;
	     err == OK && (fd = supervisor_socket(l->head.name, at)) != -1;
	     at++) {
		err = listener_adopt(fds, b->count, fd);
		if (err != OK) {
			CONFIG_COMPLAIN(b->cfg, b->why, l, bind,
			    "socket %d passed as %s: %s (pass a listening TCP "
			    "socket: ListenStream= of a .socket unit)",
			    fd, l->head.name, strerror(errno));
			break;
		}
		report_address(b, l, fds[0]);
		err = hand_out(b, fds, b->count, l, WORKER_SOCKET_PASSED);
	}
	free(fds);
	return err;
}

static enum err
bind_listener(const struct binding *b, const struct config_listener *l)
{
	enum err result = OK;
	enum err err;
	size_t n;

	if (supervisor_socket(l->head.name, 0) != -1)
		return adopt_passed(b, l);
	err = take_handed(b, l, NULL);
	if (err != ERR_NOT_FOUND) {
		while (err == OK)
			err = take_handed(b, l, NULL);
		return err == ERR_NOT_FOUND ? OK : err;
	}
	for (n = 0; n < l->bind.count; n++) {
		err = bind_one(b, l, n);
		if (err != OK)
			result = err;
	}
	return result;
}

/* A passed socket that no listener uses is an error: clients would connect to
 * it and wait for ever. */
static enum err
check_passed(const struct binding *b)
{
	size_t passed = supervisor_sockets();
	size_t taken = 0;
	size_t at;
	size_t i;

	for (i = 0; i < b->cfg->listener_count; i++)
		for (at = 0;
		     supervisor_socket(b->cfg->listener[i].head.name, at) != -1;
		     at++)
			taken++;
	if (taken == passed)
		return OK;
	report_add(b->why,
	    "%s: %zu of the %zu sockets that were passed are for no listener "
	    "(FileDescriptorName= of a .socket unit is the NAME of [listener "
	    "NAME])",
	    b->cfg->file, passed - taken, passed);
	return ERR_CONFIG;
}

static enum err
bind_all(const struct binding *b)
{
	enum err result = check_passed(b);
	enum err err;
	size_t i;

	for (i = 0; i < b->cfg->listener_count; i++) {
		err = bind_listener(b, &b->cfg->listener[i]);
		if (err != OK)
			result = err;
	}
	return result;
}

/*
 * The ports file. It is written under another name and renamed, so that its
 * readers never find half of it. The folder may belong to the daemon's user,
 * while this runs as root: no link that this user has put there is followed,
 * and the file belongs to this user.
 */

static enum err
cannot_write(const struct binding *b, const char *path)
{
	char advice[PRIVILEGES_ADVICE_MAX];
	int error = errno;

	privileges_folder_advice(b->cfg, path, advice);
	CONFIG_COMPLAIN(b->cfg, b->why, &b->cfg->daemon, ports_file,
	    "cannot write %s: %s (%s)", path, strerror(error), advice);
	return ERR_CONFIG;
}

static FILE *
create_file(const char *path, const struct config *cfg)
{
	struct report unused;
	FILE *file = NULL;
	uid_t uid;
	gid_t gid;
	int fd;

	(void)unlink(path); /* of a start that was killed */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0644);
	if (fd == -1)
		return NULL;
	report_init(&unused); /* privileges_drop() complains of the user */
	if (geteuid() == 0 && privileges_find(cfg, &uid, &gid, &unused) == OK)
		(void)!fchown(fd, uid, gid);
	report_fini(&unused);
	file = fdopen(fd, "w");
	if (file == NULL)
		close(fd);
	return file;
}

static enum err
bind_and_tell(struct binding *b, const struct ports_options *o)
{
	enum err err = bind_all(b);
	enum err also_err =
	    o->also == NULL ? OK : o->also(o->arg, b->file, b->why);

	return err == OK ? also_err : err;
}

enum err
ports_bind(const struct ports_options *o, struct report *why)
{
	struct binding b = { o->cfg, o->workers, o->count, o->takeover, NULL,
		why };
	const struct config *cfg = o->cfg;
	const char *path = cfg->daemon.ports_file;
	char *temp = NULL;
	enum err err;

	if (path[0] != '\0') {
		if (asprintf(&temp, "%s.new", path) == -1)
			return ERR_NO_MEMORY;
		b.file = create_file(temp, cfg);
		if (b.file == NULL) {
			err = cannot_write(&b, temp);
			free(temp);
			return err;
		}
	}
	err = bind_and_tell(&b, o);
	if (b.file != NULL && fclose(b.file) != 0 && err == OK)
		err = cannot_write(&b, temp);
	if (temp != NULL && err == OK && rename(temp, path) == -1)
		err = cannot_write(&b, path);
	if (temp != NULL && err != OK)
		(void)unlink(temp);
	free(temp);
	return err == ERR_SYSTEM ? ERR_CONFIG : err;
}

enum err
ports_check(const struct config *cfg, struct report *why)
{
	const struct config_addrs *http = &cfg->daemon.http_listen;
	const struct config_listener *l;
	const struct config_addr *addr;
	size_t before = why->count, i, n;

	for (i = 0; i < cfg->listener_count; i++) {
		l = &cfg->listener[i];
		for (n = 0; n < l->bind.count; n++) {
			addr = &l->bind.items[n];
			if (listener_check(&addr->sa) != OK &&
			    !may_be_absent(addr, errno))
				CONFIG_COMPLAIN(cfg, why, l, bind,
				    "%s: %s (%s)", addr->text, strerror(errno),
				    bind_advice(errno));
		}
	}
	for (n = 0; n < http->count; n++) {
		addr = &http->items[n];
		if (listener_check(&addr->sa) != OK &&
		    !may_be_absent(addr, errno))
			CONFIG_COMPLAIN(cfg, why, &cfg->daemon, http_listen,
			    "%s: %s (%s)", addr->text, strerror(errno),
			    bind_advice(errno));
	}
	return why->count == before ? OK : ERR_CONFIG;
}
