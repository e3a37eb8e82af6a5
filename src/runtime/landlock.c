/* SPDX-License-Identifier: ISC */
#include "runtime/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the kernel's landlock.h has them. The calls have the same numbers on
 * every machine. */
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
#define FILES_5 (UINT64_C(1) << 15)

#define MAY_BIND (UINT64_C(1) << 0) /* both since ABI 4 */
#define MAY_CONNECT (UINT64_C(1) << 1)

/* What only counts for a folder; the kernel refuses it for a file. */
#define OF_FILES (MAY_WRITE_FILE | MAY_READ_FILE | MAY_TRUNCATE)

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

static enum err
allow_bind_to_any(struct landlock *l)
{
	/* Port 0 is what a connection's own end is bound to, when `source ='
	 * names its address; a port of one's choice stays out of reach. */
	struct port_rule rule = { MAY_BIND, 0 };

	if (l->ports == 0)
		return OK;
	return syscall(CALL_ADD, l->fd, RULE_PORT, &rule, 0) == 0 ? OK
								  : ERR_SYSTEM;
}

enum err
landlock_begin(struct landlock *l)
{
	struct ruleset set;
	long abi = syscall(CALL_CREATE, NULL, 0, CREATE_VERSION);

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (abi <= 0)
		return ERR_NOT_FOUND;
	l->abi = (int)abi;
	l->files = FILES_1 | (abi >= 2 ? FILES_2 : 0) |
	    (abi >= 3 ? FILES_3 : 0) | (abi >= 5 ? FILES_5 : 0);
	l->ports = abi >= 4 ? MAY_BIND | MAY_CONNECT : 0;
	set.files = l->files;
	set.ports = l->ports;
	l->fd = (int)syscall(CALL_CREATE, &set,
	    abi >= 4 ? sizeof(set) : sizeof(set.files), 0);
	if (l->fd == -1)
		return ERR_NOT_FOUND;
	return allow_bind_to_any(l);
}

enum err
landlock_allow(struct landlock *l, const char *path, enum landlock_right right)
{
	static const uint64_t rights[] = {
		[LANDLOCK_READ] = MAY_READ_FILE | MAY_READ_DIR,
		[LANDLOCK_APPEND] = MAY_WRITE_FILE | MAY_MAKE_FILE,
		[LANDLOCK_REPLACE] = MAY_READ_FILE | MAY_READ_DIR |
		    MAY_WRITE_FILE | MAY_MAKE_FILE | MAY_REMOVE_FILE |
		    MAY_TRUNCATE,
	};
	struct path_rule rule = { .allowed = rights[right] & l->files };
	struct stat st;
	long rc;

	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent == -1)
		return OK; /* what is not there needs no right */
	if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	rc = syscall(CALL_ADD, l->fd, RULE_PATH, &rule, 0);
	close(rule.parent);
	return rc == 0 ? OK : ERR_SYSTEM;
}

enum err
landlock_allow_port(struct landlock *l, uint16_t port)
{
	struct port_rule rule = { MAY_CONNECT, port };

	if (l->ports == 0)
		return OK;
	return syscall(CALL_ADD, l->fd, RULE_PORT, &rule, 0) == 0 ? OK
								  : ERR_SYSTEM;
}

enum err
landlock_enforce(struct landlock *l)
{
	long rc = syscall(CALL_RESTRICT, l->fd, 0);
	int saved = errno;

	landlock_cancel(l);
	errno = saved;
	return rc == 0 ? OK : ERR_SYSTEM;
}

void
landlock_cancel(struct landlock *l)
{
	if (l->fd != -1)
		close(l->fd);
	l->fd = -1;
}
