/* SPDX-License-Identifier: ISC */
/* A file of its own: everything that starts a thread needs it. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>

enum err
thread_start(pthread_t *thread, size_t stack_size, void *(*run)(void *),
    void *arg)
{
	pthread_attr_t attr;
	pthread_t detached;
	sigset_t all;
	sigset_t old;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc == 0) {
		if (stack_size != 0)
			rc = pthread_attr_setstacksize(&attr, stack_size);
		if (thread == NULL)
			pthread_attr_setdetachstate(&attr,
			    PTHREAD_CREATE_DETACHED);
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		if (rc == 0)
			rc = pthread_create(thread == NULL ? &detached : thread,
			    &attr, run, arg);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		pthread_attr_destroy(&attr);
	}
	if (rc == 0)
		return OK;
	errno = rc;
	return ERR_SYSTEM;
}
