/* SPDX-License-Identifier: ISC */
/*
 * Landlock is used through its three system calls, with constants of our own,
 * so that the newest kernel headers are not needed. Rights that an older
 * kernel does not know are left out.
 *
 * A rule belongs to the folder or file that a name led to when the rule was
 * made, not to the name. If a folder is replaced, the new one has no rule. So
 * rules are made for the folder of each file and for the folder above it, and
 * likewise for the target of each symbolic link on the way (DESIGN section 5).
 * The root folder and folders like /tmp, where every user keeps files, are
 * excepted.
 */
#include "runtime/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/syscalls.h"

/*
 * Landlock.
 */

/* As in the kernel's landlock.h. The calls have the same numbers on every
 * machine. */
#define CALL_CREATE 444
#define CALL_ADD 445
#define CALL_RESTRICT 446
#define CREATE_VERSION 1
#define RULE_PATH 1
#define RULE_PORT 2

#define MAY_WRITE_FILE (UINT64_C(1) << 1)
#define MAY_READ_FILE (UINT64_C(1) << 2)
#define MAY_READ_DIR (UINT64_C(1) << 3)
#define MAY_REMOVE_FILE (UINT64_C(1) << 5)
#define MAY_MAKE_FILE (UINT64_C(1) << 8)
#define MAY_TRUNCATE (UINT64_C(1) << 14) /* since ABI 3 */
#define FILES_1 ((UINT64_C(1) << 13) - 1) /* all that ABI 1 knows */
#define FILES_2 (UINT64_C(1) << 13)
#define FILES_3 MAY_TRUNCATE
#define MAY_IOCTL (UINT64_C(1) << 15) /* of devices, since ABI 5 */
#define FILES_5 MAY_IOCTL

#define MAY_BIND (UINT64_C(1) << 0) /* both since ABI 4 */
#define MAY_CONNECT (UINT64_C(1) << 1)

/* The rights that a rule for a file may contain; the kernel refuses others. */
#define OF_FILES (MAY_WRITE_FILE | MAY_READ_FILE | MAY_TRUNCATE | MAY_IOCTL)

/* What may be done beneath a folder. */
#define READ (MAY_READ_FILE | MAY_READ_DIR)
#define APPEND (MAY_WRITE_FILE | MAY_MAKE_FILE) /* make files, write them */
#define REPLACE (READ | APPEND | MAY_REMOVE_FILE | MAY_TRUNCATE)

struct ruleset {
	uint64_t files;
	uint64_t ports;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed;
	uint64_t port;
};

/* Folders that have a rule already; the oldest is forgotten. */
#define KNOWN 16

/* A set of rules that is being made. */
struct rules {
	int fd; /* owned */
	int abi; /* of the kernel */
	uint64_t files; /* rights that this kernel can deny */
	uint64_t ports;
	enum err err; /* the first error; later calls do nothing */
	struct {
		dev_t dev;
		ino_t ino;
		uint64_t right;
	} known[KNOWN];
	size_t known_count;
};

static void
allow_port(struct rules *r, uint64_t right, uint16_t port)
{
	struct port_rule rule = { right, port };

	if (r->err != OK || r->ports == 0)
		return;
	if (syscall(CALL_ADD, r->fd, RULE_PORT, &rule, 0) != 0)
		r->err = ERR_SYSTEM;
}

/* Starts a set of rules that allows nothing. ERR_NOT_FOUND: the kernel has no
 * Landlock, or it is switched off. ERR_REFUSED: a system call filter denies
 * it. */
static enum err
begin(struct rules *r)
{
	struct ruleset set;
	long abi = syscall(CALL_CREATE, NULL, 0, CREATE_VERSION);

	memset(r, 0, sizeof(*r));
	r->fd = -1;
	if (abi <= 0)
		return errno == EPERM ? ERR_REFUSED : ERR_NOT_FOUND;
	r->abi = (int)abi;
	r->files = FILES_1 | (abi >= 2 ? FILES_2 : 0) |
	    (abi >= 3 ? FILES_3 : 0) | (abi >= 5 ? FILES_5 : 0);
	r->ports = abi >= 4 ? MAY_BIND | MAY_CONNECT : 0;
	set.files = r->files;
	set.ports = r->ports;
	r->fd = (int)syscall(CALL_CREATE, &set,
	    abi >= 4 ? sizeof(set) : sizeof(set.files), 0);
	if (r->fd == -1)
		return errno == EPERM ? ERR_REFUSED : ERR_NOT_FOUND;
	/* A connection whose own address `source =' names is bound to port 0;
	 * any other port stays forbidden. */
	allow_port(r, MAY_BIND, 0);
	return OK;
}

static bool
is_known(struct rules *r, const struct stat *st, uint64_t right)
{
	size_t i;

	for (i = 0; i < KNOWN && i < r->known_count; i++)
		if (r->known[i].dev == st->st_dev &&
		    r->known[i].ino == st->st_ino && r->known[i].right == right)
			return true;
	i = r->known_count++ % KNOWN;
	r->known[i].dev = st->st_dev;
	r->known[i].ino = st->st_ino;
	r->known[i].right = right;
	return false;
}

/* Allows `right' to the file or folder `path' and everything beneath it. What
 * does not exist needs no rule. */
static void
allow(struct rules *r, const char *path, uint64_t right)
{
	struct path_rule rule = { .allowed = right & r->files };
	struct stat st;

	if (r->err != OK)
		return;
	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent == -1)
		return;
	if (fstat(rule.parent, &st) == 0 && !is_known(r, &st, right)) {
		if (!S_ISDIR(st.st_mode))
			rule.allowed &= OF_FILES;
		if (syscall(CALL_ADD, r->fd, RULE_PATH, &rule, 0) != 0)
			r->err = ERR_SYSTEM;
	}
	close(rule.parent);
}

/*
 * Rules for names.
 */

/* Writes the folder part of `path' to `out'; false if it is too long. */
static bool
folder_of(char out[PATH_MAX], const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return false;
	snprintf(out, PATH_MAX, "%s", dirname(copy));
	return true;
}

/* Allows reading in the folder above `folder', so that `folder' may be
 * replaced; not if that is the root folder or one that every user may write to.
 */
static void
allow_above(struct rules *r, const char *folder)
{
	char above[PATH_MAX];
	struct stat st;

	if (folder_of(above, folder) && strcmp(above, "/") != 0 &&
	    stat(above, &st) == 0 && (st.st_mode & S_ISVTX) == 0)
		allow(r, above, READ);
}

/* Allows reading what `path', which may be a link, leads to; and the folder in
 * which that is, and the one above, so that both may be replaced. */
static void
allow_target(struct rules *r, const char *path)
{
	char real[PATH_MAX];
	char folder[PATH_MAX];
	struct stat st;

	if (realpath(path, real) == NULL || stat(real, &st) == -1)
		return;
	if (S_ISDIR(st.st_mode)) {
		allow(r, real, READ);
		allow_above(r, real);
	} else if (folder_of(folder, real)) {
		allow(r, real, READ); /* its folder may be / */
		if (strcmp(folder, "/") != 0)
			allow(r, folder, READ);
		allow_above(r, folder);
	}
}

/* True if `path' itself is a symbolic link. */
static bool
is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Covers the targets of all symbolic links on the way to `path'. */
static void
allow_links(struct rules *r, const char *path)
{
	char part[PATH_MAX];
	size_t i;

	for (i = 1; path[i - 1] != '\0' && i < sizeof(part); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (is_link(part))
			allow_target(r, part);
	}
}

/* A folder of CRLs may hold links to files elsewhere. */
static void
allow_entries(struct rules *r, const char *folder)
{
	DIR *d = opendir(folder);
	char path[PATH_MAX];
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) <
			(int)sizeof(path) &&
		    is_link(path))
			allow_target(r, path);
	closedir(d);
}

/* Allows reading the file or folder `path', now and when it is replaced. */
static void
allow_name(const char *path, void *arg)
{
	struct rules *r = arg;
	char folder[PATH_MAX];

	allow_links(r, path);
	allow_target(r, path);
	if (folder_of(folder, path))
		allow_target(r, folder);
	allow_entries(r, path);
}

/* Allows `right' in the folder of the file `path', and in the folder of the
 * file to which it leads if it is a link. */
static void
allow_output(struct rules *r, const char *path, uint64_t right)
{
	char real[PATH_MAX];
	char folder[PATH_MAX];

	if (path[0] != '/')
		return;
	if (folder_of(folder, path))
		allow(r, folder, right);
	if (realpath(path, real) != NULL && folder_of(folder, real))
		allow(r, folder, right);
}

/* Allows what the modules of tokens keep in files, and their devices. */
static void
allow_pkcs11(struct rules *r, const struct config *cfg)
{
	const struct config_list *paths = &cfg->daemon.token_paths;
	size_t i;

	for (i = 0; i < paths->count; i++)
		allow(r, paths->items[i], REPLACE | MAY_IOCTL);
}

/* Brokers, and the Redis server of a fleet. */
static void
allow_servers(struct rules *r, const struct config *cfg)
{
	const struct config_endpoints *e;
	size_t i;
	size_t n;

	for (i = 0; i < cfg->fleet.address.count; i++)
		if (cfg->fleet.address.items[i].port != 0)
			allow_port(r, MAY_CONNECT,
			    cfg->fleet.address.items[i].port);
	for (i = 0; i < cfg->backend_count; i++) {
		e = &cfg->backend[i].address;
		for (n = 0; n < e->count; n++)
			if (e->items[n].port != 0)
				allow_port(r, MAY_CONNECT, e->items[n].port);
	}
}

/* Files that the resolver and the C library read again when they change. */
static const char *const resolver_files[] = { "/etc/resolv.conf", "/etc/hosts",
	"/etc/nsswitch.conf", "/etc/host.conf" };

/* Folders in which programs that configure the network keep the target of
 * /etc/resolv.conf; and what the C library and BoringSSL read. */
static const char *const needed[] = { "/run/systemd/resolve",
	"/run/NetworkManager", "/run/resolvconf", "/run/connman",
	"/dev/urandom", "/proc/self" };

static void
allow_all(struct rules *r, const struct config *cfg)
{
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		allow(r, needed[i], READ);
	for (i = 0; i < sizeof(resolver_files) / sizeof(resolver_files[0]); i++)
		allow_name(resolver_files[i], r);
	config_files(cfg, allow_name, r);
	allow_output(r, cfg->daemon.log, APPEND);
	allow_output(r, cfg->daemon.admin_socket, REPLACE);
	allow_output(r, cfg->denylist.file, REPLACE);
	allow_output(r, cfg->fleet.copy, REPLACE);
	allow_pkcs11(r, cfg);
	allow_servers(r, cfg);
	/* A nameserver's long answers come over TCP. */
	allow_port(r, MAY_CONNECT, 53);
}

/*
 * Entering.
 */

/* Why something is not in force. */
enum missing {
	MISSING_NOTHING,
	MISSING_IN_KERNEL,
	MISSING_BY_FILTER /* a system call filter of the parent process */
};

static enum missing
missing_of(enum err err)
{
	return err == OK           ? MISSING_NOTHING
	    : err == ERR_NOT_FOUND ? MISSING_IN_KERNEL
				   : MISSING_BY_FILTER;
}

static enum err
restrict_files(struct sandbox *s, const struct config *cfg,
    enum missing *missing)
{
	struct rules r;
	enum err err = begin(&r);

	*missing = missing_of(err);
	if (err != OK)
		return OK;
	allow_all(&r, cfg);
	if (r.err == OK && syscall(CALL_RESTRICT, r.fd, 0) != 0)
		r.err = ERR_SYSTEM;
	close(r.fd);
	if (r.err != OK && errno == EPERM) {
		*missing = MISSING_BY_FILTER;
		return OK;
	}
	if (r.err == OK) {
		s->landlock = r.abi;
		s->ports = r.ports != 0;
	}
	return r.err;
}

static void
log_state(const struct sandbox *s, enum missing files, enum missing syscalls)
{
	bool whole = s->ports && s->syscalls;
	struct log_line line;

	log_begin(&line, whole ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "sandbox");
	log_str(&line, "files", s->landlock > 0 ? "on" : "off");
	log_str(&line, "ports", s->ports ? "on" : "off");
	log_str(&line, "syscalls", s->syscalls ? "on" : "off");
	log_u64(&line, "landlock_abi", (uint64_t)s->landlock);
	if (files == MISSING_BY_FILTER || syscalls == MISSING_BY_FILTER)
		log_str(&line, "msg",
		    "a system call filter around the daemon denies what is "
		    "off (allow landlock_create_ruleset, landlock_add_rule, "
		    "landlock_restrict_self and seccomp: SystemCallFilter= of "
		    "the unit, or the container's seccomp profile)");
	else if (!whole)
		log_str(&line, "msg",
		    "this kernel cannot do what is off (files: Linux 5.13 "
		    "with Landlock, ports: 6.7, syscalls: seccomp)");
	log_end(&line);
}

enum err
sandbox_enter(struct sandbox *s, struct config *cfg)
{
	enum missing files, syscalls;
	enum err err;

	memset(s, 0, sizeof(*s));
	s->config = config_get(cfg);
	if (!cfg->daemon.sandbox) {
		log_event(LOG_LEVEL_WARN, "sandbox",
		    "off, as the configuration says");
		return OK;
	}
	/* No process of the same user can read the keys in memory. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return ERR_SYSTEM;
	err = restrict_files(s, cfg, &files);
	if (err != OK)
		return err;
	err = syscalls_restrict();
	syscalls = missing_of(err);
	s->syscalls = err == OK;
	log_state(s, files, syscalls);
	return OK;
}

void
sandbox_fini(struct sandbox *s)
{
	config_put(s->config);
	s->config = NULL;
}

/*
 * Comparing with a new configuration.
 */

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
			    "the sandbox forbids connections to port %u, which "
			    "was not named at the start (restart)",
			    port);
		}
	}
}
