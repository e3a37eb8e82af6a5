/* SPDX-License-Identifier: ISC */
/*
 * The file that a list is kept in. Comment lines at its head remember what it
 * was downloaded from and with which ETag, so they always belong to the list in
 * the file. If an operator replaces or removes the file, the list is downloaded
 * again.
 */
#ifndef FETCH_LIST_FILE_H
#define FETCH_LIST_FILE_H

#include "base/err.h"
#include "base/slice.h"
#include "fetch/transfer.h"
#include "tls/crl_download.h"

#define LIST_FILE_WHY_MAX 512

/* What a list came from. */
struct list_file_origin {
	uint64_t url; /* hash of the URL; 0: not known */
	char etag[TRANSFER_TAG_MAX];
	char modified[TRANSFER_TAG_MAX];
};

/* Reads the head of a file that list_file_write() wrote. */
void list_file_read(struct list_file_origin *out, struct slice file);

/* What is to be written. */
struct list_file_content {
	const char *shown; /* the URL, without what is secret in it */
	const struct list_file_origin *origin;
	struct slice pem;
};

/*
 * OK if `path' can be replaced: its folder exists and only its owner and group
 * may write to it, and what is there is a regular file. Removes temporary files
 * that a killed process left beside it. ERR_REFUSED with `why'.
 */
enum err list_file_check(const char *path,
    char why[LIST_FILE_WHY_MAX]) MUST_CHECK;

/*
 * Writes a temporary file beside `path', loads it as the daemon would, and
 * renames it to `path'. A reader, or a loss of power, finds the old file or the
 * new one. ERR_REFUSED: the daemon would refuse it; ERR_SYSTEM: it cannot be
 * written; `why' says so. ERR_NO_MEMORY. After an error nothing has changed.
 */
enum err list_file_write(const char *path,
    const struct list_file_content *content, const struct crl_signers *signers,
    char why[LIST_FILE_WHY_MAX]) MUST_CHECK;

/* Replaces `path' with `bytes', the same way but without a check. ERR_SYSTEM
 * with `why'. */
enum err list_file_replace(const char *path, struct slice bytes,
    char why[LIST_FILE_WHY_MAX]) MUST_CHECK;

#endif
