/* SPDX-License-Identifier: ISC */
/*
 * Takes the memory from one process's threads other than the first: put before
 * the C library by LD_PRELOAD, calloc() fails there while the first byte of the
 * file named by FAULTS_MEMORY, which a test may write at any time, is not 0.
 * Only tests know it; nothing of it is in the daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_calloc(size_t count, size_t size);

static volatile const char *is_out;
static pthread_t first;

/* Before any sandbox, which would not let us open it. */
__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAULTS_MEMORY");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *p;

	first = pthread_self();
	if (fd == -1)
		return;
	p = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		is_out = p;
	close(fd);
}

void *
calloc(size_t count, size_t size)
{
	if (is_out != NULL && *is_out != 0 && pthread_self() != first) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(count, size);
}
