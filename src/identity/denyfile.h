/*
 * Adds entries to a deny list's file and takes them out, for the admin
 * socket. The new file is written beside the old one, synced, and renamed
 * over it, so a crash leaves one or the other, whole; columns that we do not
 * know (EMQX's `by' and `at') stay. One writer at a time.
 */
#ifndef IDENTITY_DENYFILE_H
#define IDENTITY_DENYFILE_H

#include "identity/denylist.h"

/* An entry to be, as an operator gives it. */
struct identity_deny_request {
	const char *as; /* "username" */
	const char *who;
	const char *reason; /* "" for none */
	const char *until; /* as in the file; "" for ever */
};

/*
 * Adds the entry, or changes reason and until of the one that is there. A
 * file that does not exist is begun. ERR_CONFIG: the entry, or the file as it
 * is, is bad and `r' says how. ERR_SYSTEM: `r' says what failed.
 * ERR_NO_MEMORY. The file is unchanged on error.
 */
enum err identity_denyfile_add(const char *path,
    const struct identity_deny_request *entry, struct report *r) MUST_CHECK;

/* Takes out all rows with this `as' and `who'. ERR_NOT_FOUND: there is none;
 * other errors as above. */
enum err identity_denyfile_remove(const char *path, const char *as,
    const char *who, struct report *r) MUST_CHECK;

#endif
