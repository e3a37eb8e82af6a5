/* SPDX-License-Identifier: ISC */
/*
 * --watch: repeats a command that changes nothing. On a terminal the answer is
 * painted over the previous one and fits the screen, as in top; of sessions it
 * shows rates.
 */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include "ctl/command.h"

/* Runs the call every `seconds' until the daemon does not answer, and returns
 * the exit code. */
int watch_run(const struct command_call *call, double seconds);

#endif
