/* SPDX-License-Identifier: ISC */
/*
 * Writes changes to a deny list's file. A small change is appended: its cost
 * does not depend on the size of the file. What is taken back or replaced
 * leaves rows that no longer count; a small file is rewritten without them at
 * once, a large one when they are many.
 *
 * A reader, a crash or a SIGKILL at any point finds the old file or the new
 * one, whole: what is appended lies within one page, which the kernel writes as
 * a whole, and a rewritten file is a new one that takes the old one's place.
 *
 * Other programs may write the same file meanwhile, and lose nothing:
 *  - Programs that append (>>): so do we, in one call. After a rewrite the two
 *    files are exchanged atomically, and what was appended to the old one in
 *    the meantime is added to the new one, until no program has the old one
 *    open for writing.
 *  - Programs that replace the file by rename (editors, ConfigMaps): if the
 *    name leads to another file afterwards, the change is made in that one,
 * too.
 *  - Programs that hold flock(2) on the file: the change waits, up to 2 s.
 *
 * It blocks on the disk, so the daemon runs it on a thread of its own.
 */
#ifndef IDENTITY_DENY_EDIT_H
#define IDENTITY_DENY_EDIT_H

#include <sys/stat.h>

#include "identity/denylist.h"

struct identity_deny_edit {
	const char *path; /* borrowed */
	const struct identity_deny_change *change; /* borrowed */
	struct report *report; /* borrowed */
	bool create; /* a file that does not exist is created */
	size_t
	    obsolete_rows; /* rows of the file that no longer count; updated */
	/* The results, after OK: */
	struct stat before; /* the file as it was found */
	struct stat after; /* the file as it was left */
	bool alone; /* no other program changed it in between */
};

/*
 * Makes the change. ERR_CONFIG: the
 * file lacks a column that the change needs, or cannot be rewritten because
 * it has bad rows; ERR_SYSTEM: it cannot be written; the report says why.
 * ERR_NO_MEMORY. On error the file is as it was. Any thread.
 */
enum err identity_deny_edit_run(struct identity_deny_edit *e) MUST_CHECK;

#endif
