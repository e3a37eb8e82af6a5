/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with the daemon or its surroundings right now, in sentences for
 * operators. Shown by the status page and by sallyportctl status.
 */
#ifndef ADMIN_PROBLEMS_H
#define ADMIN_PROBLEMS_H

#include <jansson.h>

#include "admin/totals.h"

/* A new array: [{level, what, text}], the worst first. `level' is "bad"
 * (clients are affected) or "warn"; `what' is an identifier for programs. */
json_t *problems_list(const struct admin *a, const struct totals *t);

#endif
