/* SPDX-License-Identifier: ISC */
/*
 * What will fail later for the user that the daemon has become, said while
 * somebody is looking. It refuses nothing.
 */
#ifndef RUNTIME_RIGHTS_H
#define RUNTIME_RIGHTS_H

#include "config/config.h"

/* Warns of each file of `cfg' that the next reload could not read, and of a
 * deny list that sallyportctl could not add to. Call with privileges dropped.
 */
void rights_check(const struct config *cfg);

#endif
