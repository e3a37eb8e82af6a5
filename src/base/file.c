/* SPDX-License-Identifier: ISC */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bytes read so far. */
struct content {
	uint8_t *mem; /* owned */
	size_t len;
	size_t size; /* of mem */
};

void
file_wipe(uint8_t *data, size_t len)
{
	if (data != NULL)
		explicit_bzero(data, len);
	free(data);
}

const char *
file_error(enum err err)
{
	switch (err) {
	case ERR_SYSTEM:
		return strerror(errno);
	case ERR_IRREGULAR:
		return "is not a regular file";
	case ERR_SANDBOX:
		return "the permissions allow it, but the sandbox does not: it "
		       "is in a folder that was not named at the start "
		       "(restart)";
	case ERR_LIMIT:
		return "the file is too large";
	default:
		return err_text(err);
	}
}

/* Opens a regular file; *size is its size at this moment. */
static enum err
open_regular(int *out, off_t *size, const char *path)
{
	struct stat st;
	enum err err = ERR_SYSTEM;
	int fd, saved;

	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	while (fd == -1 && errno == EINTR);
	if (fd == -1) {
		saved = errno;
		/* access() follows permissions only; Landlock does not affect
		 * it. */
		if (saved == EACCES && access(path, R_OK) == 0)
			return ERR_SANDBOX;
		errno = saved;
		/* What open() says of a socket. */
		return saved == ENXIO ? ERR_IRREGULAR : ERR_SYSTEM;
	}
	if (fstat(fd, &st) == 0) {
		errno = EISDIR;
		if (S_ISREG(st.st_mode)) {
			*size = st.st_size;
			*out = fd;
			return OK;
		}
		if (!S_ISDIR(st.st_mode))
			err = ERR_IRREGULAR;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return err;
}

/* Makes room for one byte more than `size' bytes: the NUL. The old bytes are
 * wiped, since they may be a key. */
static enum err
grow(struct content *c, size_t size)
{
	uint8_t *mem = malloc(size + 1);

	if (mem == NULL)
		return ERR_NO_MEMORY;
	if (c->len > 0)
		memcpy(mem, c->mem, c->len);
	file_wipe(c->mem, c->len);
	c->mem = mem;
	c->size = size;
	return OK;
}

/* Reads to the end. A file may grow meanwhile, and those of /proc have a size
 * of 0, so the end is where read() says that it is. */
static enum err
read_to_end(struct content *c, int fd, size_t max)
{
	enum err err;
	ssize_t n;

	for (;;) {
		if (c->len > max)
			return ERR_LIMIT;
		if (c->len == c->size) {
			err = grow(c, c->size < 2048 ? 4096 : c->size * 2);
			if (err != OK)
				return err;
		}
		n = read(fd, c->mem + c->len, c->size - c->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return ERR_SYSTEM;
		if (n == 0)
			break;
		c->len += (size_t)n;
	}
	c->mem[c->len] = '\0';
	return OK;
}

enum err
file_read(uint8_t **data, size_t *len, const char *path, size_t max)
{
	struct content c = { NULL, 0, 0 };
	off_t size;
	enum err err;
	int fd, saved;

	*data = NULL;
	*len = 0;
	err = open_regular(&fd, &size, path);
	if (err != OK)
		return err;
	if (size < 0 || (uintmax_t)size > max)
		err = ERR_LIMIT;
	/* One byte more, so that the read that finds the end needs no room. */
	if (err == OK)
		err = grow(&c, (size_t)size + 1);
	if (err == OK)
		err = read_to_end(&c, fd, max);
	saved = errno;
	close(fd);
	if (err == OK) {
		*data = c.mem;
		*len = c.len;
	} else {
		file_wipe(c.mem, c.len);
	}
	errno = saved;
	return err;
}

enum err
file_write_all(int fd, struct slice bytes)
{
	ssize_t n;

	while (bytes.len > 0) {
		n = write(fd, bytes.data, bytes.len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return ERR_SYSTEM;
		bytes = slice_make(bytes.data + n, bytes.len - (size_t)n);
	}
	return OK;
}

void
file_sync_rename(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	(void)fsync(fd);
	close(fd);
}
