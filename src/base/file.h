/* SPDX-License-Identifier: ISC */
/*
 * Whole files: certificates, keys, CRLs, the deny list, the configuration. A
 * file that is replaced by rename while it is read is seen
 * either as the old or as the new one, never as a mixture.
 *
 * Only regular files are read. Opening a FIFO would block until a writer
 * appears, and a device may have side effects, so the type is checked and
 * opening never waits.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/*
 * Reads the whole of `path', at most `max' bytes, into *data. A NUL follows
 * the bytes; *len does not count it. The caller frees *data with free(), or
 * with file_wipe() if it is secret.
 *
 * ERR_SYSTEM: errno says why; EISDIR for a directory. ERR_SANDBOX: the
 * permissions allow it, but the sandbox does not. ERR_IRREGULAR: a FIFO,
 * socket or device. ERR_LIMIT: longer than `max'. ERR_NO_MEMORY. On error
 * *data is NULL and *len is 0.
 */
enum err file_read(uint8_t **data, size_t *len, const char *path,
    size_t max) MUST_CHECK;

/* Writes all of `bytes' to a descriptor that blocks. ERR_SYSTEM: errno says
 * why; some of them may have been written. */
enum err file_write_all(int fd, struct slice bytes) MUST_CHECK;

/* Makes a rename to `path' survive a power failure, as far as the system can:
 * writes the folder to the disk. */
void file_sync_rename(const char *path);

/* Overwrites `len' bytes with zeros and frees them. NULL is allowed. */
void file_wipe(uint8_t *data, size_t len);

/* The English text of an error from file_read(), such as "Permission denied"
 * or "is not a regular file". For ERR_SYSTEM errno must be unchanged. The text
 * of errno lives until the next call of strerror(). */
const char *file_error(enum err err);

#endif
