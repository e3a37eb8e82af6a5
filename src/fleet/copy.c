/* SPDX-License-Identifier: ISC */
#include "fleet/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"

struct fleet_copy {
	struct loop_message message; /* brings the result back */
	struct loop *loop; /* borrowed */
	char *path; /* owned */
	fleet_copy_done *done;
	void *arg;
	bool busy; /* the loop's: a result is missing */
	pthread_t thread;
	bool started;
	bool owns_file; /* it was started once */
	/* Guarded by `lock': */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct buf bytes; /* owned: to be written */
	bool due; /* there are such */
	bool stop;
	int error; /* of the last write */
};

/* Returns 0 or an errno. */
static int
replace(const char *path, struct slice bytes)
{
	char next[PATH_MAX];
	int error = 0;
	int fd;

	if (snprintf(next, sizeof(next), "%s.new", path) >= (int)sizeof(next))
		return ENAMETOOLONG;
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0640);
	if (fd == -1)
		return errno;
	if (file_write_all(fd, bytes) != OK || fsync(fd) == -1)
		error = errno;
	close(fd);
	if (error == 0 && rename(next, path) == -1)
		error = errno;
	if (error == 0)
		file_sync_rename(path);
	else
		(void)unlink(next);
	return error;
}

static void
written(struct loop_message *message)
{
	struct fleet_copy *c = list_entry(message, struct fleet_copy, message);
	int error;

	pthread_mutex_lock(&c->lock);
	error = c->error;
	pthread_mutex_unlock(&c->lock);
	c->busy = false;
	if (c->done != NULL)
		c->done(c->arg, error == 0 ? OK : ERR_SYSTEM, error);
}

static void *
work(void *arg)
{
	struct fleet_copy *c = arg;
	struct buf bytes;
	int error;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->due && !c->stop)
			pthread_cond_wait(&c->wake, &c->lock);
		if (!c->due)
			break;
		bytes = c->bytes;
		buf_init(&c->bytes, 0);
		c->due = false;
		pthread_mutex_unlock(&c->lock);
		error = replace(c->path, buf_slice(&bytes));
		buf_fini(&bytes);
		pthread_mutex_lock(&c->lock);
		c->error = error;
		loop_post(c->loop, &c->message);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct fleet_copy *
fleet_copy_new(struct loop *loop, const char *path, fleet_copy_done *done,
    void *arg)
{
	struct fleet_copy *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->message.run = written;
	c->loop = loop;
	c->done = done;
	c->arg = arg;
	buf_init(&c->bytes, 0);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	c->path = strdup(path);
	if (c->path != NULL)
		return c;
	fleet_copy_free(c);
	return NULL;
}

enum err
fleet_copy_start(struct fleet_copy *c)
{
	if (thread_start(&c->thread, 0, work, c) != OK)
		return ERR_SYSTEM;
	c->started = true;
	c->owns_file = true;
	return OK;
}

bool
fleet_copy_is_busy(const struct fleet_copy *c)
{
	return c->busy || !c->started;
}

void
fleet_copy_write(struct fleet_copy *c, struct buf *bytes)
{
	c->busy = true;
	pthread_mutex_lock(&c->lock);
	c->bytes = *bytes;
	c->due = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	buf_init(bytes, 0);
}

void
fleet_copy_stop(struct fleet_copy *c)
{
	if (c == NULL || !c->started)
		return;
	c->done = NULL;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	c->started = false;
}

void
fleet_copy_finish(struct fleet_copy *c, struct slice bytes)
{
	if (c->owns_file)
		(void)replace(c->path, bytes);
}

void
fleet_copy_free(struct fleet_copy *c)
{
	if (c == NULL)
		return;
	buf_fini(&c->bytes);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c->path);
	free(c);
}
