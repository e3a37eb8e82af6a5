/* SPDX-License-Identifier: ISC */
/*
 * The system calls that Sallyport has no use for once it serves, and that
 * whoever broke into it would: taken away by a seccomp filter, which answers
 * EPERM. A list of what is denied, and not of what is allowed, since the C
 * library calls what it likes and changes its mind between versions.
 */
#ifndef RUNTIME_SYSCALLS_H
#define RUNTIME_SYSCALLS_H

#include "base/err.h"

/* Puts the filter in force for all threads of the process, for good;
 * no_new_privs must be set. ERR_NOT_FOUND: this kernel or machine has none. */
enum err syscalls_restrict(void) MUST_CHECK;

#endif
