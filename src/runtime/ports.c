/* SPDX-License-Identifier: ISC */
#include "runtime/ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/address.h"
#include "base/log.h"
#include "runtime/supervisor.h"
#include "session/options.h"

/* Tells the log, and the ports file if there is one, where a port is. */
static void
tell(const struct config_listener *l, int fd, FILE *file)
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
	if (file != NULL)
		fprintf(file, "%s %s\n", l->head.name, text);
}

/* Hands `fds' out, one to each worker; those not handed out are closed. */
static enum err
hand_out(int *fds, struct worker **workers, size_t count, size_t listener)
{
	enum err err = OK;
	size_t i;

	for (i = 0; i < count; i++) {
		if (err == OK)
			err = worker_listen(workers[i], listener, fds[i]);
		if (err != OK)
			close(fds[i]);
	}
	return err;
}

static enum err
bind_one(const struct config *cfg, const struct config_listener *l, size_t at,
    struct worker **workers, size_t count, FILE *file, struct report *why)
{
	const struct config_addr *addr = &l->bind.items[at];
	struct listener_options o = { .socket = options_socket() };
	int *fds = calloc(count, sizeof(*fds));
	enum err err;

	if (fds == NULL)
		return ERR_NO_MEMORY;
	err = listener_bind(fds, count, &addr->sa, &o);
	if (err == OK) {
		tell(l, fds[0], file);
		err = hand_out(fds, workers, count, l->head.index);
	} else if (addr->optional && errno == EAFNOSUPPORT) {
		err = OK; /* a machine without IPv6 */
	} else {
		CONFIG_COMPLAIN(cfg, why, l, bind, "%s: %s (%s)", addr->text,
		    strerror(errno),
		    errno == EADDRINUSE
			? "another program listens there: see ss -ltnp"
			: errno == EACCES
			? "ports below 1024 need root or CAP_NET_BIND_SERVICE"
			: "bind an address of this machine");
	}
	free(fds);
	return err;
}

/* Sockets a supervisor has passed under the listener's name stand in for its
 * bind addresses, which then may be ports that we have no right to. */
static enum err
adopt_passed(const struct config *cfg, const struct config_listener *l,
    struct worker **workers, size_t count, FILE *file, struct report *why)
{
	int *fds = calloc(count, sizeof(*fds));
	enum err err = fds == NULL ? ERR_NO_MEMORY : OK;
	size_t at;
	int fd;

	for (at = 0;
	     err == OK && (fd = supervisor_socket(l->head.name, at)) != -1;
	     at++) {
		err = listener_adopt(fds, count, fd);
		if (err != OK) {
			CONFIG_COMPLAIN(cfg, why, l, bind,
			    "socket %d passed as %s: %s (pass a listening TCP "
			    "socket: ListenStream= of a .socket unit)",
			    fd, l->head.name, strerror(errno));
			break;
		}
		tell(l, fds[0], file);
		err = hand_out(fds, workers, count, l->head.index);
	}
	free(fds);
	return err;
}

static enum err
bind_listener(const struct config *cfg, const struct config_listener *l,
    struct worker **workers, size_t count, FILE *file, struct report *why)
{
	enum err result = OK;
	enum err err;
	size_t n;

	if (supervisor_socket(l->head.name, 0) != -1)
		return adopt_passed(cfg, l, workers, count, file, why);
	for (n = 0; n < l->bind.count; n++) {
		err = bind_one(cfg, l, n, workers, count, file, why);
		if (err != OK)
			result = err;
	}
	return result;
}

/* At a socket that nobody takes clients would come in and wait for ever. */
static enum err
check_passed(const struct config *cfg, struct report *why)
{
	size_t passed = supervisor_sockets();
	size_t taken = 0;
	size_t at;
	size_t i;

	for (i = 0; i < cfg->listener_count; i++)
		for (at = 0;
		     supervisor_socket(cfg->listener[i].head.name, at) != -1;
		     at++)
			taken++;
	if (taken == passed)
		return OK;
	report_add(why,
	    "%s: %zu of the %zu sockets that were passed are for no listener "
	    "(FileDescriptorName= of a .socket unit is the NAME of [listener "
	    "NAME])",
	    cfg->file, passed - taken, passed);
	return ERR_CONFIG;
}

static enum err
bind_all(const struct config *cfg, struct worker **workers, size_t count,
    FILE *file, struct report *why)
{
	enum err result = check_passed(cfg, why);
	enum err err;
	size_t i;

	for (i = 0; i < cfg->listener_count; i++) {
		err = bind_listener(cfg, &cfg->listener[i], workers, count,
		    file, why);
		if (err != OK)
			result = err;
	}
	return result;
}

/* Readers must never meet a half-written file, so it comes by rename. */
enum err
ports_bind(const struct config *cfg, struct worker **workers, size_t count,
    ports_also *also, void *arg, struct report *why)
{
	const char *path = cfg->daemon.ports_file;
	char temp[4096];
	FILE *file = NULL;
	enum err also_err;
	enum err err;

	if (path[0] != '\0') {
		snprintf(temp, sizeof(temp), "%s.new", path);
		file = fopen(temp, "we");
		if (file == NULL) {
			CONFIG_COMPLAIN(cfg, why, &cfg->daemon, ports_file,
			    "cannot write %s: %s", temp, strerror(errno));
			return ERR_CONFIG;
		}
	}
	err = bind_all(cfg, workers, count, file, why);
	also_err = also == NULL ? OK : also(arg, file, why);
	if (err == OK)
		err = also_err;
	if (file != NULL &&
	    (fclose(file) != 0 || (err == OK && rename(temp, path) == -1))) {
		CONFIG_COMPLAIN(cfg, why, &cfg->daemon, ports_file,
		    "cannot write %s: %s", path, strerror(errno));
		return ERR_CONFIG;
	}
	return err == ERR_SYSTEM ? ERR_CONFIG : err;
}
