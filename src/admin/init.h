/* SPDX-License-Identifier: ISC */
/*
 * `sallyport init': a working configuration in one command.
 */
#ifndef ADMIN_INIT_H
#define ADMIN_INIT_H

/* Creates the folder `dir' with a configuration, certificates and a first
 * device, and prints what to do next. An existing configuration is not changed.
 * Returns the exit code: 0, or 1 with the reason on stderr. */
int init_run(const char *dir);

#endif
