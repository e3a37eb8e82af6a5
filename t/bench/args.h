/* SPDX-License-Identifier: ISC */
/*
 * KEY=VALUE arguments, and as many descriptors as the system gives: what the
 * programs of the bench have in common.
 */
#ifndef BENCH_ARGS_H
#define BENCH_ARGS_H

#include <stdint.h>

/* The value of `key', or `otherwise'; borrowed from argv. */
const char *args_text(char **argv, const char *key, const char *otherwise);

/* The same as a number. */
uint64_t args_number(char **argv, const char *key, const char *otherwise);

/* Raises the limit of open files to what is allowed. */
void args_raise_files(void);

#endif
