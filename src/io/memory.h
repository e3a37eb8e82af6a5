/* SPDX-License-Identifier: ISC */
/*
 * Where libevent's smallest things live. It keeps 20 bytes for every
 * descriptor a base ever saw, for good. Allocated as sessions come, they lie
 * between what the sessions hold, and when those have gone each pins a page:
 * 30 MB after 10,000 sessions. So they have a place of their own.
 */
#ifndef IO_MEMORY_H
#define IO_MEMORY_H

/* Has all of libevent's allocations made here. Before any other call of
 * libevent in the process; harmless when done already. Small things come from
 * malloc as ever where the place cannot be had. */
void io_memory_init(void);

#endif
