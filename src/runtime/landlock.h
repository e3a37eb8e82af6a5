/* SPDX-License-Identifier: ISC */
/*
 * Landlock, by its three system calls: what the process may still open and
 * connect to, whoever it runs as. The kernel's newest headers are not needed;
 * what an older kernel does not know is left out.
 */
#ifndef RUNTIME_LANDLOCK_H
#define RUNTIME_LANDLOCK_H

#include <stdint.h>

#include "base/err.h"

struct landlock {
	int fd; /* owned; the rules so far */
	int abi; /* of the kernel; 0 = it has no Landlock */
	uint64_t files; /* rights this kernel can deny */
	uint64_t ports;
};

/* Rights to what is beneath a path. */
enum landlock_right {
	LANDLOCK_READ,
	LANDLOCK_APPEND, /* make files in a folder, and write them */
	LANDLOCK_REPLACE /* read, and also take files away */
};

/* Begins a set of rules that allows nothing. ERR_NOT_FOUND: no Landlock, or
 * it is switched off. */
enum err landlock_begin(struct landlock *l) MUST_CHECK;

/* Allows the file or folder `path' and all beneath; one that is not there is
 * no error. ERR_SYSTEM. */
enum err landlock_allow(struct landlock *l, const char *path,
    enum landlock_right right) MUST_CHECK;

/* Allows TCP connections to `port', host order. ERR_SYSTEM. */
enum err landlock_allow_port(struct landlock *l, uint16_t port) MUST_CHECK;

/* Puts the rules in force for this thread and those it makes from now on, for
 * good; no_new_privs must be set. Ends the set in any case. ERR_SYSTEM. */
enum err landlock_enforce(struct landlock *l) MUST_CHECK;

/* Drops a set that is not to be enforced. */
void landlock_cancel(struct landlock *l);

#endif
