/* SPDX-License-Identifier: ISC */
/*
 * A seccomp filter that takes away the system calls that Sallyport does not
 * need once it serves, but an attacker who controls the process would use.
 * Calls are denied by a list rather than allowed by one, because the C library
 * uses other calls in each version.
 *
 * After syscalls_restrict() the process cannot start programs or processes,
 * change users, listen, reach into other processes (by ptrace, signals,
 * limits, priorities or affinity), or make memory executable.
 */
#ifndef RUNTIME_SYSCALLS_H
#define RUNTIME_SYSCALLS_H

#include "base/err.h"

/* Puts the filter in force for all threads of the process, permanently;
 * no_new_privs must be set. A denied call fails with EPERM, EACCES or ENOSYS.
 * ERR_NOT_FOUND: this kernel or machine has no seccomp filters. ERR_SYSTEM:
 * seccomp itself is denied, by another filter (errno is EPERM). */
enum err syscalls_restrict(void) MUST_CHECK;

#endif
