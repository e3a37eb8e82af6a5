/* SPDX-License-Identifier: ISC */
/*
 * What the process gives up for good once it has bound and read all: the
 * files, ports and system calls that the configuration does not ask for. A
 * reload can only use what was within reach at the start: what a reload may
 * name is said in sallyport.ini(5).
 */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include "base/report.h"
#include "config/config.h"

/* What is in force; zeroed: nothing. */
struct sandbox {
	struct config *config; /* counted: what it was made for */
	int landlock; /* its ABI; 0 = not in force */
	bool ports; /* may connect to known ports only */
	bool syscalls; /* the filter of runtime/syscalls.h */
};

/*
 * Shuts the door behind us, as far as the kernel can, and logs what is in
 * force. To be called with no_new_privs set, after the last bind and before
 * any thread. `sandbox = off' leaves it open. ERR_SYSTEM, ERR_NO_MEMORY: half
 * shut, which is no state to serve in.
 */
enum err sandbox_enter(struct sandbox *s, struct config *cfg) MUST_CHECK;

/* Forgets; the door stays shut. */
void sandbox_fini(struct sandbox *s);

/* Adds a line to `r' for each backend of `next' that is out of reach, since
 * nobody named its port at the start. */
void sandbox_compare(const struct sandbox *s, const struct config *next,
    struct report *r);

#endif
