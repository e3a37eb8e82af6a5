/* SPDX-License-Identifier: ISC */
/*
 * Threads. Each starts with all signals blocked, because only the main thread
 * handles signals.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

#include "base/err.h"

/*
 * Starts run(arg) on a new thread. `thread' is for pthread_join(); NULL: the
 * thread is detached. `stack_size' is in bytes, at least PTHREAD_STACK_MIN; 0:
 * the system's default. ERR_SYSTEM with errno.
 */
enum err thread_start(pthread_t *thread, size_t stack_size,
    void *(*run)(void *), void *arg) MUST_CHECK;

#endif
