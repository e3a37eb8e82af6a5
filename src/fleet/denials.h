/* SPDX-License-Identifier: ISC */
/*
 * The fleet's deny list as one replica knows it: what is denied, what was
 * taken back, and when each was decided. No sockets; a change comes in, and
 * the outcome is whether it is newer than what is known.
 *
 * Each entry has a stamp. Of two changes of one entry that with the greater
 * stamp counts, so that replicas which have seen the same changes, in any
 * order and any number of times, hold the same list. An entry that was taken
 * back stays, with its stamp: otherwise a replica that was away would bring it
 * back. Stamps are milliseconds since 1970, times 2^20, plus a number that
 * makes them differ. A replica's new stamp is greater than all it has seen, so
 * a clock that is wrong does no harm.
 *
 * In the Redis server an entry is two texts:
 *
 *	field	KIND VALUE		"cn device-7"
 *	value	STAMP UNTIL REASON	"0678ab...16 digits never stolen"
 *
 * UNTIL is seconds since 1970, "never" (it does not end), or "-" (it was taken
 * back). They are a stranger's input: all of it is checked.
 */
#ifndef FLEET_DENIALS_H
#define FLEET_DENIALS_H

#include "base/buf.h"
#include "identity/deny_file.h"
#include "identity/deny_table.h"

/* The most entries, also those taken back. */
#define FLEET_DENIALS_MAX 2000000
/* Hex digits of a stamp. */
#define FLEET_STAMP_LEN 16

/* What is known about an entry beside the deny list's own. */
struct fleet_note {
	int64_t stamp;
	uint32_t
	    seen_round; /* the round in which the Redis server had it last */
	uint32_t file_row; /* its row in the fleet's file, see fleet/file.h; 0:
			    * none */
	bool in_new_file; /* the file's new version has the row, too */
	bool pending; /* the Redis server may not have it */
	bool late; /* sent before, or decided without a connection */
};

struct fleet_denials {
	struct identity_deny_table state; /* owned; until: as in the list */
	struct fleet_note *notes; /* owned; one for each entry of state */
	size_t note_cap;
	int64_t highest; /* the greatest stamp that was seen */
	size_t active; /* entries that were not taken back */
};

/* An entry as it was read. Large: keep one per call. */
struct fleet_entry {
	enum identity_deny_kind kind;
	struct identity_deny_key key;
	struct slice reason; /* into what was parsed */
	int64_t until; /* or IDENTITY_DENY_REMOVED */
	int64_t stamp;
};

/* Makes an empty one; `hash' is that of the list it is for. */
void fleet_denials_init(struct fleet_denials *d, const struct hash_key *hash);
void fleet_denials_fini(struct fleet_denials *d);

/* The stamp of a change that is decided now: `ms' since 1970. */
int64_t fleet_denials_stamp(struct fleet_denials *d, int64_t ms);

/* What fleet_denials_set() has done. */
enum fleet_effect {
	FLEET_EFFECT_NONE, /* the same or a newer change is known already */
	FLEET_EFFECT_RECORDED, /* newer, but nothing changes for clients */
	FLEET_EFFECT_CHANGED
};

/* Takes a change; *at (may be NULL) is the index of its entry. ERR_NO_MEMORY;
 * ERR_LIMIT: too many entries. */
enum err fleet_denials_set(struct fleet_denials *d, const struct fleet_entry *e,
    enum fleet_effect *effect, size_t *at) MUST_CHECK;

/* Reads an entry. NULL, or a static text: why it is refused. `ms' since 1970
 * is now: a stamp from the far future is cut. */
const char *fleet_entry_parse(struct fleet_entry *e, struct slice field,
    struct slice value, int64_t ms);

/* Writes entry `i' as field, and as value without its stamp. ERR_NO_MEMORY. */
enum err fleet_denials_field(const struct fleet_denials *d, size_t i,
    struct buf *out) MUST_CHECK;
enum err fleet_denials_value(const struct fleet_denials *d, size_t i,
    struct buf *out) MUST_CHECK;

/* The stamp as text, with a NUL. */
void fleet_stamp_text(char out[FLEET_STAMP_LEN + 1], int64_t stamp);

/* True if two texts are identifiers of a stream, and the first is not greater.
 */
bool fleet_id_is_good(struct slice id);

/* Up to which change of which Redis server the copy on disk has all entries. */
struct fleet_position {
	char epoch[40]; /* of the Redis server; "": none */
	char id[48]; /* of the last change */
	bool file_known; /* notes say what the fleet's file had */
};

/* Writes the copy on disk, as bytes, to `out'. ERR_NO_MEMORY, ERR_LIMIT. */
enum err fleet_denials_save(const struct fleet_denials *d,
    const struct fleet_position *position, struct buf *out) MUST_CHECK;

/* Reads such a copy. `ms' since 1970 is now. ERR_MALFORMED: it is not complete;
 * ERR_NO_MEMORY, ERR_LIMIT. */
enum err fleet_denials_load(struct fleet_denials *d,
    struct fleet_position *position, struct slice in, int64_t ms) MUST_CHECK;

#endif
