/* SPDX-License-Identifier: ISC */
/*
 * A hash table of deny list entries that does not know what their kinds mean.
 * An entry costs 24 bytes, 11 in the index, and its key; equal reasons that
 * follow one another are stored once. Not base/table: with a million entries
 * one allocation for each would double the memory.
 *
 *   bytes    ...key...reason...key...key...      one block
 *   entries  { until, key at, reason at, kind }  in the order of adding
 *   slots    { tag, entry }                      hashed, three quarters full
 *
 * Entries are never moved or deleted: one that was taken back has the until
 * IDENTITY_DENY_REMOVED.
 */
#ifndef IDENTITY_DENY_TABLE_H
#define IDENTITY_DENY_TABLE_H

#include "base/err.h"
#include "base/hash.h"
#include "identity/deny_key.h"

#define IDENTITY_DENY_RECENT 64

struct identity_deny_entry {
	int64_t until;
	uint32_t key; /* offset into bytes */
	uint32_t reason;
	uint16_t key_len;
	uint16_t reason_len;
	uint8_t kind; /* enum identity_deny_kind */
};

struct identity_deny_slot {
	uint32_t tag; /* half of the hash, so that a miss reads no entry */
	uint32_t entry; /* index + 1; 0: free */
};

struct identity_deny_table {
	uint8_t *bytes; /* owned */
	size_t bytes_len;
	size_t bytes_cap;
	struct identity_deny_entry *entries; /* owned */
	size_t count;
	size_t cap;
	struct identity_deny_slot *slots; /* owned */
	size_t slot_count;
	size_t removed; /* entries that were taken back */
	size_t
	    longest[IDENTITY_DENY_KIND_COUNT]; /* key of each kind; 0: none */
	struct hash_key hash;
	/* Reasons added lately, as index + 1 of an entry that has them. */
	uint32_t recent[IDENTITY_DENY_RECENT];
};

/* What is looked up: a key with its hash. */
struct identity_deny_lookup {
	enum identity_deny_kind kind;
	struct slice key; /* borrowed */
	uint64_t hash;
};

/* Prepares to look up `key'. All tables asked must have the hash key `hash'. */
struct identity_deny_lookup identity_deny_lookup_make(
    const struct hash_key *hash, enum identity_deny_kind kind,
    struct slice key);

/* Makes an empty table. Tables of one list have the same hash key. */
void identity_deny_table_init(struct identity_deny_table *t,
    const struct hash_key *hash);

/* Frees what it owns; a zeroed one is allowed. */
void identity_deny_table_fini(struct identity_deny_table *t);

/* Makes room for `rows' entries at once. ERR_NO_MEMORY, ERR_LIMIT. */
enum err identity_deny_table_reserve(struct identity_deny_table *t,
    size_t rows) MUST_CHECK;

/* Adds an entry, or gives the one with this key another reason and until. Key
 * and reason have at most 65,535 bytes. ERR_NO_MEMORY; ERR_LIMIT over 4 GiB;
 * the table is unchanged then. */
enum err identity_deny_table_set(struct identity_deny_table *t,
    const struct identity_deny_lookup *what, struct slice reason,
    int64_t until) MUST_CHECK;

/* Gives spare memory back. */
void identity_deny_table_trim(struct identity_deny_table *t);

/* The entry with this key, expired, removed or not; NULL if there is none. */
const struct identity_deny_entry *identity_deny_table_find(
    const struct identity_deny_table *t,
    const struct identity_deny_lookup *what);

/* An entry's key and reason; they live until the table changes. */
struct slice identity_deny_table_key(const struct identity_deny_table *t,
    const struct identity_deny_entry *e);
struct slice identity_deny_table_reason(const struct identity_deny_table *t,
    const struct identity_deny_entry *e);

/* Bytes of memory it takes. */
size_t identity_deny_table_size(const struct identity_deny_table *t);

#endif
