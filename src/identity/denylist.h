/* SPDX-License-Identifier: ISC */
/*
 * The deny list: which clients are kept out, by name, address or certificate,
 * and until when. It consists of a base table, read from a CSV file whose
 * vocabulary is EMQX's with kinds for certificates added, and an overlay with
 * the changes made since. So the cost of a change depends on the change, not
 * on the size of the list.
 *
 * One thread, the owner, changes the list; any thread may ask. Readers take a
 * read lock for a few look-ups; the owner holds the lock for a few hundred
 * insertions at most, or to exchange a pointer. Regular expressions are tried
 * without the lock.
 *
 * An entry denies while now < until. A question costs one hash look-up for
 * each kind that the list has at all, and for networks one for each prefix
 * length in use; regular expressions are tried one by one, within bounds.
 */
#ifndef IDENTITY_DENYLIST_H
#define IDENTITY_DENYLIST_H

#include "identity/deny_file.h"

struct identity_denylist;

/* The bytes of a value or reason that a match reports. */
#define IDENTITY_DENY_SHOWN 128

/* An entry. The slices may point to `copy': do not copy or move it. */
struct identity_deny {
	enum identity_deny_kind kind;
	struct slice value; /* in its normal form */
	struct slice reason; /* may be empty; or why it is not decided */
	int64_t until; /* seconds since 1970, or IDENTITY_DENY_FOREVER */
	char copy[IDENTITY_DENY_TEXT_MAX + 2 * IDENTITY_DENY_SHOWN];
};

/* Makes an empty list, counted once. ERR_NO_MEMORY. */
enum err identity_denylist_new(struct identity_denylist **out) MUST_CHECK;

/* Takes a count more and returns `l'. Any thread; NULL is allowed. */
struct identity_denylist *identity_denylist_get(struct identity_denylist *l);

/* Gives a count back; the last one frees. Any thread; NULL is allowed. */
void identity_denylist_put(struct identity_denylist *l);

/* From now on the questions below are also put to `shared', the list of a
 * fleet, which changes on its own; either may deny. Takes a count of it. Call
 * it before another thread knows `l', and once. The functions for the owner
 * are about `l' alone. */
void identity_denylist_share(struct identity_denylist *l,
    struct identity_denylist *shared);

/*
 * The questions, each for the stage that first knows the answer. True: the
 * client is denied at `now' (seconds since 1970), and `found' is the entry,
 * value and reason cut to IDENTITY_DENY_SHOWN bytes. Any thread. A NULL list
 * denies no client.
 */

/* By address: at accept, or after the PROXY header if there is one. False for
 * unix sockets. */
bool identity_denylist_match_peer(struct identity_denylist *l,
    const struct sockaddr_storage *peer, int64_t now,
    struct identity_deny *found);

/* By certificate, the client's own only: cn, serial, sha256, spki, san. */
bool identity_denylist_match_cert(struct identity_denylist *l,
    const struct cert *cert, int64_t now, struct identity_deny *found);

/* By the names that the broker will see. An empty one is not looked up. */
bool identity_denylist_match_names(struct identity_denylist *l,
    struct slice username, struct slice client_id, int64_t now,
    struct identity_deny *found);

/* Changes with every change of the list. A client that was judged at another
 * version has to be judged again. Any thread. */
uint64_t identity_denylist_version(const struct identity_denylist *l);

/*
 * Finding the live sessions that a change concerns. A session keeps a Bloom
 * filter made of everything by which a list could name its client; nearly all
 * others are ruled out by it without reading their certificate again. For a
 * client with ten names, one in two thousand entries is not ruled out although
 * it does not concern it.
 */
#define IDENTITY_DENY_FILTER_WORDS 4

struct identity_deny_filter {
	uint64_t bits[IDENTITY_DENY_FILTER_WORDS];
};

/* Fills in the filter of a client; each part may be missing (NULL, empty,
 * AF_UNSPEC). */
void identity_deny_filter(struct identity_deny_filter *f,
    const struct cert *cert, struct slice username, struct slice client_id,
    const struct sockaddr_storage *peer);

/* Fills in the filter of one entry. False for networks and expressions, which
 * may concern any client. */
bool identity_deny_filter_entry(struct identity_deny_filter *f,
    enum identity_deny_kind kind, struct slice key);

/* True if an entry may concern a client. */
static inline bool
identity_deny_filter_hits(const struct identity_deny_filter *client,
    const struct identity_deny_filter *entry)
{
	size_t i;

	for (i = 0; i < IDENTITY_DENY_FILTER_WORDS; i++)
		if ((client->bits[i] & entry->bits[i]) != entry->bits[i])
			return false;
	return true;
}

/* The key with which the tables of this list hash; never changes. */
const struct hash_key *identity_denylist_hash(
    const struct identity_denylist *l);

/*
 * Puts `base' in force and returns the one before, for the caller to free, on
 * another thread if it is large. The overlay is emptied, except for the
 * changes of `keep' (may be NULL) that are not in `base'. Owner only.
 * ERR_NO_MEMORY: nothing has changed, and `base' is still the caller's.
 */
enum err identity_denylist_replace(struct identity_denylist *l,
    struct identity_deny_base *base, const struct identity_deny_table *keep,
    struct identity_deny_base **old) MUST_CHECK;

/* Returns what the file says. Valid until the next identity_denylist_replace().
 * Owner only. */
const struct identity_deny_base *identity_denylist_base(
    const struct identity_denylist *l);

/* Returns what the file looked like just before the base was read. Owner only.
 */
const struct stat *identity_denylist_file_stat(
    const struct identity_denylist *l);

/* True if entry `i' of `t' is among the changes since the base was read. Owner
 * only. */
bool identity_denylist_is_changed(const struct identity_denylist *l,
    const struct identity_deny_table *t, size_t i);

/* Returns how many rows of the file no longer count: a later row replaced them.
 * Owner only. */
size_t identity_denylist_obsolete_rows(const struct identity_denylist *l);

/* Reads and replaces in one call: for a start and for `explain'. */
enum err identity_denylist_load(struct identity_denylist *l, const char *path,
    struct report *r) MUST_CHECK;

/*
 * Changing. A change is a table of entries, those to be taken back with the
 * until IDENTITY_DENY_REMOVED. It is planned, written to the file (see
 * identity/deny_edit.h) and then applied. Owner only.
 */
struct identity_deny_change {
	struct identity_deny_table entries; /* owned: what to change */
	struct identity_deny_table replaced; /* owned: those of them whose rows
					      * in the file are to go */
	size_t added;
	size_t changed; /* had another reason or until */
	size_t removed;
	size_t unchanged; /* were so already: not among `entries' */
	int64_t until; /* of the last one, before the change; 0: no entry */
	int64_t now_until; /* of the last one, after the change; 0: no entry */
};

void identity_deny_change_init(struct identity_deny_change *c,
    const struct identity_denylist *l);
void identity_deny_change_fini(struct identity_deny_change *c);

/* Adds an entry to a change and counts what it does to the list. ERR_CONFIG:
 * a bad expression, or too many of them; `r' says so, with `name' in front.
 * ERR_NO_MEMORY. */
enum err identity_denylist_plan(struct identity_denylist *l,
    struct identity_deny_change *c, const struct identity_deny_row *row,
    const struct identity_deny_key *key, struct report *r) MUST_CHECK;

/* Puts the entries of a change in force. ERR_NO_MEMORY: some of them are. */
enum err identity_denylist_apply(struct identity_denylist *l,
    const struct identity_deny_table *entries) MUST_CHECK;

/* The number of entries, expired ones too. Owner only; 0 for NULL. */
size_t identity_denylist_count(const struct identity_denylist *l);

/* Bytes of memory it takes. Owner only. */
size_t identity_denylist_size(const struct identity_denylist *l);

/* A position in the list; zeroed for its beginning. */
struct identity_deny_cursor {
	size_t base;
	size_t overlay;
};

/* Stores the next entry in `out' and moves on; false after the last. The
 * slices live until the next change. Owner only. */
bool identity_denylist_next(const struct identity_denylist *l,
    struct identity_deny_cursor *cursor, struct identity_deny *out);

/* For tests: finds one entry, expired or not. Owner only. */
bool identity_denylist_find(const struct identity_denylist *l,
    enum identity_deny_kind kind, struct slice key, struct identity_deny *out);

#endif
