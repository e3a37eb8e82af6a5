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
 * Keeps the keys out of swap: locks the main thread's heap, and the one that
 * `address' (may be NULL) lies in. Call it after each load, because new keys
 * may lie in new pages. If RLIMIT_MEMLOCK is too low, the log says so.
 */
void hardening_lock_keys(const void *address);

/* Unlocks all heaps. Locked pages cannot be returned to the system. */
void hardening_unlock_keys(void);

/*
 * The connections that fit into `files' descriptors when each may take two,
 * with the ones open now, `more' to be opened yet, and some for reloads, DNS
 * and admin set aside. At least 1.
 */
uint32_t hardening_room(uint64_t files, size_t more);

#endif
