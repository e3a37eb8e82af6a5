/* SPDX-License-Identifier: ISC */
/*
 * What protects keys, and what makes room for connections: limits of the
 * process, set once at the start.
 */
#ifndef RUNTIME_HARDENING_H
#define RUNTIME_HARDENING_H

#include <stddef.h>
#include <stdint.h>

/* No core file, ever: it would hold the keys. */
void hardening_forbid_cores(void);

/* Raises the limit of open files as far as it goes without privileges;
 * returns what it is now. */
uint64_t hardening_raise_files(void);

/*
 * Keeps the main thread's heap, in which keys are, out of swap. Again after
 * each load, for new keys may lie in new pages. Returns 0, or the bytes that
 * RLIMIT_MEMLOCK would have to allow.
 */
size_t hardening_lock_heap(void);

/*
 * The connections that fit into `files' descriptors when each may take two,
 * with the ones open now, `more' to be opened yet, and some for reloads, DNS
 * and admin set aside. At least 1.
 */
uint32_t hardening_room(uint64_t files, size_t more);

#endif
