/* SPDX-License-Identifier: ISC */
/*
 * What the process gives up permanently once it has bound its ports and read
 * its files: files and ports that the configuration does not name (Landlock),
 * and system calls (runtime/syscalls). A reload can only use what was within
 * reach at the start; sallyport.ini(5) says what a reload may name.
 */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include "base/report.h"
#include "config/config.h"

/* What is in force; zeroed: nothing. */
struct sandbox {
	struct config *config; /* counted: the configuration it was made for */
	int landlock; /* ABI of the kernel's Landlock; 0 = not in force */
	bool ports; /* connections are limited to known ports */
	bool syscalls; /* the filter of runtime/syscalls */
};

/*
 * Enters the sandbox as far as the kernel allows, and logs what is in force
 * and why the rest is not. Requires no_new_privs; to be called after the last
 * bind and before any thread is created. With `sandbox = off' it only keeps
 * the configuration. ERR_SYSTEM, ERR_NO_MEMORY: the sandbox is incomplete; do
 * not serve.
 *
 * Every file named in the configuration can be read again later, also if the
 * file or its folder is replaced, or a symbolic link on the way to it is
 * changed to a neighbour of its old target.
 */
enum err sandbox_enter(struct sandbox *s, struct config *cfg) MUST_CHECK;

/* Drops the reference to the configuration; what is in force stays. */
void sandbox_fini(struct sandbox *s);

/* Adds a line to `r' for each backend port of `next' that is out of reach
 * because no address named it at the start. */
void sandbox_compare(const struct sandbox *s, const struct config *next,
    struct report *r);

#endif
