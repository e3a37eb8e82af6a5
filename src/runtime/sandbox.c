/* SPDX-License-Identifier: ISC */
#include "runtime/sandbox.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "runtime/landlock.h"
#include "runtime/syscalls.h"

/* Read by the resolver, the C library and BoringSSL. */
static const char *const needed[] = { "/etc/resolv.conf", "/etc/hosts",
	"/etc/nsswitch.conf", "/dev/urandom", "/proc/self" };

/* Rules in the making, and the first thing that went wrong. */
struct rules {
	struct landlock landlock;
	enum err err;
};

static void
allow(struct rules *r, const char *path, enum landlock_right right)
{
	if (r->err == OK)
		r->err = landlock_allow(&r->landlock, path, right);
}

/* The folder, not the file: files are replaced by renaming a new one. */
static void
allow_folder(struct rules *r, const char *path, enum landlock_right right)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) < (int)sizeof(copy))
		allow(r, dirname(copy), right);
}

/* A file to be read; through links, the folder at their end counts as well. */
static void
allow_file(const char *path, void *arg)
{
	struct rules *r = arg;
	char real[PATH_MAX];

	allow(r, path, LANDLOCK_READ);
	allow_folder(r, path, LANDLOCK_READ);
	if (realpath(path, real) != NULL)
		allow_folder(r, real, LANDLOCK_READ);
}

static void
allow_outputs(struct rules *r, const struct config *cfg)
{
	const struct config_daemon *d = &cfg->daemon;

	if (d->log[0] == '/')
		allow_folder(r, d->log, LANDLOCK_APPEND);
	if (d->admin_socket[0] != '\0')
		allow_folder(r, d->admin_socket, LANDLOCK_REPLACE);
	if (cfg->denylist.file[0] != '\0')
		allow_folder(r, cfg->denylist.file, LANDLOCK_REPLACE);
}

static void
allow_backends(struct rules *r, const struct config *cfg)
{
	const struct config_endpoints *e;
	size_t i;
	size_t n;

	for (i = 0; i < cfg->backend_count; i++) {
		e = &cfg->backend[i].address;
		for (n = 0; n < e->count && r->err == OK; n++)
			if (e->items[n].port != 0)
				r->err = landlock_allow_port(&r->landlock,
				    e->items[n].port);
	}
}

static enum err
restrict_files(struct sandbox *s, const struct config *cfg)
{
	struct rules r = { .err = landlock_begin(&r.landlock) };
	size_t i;

	if (r.err == ERR_NOT_FOUND)
		return OK;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		allow(&r, needed[i], LANDLOCK_READ);
	config_files(cfg, allow_file, &r);
	allow_outputs(&r, cfg);
	allow_backends(&r, cfg);
	if (r.err != OK) {
		landlock_cancel(&r.landlock);
		return r.err;
	}
	s->landlock = r.landlock.abi;
	s->ports = r.landlock.ports != 0;
	return landlock_enforce(&r.landlock);
}

static void
tell(const struct sandbox *s)
{
	bool whole = s->ports && s->syscalls;
	struct log_line line;

	log_begin(&line, whole ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "sandbox");
	log_str(&line, "files", s->landlock > 0 ? "on" : "off");
	log_str(&line, "ports", s->ports ? "on" : "off");
	log_str(&line, "syscalls", s->syscalls ? "on" : "off");
	log_u64(&line, "landlock_abi", (uint64_t)s->landlock);
	if (!whole)
		log_str(&line, "msg",
		    "this kernel cannot do what is off (files: Linux 5.13 "
		    "with Landlock, ports: 6.7, syscalls: seccomp)");
	log_end(&line);
}

enum err
sandbox_enter(struct sandbox *s, struct config *cfg)
{
	enum err err;

	memset(s, 0, sizeof(*s));
	s->config = config_get(cfg);
	if (!cfg->daemon.sandbox) {
		log_event(LOG_LEVEL_WARN, "sandbox",
		    "off, as the configuration says");
		return OK;
	}
	/* Nobody of the same user gets at the keys in memory. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return ERR_SYSTEM;
	err = restrict_files(s, cfg);
	if (err != OK)
		return err;
	s->syscalls = syscalls_restrict() == OK;
	tell(s);
	return OK;
}

void
sandbox_fini(struct sandbox *s)
{
	config_put(s->config);
	s->config = NULL;
}

static bool
names_port(const struct config *cfg, uint16_t port)
{
	const struct config_endpoints *e;
	size_t i;
	size_t n;

	for (i = 0; i < cfg->backend_count; i++) {
		e = &cfg->backend[i].address;
		for (n = 0; n < e->count; n++)
			if (e->items[n].port == port)
				return true;
	}
	return false;
}

void
sandbox_compare(const struct sandbox *s, const struct config *next,
    struct report *r)
{
	const struct config_backend *b;
	uint16_t port;
	size_t i;
	size_t n;

	for (i = 0; s->ports && i < next->backend_count; i++) {
		b = &next->backend[i];
		for (n = 0; n < b->address.count; n++) {
			port = b->address.items[n].port;
			if (port == 0 || names_port(s->config, port))
				continue;
			CONFIG_COMPLAIN(next, r, b, address,
			    "the sandbox does not let us connect to port %u, "
			    "which was not named at the start (restart)",
			    port);
		}
	}
}
