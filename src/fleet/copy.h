/* SPDX-License-Identifier: ISC */
/*
 * The copy of the fleet's deny list on disk, with which a replica starts while
 * the Redis server cannot be reached. A thread of its own writes it: to a new
 * file, which is synchronised and then takes the old one's place, so a crash at
 * any point leaves one of the two, whole.
 */
#ifndef FLEET_COPY_H
#define FLEET_COPY_H

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

struct fleet_copy;

/* Called on the loop's thread when a copy was written: OK, or ERR_SYSTEM with
 * its errno in `error'. */
typedef void fleet_copy_done(void *arg, enum err err, int error);

/* A writer of `path'. NULL: no memory. */
struct fleet_copy *fleet_copy_new(struct loop *loop, const char *path,
    fleet_copy_done *done, void *arg);

/* Starts its thread. ERR_SYSTEM with errno. */
enum err fleet_copy_start(struct fleet_copy *c) MUST_CHECK;

/* True while a copy is being written: another one has to wait. */
bool fleet_copy_is_busy(const struct fleet_copy *c);

/* Writes `bytes', which it takes over. Not while it is busy. */
void fleet_copy_write(struct fleet_copy *c, struct buf *bytes);

/* Writes what it was given, and ends the thread. `done' is not called any
 * more. NULL is allowed. */
void fleet_copy_stop(struct fleet_copy *c);

/* Writes `bytes' at once, after fleet_copy_stop(). Does nothing if it was never
 * started: a program that fails to start must not replace the copy of the one
 * that runs. */
void fleet_copy_finish(struct fleet_copy *c, struct slice bytes);

/* After the loop was freed. NULL is allowed. */
void fleet_copy_free(struct fleet_copy *c);

#endif
