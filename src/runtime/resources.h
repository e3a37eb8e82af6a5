/* SPDX-License-Identifier: ISC */
/*
 * What the machine gives this process and how much of it is used: CPUs, file
 * descriptors, locked memory, core files, and memory given back.
 */
#ifndef RUNTIME_RESOURCES_H
#define RUNTIME_RESOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "accept/throttle.h"
#include "io/timer.h"

/* The number of CPUs for `workers = auto': those this process may run on, or
 * fewer if its control group has a quota, as a container with a CPU limit
 * does. At least 1. */
size_t resources_cpus(void);

/*
 * The smallest quota in cpu.max of the control group `path', which begins with
 * a slash, and of the groups above it. `root' is where the tree is mounted; it
 * is a parameter for the unit test. In CPUs, rounded up; SIZE_MAX if there is
 * no quota.
 */
size_t resources_cpu_quota(const char *root, const char *path);

/* The bytes of memory that this process may use: those of the machine, or the
 * lowest limit of its control group and the groups above it. */
uint64_t resources_memory(void);

/* Forbids core files: they would contain the private keys. */
void resources_forbid_cores(void);

/* Raises the limit of open files as far as it goes without privileges.
 * Returns the limit, at most 200,000,000. */
uint64_t resources_raise_files(void);

/*
 * The number of connections that fit into `files' descriptors, if each may
 * take two, after those that are open now, `more' that will be opened, and
 * some for reloads, DNS and admin. At least 1.
 */
uint32_t resources_max_connections(uint64_t files, size_t more);

/* Connections to the admin socket at once. */
#define RESOURCES_ADMIN_CONNECTIONS 32

/* Returns how many connections to http_listen `files' descriptors allow at
 * once. */
uint32_t resources_http_connections(uint64_t files);

/* Returns how many refused clients of a worker may take the time to read why.
 * No limit counts them, and they keep a descriptor. */
uint32_t resources_max_lingering(uint64_t files, size_t workers);

/* Returns how many TLS handshakes fit into `bytes'. */
uint32_t resources_max_handshakes(uint64_t bytes);

/*
 * Keeps the private keys out of swap: locks the main thread's heap, and the
 * heap that contains `address' (may be NULL). To be called after each load,
 * because new keys may be in new pages. If RLIMIT_MEMLOCK is too low, the log
 * says so.
 */
void resources_lock_keys(const void *address);

/* Unlocks all heaps. Locked pages cannot be returned to the system. */
void resources_unlock_keys(void);

/* Gives memory back to the system after many sessions have ended: what they
 * used is scattered over the heaps, of which the C library by itself returns
 * only the ends. */
struct resources_trim {
	struct timer timer;
	struct throttle *throttle; /* borrowed: counts the connections */
	uint64_t peak; /* most connections since the last trim */
	uint64_t before; /* connections at the last check */
};

/* Starts to look every few seconds, on the loop of the caller's thread. */
void resources_trim_start(struct resources_trim *t, struct loop *loop,
    struct throttle *throttle);

/* Stops. Accepts a zeroed one. */
void resources_trim_stop(struct resources_trim *t);

#endif
