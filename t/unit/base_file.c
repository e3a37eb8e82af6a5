/* SPDX-License-Identifier: ISC */
/*
 * Reading whole files: sizes around the limit, and what is no file.
 */
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static void
write_file(const char *path, size_t len)
{
	FILE *f = fopen(path, "w");

	while (f != NULL && len-- > 0)
		fputc('x', f);
	if (f != NULL)
		fclose(f);
}

static void
test_sizes(void)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 100000 };
	uint8_t *data;
	size_t i, len;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		write_file("file", sizes[i]);
		is_int(file_read(&data, &len, "file", sizes[i]), OK,
		    "%zu bytes", sizes[i]);
		is_int((long long)len, (long long)sizes[i], "all of them");
		ok(data != NULL && data[len] == '\0' &&
			strlen((char *)data) == len,
		    "and a NUL");
		file_wipe(data, len);
		if (sizes[i] == 0)
			continue;
		is_int(file_read(&data, &len, "file", sizes[i] - 1), ERR_LIMIT,
		    "one byte too many");
		ok(data == NULL && len == 0, "yields nothing");
	}
}

static void
is_refused(const char *path, enum err err, const char *text)
{
	uint8_t *data;
	size_t len;

	is_int(file_read(&data, &len, path, 1000), err, "%s", path);
	is_str(file_error(err), text, "says why");
	ok(data == NULL && len == 0, "yields nothing");
}

static void
test_no_file(void)
{
	uint8_t *data;
	size_t len;

	is_refused("missing", ERR_SYSTEM, "No such file or directory");
	is_refused(".", ERR_SYSTEM, "Is a directory");
	if (mkfifo("fifo", 0600) == -1)
		diag("mkfifo: %s", strerror(errno));
	is_refused("fifo", ERR_IRREGULAR, "is not a regular file");
	is_refused("/dev/null", ERR_IRREGULAR, "is not a regular file");
	is_int(symlink("fifo", "link"), 0, "a link");
	is_refused("link", ERR_IRREGULAR, "is not a regular file");
	/* /proc gives its files a size of 0. */
	is_int(file_read(&data, &len, "/proc/self/status", 1 << 20), OK,
	    "a file without a size");
	ok(len > 0, "is read to its end");
	free(data);
	is_int(file_read(&data, &len, "/proc/self/status", 10), ERR_LIMIT,
	    "but not beyond the limit");
}

int
main(void)
{
	char dir[] = "/tmp/sallyport-file-XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) == -1) {
		ok(false, "a folder");
		return done_testing();
	}
	test_sizes();
	test_no_file();
	unlink("file");
	unlink("fifo");
	unlink("link");
	rmdir(dir);
	return done_testing();
}
