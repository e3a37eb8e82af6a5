/* SPDX-License-Identifier: ISC */
/*
 * Commands for all replicas of a fleet, or for some: the parameter "fleet" of a
 * command. This replica runs the command itself and asks the others
 * (fleet/rpc.h), and answers with what all of them say.
 */
#ifndef ADMIN_REPLICAS_H
#define ADMIN_REPLICAS_H

#include "admin/admin.h"
#include "fleet/rpc.h"

/* Runs a command, whose other parameters are as without "fleet". The answer
 * also has "fleet": how many replicas were asked and have answered, and the
 * names of those that have not. */
void replicas_run(struct admin *a, struct http_call *call,
    const struct http_request *request);

/* A question of another replica; `arg' is the struct admin. */
void replicas_asked(void *arg, const struct fleet_question *question,
    const char *from, struct slice text);

#endif
