/* SPDX-License-Identifier: ISC */
#include "fetch/list_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"

static const char mark_url[] = "# url: ";
static const char mark_etag[] = "# etag: ";
static const char mark_modified[] = "# modified: ";

__attribute__((format(printf, 3, 4))) static enum err
refuse(char *why, enum err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, LIST_FILE_WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/* Copies the rest of `line' if it begins with `mark'. */
static bool
take_mark(struct slice line, const char *mark, char out[TRANSFER_TAG_MAX])
{
	size_t len = strlen(mark);

	if (line.len < len || memcmp(line.data, mark, len) != 0 ||
	    line.len - len >= TRANSFER_TAG_MAX)
		return false;
	memcpy(out, line.data + len, line.len - len);
	out[line.len - len] = '\0';
	return true;
}

void
list_file_read(struct list_file_origin *out, struct slice file)
{
	char hash[TRANSFER_TAG_MAX];
	const uint8_t *end;
	struct slice line;

	memset(out, 0, sizeof(*out));
	while (file.len > 0 && file.data[0] == '#') {
		end = memchr(file.data, '\n', file.len);
		if (end == NULL)
			return;
		line = slice_make(file.data, (size_t)(end - file.data));
		file = slice_make(end + 1, file.len - line.len - 1);
		if (take_mark(line, mark_url, hash))
			out->url = strtoull(hash, NULL, 16);
		else if (!take_mark(line, mark_etag, out->etag))
			(void)take_mark(line, mark_modified, out->modified);
	}
}

/* Splits `path' into its folder and the name in it. */
static enum err
split(const char *path, char folder[PATH_MAX], const char **name, char *why)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash[1] == '\0' || strlen(path) >= PATH_MAX)
		return refuse(why, ERR_SYSTEM, "%.256s is not a path", path);
	snprintf(folder, PATH_MAX, "%.*s",
	    slash == path ? 1 : (int)(slash - path), path);
	*name = slash + 1;
	return OK;
}

/*
 * Temporary files. Their names begin with a dot: the daemon skips such files.
 * A process that writes one holds a lock on it. One that is not locked was left
 * by a process that was killed, and the next one removes it.
 */
struct temporary {
	char folder[PATH_MAX];
	char path[PATH_MAX + 32];
	int fd;
};

/* What mkostemp() puts in the place of XXXXXX. */
#define RANDOM_LEN 6

/* True if `entry' is the name of a temporary file of `name'. */
static bool
is_temporary(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return entry[0] == '.' && strncmp(entry + 1, name, len) == 0 &&
	    entry[len + 1] == '.' && strlen(entry + len + 2) == RANDOM_LEN;
}

/* Removes a temporary file of which no process holds the lock. */
static void
remove_left(int folder, const char *entry)
{
	struct stat st;
	int fd = openat(folder, entry,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(folder, entry, 0);
	close(fd);
}

/* Removes the temporary files of `name' that killed processes left. */
static void
sweep(const char *folder, const char *name)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (is_temporary(entry->d_name, name))
			remove_left(dirfd(dir), entry->d_name);
	closedir(dir);
}

enum err
list_file_check(const char *path, char why[LIST_FILE_WHY_MAX])
{
	char folder[PATH_MAX];
	const char *name;
	struct stat st;

	if (split(path, folder, &name, why) != OK)
		return ERR_REFUSED;
	if (stat(folder, &st) == -1)
		return refuse(why, ERR_REFUSED,
		    "%.256s: %s (create the folder)", folder, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return refuse(why, ERR_REFUSED, "%.256s is not a folder",
		    folder);
	if ((st.st_mode & S_IWOTH) != 0)
		return refuse(why, ERR_REFUSED,
		    "everybody may write to %.256s, and so replace "
		    "the list (try: chmod o-w %.128s)",
		    folder, folder);
	if (access(folder, W_OK | X_OK) == -1)
		return refuse(why, ERR_REFUSED,
		    "%.256s: %s (the user that sallyport-fetch runs as must "
		    "be able to create files there)",
		    folder, strerror(errno));
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return refuse(why, ERR_REFUSED,
		    "%.256s is not a regular file (of a link, name what it "
		    "points to)",
		    path);
	sweep(folder, name);
	return OK;
}

/* The head of a file that remembers the origin. */
static size_t
write_head(char *out, size_t size, const struct list_file_content *c)
{
	int n = snprintf(out, size,
	    "# Written by sallyport-fetch; do not edit it.\n"
	    "# from: %.512s\n"
	    "%s%016llx\n",
	    c->shown, mark_url, (unsigned long long)c->origin->url);

	if (c->origin->etag[0] != '\0')
		n += snprintf(out + n, size - (size_t)n, "%s%s\n", mark_etag,
		    c->origin->etag);
	if (c->origin->modified[0] != '\0')
		n += snprintf(out + n, size - (size_t)n, "%s%s\n",
		    mark_modified, c->origin->modified);
	return (size_t)n;
}

/* Creates the file and locks it. ERR_EXISTS: another process has removed it
 * before it was locked. */
static enum err
create_locked(struct temporary *t, const char *name)
{
	struct stat st;

	snprintf(t->path, sizeof(t->path), "%s/.%s.XXXXXX", t->folder, name);
	t->fd = mkostemp(t->path, O_CLOEXEC);
	if (t->fd == -1)
		return ERR_SYSTEM;
	/* A file system without locks has none that sweep() could take. Any
	 * user may read a list: it is public, and the daemon has another user.
	 */
	(void)flock(t->fd, LOCK_EX);
	if (fchmod(t->fd, 0644) == -1 || fstat(t->fd, &st) == -1) {
		(void)unlink(t->path);
		close(t->fd);
		return ERR_SYSTEM;
	}
	if (st.st_nlink > 0)
		return OK;
	close(t->fd);
	return ERR_EXISTS;
}

static enum err
create(struct temporary *t, const char *path, char *why)
{
	const char *name;
	enum err err = split(path, t->folder, &name, why);

	if (err != OK)
		return err;
	do
		err = create_locked(t, name);
	while (err == ERR_EXISTS);
	if (err == OK)
		return OK;
	return refuse(why, err, "%.256s: cannot create a file: %s", t->folder,
	    strerror(errno));
}

/* Puts the temporary file in its place if `err', what was done with it so far,
 * is OK, or removes it. */
static enum err
finish(struct temporary *t, const char *path, enum err err, char *why)
{
	if (err == OK && fsync(t->fd) == -1)
		err = ERR_SYSTEM;
	if (err == OK && rename(t->path, path) == -1)
		err = ERR_SYSTEM;
	if (err == ERR_SYSTEM)
		(void)refuse(why, err, "%.256s: cannot be written: %s", path,
		    strerror(errno));
	close(t->fd);
	if (err == OK)
		file_sync_rename(path);
	else
		(void)unlink(t->path);
	return err;
}

enum err
list_file_replace(const char *path, struct slice bytes,
    char why[LIST_FILE_WHY_MAX])
{
	struct temporary t;
	enum err err = create(&t, path, why);

	if (err != OK)
		return err;
	sweep(t.folder, strrchr(path, '/') + 1);
	return finish(&t, path, file_write_all(t.fd, bytes), why);
}

_Static_assert(LIST_FILE_WHY_MAX >= CRL_DOWNLOAD_WHY_MAX, "one text");

enum err
list_file_write(const char *path, const struct list_file_content *content,
    const struct crl_signers *signers, char why[LIST_FILE_WHY_MAX])
{
	char head[2 * TRANSFER_TAG_MAX + 1024];
	size_t len = write_head(head, sizeof(head), content);
	struct temporary t;
	enum err err = create(&t, path, why);

	if (err != OK)
		return err;
	err = file_write_all(t.fd, slice_make(head, len));
	if (err == OK)
		err = file_write_all(t.fd, content->pem);
	if (err == OK)
		err = crl_download_try_load(t.path, signers, why);
	return finish(&t, path, err, why);
}
