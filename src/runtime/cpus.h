/* SPDX-License-Identifier: ISC */
/*
 * How many CPUs there are for us: what workers = auto stands for.
 */
#ifndef RUNTIME_CPUS_H
#define RUNTIME_CPUS_H

#include <stddef.h>

/* Those this process may run on, or fewer where a control group says so, as
 * the CPU limit of a container does. At least 1. */
size_t cpus_usable(void);

/*
 * The least of the quotas in cpu.max of the control group `path', which begins
 * with a slash, and of those above it, in the tree mounted at `root'. In CPUs,
 * begun ones counted; SIZE_MAX where none has one.
 */
size_t cpus_quota(const char *root, const char *path);

#endif
