/* SPDX-License-Identifier: ISC */
/*
 * The deny list file that belongs to the fleet ([denylist] shared): its rows
 * deny no client by themselves. What counts are its edits: the difference
 * between its last known and its new version becomes changes for all replicas.
 *
 *	the file has now          the fleet denies       change
 *	a row that is new or      nothing, or with       the row is denied
 *	differs                   other words
 *	                          just that              none
 *	a row as before           anything               none
 *	no longer a row           just what the row      it is taken back
 *	                          said
 *	                          something else         none: that was denied
 *	                                                 by other means
 *
 * So an entry that the file never had is not taken back, and an entry that a
 * command has taken back stays so although the row is still there. For each
 * entry a note says what the file's row was; the notes are in the copy on disk.
 *
 * A replica that starts may find a file that is older than what the fleet has
 * decided meanwhile. Its edits count as of the file's time of change. If
 * nothing is known of the file, its rows count as older than all decisions:
 * they are denied unless the fleet has taken them back. A row's stamp then
 * follows from its words alone, so that replicas with different files agree:
 * the row that lasts longest counts.
 *
 * A file without rows takes back one entry at most. It is refused otherwise: it
 * is more likely that the file was emptied by mistake than that all clients
 * are to be let in at once.
 */
#ifndef FLEET_FILE_H
#define FLEET_FILE_H

#include "fleet/list.h"

/* A version of the file. */
struct fleet_file_version {
	const struct identity_deny_table *rows; /* borrowed */
	int64_t ms; /* when the file was changed, in ms since 1970 */
	bool at_start; /* the first one that this process sees */
};

/* Makes one of a file that has `file_stat'. */
void fleet_file_version(struct fleet_file_version *v,
    const struct identity_deny_table *rows, const struct stat *file_stat,
    bool at_start);

/* What a version has changed. */
struct fleet_file_changes {
	size_t denied;
	size_t taken_back;
	size_t late; /* new rows that are not denied: the fleet has taken
		      * them back later */
	size_t kept; /* rows that are gone, but were denied by other means */
};

/*
 * Decides what the new version changes. Afterwards put the changes in force
 * (fleet/list.h), also after an error. ERR_CONFIG: the version is refused, and
 * `why' says so; nothing has changed. ERR_NO_MEMORY, ERR_LIMIT: a part was
 * decided, and the next call decides the rest.
 */
enum err fleet_file_take(struct fleet_list *l,
    const struct fleet_file_version *v, struct fleet_file_changes *out,
    struct report *why) MUST_CHECK;

/* Forgets what the file had. */
void fleet_file_forget(struct fleet_list *l);

#endif
